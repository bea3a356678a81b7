//! A folder of runs, its secret key, and the folders outside it in which commands wrote.

use crate::{Artefact, ArtefactError, PortablePath, Register};
use lacuna_disk::DiskError;
use serde::{Deserialize, Serialize};
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

const KEY_BYTES_MAX: u64 = 4096;
const PLACE_BYTES_MAX: u64 = 64 << 10;
const PLACE_SCHEMA: &str = "lacuna.place/1";

/// A subject's id under a site's key: 32 hexadecimal digits. Another key gives other digits for the same id.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct SubjectKey(String);

/// A file's digest under a site's key: 32 hexadecimal digits. It cannot be computed from a file without the key.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct FileMark(String);

/// A folder of runs with its key.
#[derive(Clone, Debug)]
pub struct Site {
    runs: PathBuf,
    key: [u8; 32],
}

/// A folder outside the site in which a command wrote.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Location {
    schema: String,
    folder: PortablePath,
    /// Whether all files below it are lacuna's, as in a store of records; otherwise only those in its register.
    #[serde(default)]
    whole: bool,
}

impl SubjectKey {
    /// Returns the 32 hexadecimal digits that registers contain.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl Site {
    /// Returns the site of a folder of runs; `None` if the folder has no key.
    ///
    /// # Errors
    /// If the key cannot be read or is malformed.
    pub fn open(runs: &Path) -> Result<Option<Site>, ArtefactError> {
        let path = key_file(runs);
        if !path.exists() {
            return Ok(None);
        }
        let text = lacuna_disk::read_text(&path, KEY_BYTES_MAX)?;
        let key = blake3::Hash::from_hex(text.trim()).map_err(|_| ArtefactError::File {
            path,
            expected: "64 hexadecimal digits, the secret key of this folder of runs",
            found: format!("{} characters that are not", text.trim().chars().count()),
            fix: "restore it from a backup; without it, registers and pseudonyms made under it cannot be matched with ids",
        })?;
        Ok(Some(Site { runs: runs.to_path_buf(), key: *key.as_bytes() }))
    }

    /// Returns the site of a folder of runs, and creates a random key if it has none. Several processes that do so at
    /// once get the same key.
    ///
    /// # Errors
    /// If the key cannot be read or written, or is malformed.
    pub fn open_or_create(runs: &Path) -> Result<Site, ArtefactError> {
        if let Some(site) = Site::open(runs)? {
            return Ok(site);
        }
        let mut key = [0; 32];
        getrandom::fill(&mut key).expect("the operating system draws random bytes");
        let text = format!("{}\n", blake3::Hash::from_bytes(key).to_hex());
        match lacuna_disk::write_private_new(&key_file(runs), text.as_bytes()) {
            Err(DiskError::Io { source, .. }) if source.kind() == ErrorKind::AlreadyExists => {}
            other => other?,
        }
        Site::open(runs)?.ok_or_else(|| ArtefactError::File {
            path: key_file(runs),
            expected: "the key that was just made",
            found: "none".to_string(),
            fix: "look for a process that deletes it",
        })
    }

    /// Returns a site with the key of another folder, for processes that work elsewhere on the same study; `None` if
    /// the other folder has no key.
    ///
    /// # Errors
    /// If the other folder's key cannot be read or is malformed.
    pub fn with_key_of(runs: &Path, other: &Path) -> Result<Option<Site>, ArtefactError> {
        Ok(Site::open(other)?.map(|site| Site { runs: runs.to_path_buf(), ..site }))
    }

    /// Writes the key to another folder, readable only by its owner, for processes that work elsewhere on the same
    /// study.
    ///
    /// # Errors
    /// If the file cannot be written, or the folder has a different key.
    pub fn share_with(&self, folder: &Path) -> Result<(), ArtefactError> {
        let path = key_file(folder);
        let text = format!("{}\n", blake3::Hash::from_bytes(self.key).to_hex());
        match lacuna_disk::write_private_new(&path, text.as_bytes()) {
            Err(DiskError::Io { source, .. }) if source.kind() == ErrorKind::AlreadyExists => {}
            other => return Ok(other?),
        }
        match Site::open(folder)? {
            Some(site) if site.key == self.key => Ok(()),
            _ => Err(ArtefactError::File {
                path,
                expected: "the key of this folder of runs, or none",
                found: "another one".to_string(),
                fix: "choose a new folder, or name the folder of runs that it was made with by --runs",
            }),
        }
    }

    /// Returns the folder of runs.
    pub fn runs(&self) -> &Path {
        &self.runs
    }

    /// Returns 16 hexadecimal digits that identify the key without revealing it.
    pub fn fingerprint(&self) -> String {
        self.keyed("fingerprint", b"", 16)
    }

    /// Returns the key of a subject, by id.
    pub fn subject_key(&self, id: &str) -> SubjectKey {
        SubjectKey(self.keyed("subject", id.as_bytes(), 32))
    }

    /// Returns the mark of a file, by the BLAKE3 digest of its bytes.
    pub fn file_mark(&self, digest: &str) -> FileMark {
        FileMark(self.keyed("file", digest.as_bytes(), 32))
    }

    /// Returns the name of a subject in studies with pseudonyms: `person-` and 12 hexadecimal digits, the same in all
    /// studies under this key. Registers use other digits, so that a published table cannot be matched with a register.
    pub fn pseudonym(&self, id: &str) -> String {
        format!("person-{}", self.keyed("pseudonym", id.as_bytes(), 12))
    }

    /// Adds an artefact to the register of its folder, and lists the folder if it lies outside the site.
    ///
    /// # Errors
    /// If a file cannot be written.
    pub fn register(&self, folder: &Path, artefact: &Artefact) -> Result<(), ArtefactError> {
        self.remember(folder, false)?;
        Register::of(folder).enter(&self.fingerprint(), artefact)
    }

    /// Lists a folder outside the site; `whole` means that all files below it are lacuna's.
    ///
    /// # Errors
    /// If the list cannot be written.
    pub fn remember(&self, folder: &Path, whole: bool) -> Result<(), ArtefactError> {
        let absolute = std::path::absolute(folder).unwrap_or_else(|_| folder.to_path_buf());
        let inside = std::path::absolute(&self.runs).is_ok_and(|runs| absolute.starts_with(runs));
        if inside {
            return Ok(());
        }
        let purpose = if whole { "store" } else { "place" };
        let name = self.keyed(purpose, absolute.as_os_str().as_encoded_bytes(), 32);
        let path = self.locations_folder().join(format!("{name}.json"));
        if !path.exists() {
            let location = Location { schema: PLACE_SCHEMA.to_string(), folder: absolute.into(), whole };
            lacuna_disk::write_bytes(&path, &serde_json::to_vec(&location).expect("plain data is JSON"))?;
        }
        Ok(())
    }

    /// Returns the folders outside the site in which commands wrote, whether or not they still exist.
    ///
    /// # Errors
    /// If the list cannot be read.
    pub fn locations(&self) -> Result<Vec<PathBuf>, ArtefactError> {
        Ok(self
            .read_locations()?
            .into_iter()
            .filter(|location| !location.whole)
            .map(|location| location.folder.0)
            .collect())
    }

    /// Returns the folders outside the site all of whose files are lacuna's, such as stores of records and models.
    ///
    /// # Errors
    /// If the list cannot be read.
    pub fn stores(&self) -> Result<Vec<PathBuf>, ArtefactError> {
        Ok(self
            .read_locations()?
            .into_iter()
            .filter(|location| location.whole)
            .map(|location| location.folder.0)
            .collect())
    }

    fn read_locations(&self) -> Result<Vec<Location>, ArtefactError> {
        let mut locations: Vec<Location> = Vec::new();
        for path in json_files(&self.locations_folder())? {
            let text = lacuna_disk::read_text(&path, PLACE_BYTES_MAX)?;
            let location: Location = serde_json::from_str(&text).map_err(|error| ArtefactError::File {
                path: path.clone(),
                expected: "a folder in which lacuna wrote",
                found: error.to_string(),
                fix: "delete it, and name that folder to `lacuna trace` by --root",
            })?;
            locations.push(location);
        }
        locations.sort_by(|a, b| a.folder.cmp(&b.folder));
        Ok(locations)
    }

    fn locations_folder(&self) -> PathBuf {
        self.runs.join(crate::FOLDER).join("places")
    }

    fn keyed(&self, purpose: &str, bytes: &[u8], digits: usize) -> String {
        let mut hasher = blake3::Hasher::new_keyed(&self.key);
        hasher.update(b"lacuna/site/v1/").update(purpose.as_bytes()).update(&[0]).update(bytes);
        hasher.finalize().to_hex()[..digits].to_string()
    }
}

fn key_file(runs: &Path) -> PathBuf {
    runs.join(crate::FOLDER).join("site.key")
}

/// Returns the JSON files of a folder, in order; none if there is no such folder. Unfinished files of killed processes
/// are not included.
pub(crate) fn json_files(folder: &Path) -> Result<Vec<PathBuf>, ArtefactError> {
    let refused = |source| DiskError::Io { path: folder.to_path_buf(), action: "list", source };
    let entries = match std::fs::read_dir(folder) {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Vec::new()),
        other => other.map_err(refused)?,
    };
    let mut files = Vec::new();
    for entry in entries {
        let path = entry.map_err(refused)?.path();
        if path.extension().is_some_and(|ending| ending == "json") {
            files.push(path);
        }
    }
    files.sort();
    Ok(files)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_drawn_once_and_known_by_its_owner_alone() {
        let folder = tempfile::tempdir().unwrap();
        assert!(Site::open(folder.path()).unwrap().is_none());
        let site = Site::open_or_create(folder.path()).unwrap();
        let again = Site::open_or_create(folder.path()).unwrap();
        assert_eq!(site.subject_key("a"), again.subject_key("a"));
        let mode =
            std::os::unix::fs::PermissionsExt::mode(&std::fs::metadata(key_file(folder.path())).unwrap().permissions());
        assert_eq!(mode & 0o077, 0);
        std::fs::write(key_file(folder.path()), "spoilt").unwrap();
        assert!(Site::open(folder.path()).unwrap_err().to_string().contains("fix: restore it"));
    }

    #[test]
    fn a_key_that_is_shared_gives_the_same_names_and_no_other_takes_its_place() {
        let (one, two, shared) =
            (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let site = Site::open_or_create(one.path()).unwrap();
        assert!(Site::with_key_of(two.path(), shared.path()).unwrap().is_none());
        site.share_with(shared.path()).unwrap();
        site.share_with(shared.path()).unwrap();
        let elsewhere = Site::with_key_of(two.path(), shared.path()).unwrap().unwrap();
        assert_eq!((elsewhere.pseudonym("a"), elsewhere.runs()), (site.pseudonym("a"), two.path()));
        let mode = std::fs::metadata(key_file(shared.path())).unwrap().permissions();
        assert_eq!(std::os::unix::fs::PermissionsExt::mode(&mode) & 0o077, 0);
        let other = Site::open_or_create(two.path()).unwrap();
        assert!(other.share_with(shared.path()).unwrap_err().to_string().contains("another one"));
    }

    #[test]
    fn the_same_words_are_others_for_another_purpose_and_under_another_key() {
        let (one, two) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let (one, two) = (Site::open_or_create(one.path()).unwrap(), Site::open_or_create(two.path()).unwrap());
        assert_ne!(one.subject_key("1"), two.subject_key("1"));
        assert_ne!(one.pseudonym("1"), two.pseudonym("1"));
        assert_ne!(one.fingerprint(), two.fingerprint());
        assert!(!one.subject_key("1").as_str().starts_with(&one.pseudonym("1")["person-".len()..]));
    }

    #[test]
    fn folders_outside_the_site_are_remembered_once_and_those_inside_never() {
        let (runs, other) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let site = Site::open_or_create(runs.path()).unwrap();
        for _ in 0..2 {
            site.remember(other.path(), false).unwrap();
            site.remember(&runs.path().join("train/x"), true).unwrap();
        }
        assert_eq!(site.locations().unwrap(), [other.path()]);
    }
}
