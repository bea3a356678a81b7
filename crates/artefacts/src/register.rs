//! The register of a folder: one JSON file for each artefact.

use crate::site::json_files;
use crate::{ArtefactError, FileMark, PortablePath, SubjectKey};
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

/// The hidden folder of a register, below the folder whose files it describes.
pub const FOLDER: &str = lacuna_disk::OWN_FOLDER;
const ENTRIES: &str = "artefacts";
const SCHEMA: &str = "lacuna.artefact/1";
const ENTRY_BYTES_MAX: u64 = 64 << 20;

/// The kind of an artefact.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Kind {
    /// An image or a label map, as given or converted to another layout.
    Volume,
    /// An image prepared for a network.
    PreparedVolume,
    /// A network, and the state that training needs to continue.
    Weights,
    /// A label map, probabilities or slices that a network predicted from an image.
    Prediction,
    /// Scores of subjects.
    Scores,
    /// A run folder as a whole.
    Run,
    /// A text or a table that names subjects.
    Name,
}

/// The files of the folder that an entry covers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Covers {
    /// The file with exactly this name.
    #[default]
    File,
    /// All files whose name begins with it, followed by a character that is not a letter or a digit.
    Stem,
    /// All files in the folder.
    Folder,
}

/// An artefact that a command wrote, and the subjects whose data it holds.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Artefact {
    /// The name of the file in its folder.
    pub file: PortablePath,
    /// The files that the name covers.
    #[serde(default)]
    pub covers: Covers,
    /// The kind of the artefact.
    pub kind: Kind,
    /// The subjects whose data it holds.
    #[serde(default)]
    pub holds: BTreeSet<SubjectKey>,
    /// The subjects whose data it held until they were unlearned.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub forgotten: BTreeSet<SubjectKey>,
    /// The images that it was made from.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub made_of: BTreeSet<FileMark>,
    /// The digest of a network's tensors: of the network itself for weights, otherwise of the network that made the
    /// artefact.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub model: Option<String>,
    /// The BLAKE3 digest of the file's bytes, if they are final.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub digest: Option<String>,
    /// Whether `holds` is complete; otherwise the artefact may hold data of further subjects.
    #[serde(default = "yes", skip_serializing_if = "is_yes")]
    pub complete: bool,
}

/// The JSON form of an entry.
#[derive(Serialize, Deserialize)]
struct Entry {
    schema: String,
    /// The fingerprint of the key that the subject keys were made with.
    site: String,
    #[serde(flatten)]
    artefact: Artefact,
}

/// An entry that was read from a register.
#[derive(Clone, Debug)]
pub struct Entered {
    /// The path of the entry's own file.
    pub entry: PathBuf,
    /// The fingerprint of the key that the subject keys were made with.
    pub site: String,
    /// The artefact that the entry describes.
    pub artefact: Artefact,
}

/// The register of one folder, which need not exist.
#[derive(Clone, Debug)]
pub struct Register {
    folder: PathBuf,
}

fn yes() -> bool {
    true
}

fn is_yes(yes: &bool) -> bool {
    *yes
}

impl Artefact {
    /// Creates an artefact for one file, with all other fields empty.
    pub fn of_file(file: impl Into<PathBuf>, kind: Kind) -> Artefact {
        Artefact {
            file: file.into().into(),
            covers: Covers::File,
            kind,
            holds: BTreeSet::new(),
            forgotten: BTreeSet::new(),
            made_of: BTreeSet::new(),
            model: None,
            digest: None,
            complete: true,
        }
    }

    /// Returns whether it covers a file of this name in its folder.
    pub fn speaks_of(&self, name: &std::ffi::OsStr) -> bool {
        let own = self.file.as_os_str().as_encoded_bytes();
        let name = name.as_encoded_bytes();
        match self.covers {
            Covers::Folder => true,
            Covers::File => name == own,
            Covers::Stem => {
                name.strip_prefix(own).is_some_and(|rest| rest.first().is_none_or(|byte| !byte.is_ascii_alphanumeric()))
            }
        }
    }
}

impl Entered {
    /// Returns the JSON of the same entry without these subjects and images, and without digests of deleted models.
    pub fn without(&self, keys: &BTreeSet<SubjectKey>, marks: &BTreeSet<FileMark>, gone: &BTreeSet<String>) -> Vec<u8> {
        let mut artefact = self.artefact.clone();
        artefact.holds.retain(|key| !keys.contains(key));
        artefact.forgotten.retain(|key| !keys.contains(key));
        artefact.made_of.retain(|mark| !marks.contains(mark));
        artefact.model = artefact.model.filter(|digest| !gone.contains(digest));
        artefact.digest = artefact.digest.filter(|digest| !gone.contains(digest));
        let entry = Entry { schema: SCHEMA.to_string(), site: self.site.clone(), artefact };
        serde_json::to_vec(&entry).expect("plain data is JSON")
    }
}

impl Register {
    /// Returns the register of a folder, whether or not the folder has one.
    pub fn of(folder: &Path) -> Register {
        Register { folder: folder.to_path_buf() }
    }

    /// Returns whether a file is part of a register, and so is not an artefact.
    pub fn is_part(path: &Path) -> bool {
        path.components().any(|part| part.as_os_str() == FOLDER)
    }

    /// Adds an entry for an artefact; an earlier entry for the same name is replaced.
    ///
    /// # Errors
    /// If the entry's file cannot be written.
    pub fn enter(&self, site: &str, artefact: &Artefact) -> Result<(), ArtefactError> {
        let entry = Entry { schema: SCHEMA.to_string(), site: site.to_string(), artefact: artefact.clone() };
        let text = serde_json::to_vec(&entry).expect("plain data is JSON");
        Ok(lacuna_disk::write_bytes(&self.entry_of(artefact), &text)?)
    }

    /// Returns every entry, in the order of the names of their files.
    ///
    /// # Errors
    /// If an entry cannot be read or is malformed.
    pub fn entries(&self) -> Result<Vec<Entered>, ArtefactError> {
        let read = |path: PathBuf| {
            let text = lacuna_disk::read_text(&path, ENTRY_BYTES_MAX)?;
            let refused = |found: String| ArtefactError::File {
                path: path.clone(),
                expected: "an entry of a register of artefacts",
                found,
                fix: "delete it; what it spoke of is then listed as unknown",
            };
            let entry: Entry = serde_json::from_str(&text).map_err(|error| refused(error.to_string()))?;
            if entry.schema != SCHEMA {
                return Err(refused(format!("the format {}", entry.schema)));
            }
            Ok(Entered { entry: path, site: entry.site, artefact: entry.artefact })
        };
        json_files(&self.entries_folder())?.into_iter().map(read).collect()
    }

    /// Removes the entry of an artefact; returns whether there was one.
    ///
    /// # Errors
    /// If the entry's file cannot be deleted.
    pub fn remove(&self, artefact: &Artefact) -> Result<bool, ArtefactError> {
        Ok(lacuna_disk::remove_file(&self.entry_of(artefact))?)
    }

    fn entries_folder(&self) -> PathBuf {
        self.folder.join(FOLDER).join(ENTRIES)
    }

    /// Returns the path of an entry. It is named by a digest: the artefact's own name may be too long, or name a
    /// subject.
    fn entry_of(&self, artefact: &Artefact) -> PathBuf {
        let name = lacuna_disk::digest(artefact.file.as_os_str().as_encoded_bytes());
        self.entries_folder().join(format!("{}.json", &name[..32]))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Site;
    use std::ffi::OsStr;

    #[test]
    fn an_entry_is_read_back_replaced_and_taken_back() {
        let folder = tempfile::tempdir().unwrap();
        let site = Site::open_or_create(&folder.path().join("runs")).unwrap();
        let location = folder.path().join("out");
        let mut artefact = Artefact::of_file("scan_labels.nii.gz", Kind::Prediction);
        site.register(&location, &artefact).unwrap();
        artefact.holds.insert(site.subject_key("anna"));
        artefact.made_of.insert(site.file_mark("00"));
        site.register(&location, &artefact).unwrap();
        let entries = Register::of(&location).entries().unwrap();
        assert_eq!(entries.len(), 1);
        assert_eq!((&entries[0].artefact, &entries[0].site), (&artefact, &site.fingerprint()));
        assert!(Register::is_part(&entries[0].entry));
        let text = std::fs::read_to_string(&entries[0].entry).unwrap();
        assert!(!text.contains("anna"), "{text}");
        assert!(Register::of(&location).remove(&artefact).unwrap());
        assert!(Register::of(&location).entries().unwrap().is_empty());
        assert_eq!(site.locations().unwrap(), [location]);
    }

    #[test]
    fn a_stem_speaks_of_what_begins_with_it_and_no_other_key() {
        let stem = Artefact { covers: Covers::Stem, ..Artefact::of_file("ab12", Kind::Weights) };
        for name in
            ["ab12.safetensors", "ab12.checkpoint", "ab12-20.safetensors", "ab12.checkpoint.7-1-0123456789abcdef.tmp"]
        {
            assert!(stem.speaks_of(OsStr::new(name)), "{name}");
        }
        assert!(!stem.speaks_of(OsStr::new("ab123.safetensors")) && !stem.speaks_of(OsStr::new("b12")));
    }

    #[test]
    fn a_damaged_entry_names_its_file_and_the_way_out() {
        let folder = tempfile::tempdir().unwrap();
        let entries = folder.path().join(FOLDER).join(ENTRIES);
        std::fs::create_dir_all(&entries).unwrap();
        std::fs::write(entries.join("x.json"), "{").unwrap();
        let error = Register::of(folder.path()).entries().unwrap_err().to_string();
        assert!(error.contains("x.json") && error.contains("fix: delete it"), "{error}");
    }
}
