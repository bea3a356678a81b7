//! How data sets lie on the disk: one file per layout, one entry in [`LAYOUTS`].
//!
//! A layout knows names of files and nothing of their content: it lists scans when reading and
//! says where each file of a scan goes when writing. Who the person behind a scan is, whether
//! files exist and agree, and what labels mean is decided elsewhere, the same for all layouts.

mod bids;
mod list;
mod mrbrains;
mod msd;
mod names;
mod nnunet;
mod plain;
mod write;

pub use bids::Bids;
pub use list::MedicalnetList;
pub use mrbrains::Mrbrains;
pub use msd::Msd;
pub use nnunet::Nnunet;
pub use plain::Plain;
pub use write::{CohortFacts, WrittenScan, write_cohort, write_cohort_entered};

use crate::error::{all_of, in_words};
use crate::{CohortError, SubjectId, SubjectPattern};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::fmt::Write;
use std::path::{Path, PathBuf};

/// One way of arranging a data set's files.
pub trait Layout: Sync {
    /// The name given to `--layout`.
    fn name(&self) -> &'static str;

    /// What the files look like, in one line, for help texts and errors.
    fn about(&self) -> &'static str;

    /// Whether the data at `path` looks so.
    fn detect(&self, path: &Path) -> bool;

    /// List the scans at `path`, in any order.
    fn read(&self, path: &Path, options: &LayoutOptions) -> Result<Listing, CohortError>;

    /// Where the files of a scan go, relative to the data set's folder.
    ///
    /// # Errors
    /// [`CohortError::Channels`] if the layout has no place for these channels.
    fn place(&self, scan: &ScanName<'_>, channels: &[String]) -> Result<ScanFiles, CohortError>;

    /// Write whatever lists the scans, once all of them are written to `folder`.
    fn write_index(&self, folder: &Path, facts: &CohortFacts, scans: &[WrittenScan]) -> Result<(), CohortError>;
}

/// Every layout; the order is the order of help texts.
pub static LAYOUTS: &[&dyn Layout] = &[&Plain, &MedicalnetList, &Msd, &Nnunet, &Bids, &Mrbrains];

/// What a user may say about how a data set lies on the disk; whatever is unsaid is detected.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct LayoutOptions {
    /// The layout's name, instead of detecting it.
    pub layout: Option<String>,
    /// The folder that paths in a list file are relative to; the list's own folder if unsaid.
    pub data_root: Option<PathBuf>,
    /// The input channels wanted, in this order. A layout that does not name its one channel
    /// takes the name from here.
    pub channels: Option<Vec<String>>,
    /// The folder of label maps below `derivatives`, where there are several: `PIPELINE` or
    /// `PIPELINE/ENTITIES`.
    pub derivative: Option<String>,
    /// Where a scan's name holds the subject's id, instead of `subjects.tsv`.
    pub subject_pattern: Option<SubjectPattern>,
}

/// What a layout found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Listing {
    /// The folder all files lie below.
    pub root: PathBuf,
    /// The channels, in the order of every scan's images.
    pub channels: Vec<String>,
    /// What the data set says of its label values.
    pub classes_in_file: Option<BTreeMap<u16, String>>,
    /// How many labelled scans the data set says it has.
    pub scans_declared: Option<usize>,
    /// The scans, in any order.
    pub scans: Vec<ListedScan>,
}

/// A scan that is not yet attributed to a person.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ListedScan {
    /// The scan's name.
    pub name: String,
    /// Whose it is, in a layout that says so.
    pub subject: Option<String>,
    /// The files of one scan.
    pub images: Vec<PathBuf>,
    /// The label map, if the layout has one for it.
    pub label: Option<PathBuf>,
}

/// A scan that is to be written.
#[derive(Clone, Copy, Debug)]
pub struct ScanName<'a> {
    /// Whose it is.
    pub subject: &'a SubjectId,
    /// What it is called.
    pub name: &'a str,
}

/// Where the files of a scan go, relative to the data set's folder.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ScanFiles {
    /// One file per channel.
    pub images: Vec<PathBuf>,
    /// The label map.
    pub label: PathBuf,
    /// The folder that stands for the scan, in a layout that cannot keep every name.
    pub folder: Option<PathBuf>,
}

/// The layout of this name.
pub fn by_name(name: &str) -> Result<&'static dyn Layout, CohortError> {
    LAYOUTS.iter().copied().find(|layout| layout.name() == name).ok_or_else(|| CohortError::UnknownLayout {
        name: name.to_string(),
        known: all_of(LAYOUTS.iter().map(|layout| layout.name())),
    })
}

/// The layout named, or the only one that recognises the data at `path`.
pub(crate) fn choose(path: &Path, name: Option<&str>) -> Result<&'static dyn Layout, CohortError> {
    if let Some(name) = name {
        return by_name(name);
    }
    let claims: Vec<&dyn Layout> = LAYOUTS.iter().copied().filter(|layout| layout.detect(path)).collect();
    match claims[..] {
        [layout] => Ok(layout),
        [] => Err(no_layout(path)),
        _ => {
            let claimed = all_of(claims.iter().map(|layout| layout.name()));
            Err(CohortError::SeveralLayouts { path: path.to_path_buf(), claimed })
        }
    }
}

fn no_layout(path: &Path) -> CohortError {
    let mut looked_for = String::new();
    for layout in LAYOUTS {
        writeln!(looked_for, "  {:8} {}", layout.name(), layout.about()).expect("writing to a String cannot fail");
    }
    CohortError::NoLayout { path: path.to_path_buf(), looked_for, found: what_lies_at(path) }
}

fn what_lies_at(path: &Path) -> String {
    match names::entries(path) {
        Ok(entries) if entries.is_empty() => "an empty folder".to_string(),
        Ok(entries) => in_words(entries.iter().map(|entry| match entry.kind {
            names::Kind::Folder => format!("{}/", entry.name),
            names::Kind::File => entry.name.clone(),
        })),
        Err(_) if path.is_file() => "a file that is no list of images".to_string(),
        Err(_) => "nothing that can be opened".to_string(),
    }
}

/// The single channel of a layout that does not name it: as the user calls it, or `fallback`.
fn single_channel(layout: &dyn Layout, options: &LayoutOptions, fallback: &str) -> Result<Vec<String>, CohortError> {
    match options.channels.as_deref() {
        None => Ok(vec![fallback.to_string()]),
        Some([name]) => Ok(vec![name.clone()]),
        Some(names) => Err(one_channel_only(layout, names)),
    }
}

fn one_channel_only(layout: &dyn Layout, channels: &[String]) -> CohortError {
    CohortError::Channels {
        layout: layout.name(),
        expected: "one channel".into(),
        found: in_words(channels),
        fix: "choose one, or use a layout that holds several, such as plain or nnunet".into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn layout_names_are_distinct_and_found() {
        let names: BTreeSet<_> = LAYOUTS.iter().map(|layout| layout.name()).collect();
        assert_eq!(names.len(), LAYOUTS.len());
        for layout in LAYOUTS {
            assert_eq!(by_name(layout.name()).unwrap().name(), layout.name());
        }
        let error = by_name("dicom").err().unwrap();
        assert_eq!(
            error.to_string(),
            "no layout is called `dicom`; fix: use one of plain, list, msd, nnunet, bids, mrbrains"
        );
        assert!(error.is_config());
    }

    #[test]
    fn unrecognised_data_is_answered_with_every_layout_and_what_is_there() {
        let folder = tempfile::tempdir().unwrap();
        lacuna_disk::write_bytes(&folder.path().join("scans/1.nii.gz"), b"").unwrap();
        lacuna_disk::write_bytes(&folder.path().join("notes.txt"), b"to do: label these\n").unwrap();
        let message = choose(folder.path(), None).err().unwrap().to_string();
        for layout in LAYOUTS {
            assert!(message.contains(layout.about()), "{message}");
        }
        assert!(message.contains("found: notes.txt, scans/\n"), "{message}");
    }

    #[test]
    fn options_survive_being_written_down() {
        let text = "data_root = \"scans\"\nchannels = [\"T1\"]\nsubject_pattern = \"sub-{subject}_*\"\n";
        let options: LayoutOptions = toml::from_str(text).unwrap();
        assert_eq!(options.layout, None);
        assert_eq!(toml::to_string(&options).unwrap(), text);
        assert!(toml::from_str::<LayoutOptions>("chanels = []").is_err());
    }

    #[test]
    fn data_that_fits_two_layouts_needs_a_word_from_the_user() {
        let folder = tempfile::tempdir().unwrap();
        for name in ["images/1.nii.gz", "labels/1.nii.gz", "dataset.json"] {
            lacuna_disk::write_bytes(&folder.path().join(name), b"").unwrap();
        }
        let error = choose(folder.path(), None).err().unwrap();
        assert!(error.to_string().contains("any of the layouts plain, msd"), "{error}");
        assert_eq!(choose(folder.path(), Some("plain")).unwrap().name(), "plain");
    }
}
