//! How data sets lie on the disk: one file per layout, one entry in [`LAYOUTS`].
//!
//! A layout knows names of files and nothing of their content: it lists scans when reading and
//! says where each file of a scan goes when writing. Who the person behind a scan is, whether
//! files exist and agree, and what labels mean is decided elsewhere, the same for all layouts.

mod beside;
mod bids;
mod by_products;
mod dicom;
mod list;
mod mrbrains;
mod msd;
mod names;
mod nnunet;
mod plain;
mod volumes;
mod write;

pub use bids::Bids;
pub(crate) use by_products::{ByProduct, without_by_products};
pub use list::MedicalnetList;
pub use mrbrains::Mrbrains;
pub use msd::Msd;
pub use nnunet::Nnunet;
pub use plain::Plain;
pub use volumes::PassedOver;
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
    fn scan_files(&self, scan: &ScanName<'_>, channels: &[String]) -> Result<ScanFiles, CohortError>;

    /// Write whatever lists the scans, once all of them are written to `folder`.
    fn write_index(&self, folder: &Path, facts: &CohortFacts, scans: &[WrittenScan]) -> Result<(), CohortError>;
}

/// Every layout; the order is the order of help texts.
pub static LAYOUTS: &[&dyn Layout] = &[&Plain, &MedicalnetList, &Msd, &Nnunet, &Bids, &Mrbrains];

/// What a user may say about how a data set lies on the disk and is read; whatever is unsaid is detected or usual.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
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
    /// How far the grids of one scan's files may lie apart, in millimetres; 0.001 if unsaid, and at most a tenth of the
    /// shortest voxel edge.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tolerance_mm: Option<f64>,
    /// The most voxels of an image; 2^31 if unsaid.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub voxels_max: Option<u64>,
    /// The most GiB of an image, uncompressed; 8 if unsaid.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub gib_max: Option<u64>,
    /// Who is left out, and why.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub exclude: Vec<Excluded>,
}

/// A subject, or a single scan, that a command leaves out of a data set.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Excluded {
    /// The subject's id, or the name of one scan.
    pub subject: String,
    /// Why, in the user's words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
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
    /// What lies among them and is not read.
    pub passed_over: Vec<PassedOver>,
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

impl ListedScan {
    /// Its images and its label map.
    pub(crate) fn files(&self) -> impl Iterator<Item = &PathBuf> {
        self.images.iter().chain(&self.label)
    }
}

/// A scan that is to be written.
#[derive(Clone, Copy, Debug)]
pub struct ScanName<'a> {
    /// The subject of the scan.
    pub subject: &'a SubjectId,
    /// What it is called.
    pub name: &'a str,
}

/// Where the files of a scan go, relative to the data set's folder.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ScanFiles {
    /// One file per channel.
    pub images: Vec<PathBuf>,
    /// The file of the label map.
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
        Ok(entries) => {
            let found = in_words(entries.iter().map(|entry| match entry.kind {
                names::Kind::Folder => format!("{}/", entry.name),
                names::Kind::File => entry.name.clone(),
            }));
            found + &dicom_among(&entries)
        }
        Err(_) if path.is_file() => "a file that is no list of images".to_string(),
        Err(_) if !path.exists() => "nothing: there is no such file or folder".to_string(),
        Err(error) => format!("a folder that cannot be read: {error}"),
    }
}

/// How many files a folder of DICOM is known by.
const LOOKED_AT: usize = 16;

/// What is DICOM in a folder and in those below it, in words that go on from its list.
fn dicom_among(entries: &[names::Entry]) -> String {
    let below = entries.iter().filter(|entry| entry.kind == names::Kind::Folder);
    let below: Vec<names::Entry> =
        below.flat_map(|entry| names::entries(&entry.path).unwrap_or_default().into_iter().take(LOOKED_AT)).collect();
    let files = entries.iter().take(LOOKED_AT).chain(&below).filter(|entry| entry.kind == names::Kind::File);
    let kinds = files.filter_map(|file| Some((file, dicom::kind_of(&file.path)?)));
    // Segmentations first: an image is what is expected there.
    match kinds.max_by_key(|(_, kind)| kind.is_segmentation()) {
        Some((file, kind)) => format!("\n{} is {}: {}", file.path.display(), kind.in_words(), kind.fix()),
        None => String::new(),
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

/// A folder of empty files: a layout knows names, and opens no image.
#[cfg(test)]
fn folder_of(files: &[&str]) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    for file in files {
        lacuna_disk::write_bytes(&folder.path().join(file), b"").unwrap();
    }
    folder
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
    fn a_folder_of_dicom_is_called_so_with_the_way_to_convert_it() {
        let folder = tempfile::tempdir().unwrap();
        let write = |name: &str, class: &str| {
            let bytes = [&[0; 128], &b"DICM\x02\0\x02\0UI\x1c\0"[..], class.as_bytes()].concat();
            lacuna_disk::write_bytes(&folder.path().join(name), &bytes).unwrap();
        };
        write("series/IM0001", "1.2.840.10008.5.1.4.1.1.4");
        let said = || choose(folder.path(), None).err().unwrap().to_string();
        assert!(said().contains("IM0001 is a DICOM image") && said().contains("dcm2niix"), "{}", said());
        write("contours/RS.dcm", "1.2.840.10008.5.1.4.1.1.481.3");
        assert!(said().contains("RS.dcm is DICOM contours (RTSTRUCT)"), "{}", said());
    }

    #[test]
    fn options_survive_being_written_down() {
        let text = "data_root = \"scans\"\nchannels = [\"T1\"]\nsubject_pattern = \"sub-{subject}_*\"\n";
        let options: LayoutOptions = toml::from_str(text).unwrap();
        assert_eq!(options.layout, None);
        assert_eq!(toml::to_string(&options).unwrap(), text);
        let text = "tolerance_mm = 0.05\n\n[[exclude]]\nsubject = \"anna\"\nreason = \"moved\"\n";
        let options: LayoutOptions = toml::from_str(text).unwrap();
        assert_eq!(options.exclude[0].reason.as_deref(), Some("moved"));
        assert_eq!(toml::to_string(&options).unwrap(), text);
        assert!(toml::from_str::<LayoutOptions>("chanels = []").is_err());
    }

    #[test]
    fn data_that_fits_two_layouts_needs_a_word_from_the_user() {
        let folder = folder_of(&["images/1.nii.gz", "labels/1.nii.gz", "dataset.json"]);
        let error = choose(folder.path(), None).err().unwrap();
        assert!(error.to_string().contains("any of the layouts plain, msd"), "{error}");
        assert_eq!(choose(folder.path(), Some("plain")).unwrap().name(), "plain");
    }
}
