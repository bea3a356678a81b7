//! What a purge would do, step by step, before anything is done.

use crate::error::TraceError;
use crate::ours::{self, Change, Form};
use crate::person::Person;
use crate::report::{Held, Remedy, Report};
use crate::{TEXT_BYTES_MAX, data_tables, paths};
use lacuna_artefacts::{Covers, Entered, PortablePath, Register};
use lacuna_ledger::{Holds, RemovalKind};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

/// How far a purge goes.
#[derive(Clone, Copy, Debug, Default)]
pub struct Scope {
    /// Whether the person's images, label maps and rows of the data set's tables go as well.
    pub include_sources: bool,
}

/// One step. Paths are as seen from where the command runs.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Step {
    /// The file, or the run folder that is renamed.
    pub path: PortablePath,
    /// The change that is made to it.
    pub how: How,
    /// What it was to the person.
    pub holds: Holds,
    /// BLAKE3 of it before; empty of a folder.
    pub before: String,
    /// Its size before.
    pub bytes: u64,
}

/// What a step does.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "kind", deny_unknown_fields)]
pub enum How {
    /// The file moves into quarantine.
    Quarantine,
    /// The file is written anew without the person; the original goes into quarantine.
    Rewrite {
        /// BLAKE3 of the new content.
        after: String,
    },
    /// The file is written anew without the person's rows or entries; the original goes into quarantine.
    TakeOut {
        /// BLAKE3 of the new content.
        after: String,
    },
    /// A run folder whose name mentions the person gets another.
    Rename {
        /// The path that the folder gets.
        to: PortablePath,
    },
}

/// Everything that a purge would do.
#[derive(Clone, Debug)]
pub struct Plan {
    /// The steps, in the order in which they are done.
    pub steps: Vec<Step>,
    /// What stands in place of the person.
    pub pseudonym: String,
    /// New contents, by path.
    contents: BTreeMap<PathBuf, Vec<u8>>,
    /// Folders that go where they are left empty, but for those that were looked into.
    pub roots: Vec<PathBuf>,
}

impl How {
    /// As the ledger has it.
    pub fn removal(&self) -> RemovalKind {
        match self {
            How::Quarantine => RemovalKind::Quarantined,
            How::Rewrite { .. } => RemovalKind::Rewritten,
            How::TakeOut { .. } => RemovalKind::TakenOut,
            How::Rename { .. } => RemovalKind::Renamed,
        }
    }

    /// The change as the command prints it.
    pub fn in_words(&self) -> &'static str {
        match self {
            How::Quarantine => "quarantine",
            How::Rewrite { .. } => "rewrite",
            How::TakeOut { .. } => "take out",
            How::Rename { .. } => "rename",
        }
    }

    /// The digest of the new content, where the file gets one.
    pub fn after(&self) -> Option<&String> {
        match self {
            How::Rewrite { after } | How::TakeOut { after } => Some(after),
            How::Quarantine | How::Rename { .. } => None,
        }
    }
}

impl Plan {
    /// What is to be done with what a search found.
    ///
    /// # Errors
    /// A file that cannot be read.
    pub fn of(report: &Report, person: &Person, pseudonym: String, scope: Scope) -> Result<Plan, TraceError> {
        let roots = report.looked.iter().map(|root| root.0.clone()).collect();
        let mut plan = Plan { steps: Vec::new(), pseudonym, contents: BTreeMap::new(), roots };
        let goes = |held: &&Held| match held.purge {
            Remedy::Quarantine | Remedy::Rewrite | Remedy::TakeOut => true,
            Remedy::Source | Remedy::Listing => scope.include_sources,
            Remedy::Keep => false,
        };
        let going: Vec<&Held> = report.files.iter().filter(goes).collect();
        let gone = gone(&going, report);
        let change = Change { person, pseudonym: plan.pseudonym.clone(), gone };
        for held in &going {
            plan.add(held, report, &change)?;
        }
        plan.scrub_digests(report, &change)?;
        plan.registers(report, &change)?;
        plan.manifests(report)?;
        plan.names(report, &change);
        Ok(plan)
    }

    /// Whether the plan has no step.
    pub fn is_empty(&self) -> bool {
        self.steps.is_empty()
    }

    /// The new content of a file that is rewritten.
    pub fn content(&self, path: &Path) -> Option<&[u8]> {
        self.contents.get(path).map(Vec::as_slice)
    }

    /// How many steps of each kind.
    pub fn counts(&self) -> BTreeMap<&'static str, usize> {
        let mut counts = BTreeMap::new();
        for step in &self.steps {
            *counts.entry(step.how.in_words()).or_insert(0) += 1;
        }
        counts
    }

    fn add(&mut self, held: &Held, report: &Report, change: &Change) -> Result<(), TraceError> {
        let path = held.path.as_path();
        let content = match held.purge {
            Remedy::Rewrite | Remedy::TakeOut => {
                let text = lacuna_disk::read_bytes(path, TEXT_BYTES_MAX)?;
                let form = report.ours.get(path).map_or(Form::Sealed, |(form, _)| *form);
                ours::rewritten(form, &text, change, true)
            }
            Remedy::Listing => data_tables::without(path, change.person),
            _ => None,
        };
        self.step(path, held.holds, held.digest.clone(), held.bytes, content);
        if let Some(step) = self.steps.last_mut().filter(|_| held.purge != Remedy::Rewrite)
            && let How::Rewrite { after } = &step.how
        {
            step.how = How::TakeOut { after: after.clone() };
        }
        Ok(())
    }

    /// A step with the new content, or into quarantine where there is none.
    fn step(&mut self, path: &Path, holds: Holds, before: String, bytes: u64, content: Option<Vec<u8>>) {
        let how = match content {
            Some(content) => {
                let after = lacuna_disk::digest(&content);
                self.contents.insert(path.to_path_buf(), content);
                How::Rewrite { after }
            }
            None => How::Quarantine,
        };
        self.steps.push(Step { path: path.into(), how, holds, before, bytes });
    }

    /// Digests of removed models in files that do not hold the person otherwise; words of runs that do.
    fn scrub_digests(&mut self, report: &Report, change: &Change) -> Result<(), TraceError> {
        let done: BTreeSet<PathBuf> = self.steps.iter().map(|step| step.path.0.clone()).collect();
        for (path, (form, run)) in &report.ours {
            if done.contains(path) || change.gone.is_empty() && report.runs.is_empty() {
                continue;
            }
            let text = lacuna_disk::read_bytes(path, TEXT_BYTES_MAX)?;
            let of_run = run.as_ref().is_some_and(|run| report.runs.contains(run));
            let has_digest = ours::has_digest(&text, change);
            let has_words = of_run && change.person.is_mentioned_in(&text);
            if !has_digest && !has_words {
                continue;
            }
            let content = ours::rewritten(*form, &text, change, of_run);
            let same = content.as_ref().is_some_and(|content| same_document(*form, content, &text));
            // Pages and sealed files cannot be edited; they go only for the digest of a removed model.
            if (content.is_some() && !same) || (content.is_none() && has_digest) {
                self.step(path, Holds::Name, lacuna_disk::digest(&text), text.len() as u64, content);
            }
        }
        Ok(())
    }

    /// Entries of registers: gone with their file, or written without the person.
    fn registers(&mut self, report: &Report, change: &Change) -> Result<(), TraceError> {
        let quarantined: BTreeSet<PathBuf> =
            self.steps.iter().filter(|step| step.how == How::Quarantine).map(|step| step.path.0.clone()).collect();
        let of_gone_models =
            report.models_of_entries.iter().filter(|(digest, _)| change.gone.contains(digest)).map(|(_, entry)| entry);
        let entries: BTreeSet<&PathBuf> = report.entries.iter().chain(of_gone_models).collect();
        for entry in entries {
            let Some(entered) = entered(entry)? else { continue };
            let folder = folder_of_entry(entry);
            let stays = self.stays(&entered, &folder, &quarantined);
            let text = lacuna_disk::read_bytes(entry, TEXT_BYTES_MAX)?;
            let content = stays.then(|| entered.without(change.person.keys(), change.person.marks(), &change.gone));
            self.step(entry, Holds::Name, lacuna_disk::digest(&text), text.len() as u64, content);
        }
        Ok(())
    }

    /// Whether anything that an entry speaks of is still there after the purge; an entry of a whole folder stays.
    fn stays(&self, entered: &Entered, folder: &Path, quarantined: &BTreeSet<PathBuf>) -> bool {
        if entered.artefact.covers == Covers::Folder {
            return true;
        }
        let names = std::fs::read_dir(folder).into_iter().flatten().filter_map(|entry| Some(entry.ok()?.file_name()));
        let here =
            |name: std::ffi::OsString| if folder == Path::new(".") { PathBuf::from(name) } else { folder.join(name) };
        let spoken_of = names.filter(|name| entered.artefact.speaks_of(name)).map(here);
        spoken_of.into_iter().any(|path| !quarantined.contains(&path))
    }

    /// A manifest follows the purge in the lines of files that matched it; earlier changes stay visible.
    fn manifests(&mut self, report: &Report) -> Result<(), TraceError> {
        let mut runs: BTreeMap<PathBuf, Vec<(String, String, Option<String>)>> = BTreeMap::new();
        let all_runs: BTreeSet<&PathBuf> = report.ours.values().filter_map(|(_, run)| run.as_ref()).collect();
        for step in &self.steps {
            let Some(run) = all_runs.iter().find(|run| step.path.starts_with(run)) else { continue };
            let name = step.path.strip_prefix(run).unwrap_or(&step.path).to_string_lossy().into_owned();
            let after = step.how.after().cloned();
            runs.entry((*run).clone()).or_default().push((name, step.before.clone(), after));
        }
        for (run, changes) in runs {
            let path = run.join("MANIFEST");
            if !path.is_file() {
                continue;
            }
            let text = lacuna_disk::read_text(&path, TEXT_BYTES_MAX)?;
            let content: String = text.lines().filter_map(|line| manifest_line(line, &changes)).collect();
            if content != text {
                let (before, bytes) = (lacuna_disk::digest(text.as_bytes()), text.len() as u64);
                self.step(&path, Holds::Name, before, bytes, Some(content.into_bytes()));
            }
        }
        Ok(())
    }

    /// Run folders that are called after the person get the pseudonym, last of all.
    fn names(&mut self, report: &Report, change: &Change) {
        for run in &report.runs {
            let name = run.file_name().unwrap_or_default().to_string_lossy().into_owned();
            let renamed = change.name(&name);
            if renamed != name {
                let taken = |to: &PathBuf| {
                    to.exists()
                        || self
                            .steps
                            .iter()
                            .any(|step| matches!(&step.how, How::Rename { to: other } if other.0 == *to))
                };
                let numbered = |number: usize| {
                    run.with_file_name(if number == 1 { renamed.clone() } else { format!("{renamed}-{number}") })
                };
                let to = (1..).map(numbered).find(|to| !taken(to)).expect("numbers do not end").into();
                let how = How::Rename { to };
                self.steps.push(Step {
                    path: run.as_path().into(),
                    how,
                    holds: Holds::Name,
                    before: String::new(),
                    bytes: 0,
                });
            }
        }
    }
}

/// Digests of models that go: of their files, and of their tensors.
fn gone(going: &[&Held], report: &Report) -> BTreeSet<String> {
    let weights = |held: &&&Held| matches!(held.holds, Holds::Weights | Holds::Checkpoint);
    let files: BTreeSet<String> = going.iter().filter(weights).map(|held| held.digest.clone()).collect();
    if files.is_empty() { files } else { files.into_iter().chain(report.tainted.iter().cloned()).collect() }
}

fn manifest_line(line: &str, changes: &[(String, String, Option<String>)]) -> Option<String> {
    let (digest, name) = line.split_once("  ").unwrap_or((line, ""));
    let change = changes.iter().find(|(changed, before, _)| changed == name && before == digest);
    match change {
        None => Some(format!("{line}\n")),
        Some((_, _, after)) => after.as_ref().map(|after| format!("{after}  {name}\n")),
    }
}

/// Whether a rewritten file says the same; its bytes may differ where it was written by other means.
fn same_document(form: Form, new: &[u8], old: &[u8]) -> bool {
    let json = |text: &[u8]| serde_json::from_slice::<serde_json::Value>(text).ok();
    match form {
        Form::Json => json(new) == json(old),
        Form::Toml => {
            let table = |text: &[u8]| std::str::from_utf8(text).ok().and_then(|text| text.parse::<toml::Table>().ok());
            table(new) == table(old)
        }
        Form::JsonLines => {
            let lines = |text: &[u8]| {
                text.split(|byte| *byte == b'\n').filter(|line| !line.is_empty()).map(json).collect::<Vec<_>>()
            };
            lines(new) == lines(old)
        }
        Form::Csv | Form::Sealed | Form::Exact | Form::Derived => new == old,
    }
}

/// `FOLDER/.lacuna/artefacts/ENTRY` speaks of `FOLDER`.
fn folder_of_entry(entry: &Path) -> PathBuf {
    let folder = entry.ancestors().nth(3).unwrap_or(Path::new(""));
    if folder.as_os_str().is_empty() { PathBuf::from(".") } else { paths::shown(folder) }
}

fn entered(entry: &Path) -> Result<Option<Entered>, TraceError> {
    let entries = Register::of(&folder_of_entry(entry)).entries()?;
    Ok(entries.into_iter().find(|entered| entered.entry.file_name() == entry.file_name()))
}

impl Held {
    /// Whether a purge of this scope removes or rewrites it.
    pub fn is_removed(&self, scope: Scope) -> bool {
        match self.purge {
            Remedy::Quarantine | Remedy::Rewrite | Remedy::TakeOut => true,
            Remedy::Source | Remedy::Listing => scope.include_sources,
            Remedy::Keep => false,
        }
    }
}
