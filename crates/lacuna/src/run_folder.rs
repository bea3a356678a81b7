//! `runs/<verb>/<YYYYMMDD-HHMMSS>-<name>/`: everything one run was told, did and made.
//!
//! A folder belongs to one run and is never used for another. `run.json` says what the run was
//! made of, `status.json` how it stands; `MANIFEST`, written last, holds the BLAKE3 digest of every
//! other file, so a finished run can be checked at any time.

use crate::command::BURN_VERSION;
use crate::config::{self, Settings};
use crate::context::Context;
use crate::error::CliError;
use crate::exit::Exit;
use crate::progress::timestamp;
use lacuna_artefacts::Site;
use lacuna_disk::{DiskError, manifest};
use lacuna_nn::device_identity;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

/// What the run was made of, in `run.json`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RunRecord {
    /// `lacuna.run/1`.
    pub schema: String,
    /// The verb.
    pub verb: String,
    /// lacuna's version.
    pub lacuna: String,
    /// The tensor library's version.
    pub burn: String,
    /// When it began, in UTC.
    pub began: String,
    /// Where it computed.
    pub device: String,
    /// That device's driver, where it has one and says so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub driver: Option<String>,
    /// With how many threads; results do not depend on it.
    pub threads: usize,
    /// The command line, without the program's name.
    pub command: Vec<String>,
    /// Every seed, by what it is for.
    pub seeds: BTreeMap<String, u64>,
    /// The digests of what the run was made from.
    pub parents: BTreeMap<String, String>,
}

/// How the run stands, in `status.json`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Status {
    /// `lacuna.status/1`.
    pub schema: String,
    /// Running, done, failed or interrupted.
    pub status: Standing,
    /// The exit code, once there is one.
    pub exit_code: Option<u8>,
    /// The error's words, if there is one.
    pub message: Option<String>,
    /// When this was written, in UTC.
    pub at: String,
}

/// How a run stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Standing {
    /// Under way, or killed so suddenly that it could not say.
    Running,
    /// Finished.
    Done,
    /// Ended by an error.
    Failed,
    /// Ended by the user; it can be resumed.
    Interrupted,
}

/// A run folder of a run that is under way.
pub struct RunFolder {
    path: PathBuf,
    /// The folder of all run folders, which has the site's key.
    runs: PathBuf,
    quiet: bool,
    closed: bool,
}

/// `run.json` is small.
const RECORD_BYTES_MAX: u64 = 16 << 20;

impl RunRecord {
    /// A record of this process.
    pub fn new(
        context: &Context,
        verb: &str,
        seeds: BTreeMap<String, u64>,
        parents: BTreeMap<String, String>,
    ) -> RunRecord {
        RunRecord {
            schema: "lacuna.run/1".to_string(),
            verb: verb.to_string(),
            lacuna: env!("CARGO_PKG_VERSION").to_string(),
            burn: BURN_VERSION.to_string(),
            began: timestamp(),
            device: device_identity(&context.device),
            driver: context.adapter.as_ref().and_then(|adapter| adapter.driver.clone()),
            threads: rayon::current_num_threads(),
            command: std::env::args().skip(1).collect(),
            seeds,
            parents,
        }
    }
}

impl RunFolder {
    /// A new folder with `run.json` and the status "running".
    pub fn create(context: &Context, name: &str, record: &RunRecord) -> Result<RunFolder, CliError> {
        let stamp = jiff::Timestamp::now().strftime("%Y%m%d-%H%M%S").to_string();
        let path = claim(&context.runs.join(&record.verb), &format!("{stamp}-{}", file_name(name)))?;
        let folder = RunFolder { path, runs: context.runs.clone(), quiet: context.quiet, closed: false };
        folder.write_json("run.json", record)?;
        folder.write_status(Standing::Running, None, None)?;
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
        let folder = RunFolder::create(context, name, record)?;
        let text = toml::to_string(settings).expect("settings are TOML");
        folder.write(config::FILE, text.as_bytes())?;
        Ok(folder)
    }

    /// The folder of a run that did not finish, to go on with it; `now` is what its record would be today.
    ///
    /// # Errors
    /// If it is a run of another verb or of something else, or the run is done.
    fn reopen(context: &Context, path: &Path, now: &RunRecord) -> Result<RunFolder, CliError> {
        let record = read_record(path)?;
        if record.verb != now.verb {
            let what = format!("{}: expected a run of {}, found one of {}", path.display(), now.verb, record.verb);
            return Err(CliError::Config { what });
        }
        if let Some((name, digest)) =
            record.parents.iter().find(|(name, digest)| now.parents.get(*name) != Some(*digest))
        {
            let found = now.parents.get(name).map_or("none", String::as_str);
            let path = path.display();
            let what =
                format!("{path}: expected the {name} it began from, {digest}, found {found}; fix: give that {name}");
            return Err(CliError::Config { what });
        }
        let device = device_identity(&context.device);
        if record.device != device {
            let what = format!("{}: expected a run on {device}, found one on {}", path.display(), record.device);
            return Err(CliError::Config { what: format!("{what}; fix: give --device as the run was begun with") });
        }
        if read_status(path)?.status == Standing::Done {
            let what = format!("{}: the run is done; fix: start a new one", path.display());
            return Err(CliError::Config { what });
        }
        let folder =
            RunFolder { path: path.to_path_buf(), runs: context.runs.clone(), quiet: context.quiet, closed: false };
        folder.write_status(Standing::Running, None, None)?;
        folder.announce(context);
        Ok(folder)
    }

    /// The folder.
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

    /// A file in it.
    pub fn file(&self, name: &str) -> PathBuf {
        self.path.join(name)
    }

    /// Write a file, whole or not at all.
    pub fn write(&self, name: &str, bytes: &[u8]) -> Result<(), CliError> {
        Ok(lacuna_disk::write_bytes(&self.file(name), bytes)?)
    }

    /// Write a record as JSON that people can read too.
    pub fn write_json(&self, name: &str, record: &impl Serialize) -> Result<(), CliError> {
        let mut text = serde_json::to_string_pretty(record).expect("a record is JSON");
        text.push('\n');
        self.write(name, text.as_bytes())
    }

    /// Say how the run ended, then write the manifest; `result` is passed on.
    pub fn close<T>(self, result: Result<T, CliError>) -> Result<T, CliError> {
        self.close_with(result, |_| Exit::Done)
    }

    /// The same of a run whose result has an exit code of its own, such as a measured "no".
    pub fn close_with<T>(mut self, result: Result<T, CliError>, exit: impl Fn(&T) -> Exit) -> Result<T, CliError> {
        self.closed = true;
        let written = match &result {
            Ok(value) => self.write_status(Standing::Done, Some(exit(value)), None),
            Err(error) => {
                let standing = match error.exit() {
                    Exit::Interrupted => Standing::Interrupted,
                    _ => Standing::Failed,
                };
                self.write_status(standing, Some(error.exit()), Some(error.to_string()))
            }
        };
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

    fn write_status(&self, status: Standing, exit: Option<Exit>, message: Option<String>) -> Result<(), CliError> {
        let schema = "lacuna.status/1".to_string();
        let exit_code = exit.map(Exit::code);
        self.write_json("status.json", &Status { schema, status, exit_code, message, at: timestamp() })
    }
}

impl Drop for RunFolder {
    /// A run that was not closed has met a fault of our own and is unwinding.
    fn drop(&mut self) {
        if !self.closed {
            let message = Some("internal error; see standard error".to_string());
            let _ = self.write_status(Standing::Failed, Some(Exit::Internal), message);
        }
    }
}

/// What a run was made of.
pub fn read_record(path: &Path) -> Result<RunRecord, CliError> {
    read_json(&path.join("run.json"))
}

/// How a run stands.
pub fn read_status(path: &Path) -> Result<Status, CliError> {
    read_json(&path.join("status.json"))
}

fn read_json<T: for<'a> Deserialize<'a>>(path: &Path) -> Result<T, CliError> {
    let text = lacuna_disk::read_text(path, RECORD_BYTES_MAX)?;
    serde_json::from_str(&text).map_err(|error| CliError::Data {
        what: format!("{}: {error}; fix: is this a folder that lacuna made?", path.display()),
    })
}

/// Make the first of `name`, `name-2`, `name-3`, … that is not there yet.
fn claim(parent: &Path, name: &str) -> Result<PathBuf, CliError> {
    fs::create_dir_all(parent).map_err(refused(parent, "create"))?;
    let mut attempt = 1;
    loop {
        let path = match attempt {
            1 => parent.join(name),
            _ => parent.join(format!("{name}-{attempt}")),
        };
        match lacuna_disk::boundary("making a run folder").and_then(|()| fs::create_dir(&path)) {
            Ok(()) => return Ok(path),
            Err(error) if error.kind() == ErrorKind::AlreadyExists => attempt += 1,
            Err(error) => return Err(refused(&path, "create")(error)),
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
        let paths: Vec<PathBuf> = (0..3).map(|_| claim(runs.path(), "same").unwrap()).collect();
        let names: Vec<_> = paths.iter().map(|path| path.file_name().unwrap().to_string_lossy()).collect();
        assert_eq!(names, ["same", "same-2", "same-3"]);
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
        assert_eq!(read_status(&path).unwrap().status, Standing::Done);
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
        assert_eq!((status.status, status.exit_code), (Standing::Interrupted, Some(130)));

        drop(RunFolder::reopen(&context(runs.path()), &path, &record()).unwrap());
        let status = read_status(&path).unwrap();
        assert_eq!((status.status, status.exit_code), (Standing::Failed, Some(1)));
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

    #[test]
    fn a_run_goes_on_only_from_what_it_began_from() {
        let runs = tempfile::tempdir().unwrap();
        let context = context(runs.path());
        let from = |digest: &str| RunRecord {
            parents: BTreeMap::from([("model".to_string(), digest.to_string())]),
            ..record()
        };
        let folder = RunFolder::create(&context, "x", &from("ab12")).unwrap();
        let reopen = |record: &RunRecord| RunFolder::reopen(&context, folder.path(), record);
        assert!(reopen(&from("ab12")).is_ok());
        for (other, found) in [(from("cd34"), "found cd34"), (record(), "found none")] {
            let message = reopen(&other).err().unwrap().to_string();
            assert!(message.contains("the model it began from, ab12") && message.contains(found), "{message}");
        }
    }
}
