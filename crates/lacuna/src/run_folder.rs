//! `runs/<verb>/<YYYYMMDD-HHMMSS>-<name>/`: the settings, the log and the results of one run.
//!
//! A folder belongs to one run and is never used for another. `run.json` says what the run was
//! made of, `status.json` how it stands; `MANIFEST`, written last, holds the BLAKE3 digest of every
//! other file, so a finished run can be checked at any time.

use crate::config::{self, Settings};
use crate::context::Context;
use crate::error::CliError;
use crate::exit::Exit;
use crate::run_identity;
use lacuna_artefacts::{Artefact, Covers, Kind, Site};
use lacuna_cohort::SubjectId;
use lacuna_disk::{DiskError, manifest};
pub use lacuna_runs::{RunRecord, RunState, Status, read_record, read_status};
use serde::Serialize;
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

/// Whose data a run's files hold.
#[derive(Clone, Debug, Default)]
pub struct People {
    /// Those whom its model was trained on and still knows.
    pub trained: BTreeSet<SubjectId>,
    /// Those whom its model was made to forget.
    pub forgotten: BTreeSet<SubjectId>,
    /// Those whose scores its tables hold.
    pub scored: BTreeSet<SubjectId>,
}

/// A run folder of a run that is under way.
pub struct RunFolder {
    path: PathBuf,
    /// The folder of all run folders, which has the site's key.
    runs: PathBuf,
    quiet: bool,
    closed: bool,
}

impl RunFolder {
    /// A new folder with `run.json` and the status "running".
    pub fn create(context: &Context, name: &str, record: &RunRecord) -> Result<RunFolder, CliError> {
        RunFolder::create_with(context, name, record, None)
    }

    /// The same with the run's settings. The folder appears with all of them or not at all, so a killed process leaves
    /// none that cannot be resumed.
    fn create_with(
        context: &Context,
        name: &str,
        record: &RunRecord,
        settings: Option<&str>,
    ) -> Result<RunFolder, CliError> {
        let stamp = jiff::Timestamp::now().strftime("%Y%m%d-%H%M%S").to_string();
        let parent = context.runs.join(&record.verb);
        lacuna_disk::remove_abandoned(&parent)?;
        let path = lacuna_disk::make_folder(&parent, &format!("{stamp}-{}", file_name(name)), |folder| {
            write_json(&folder.join("run.json"), record)?;
            write_json(&folder.join("status.json"), &Status::new(RunState::Running, None, None))?;
            settings.map_or(Ok(()), |text| {
                Ok::<(), CliError>(lacuna_disk::write_bytes(&folder.join(config::FILE), text.as_bytes())?)
            })
        })?;
        let folder = RunFolder { path, runs: context.runs.clone(), quiet: context.quiet, closed: false };
        folder.announce(context);
        Ok(folder)
    }

    /// The folder to go on in, or a new one with the run's settings.
    pub fn open(
        context: &Context,
        resumed: Option<&Path>,
        name: &str,
        record: &RunRecord,
        settings: &impl Settings,
    ) -> Result<RunFolder, CliError> {
        if let Some(path) = resumed {
            return RunFolder::reopen(context, path, record);
        }
        let text = toml::to_string(settings).expect("settings are TOML");
        RunFolder::create_with(context, name, record, Some(&text))
    }

    /// The folder of a run that did not finish, to go on with it; `now` is what its record would be today.
    ///
    /// # Errors
    /// If it is a run of another verb, of another program, device, instruction set or kernels or of something else, or
    /// the run is done.
    fn reopen(context: &Context, path: &Path, now: &RunRecord) -> Result<RunFolder, CliError> {
        run_identity::check(path, &read_record(path)?, now)?;
        if read_status(path)?.status == RunState::Done {
            let what = format!("{}: the run is done; fix: start a new one", path.display());
            return Err(CliError::Config { what });
        }
        // What the manifest lists is about to change, and what killed writes left is of no more use.
        manifest::remove(path)?;
        lacuna_disk::remove_unfinished_below(path)?;
        let folder =
            RunFolder { path: path.to_path_buf(), runs: context.runs.clone(), quiet: context.quiet, closed: false };
        folder.write_status(RunState::Running, None, None)?;
        folder.announce(context);
        Ok(folder)
    }

    /// Enter whose data the run's files will hold into its register, before any of them is written: a run that is
    /// killed before it says so by its own files is known all the same.
    ///
    /// # Errors
    /// A register that cannot be written.
    pub fn register(&self, context: &Context, people: &People) -> Result<(), CliError> {
        let site = context.site()?;
        let keys = |subjects: &BTreeSet<SubjectId>| subjects.iter().map(|id| site.subject_key(id.as_str())).collect();
        let weights = Artefact { covers: Covers::Stem, ..Artefact::of_file("model", Kind::Weights) };
        let everybody = people.trained.union(&people.forgotten).cloned().collect();
        let entries = [
            Artefact { holds: keys(&people.trained), forgotten: keys(&people.forgotten), ..weights.clone() },
            // While it is being made to forget, a network still knows.
            Artefact { file: PathBuf::from("checkpoint").into(), holds: keys(&everybody), ..weights.clone() },
            Artefact {
                file: PathBuf::from(".").into(),
                covers: Covers::Folder,
                kind: Kind::Run,
                holds: keys(&people.scored.union(&everybody).cloned().collect()),
                ..weights
            },
        ];
        for artefact in entries.iter().filter(|artefact| !artefact.holds.is_empty()) {
            site.register(&self.path, artefact)?;
        }
        Ok(())
    }

    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The site whose key names people in its registers.
    ///
    /// # Errors
    /// A key that cannot be read or made.
    pub fn site(&self) -> Result<Site, CliError> {
        Ok(Site::open_or_create(&self.runs)?)
    }

    pub fn file(&self, name: &str) -> PathBuf {
        self.path.join(name)
    }

    /// Write a file, whole or not at all.
    pub fn write(&self, name: &str, bytes: &[u8]) -> Result<(), CliError> {
        Ok(lacuna_disk::write_bytes(&self.file(name), bytes)?)
    }

    /// Write a record as JSON that people can read too.
    pub fn write_json(&self, name: &str, record: &impl Serialize) -> Result<(), CliError> {
        write_json(&self.file(name), record)
    }

    /// Say how the run ended, then write the manifest; `result` is passed on.
    pub fn close<T>(self, result: Result<T, CliError>) -> Result<T, CliError> {
        self.close_with(result, |_| Exit::Done)
    }

    /// The same of a run whose result has an exit code of its own, such as a measured "no".
    pub fn close_with<T>(mut self, result: Result<T, CliError>, exit: impl Fn(&T) -> Exit) -> Result<T, CliError> {
        self.closed = true;
        let written = match &result {
            Ok(value) => self.write_status(RunState::Done, Some(exit(value)), None),
            Err(error) => {
                let state = match error.exit() {
                    Exit::Interrupted => RunState::Interrupted,
                    _ => RunState::Failed,
                };
                self.write_status(state, Some(error.exit()), Some(error.to_string()))
            }
        };
        let written = written.and_then(|()| Ok(lacuna_disk::remove_unfinished_below(&self.path)?));
        let written = written.and_then(|()| Ok(manifest::write(&self.path)?));
        if !self.quiet {
            crate::output::say(&format!("run      {}", self.path.display()));
        }
        // The run's own error matters more than one of its paperwork.
        let value = result?;
        written.map(|()| value)
    }

    fn announce(&self, context: &Context) {
        context.note(&format!("run      {}", self.path.display()));
    }

    fn write_status(&self, status: RunState, exit: Option<Exit>, message: Option<String>) -> Result<(), CliError> {
        self.write_json("status.json", &Status::new(status, exit.map(Exit::code), message))
    }
}

fn write_json(path: &Path, record: &impl Serialize) -> Result<(), CliError> {
    let mut text = serde_json::to_string_pretty(record).expect("a record is JSON");
    text.push('\n');
    Ok(lacuna_disk::write_bytes(path, text.as_bytes())?)
}

impl Drop for RunFolder {
    /// A run that was not closed has met a fault of our own and is unwinding.
    fn drop(&mut self) {
        if !self.closed {
            let message = Some("internal error; see standard error".to_string());
            let _ = self.write_status(RunState::Failed, Some(Exit::Internal), message);
        }
    }
}

/// The error of an operation on `path` that the system refused.
pub fn refused(path: &Path, action: &'static str) -> impl FnOnce(std::io::Error) -> CliError {
    let path = path.to_path_buf();
    move |source| CliError::Disk(DiskError::Io { path, action, source })
}

/// Letters, digits, `-`, `_` and `.`; everything else becomes `-`.
fn file_name(text: &str) -> String {
    let fit = |letter: char| if letter.is_ascii_alphanumeric() || "-_.".contains(letter) { letter } else { '-' };
    text.chars().map(fit).take(64).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::progress::ProgressMode;
    use lacuna_disk::manifest::altered_files;
    use std::collections::BTreeMap;
    use std::fs;

    fn context(runs: &Path) -> Context {
        Context {
            device: lacuna_nn::Device::flex(),
            device_kind: lacuna_nn::DeviceKind::Cpu,
            isa: None,
            passed_on: Vec::new(),
            adapter: None,
            activations: lacuna_nn::Activations::Kept,
            progress: ProgressMode::None,
            quiet: true,
            runs: runs.to_path_buf(),
            loading: Default::default(),
        }
    }

    fn record() -> RunRecord {
        let seeds = BTreeMap::from([("all".to_string(), 7)]);
        RunRecord::new(&context(Path::new("runs")), "train", seeds, BTreeMap::new())
    }

    #[test]
    fn a_folder_is_never_used_twice() {
        let runs = tempfile::tempdir().unwrap();
        let context = context(runs.path());
        let paths: Vec<PathBuf> =
            (0..3).map(|_| RunFolder::create(&context, "same", &record()).unwrap().path().to_path_buf()).collect();
        let different: std::collections::BTreeSet<&PathBuf> = paths.iter().collect();
        assert_eq!(different.len(), 3, "{paths:?}");
    }

    #[test]
    fn a_resumed_run_has_no_manifest_and_no_half_written_files() {
        let runs = tempfile::tempdir().unwrap();
        let context = context(runs.path());
        let folder = RunFolder::create(&context, "x", &record()).unwrap();
        let path = folder.path().to_path_buf();
        let half = path.join("shard-1/model.safetensors.1-0-0123456789abcdef.tmp");
        folder.write("shard-1/model.safetensors", b"whole").unwrap();
        fs::write(&half, b"half").unwrap();
        assert!(folder.close::<()>(Err(CliError::Interrupted { kept: "nothing".to_string() })).is_err());
        assert!(!half.exists() && path.join("MANIFEST").exists(), "a run that ends leaves none either");
        fs::write(&half, b"half").unwrap();
        let folder = RunFolder::reopen(&context, &path, &record()).unwrap();
        assert!(!half.exists() && !path.join("MANIFEST").exists());
        folder.close(Ok(())).unwrap();
        assert_eq!(altered_files(&path).unwrap(), Some(BTreeMap::new()));
    }

    #[test]
    fn a_closed_run_is_done_and_its_manifest_tells_every_change() {
        let runs = tempfile::tempdir().unwrap();
        let folder = RunFolder::create(&context(runs.path()), "a name", &record()).unwrap();
        let path = folder.path().to_path_buf();
        folder.write("epochs/1.txt", b"one").unwrap();
        folder.write("two.txt", b"two").unwrap();
        folder.close(Ok(())).unwrap();
        assert!(path.to_string_lossy().ends_with("-a-name"));
        assert_eq!(read_status(&path).unwrap().status, RunState::Done);
        assert_eq!(altered_files(&path).unwrap(), Some(BTreeMap::new()));

        fs::write(path.join("two.txt"), b"too").unwrap();
        fs::remove_file(path.join("epochs/1.txt")).unwrap();
        fs::write(path.join("new"), b"").unwrap();
        let altered = altered_files(&path).unwrap().unwrap();
        let expected = [("epochs/1.txt", "missing"), ("new", "not in the manifest"), ("two.txt", "changed")];
        assert_eq!(altered, expected.map(|(name, how)| (name.to_string(), how)).into());
    }

    #[test]
    fn a_run_that_ends_otherwise_says_so() {
        let runs = tempfile::tempdir().unwrap();
        let folder = RunFolder::create(&context(runs.path()), "x", &record()).unwrap();
        let path = folder.path().to_path_buf();
        let interrupted = CliError::Interrupted { kept: "nothing".to_string() };
        assert!(folder.close::<()>(Err(interrupted)).is_err());
        let status = read_status(&path).unwrap();
        assert_eq!((status.status, status.exit_code), (RunState::Interrupted, Some(130)));

        drop(RunFolder::reopen(&context(runs.path()), &path, &record()).unwrap());
        let status = read_status(&path).unwrap();
        assert_eq!((status.status, status.exit_code), (RunState::Failed, Some(1)));
    }

    #[test]
    fn a_finished_run_or_another_verbs_cannot_be_resumed() {
        let runs = tempfile::tempdir().unwrap();
        let context = context(runs.path());
        let folder = RunFolder::create(&context, "x", &record()).unwrap();
        let path = folder.path().to_path_buf();
        let of_study = RunRecord { verb: "study".to_string(), ..record() };
        assert!(RunFolder::reopen(&context, &path, &of_study).is_err());
        folder.close(Ok(())).unwrap();
        assert!(RunFolder::reopen(&context, &path, &record()).is_err());
    }
}
