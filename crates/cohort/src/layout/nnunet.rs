//! nnU-Net's second version: `imagesTr/CASE_0000.nii.gz`, `labelsTr/CASE.nii.gz`, `dataset.json`.

mod index;

pub(super) use index::{count, has_index};

use super::volumes::{PassedOver, Volumes, unnamed, volumes};
use super::write::every_value;
use super::{CohortFacts, Layout, LayoutOptions, ListedScan, Listing, ScanFiles, ScanName, WrittenScan};
use crate::CohortError;
use crate::error::in_words;
use index::{Index, Label, read_index};
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
const IMAGES: &str = "imagesTr";
const LABELS: &str = "labelsTr";

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
        let (scans, passed_over) = match &index.dataset {
            Some(cases) => {
                let listed = cases.iter().map(|(name, case)| case.listed(path, &file, name, &numbers));
                let named: Vec<PathBuf> = cases.values().flat_map(|case| case.named(path, &file)).collect();
                (listed.collect::<Result<_, _>>()?, unnamed(&file, &named)?)
            }
            None => cases_in_folders(path, &index.file_ending, &numbers)?,
        };
        Ok(Listing {
            root: path.to_path_buf(),
            channels,
            classes_in_file: Some(values_of(&file, &index.labels)?),
            scans_declared: (index.training_count > 0).then_some(index.training_count),
            scans,
            passed_over,
        })
    }

    fn scan_files(&self, scan: &ScanName<'_>, channels: &[String]) -> Result<ScanFiles, CohortError> {
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

fn cases_in_folders(
    root: &Path,
    ending: &str,
    numbers: &[usize],
) -> Result<(Vec<ListedScan>, Vec<PassedOver>), CohortError> {
    let (images, mut passed_over) = with_ending(&root.join(IMAGES), ending)?;
    let cases = case_names(root, ending, &images)?;
    let (labels, others) = match root.join(LABELS) {
        folder if folder.is_dir() => with_ending(&folder, ending)?,
        _ => Default::default(),
    };
    passed_over.extend(others);
    let labelled: BTreeSet<String> = labels.keys().cloned().collect();
    if !labelled.is_subset(&cases) {
        let (labels, images) = (in_words(labelled.difference(&cases)), in_words(cases.difference(&labelled)));
        return Err(CohortError::Unpaired { root: root.to_path_buf(), labels, images });
    }
    let image = |name: &str, number: usize| {
        let stem = format!("{name}_{number:04}");
        images.get(&stem).cloned().unwrap_or_else(|| root.join(IMAGES).join(image_name(name, number, ending)))
    };
    let listed = |name: String| ListedScan {
        images: numbers.iter().map(|&number| image(&name, number)).collect(),
        label: labels.get(&name).cloned(),
        subject: None,
        name,
    };
    Ok((cases.into_iter().map(listed).collect(), passed_over))
}

/// The cases that have an image of any channel; one that is missing is reported when it is opened.
fn case_names(root: &Path, ending: &str, images: &Named) -> Result<BTreeSet<String>, CohortError> {
    let folder = root.join(IMAGES);
    let case = |stem: &String| match stem.rsplit_once('_') {
        Some((case, number)) if number.len() == 4 && number.bytes().all(|byte| byte.is_ascii_digit()) => {
            Ok(case.to_string())
        }
        _ => {
            let fix = "end each image's name in its channel's number, _0000 for the first";
            Err(CohortError::format(&folder, "names", "CASE_0000 and so on", format!("`{stem}{ending}`"), fix))
        }
    };
    images.keys().map(case).collect()
}

/// Files by their names without the ending.
type Named = BTreeMap<String, PathBuf>;

/// The volumes of a folder with the data set's ending, in capitals or not, and what is not read beside them.
fn with_ending(folder: &Path, ending: &str) -> Result<(Named, Vec<PassedOver>), CohortError> {
    let Volumes { named, mut passed_over } = volumes(folder)?;
    // A file_ending such as `_x.nii.gz` is a part of the name too.
    let stem = |path: &Path| {
        let name = path.file_name()?.to_string_lossy().into_owned();
        let (stem, found) = name.split_at_checked(name.len().checked_sub(ending.len())?)?;
        (found.eq_ignore_ascii_case(ending) && !stem.is_empty()).then(|| stem.to_string())
    };
    let mut found = Named::new();
    for (_, path) in named {
        match stem(&path) {
            Some(stem) => {
                found.insert(stem, path);
            }
            None => {
                let what = format!("a volume that does not end in {ending}, which dataset.json has as file_ending");
                passed_over.push(PassedOver::new(&path, what, format!("convert it to {ending}, as nnU-Net reads it")));
            }
        }
    }
    Ok((found, passed_over))
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

/// The labels that nnU-Net needs: every value that occurs, and those that are known by name.
fn written_labels(facts: &CohortFacts, scans: &[WrittenScan]) -> BTreeMap<String, Label> {
    let names = every_value(facts, scans);
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
        let folder = super::super::folder_of(files);
        lacuna_disk::write_bytes(&folder.path().join(INDEX), index.as_bytes()).unwrap();
        std::fs::create_dir_all(folder.path().join(IMAGES)).unwrap();
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
    fn volumes_that_the_index_does_not_name_are_passed_over() {
        let index = r#"{"channel_names": {"0": "T1", "1": "T2"}, "labels": {"background": 0, "liver": 1},
            "dataset": {"x": {"images": ["raw/x1.nii.gz", "raw/x2.nii.gz"], "label": "seg/x.nii.gz"}}}"#;
        let files = ["raw/x1.nii.gz", "raw/x2.nii.gz", "raw/y1.nii.gz", "raw/z.nrrd", "seg/x.nii.gz", "seg/y.nii.gz"];
        let listing = read(index, &files, Some(&["T2"])).unwrap();
        let said: Vec<_> = listing.passed_over.iter().map(|one| one.path.file_name().unwrap().to_owned()).collect();
        assert_eq!(said, ["y1.nii.gz", "z.nrrd", "y.nii.gz"], "a channel that is not asked for is named all the same");
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
        check_refused(&TWO_CHANNELS.replace("\"lesion\": 1", "\"lesion\": -1"), &[], "found -1");
    }
    #[test]
    fn labels_the_other_way_round_are_called_so() {
        let index = TWO_CHANNELS.replace(r#""background": 0, "lesion": 1"#, r#""0": "background", "1": "lesion""#);
        check_refused(&index, &[], "labels: expected {name: number}");
    }
    #[test]
    fn numbers_may_be_texts_as_nnunet_takes_them() {
        let index = TWO_CHANNELS.replace("\"lesion\": 1", "\"lesion\": \"1\"").replace(": 2,", ": \"2\",");
        let listing = read(&index, &[], None).unwrap();
        assert_eq!((listing.scans_declared, &listing.classes_in_file.unwrap()[&1][..]), (Some(2), "lesion"));
    }
    #[test]
    fn a_file_of_another_ending_is_said_and_capitals_are_read() {
        let files = ["imagesTr/a_0000.NII.GZ", "imagesTr/b_0000.nii", "imagesTr/c_0000.hdr", "labelsTr/b.nii"];
        let listing = read(TWO_CHANNELS, &files, Some(&["T1"])).unwrap();
        assert!(listing.scans.len() == 1 && listing.scans[0].images[0].ends_with("a_0000.NII.GZ"));
        let said: Vec<_> = listing.passed_over.iter().map(|one| one.path.file_name().unwrap().to_owned()).collect();
        assert_eq!(said, ["c_0000.hdr", "b_0000.nii", "b.nii"]);
        check_refused(TWO_CHANNELS, &["imagesTr/a_0000.nii", "imagesTr/a_0000.nii.gz"], "occurs twice");
    }
}
