//! How tidy the repository is, as counts with limits: a change may lower a count and never raise it above its limit.

mod circles;
mod item_docs;
mod modules;
mod prose;

use crate::Failure;
use clap::Args;
use modules::SourceFile;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Count what makes the repository hard to read, and fail where a count is above its limit
#[derive(Args)]
#[command(after_help = "Example:\n  cargo xtask tidy --list circles")]
pub struct Arguments {
    /// List what is counted under this name, one finding per line
    #[arg(long, value_name = "COUNT")]
    list: Option<String>,
}

/// One count.
struct Count {
    /// What `--list` calls it.
    name: &'static str,
    /// What is counted, with its unit.
    what: &'static str,
    /// The largest number that passes.
    limit: usize,
    count: fn(&Repository) -> Result<Counted, Failure>,
}

/// How many there are, and each in words for `--list`.
struct Counted {
    number: usize,
    findings: Vec<String>,
}

/// Every count. Lower a limit when a change lowers its count.
const COUNTS: &[Count] = &[
    Count { name: "circles", what: "files in the largest circle of imports within a crate", limit: 15, count: circles },
    Count { name: "command", what: "lines of crates/lacuna/src without tests", limit: 17_490, count: command_lines },
    Count { name: "functions", what: "functions of more than 70 lines", limit: 6, count: long_functions },
    Count { name: "item-docs", what: "docs of items below 16 characters", limit: 17, count: short_docs },
    Count { name: "words", what: "riddle words in comments and Markdown", limit: 36, count: riddle_words },
    Count { name: "readme", what: "words of README.md", limit: 900, count: readme_words },
    Count { name: "architecture", what: "words of ARCHITECTURE.md", limit: 2_500, count: architecture_words },
    Count { name: "lines", what: "lines of Markdown above 100 characters", limit: 11, count: long_lines },
    Count { name: "unreachable", what: "pages of docs that README.md does not lead to", limit: 0, count: unreachable },
    Count { name: "tree", what: "KiB of tracked files", limit: 15_110, count: tracked_kib },
];

/// What is counted in.
struct Repository {
    /// Tracked files, relative to the root.
    files: Vec<PathBuf>,
    /// The crates' library or command sources without tests, by crate.
    crates: Vec<(String, Vec<SourceFile>)>,
}

/// Count all, print the table, and fail if a count is above its limit.
pub fn run(arguments: &Arguments) -> Result<(), Failure> {
    let repository = Repository::read()?;
    let mut above = Vec::new();
    for count in COUNTS {
        let counted = (count.count)(&repository)?;
        println!("{:>8} of {:>6}  {:13} {}", counted.number, count.limit, count.name, count.what);
        if arguments.list.as_deref() == Some(count.name) {
            counted.findings.iter().for_each(|finding| println!("    {finding}"));
        }
        if counted.number > count.limit {
            above.push(count.name);
        }
    }
    match above.as_slice() {
        [] => Ok(()),
        names => Err(format!(
            "above the limit: {}; fix: `cargo xtask tidy --list {}` names each, change it or, with a reason in the \
             commit, raise the limit in xtask/src/tidy.rs",
            names.join(", "),
            names[0]
        )
        .into()),
    }
}

impl Repository {
    fn read() -> Result<Repository, Failure> {
        let listed = crate::machine::printed(Command::new("git").args(["ls-files"]))?;
        let files = listed.lines().map(PathBuf::from).filter(|path| path.is_file()).collect();
        let mut crates = Vec::new();
        for entry in std::fs::read_dir("crates")? {
            let folder = entry?.path();
            let name = folder.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
            let roots = ["src/lib.rs", "src/main.rs"].map(|root| folder.join(root));
            let mut sources = Vec::new();
            for root in roots.iter().filter(|root| root.is_file()) {
                sources.extend(modules::read(root)?);
            }
            crates.push((name, sources));
        }
        crates.sort_by(|one, other| one.0.cmp(&other.0));
        Ok(Repository { files, crates })
    }

    fn sources(&self) -> impl Iterator<Item = &SourceFile> {
        self.crates.iter().flat_map(|(_, sources)| sources)
    }

    fn markdown(&self) -> impl Iterator<Item = &Path> {
        let is_page = |path: &&Path| path.extension().is_some_and(|ending| ending == "md");
        self.files.iter().map(PathBuf::as_path).filter(is_page)
    }
}

impl Counted {
    fn each(findings: Vec<String>) -> Counted {
        Counted { number: findings.len(), findings }
    }
}

fn circles(repository: &Repository) -> Result<Counted, Failure> {
    let mut all: Vec<Vec<String>> = repository.crates.iter().flat_map(|(_, sources)| circles::of(sources)).collect();
    all.sort_by_key(|circle| std::cmp::Reverse(circle.len()));
    let findings = all.iter().map(|circle| format!("{}: {}", circle.len(), circle.join(" "))).collect();
    Ok(Counted { number: all.first().map_or(0, Vec::len), findings })
}

fn command_lines(repository: &Repository) -> Result<Counted, Failure> {
    let command = repository.crates.iter().filter(|(name, _)| name == "lacuna").flat_map(|(_, sources)| sources);
    let mut lines: Vec<(usize, String)> = command.map(|source| (source.lines(), source.name())).collect();
    lines.sort();
    let findings = lines.iter().rev().map(|(lines, name)| format!("{lines} {name}")).collect();
    Ok(Counted { number: lines.iter().map(|(lines, _)| lines).sum(), findings })
}

fn long_functions(repository: &Repository) -> Result<Counted, Failure> {
    Ok(Counted::each(repository.sources().flat_map(|source| source.functions_above(70)).collect()))
}

fn short_docs(repository: &Repository) -> Result<Counted, Failure> {
    Ok(Counted::each(repository.sources().flat_map(|source| item_docs::below(source, 16)).collect()))
}

fn riddle_words(repository: &Repository) -> Result<Counted, Failure> {
    let mut findings = Vec::new();
    for path in &repository.files {
        findings.extend(prose::riddles(path)?);
    }
    Ok(Counted::each(findings))
}

fn readme_words(_: &Repository) -> Result<Counted, Failure> {
    prose::words(Path::new("README.md"))
}

fn architecture_words(_: &Repository) -> Result<Counted, Failure> {
    prose::words(Path::new("ARCHITECTURE.md"))
}

fn long_lines(repository: &Repository) -> Result<Counted, Failure> {
    let mut findings = Vec::new();
    for page in repository.markdown().filter(|page| !page.starts_with("docs/results")) {
        findings.extend(prose::long_lines(page)?);
    }
    Ok(Counted::each(findings))
}

fn unreachable(repository: &Repository) -> Result<Counted, Failure> {
    let pages = repository.markdown().filter(|page| page.starts_with("docs")).collect();
    Ok(Counted::each(prose::unreachable(Path::new("README.md"), pages)?))
}

fn tracked_kib(repository: &Repository) -> Result<Counted, Failure> {
    let mut sizes = Vec::new();
    for path in &repository.files {
        sizes.push((path.metadata()?.len(), path.display().to_string()));
    }
    sizes.sort();
    let bytes: u64 = sizes.iter().map(|(bytes, _)| bytes).sum();
    let findings = sizes.iter().rev().map(|(bytes, path)| format!("{} {path}", bytes.div_ceil(1024))).collect();
    Ok(Counted { number: bytes.div_ceil(1024) as usize, findings })
}
