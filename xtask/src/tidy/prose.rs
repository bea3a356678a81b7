//! Markdown and comments: their words, their lines, and which pages lead where.

use super::Counted;
use crate::Failure;
use std::collections::BTreeSet;
use std::path::{Component, Path, PathBuf};

/// Words that make a sentence hard for a reader whose English is technical.
const RIDDLES: [&str; 8] = ["somebody", "nobody", "whoever", "everybody", "anybody", "told", "said", "of before"];

/// The longest line of Markdown, in characters.
const LINE_MAX: usize = 100;

/// The words of a page, code included.
pub fn words(page: &Path) -> Result<Counted, Failure> {
    let number = std::fs::read_to_string(page)?.split_whitespace().count();
    Ok(Counted { number, findings: Vec::new() })
}

/// The riddle words of a file: of its comments if it is Rust, of all its text if it is Markdown.
pub fn riddles(file: &Path) -> Result<Vec<String>, Failure> {
    let is_prose: fn(&str) -> bool = match file.extension().and_then(|ending| ending.to_str()) {
        Some("md") => |_| true,
        Some("rs") => |line| line.trim_start().starts_with("//"),
        _ => return Ok(Vec::new()),
    };
    let text = std::fs::read_to_string(file)?;
    let lines = text.lines().enumerate().filter(|(_, line)| is_prose(line));
    let found = lines.flat_map(|(index, line)| riddles_in(line).map(move |word| (index, word)));
    Ok(found.map(|(index, word)| format!("{}:{} {word}", file.display(), index + 1)).collect())
}

fn riddles_in(line: &str) -> impl Iterator<Item = &'static str> {
    let line = format!(" {} ", line.to_lowercase().replace(|letter: char| !letter.is_alphanumeric(), " "));
    RIDDLES.into_iter().filter(move |word| line.contains(&format!(" {word} ")))
}

/// The lines of a page above 100 characters; tables, code and lines of one word cannot be wrapped.
pub fn long_lines(page: &Path) -> Result<Vec<String>, Failure> {
    let mut found = Vec::new();
    let mut is_code = false;
    for (index, line) in std::fs::read_to_string(page)?.lines().enumerate() {
        is_code ^= line.trim_start().starts_with("```");
        let wraps = !is_code && !line.trim_start().starts_with('|') && !line.starts_with("    ");
        if wraps && line.chars().count() > LINE_MAX && line.split_whitespace().count() > 2 {
            found.push(format!("{}:{}", page.display(), index + 1));
        }
    }
    Ok(found)
}

/// The pages that no chain of links from `from` leads to.
pub fn unreachable(from: &Path, pages: Vec<&Path>) -> Result<Vec<String>, Failure> {
    let mut reached = BTreeSet::new();
    let mut ahead = vec![from.to_path_buf()];
    while let Some(page) = ahead.pop() {
        if page.is_file() && reached.insert(page.clone()) {
            ahead.extend(links(&page)?);
        }
    }
    let missing = pages.into_iter().filter(|page| !reached.contains(*page));
    Ok(missing.map(|page| page.display().to_string()).collect())
}

/// The pages that a page links to.
fn links(page: &Path) -> Result<Vec<PathBuf>, Failure> {
    let text = std::fs::read_to_string(page)?;
    let targets = text.split("](").skip(1).filter_map(|rest| rest.split([')', '#']).next());
    let folder = page.parent().unwrap_or(Path::new(""));
    let pages = targets.filter(|target| target.ends_with(".md") && !target.contains("://"));
    Ok(pages.map(|target| plain(&folder.join(target))).collect())
}

/// A path without `.` and `..`.
fn plain(path: &Path) -> PathBuf {
    let mut parts = Vec::new();
    for part in path.components() {
        match part {
            Component::ParentDir => drop(parts.pop()),
            Component::CurDir => {}
            part => parts.push(part),
        }
    }
    parts.into_iter().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn riddle_words_are_whole_words_of_any_case() {
        assert_eq!(
            riddles_in("// Nobody: it was said, records of before.").collect::<Vec<_>>(),
            ["nobody", "said", "of before"]
        );
        assert_eq!(riddles_in("aforesaid, untold, before").count(), 0);
    }

    #[test]
    fn tables_and_code_may_be_long_and_prose_may_not() {
        let folder = tempfile::tempdir().unwrap();
        let page = folder.path().join("a.md");
        let long = "word ".repeat(40);
        std::fs::write(&page, format!("{long}\n| {long} |\n```\n{long}\n```\n    {long}\nshort\n")).unwrap();
        assert_eq!(long_lines(&page).unwrap().len(), 1);
    }

    #[test]
    fn a_page_is_reached_by_any_chain_of_links() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        std::fs::create_dir(at("docs")).unwrap();
        std::fs::write(at("README.md"), "[one](docs/a.md#part) [out](https://x/b.md)").unwrap();
        std::fs::write(at("docs/a.md"), "[two](../docs/./b.md)").unwrap();
        std::fs::write(at("docs/b.md"), "").unwrap();
        std::fs::write(at("docs/c.md"), "[back](../README.md)").unwrap();
        let pages = [at("docs/a.md"), at("docs/b.md"), at("docs/c.md")];
        let missing = unreachable(&at("README.md"), pages.iter().map(PathBuf::as_path).collect()).unwrap();
        assert_eq!(missing, [at("docs/c.md").display().to_string()]);
    }
}
