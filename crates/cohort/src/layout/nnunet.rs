//! nnU-Net's second version: `imagesTr/CASE_0000.nii.gz`, `labelsTr/CASE.nii.gz`, `dataset.json`.

use super::{CohortFacts, Layout, LayoutOptions, ListedScan, Listing, ScanFiles, ScanName, WrittenScan, names};
use crate::CohortError;
use crate::error::in_words;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

/// A `dataset.json` with `channel_names`, `labels` (name to number) and `file_ending`; one file
/// per case and channel, the channel's number at the end of its name.
///
/// The cases are those of `imagesTr`, or of the key `dataset` where there is one. A label that
/// unites several values is a region; regions overlap, and a label map holds one value per
/// voxel, so what is listed is each *value*, called by its smallest region and its number. A
/// label called `ignore` is ignored by the table `as-is`.
///
/// Source: Isensee et al., "nnU-Net: a self-configuring method for deep learning-based biomedical
/// image segmentation", 2021, and `documentation/dataset_format.md` of its version 2.
pub struct Nnunet;

const INDEX: &str = "dataset.json";
const INDEX_BYTES_MAX: u64 = 16 << 20;
const IMAGES: &str = "imagesTr";
const LABELS: &str = "labelsTr";

/// What nnU-Net calls value 0, whatever the data set calls it.
const BACKGROUND: &str = "background";

impl Layout for Nnunet {
    fn name(&self) -> &'static str {
        "nnunet"
    }

    fn about(&self) -> &'static str {
        "dataset.json with channel_names, imagesTr/CASE_0000.nii.gz and labelsTr/CASE.nii.gz"
    }

    fn detect(&self, path: &Path) -> bool {
        has_index(path)
    }

    fn read(&self, path: &Path, options: &LayoutOptions) -> Result<Listing, CohortError> {
        let file = path.join(INDEX);
        let index = read_index(&file)?;
        let (channels, numbers) = chosen(&file, &index, options)?;
        let cases = match &index.dataset {
            Some(cases) => cases.iter().map(|(name, case)| case.listed(path, &file, name, &numbers)).collect(),
            None => cases_in_folders(path, &index.file_ending, &numbers),
        };
        Ok(Listing {
            root: path.to_path_buf(),
            channels,
            classes_in_file: Some(values_of(&file, &index.labels)?),
            scans_declared: (index.training_count > 0).then_some(index.training_count),
            scans: cases?,
        })
    }

    fn place(&self, scan: &ScanName<'_>, channels: &[String]) -> Result<ScanFiles, CohortError> {
        let image = |number: usize| Path::new(IMAGES).join(image_name(scan.name, number, ".nii.gz"));
        let label = Path::new(LABELS).join(format!("{}.nii.gz", scan.name));
        Ok(ScanFiles { images: (0..channels.len()).map(image).collect(), label, folder: None })
    }

    fn write_index(&self, folder: &Path, facts: &CohortFacts, scans: &[WrittenScan]) -> Result<(), CohortError> {
        let number = |(number, name): (usize, &String)| (number.to_string(), name.clone());
        let index = Index {
            channel_names: facts.channels.iter().enumerate().map(number).collect(),
            labels: written_labels(facts, scans),
            training_count: scans.len(),
            file_ending: ".nii.gz".into(),
            dataset: None,
        };
        let mut text = serde_json::to_vec_pretty(&index).expect("strings and numbers always serialise");
        text.push(b'\n');
        Ok(lacuna_disk::write_bytes(&folder.join(INDEX), &text)?)
    }
}

/// Whether the folder's index is nnU-Net's rather than the Decathlon's, which has the same name.
pub(super) fn has_index(folder: &Path) -> bool {
    let text = lacuna_disk::read_text(&folder.join(INDEX), INDEX_BYTES_MAX).unwrap_or_default();
    serde_json::from_str::<Value>(&text).is_ok_and(|index| index.get("channel_names").is_some())
}

/// The part of `dataset.json` that matters here; other keys are the data set's own business.
#[derive(Serialize, Deserialize)]
struct Index {
    channel_names: BTreeMap<String, String>,
    labels: BTreeMap<String, Label>,
    #[serde(rename = "numTraining", default)]
    training_count: usize,
    #[serde(default = "usual_ending")]
    file_ending: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    dataset: Option<BTreeMap<String, IndexedCase>>,
}

/// A label's value, or the values that a region unites.
#[derive(Serialize, Deserialize)]
#[serde(untagged)]
enum Label {
    Value(u16),
    Region(Vec<u16>),
}

/// A case whose files the index names.
#[derive(Serialize, Deserialize)]
struct IndexedCase {
    images: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    label: Option<String>,
}

fn usual_ending() -> String {
    ".nii.gz".into()
}

impl IndexedCase {
    fn listed(&self, root: &Path, file: &Path, name: &str, numbers: &[usize]) -> Result<ListedScan, CohortError> {
        let image = |&number: &usize| match self.images.get(number) {
            Some(image) => names::inside(root, file, image),
            None => {
                let (expected, found) = (format!("an image for channel {number}"), in_words(&self.images));
                Err(CohortError::format(
                    file,
                    "dataset",
                    &expected,
                    format!("{found} for {name}"),
                    "list one per channel",
                ))
            }
        };
        Ok(ListedScan {
            name: name.to_string(),
            subject: None,
            images: numbers.iter().map(image).collect::<Result<_, _>>()?,
            label: self.label.as_deref().map(|label| names::inside(root, file, label)).transpose()?,
        })
    }
}

fn read_index(file: &Path) -> Result<Index, CohortError> {
    let text = lacuna_disk::read_text(file, INDEX_BYTES_MAX)?;
    let index: Index = serde_json::from_str(&text).map_err(|error| {
        let expected = "channel_names {\"0\": name}, labels {name: number or numbers} and file_ending";
        CohortError::format(file, "content", expected, error.to_string(), "correct the file")
    })?;
    if names::volume_stem(&format!("x{}", index.file_ending)).is_none() {
        let found = format!("`{}`", index.file_ending);
        let fix = "convert the images to .nii.gz and change file_ending";
        return Err(CohortError::format(file, "file_ending", ".nii.gz or .nii", found, fix));
    }
    Ok(index)
}

/// The channels wanted and their numbers in file names.
fn chosen(file: &Path, index: &Index, options: &LayoutOptions) -> Result<(Vec<String>, Vec<usize>), CohortError> {
    let listed = (0..index.channel_names.len()).map(|number| index.channel_names.get(&number.to_string()).cloned());
    let listed: Vec<String> =
        listed.collect::<Option<_>>().filter(|names: &Vec<_>| !names.is_empty()).ok_or_else(|| {
            let found = in_words(index.channel_names.keys());
            CohortError::format(
                file,
                "channel_names",
                "the keys \"0\", \"1\" and so on",
                found,
                "number the channels from 0",
            )
        })?;
    match options.channels.as_deref() {
        None => Ok((listed.clone(), (0..listed.len()).collect())),
        // As in the layouts that do not name their channel, the only one is called as the user says.
        Some([name]) if listed.len() == 1 => Ok((vec![name.clone()], vec![0])),
        Some(names) => {
            let number = |name: &String| {
                listed.iter().position(|other| other == name).ok_or_else(|| CohortError::Channels {
                    layout: Nnunet.name(),
                    expected: format!("some of {}", in_words(&listed)),
                    found: name.clone(),
                    fix: "name the channels as channel_names does".into(),
                })
            };
            Ok((names.to_vec(), names.iter().map(number).collect::<Result<_, _>>()?))
        }
    }
}

fn cases_in_folders(root: &Path, ending: &str, numbers: &[usize]) -> Result<Vec<ListedScan>, CohortError> {
    let cases = case_names(root, ending)?;
    let labels: BTreeSet<String> = match root.join(LABELS) {
        folder if folder.is_dir() => stems(&folder, ending)?.into_iter().collect(),
        _ => BTreeSet::new(),
    };
    if !labels.is_subset(&cases) {
        let (labels, images) = (in_words(labels.difference(&cases)), in_words(cases.difference(&labels)));
        return Err(CohortError::Unpaired { root: root.to_path_buf(), labels, images });
    }
    let listed = |name: String| ListedScan {
        images: numbers.iter().map(|&number| root.join(IMAGES).join(image_name(&name, number, ending))).collect(),
        label: labels.contains(&name).then(|| root.join(LABELS).join(format!("{name}{ending}"))),
        subject: None,
        name,
    };
    Ok(cases.into_iter().map(listed).collect())
}

/// The cases that have an image of any channel; one that is missing is reported when it is opened.
fn case_names(root: &Path, ending: &str) -> Result<BTreeSet<String>, CohortError> {
    let folder = root.join(IMAGES);
    let case = |stem: String| match stem.rsplit_once('_') {
        Some((case, number)) if number.len() == 4 && number.bytes().all(|byte| byte.is_ascii_digit()) => {
            Ok(case.to_string())
        }
        _ => {
            let fix = "end each image's name in its channel's number, _0000 for the first";
            Err(CohortError::format(&folder, "names", "CASE_0000 and so on", format!("`{stem}{ending}`"), fix))
        }
    };
    stems(&folder, ending)?.into_iter().map(case).collect()
}

fn stems(folder: &Path, ending: &str) -> Result<Vec<String>, CohortError> {
    let files = names::entries(folder)?.into_iter().filter(|entry| entry.kind == names::Kind::File);
    Ok(files.filter_map(|file| file.name.strip_suffix(ending).map(str::to_string)).collect())
}

fn image_name(case: &str, channel: usize, ending: &str) -> PathBuf {
    PathBuf::from(format!("{case}_{channel:04}{ending}"))
}

/// Every value with a name of its own: its label's, or its smallest region's with the number behind.
fn values_of(file: &Path, labels: &BTreeMap<String, Label>) -> Result<BTreeMap<u16, String>, CohortError> {
    let mut regions: Vec<(&String, &[u16])> = labels
        .iter()
        .map(|(name, label)| match label {
            Label::Value(value) => (name, std::slice::from_ref(value)),
            Label::Region(values) => (name, &values[..]),
        })
        .collect();
    // Of equally large regions, which may overlap too, the first by name.
    regions.sort_by_key(|(name, values)| (values.len(), *name));
    let mut names = BTreeMap::new();
    for (name, values) in regions {
        for &value in values {
            let own = if values.len() == 1 { name.clone() } else { format!("{name}-{value}") };
            names.entry(value).or_insert(own);
        }
    }
    if names.contains_key(&0) {
        return Ok(names);
    }
    let found = in_words(names.keys());
    Err(CohortError::format(file, "labels", "\"background\": 0", found, "add it: value 0 is what is not labelled"))
}

/// What nnU-Net wants to be told: every value that occurs, and those that are known by name.
fn written_labels(facts: &CohortFacts, scans: &[WrittenScan]) -> BTreeMap<String, Label> {
    let mut names = facts.classes.clone().unwrap_or_default();
    for value in scans.iter().flat_map(|scan| &scan.label_values) {
        names.entry(*value).or_insert_with(|| format!("label_{value}"));
    }
    names.insert(0, BACKGROUND.to_string());
    let mut labels = BTreeMap::new();
    for (value, name) in names {
        // Two values may share a name elsewhere; here the name is the key.
        let name = if labels.contains_key(&name) { format!("{name}_{value}") } else { name };
        labels.insert(name, Label::Value(value));
    }
    labels
}

#[cfg(test)]
mod tests {
    use super::*;

    const TWO_CHANNELS: &str = r#"{"channel_names": {"0": "T1", "1": "FLAIR"},
        "labels": {"background": 0, "lesion": 1}, "numTraining": 2, "file_ending": ".nii.gz"}"#;

    fn read(index: &str, files: &[&str], channels: Option<&[&str]>) -> Result<Listing, CohortError> {
        let folder = tempfile::tempdir().unwrap();
        lacuna_disk::write_bytes(&folder.path().join(INDEX), index.as_bytes()).unwrap();
        std::fs::create_dir_all(folder.path().join(IMAGES)).unwrap();
        for file in files {
            lacuna_disk::write_bytes(&folder.path().join(file), b"").unwrap();
        }
        assert!(!super::super::Msd.detect(folder.path()));
        let channels = channels.map(|names| names.iter().map(|name| name.to_string()).collect());
        Nnunet.read(folder.path(), &LayoutOptions { channels, ..LayoutOptions::default() })
    }

    #[test]
    fn cases_are_their_images_without_the_channels_number() {
        let files = ["imagesTr/a_b_0000.nii.gz", "imagesTr/a_b_0001.nii.gz", "imagesTr/c_0000.nii.gz"];
        let listing = read(TWO_CHANNELS, &[&files[..], &["labelsTr/a_b.nii.gz"]].concat(), None).unwrap();
        assert_eq!(listing.channels, ["T1", "FLAIR"]);
        assert_eq!(listing.scans_declared, Some(2));
        let found: Vec<_> = listing.scans.iter().map(|scan| (scan.name.as_str(), scan.label.is_some())).collect();
        assert_eq!(found, [("a_b", true), ("c", false)]);
        assert!(listing.scans[0].images[1].ends_with("imagesTr/a_b_0001.nii.gz"));
    }

    #[test]
    fn channels_are_chosen_by_name_and_keep_their_numbers() {
        let files = ["imagesTr/a_0000.nii.gz", "imagesTr/a_0001.nii.gz"];
        let listing = read(TWO_CHANNELS, &files, Some(&["FLAIR"])).unwrap();
        assert!(listing.scans[0].images[0].ends_with("imagesTr/a_0001.nii.gz"));
        let message = read(TWO_CHANNELS, &files, Some(&["T2"])).unwrap_err().to_string();
        assert!(message.contains("some of T1, FLAIR, found T2"), "{message}");
    }

    #[test]
    fn an_index_may_name_the_files_itself() {
        let index = r#"{"channel_names": {"0": "CT"}, "labels": {"background": 0, "liver": 1}, "file_ending": ".nii",
            "dataset": {"x": {"images": ["raw/x.nii"], "label": "seg/x.nii"}}}"#;
        let listing = read(index, &[], None).unwrap();
        assert!(listing.scans[0].label.as_ref().unwrap().ends_with("seg/x.nii"));
        let outside = index.replace("raw/x.nii", "../x.nii");
        assert!(matches!(read(&outside, &[], None), Err(CohortError::LeavesRoot { .. })));
    }

    #[test]
    fn a_value_of_regions_is_called_by_the_smallest() {
        // Of BraTS: 1 oedema, 2 necrotic core, 3 enhancing.
        let index = r#"{"channel_names": {"0": "T1"}, "numTraining": 0, "file_ending": ".nii.gz", "labels":
            {"background": 0, "whole": [1, 2, 3], "core": [2, 3], "enhancing": 3}, "regions_class_order": [1, 2, 3]}"#;
        let classes = read(index, &[], None).unwrap().classes_in_file.unwrap();
        assert_eq!(classes.into_values().collect::<Vec<_>>(), ["background", "whole-1", "core-2", "enhancing"]);
    }

    #[track_caller]
    fn check_refused(index: &str, files: &[&str], expected: &str) {
        let message = read(index, files, None).unwrap_err().to_string();
        assert!(message.contains(expected), "{message}");
    }

    #[test]
    fn images_without_a_channels_number_are_refused() {
        check_refused(TWO_CHANNELS, &["imagesTr/a.nii.gz"], "expected CASE_0000 and so on, found `a.nii.gz`");
    }
    #[test]
    fn a_label_map_without_an_image_is_refused() {
        check_refused(TWO_CHANNELS, &["imagesTr/a_0000.nii.gz", "labelsTr/b.nii.gz"], "of the same name: b");
    }
    #[test]
    fn other_file_formats_are_refused_with_the_way_out() {
        check_refused(&TWO_CHANNELS.replace(".nii.gz", ".nrrd"), &[], "found `.nrrd`; fix: convert");
    }
    #[test]
    fn channels_must_be_numbered_from_zero() {
        check_refused(&TWO_CHANNELS.replace("\"1\":", "\"2\":"), &[], "channel_names: expected the keys");
    }
    #[test]
    fn labels_need_a_background() {
        check_refused(&TWO_CHANNELS.replace("\"background\": 0, ", ""), &[], "labels: expected \"background\": 0");
    }
    #[test]
    fn a_label_of_text_is_refused_with_its_place() {
        check_refused(&TWO_CHANNELS.replace("\"lesion\": 1", "\"lesion\": \"x\""), &[], "line 2");
    }
}
