//! The guide's commands are run as they stand there, in one folder.

use crate::support::Workspace;
use std::path::{Path, PathBuf};

/// The lines of the guide's code blocks of a language, block by block.
fn blocks<'a>(guide: &'a str, language: &str) -> Vec<Vec<&'a str>> {
    let opening = format!("```{language}");
    let mut blocks = Vec::new();
    let mut lines = guide.lines();
    while lines.by_ref().any(|line| line == opening) {
        blocks.push(lines.by_ref().take_while(|line| *line != "```").collect());
    }
    blocks
}

/// What a shell makes of a word with a `*`: the one path that fits.
fn expanded(workspace: &Workspace, word: &str) -> String {
    let Some((before, after)) = word.split_once('*') else { return word.to_string() };
    let (folder, start) = before.rsplit_once('/').unwrap_or((".", before));
    let (end, below) = after.split_once('/').map_or((after, None), |(end, below)| (end, Some(below)));
    let fits = |name: &str| name.starts_with(start) && name.ends_with(end);
    let entries = std::fs::read_dir(workspace.path(folder)).unwrap_or_else(|error| panic!("{word}: {error}"));
    let names: Vec<String> =
        entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).filter(|name| fits(name)).collect();
    let [name] = &names[..] else { panic!("{word}: one path expected: {names:?}") };
    let path: PathBuf = Path::new(folder).join(name);
    below.map_or(path.clone(), |below| path.join(below)).to_string_lossy().into_owned()
}

#[test]
fn every_command_of_the_guide_does_what_it_says() {
    let guide = std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/guide.md")).unwrap();
    let workspace = Workspace::new();
    let files = blocks(&guide, "toml");
    let [study, recipe] = &files[..] else { panic!("the guide has a study and a recipe") };
    std::fs::write(workspace.path("small.toml"), study.join("\n")).unwrap();
    std::fs::write(workspace.path("mine.toml"), recipe.join("\n")).unwrap();
    let commands: Vec<&str> = blocks(&guide, "sh").concat();
    assert!(commands.len() > 15, "{commands:?}");
    for command in commands {
        let words = command.strip_prefix("lacuna ").unwrap_or_else(|| panic!("`{command}` is no command of lacuna"));
        let words: Vec<String> = words.split(' ').map(|word| expanded(&workspace, word)).collect();
        let said = workspace.ok(&format!("{} --progress none", words.join(" ")));
        assert!(!said.is_empty(), "{command}");
    }
    for made in ["slices.png", "segmented/phantom-003_labels.nii.gz", "windows/phantom-003_probability-1.nii.gz"] {
        assert!(workspace.path(made).is_file(), "{made}");
    }
    assert!(std::fs::read_to_string(workspace.path("report.html")).unwrap().contains("atlas-matching"));
}
