//! The Medical Segmentation Decathlon: `dataset.json` lists everything.

use super::volumes::unnamed;
use super::{
    CohortFacts, Layout, LayoutOptions, ListedScan, Listing, ScanFiles, ScanName, WrittenScan, names, nnunet,
    one_channel_only, single_channel,
};
use crate::CohortError;
use crate::error::in_words;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// A `dataset.json` with `labels` (number to name) and `training` (pairs of image and label).
///
/// Only the training entries are read: the test entries have no label and so nothing to train
/// on or to score. Volumes beside those that the index names are reported. Tasks with several channels keep them in one 4-D file, which is refused.
///
/// Source: Antonelli et al., "The Medical Segmentation Decathlon", 2022.
pub struct Msd;

const INDEX: &str = "dataset.json";
const INDEX_BYTES_MAX: u64 = 16 << 20;

impl Layout for Msd {
    fn name(&self) -> &'static str {
        "msd"
    }

    fn about(&self) -> &'static str {
        "dataset.json with labels {\"0\": \"background\", …} and training [{image, label}, …]"
    }

    fn detect(&self, path: &Path) -> bool {
        path.join(INDEX).is_file() && !nnunet::has_index(path)
    }

    fn read(&self, path: &Path, options: &LayoutOptions) -> Result<Listing, CohortError> {
        let file = path.join(INDEX);
        let index = read_index(&file)?;
        refuse_first_nnunet(path, &file, &index)?;
        let modality = one_modality(&file, &index)?;
        let stems: Vec<PathBuf> = index.training.iter().map(|entry| stem(&entry.image)).collect();
        let scans = index.training.iter().zip(names::distinct_names(&stems)).map(|(entry, name)| {
            let images = vec![names::inside(path, &file, &entry.image)?];
            let label = Some(names::inside(path, &file, &entry.label)?);
            Ok(ListedScan { name, subject: None, images, label })
        });
        let scans = scans.collect::<Result<Vec<_>, CohortError>>()?;
        Ok(Listing {
            passed_over: unnamed(&file, &named(path, &file, &index, &scans))?,
            scans,
            channels: single_channel(self, options, modality)?,
            classes_in_file: index.labels.as_ref().map(|labels| classes(&file, labels)).transpose()?,
            scans_declared: (index.training_count > 0).then_some(index.training_count),
            root: path.to_path_buf(),
        })
    }

    fn scan_files(&self, scan: &ScanName<'_>, channels: &[String]) -> Result<ScanFiles, CohortError> {
        if channels.len() != 1 {
            return Err(one_channel_only(self, channels));
        }
        let file = |folder: &str| Path::new(folder).join(format!("{}.nii.gz", scan.name));
        Ok(ScanFiles { images: vec![file("imagesTr")], label: file("labelsTr"), folder: None })
    }

    fn write_index(&self, folder: &Path, facts: &CohortFacts, scans: &[WrittenScan]) -> Result<(), CohortError> {
        let shown = |path: &Path| format!("./{}", path.display());
        let entry = |scan: &WrittenScan| Entry { image: shown(&scan.files.images[0]), label: shown(&scan.files.label) };
        let labels = super::write::every_value(facts, scans);
        let index = Index {
            tensor_image_size: "3D".into(),
            modality: BTreeMap::from([("0".to_string(), facts.channels[0].clone())]),
            labels: Some(labels.into_iter().map(|(value, name)| (value.to_string(), name)).collect()),
            training_count: scans.len(),
            test_count: 0,
            training: scans.iter().map(entry).collect(),
            test: Vec::new(),
        };
        // nnU-Net's converter asks for the folder of test images, which may be empty.
        lacuna_disk::empty_folder(&folder.join("imagesTs"))?;
        let mut text = serde_json::to_vec_pretty(&index).expect("strings and numbers always serialise");
        text.push(b'\n');
        Ok(lacuna_disk::write_bytes(&folder.join(INDEX), &text)?)
    }
}

/// The part of `dataset.json` that matters here; other keys are the data set's own business.
#[derive(Serialize, Deserialize)]
struct Index {
    #[serde(rename = "tensorImageSize", default)]
    tensor_image_size: String,
    #[serde(default)]
    modality: BTreeMap<String, String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    labels: Option<BTreeMap<String, String>>,
    #[serde(rename = "numTraining", default, deserialize_with = "nnunet::count")]
    training_count: usize,
    #[serde(rename = "numTest", default, deserialize_with = "nnunet::count")]
    test_count: usize,
    training: Vec<Entry>,
    #[serde(default)]
    test: Vec<Value>,
}

#[derive(Serialize, Deserialize)]
struct Entry {
    image: String,
    label: String,
}

fn read_index(file: &Path) -> Result<Index, CohortError> {
    let text = lacuna_disk::read_text(file, INDEX_BYTES_MAX)?;
    let malformed = |error: serde_json::Error| {
        let expected = "modality, labels (number to name) and training [{image, label}]";
        CohortError::format(
            file,
            "content",
            expected,
            error.to_string(),
            "correct the file, or arrange the data as plain",
        )
    };
    let value: Value = serde_json::from_str(&text).map_err(malformed)?;
    if value.get("channel_names").is_some() {
        let found = "`channel_names`, the mark of nnU-Net's second version";
        let fix = "use the layout nnunet";
        return Err(CohortError::format(file, "content", "a Decathlon index", found.into(), fix));
    }
    serde_json::from_value(value).map_err(malformed)
}

/// The first version of nnU-Net has the Decathlon's index for files that end in their channel's number, which the index
/// leaves out.
fn refuse_first_nnunet(root: &Path, file: &Path, index: &Index) -> Result<(), CohortError> {
    let of_channel = |image: &str| {
        let portable = names::portable(image);
        let image = root.join(names::volume_stem(portable.trim_start_matches("./"))?);
        let name = image.file_name()?.to_string_lossy().into_owned();
        let numbered = [".nii.gz", ".nii"].map(|ending| image.with_file_name(format!("{name}_0000{ending}")));
        (!root.join(&portable).exists()).then(|| numbered.into_iter().find(|path| path.is_file())).flatten()
    };
    let Some((entry, found)) = index.training.iter().find_map(|entry| Some((entry, of_channel(&entry.image)?))) else {
        return Ok(());
    };
    let found = format!("`{}`, which lies there as {}", entry.image, found.display());
    let fix = "this is a data set of nnU-Net's first version: convert it with nnUNetv2_convert_old_nnUNet_dataset";
    Err(CohortError::format(file, "training", "images under the names that lie there", found, fix))
}

/// Every file of an index, those of its test entries too, which are not read.
fn named(root: &Path, file: &Path, index: &Index, scans: &[ListedScan]) -> Vec<PathBuf> {
    let image = |entry: &Value| entry.as_str().or_else(|| entry.get("image")?.as_str()).map(str::to_string);
    let tests = index.test.iter().filter_map(image).filter_map(|image| names::inside(root, file, &image).ok());
    scans.iter().flat_map(ListedScan::files).cloned().chain(tests).collect()
}

fn one_modality<'a>(file: &Path, index: &'a Index) -> Result<&'a str, CohortError> {
    let mut modalities = index.modality.values();
    match (modalities.next(), modalities.next()) {
        (None, _) => Ok("image"),
        (Some(modality), None) => Ok(modality),
        _ => {
            let found = in_words(index.modality.values());
            let fix = "split the 4-D files into one file per channel and use the layout plain";
            Err(CohortError::format(file, "modality", "one channel, each image a 3-D file", found, fix))
        }
    }
}

fn classes(file: &Path, labels: &BTreeMap<String, String>) -> Result<BTreeMap<u16, String>, CohortError> {
    let number = |text: &String| {
        let expected = "whole numbers from 0 to 65535 as keys";
        text.parse::<u16>().map_err(|_| {
            CohortError::format(
                file,
                "labels",
                expected,
                format!("`{text}`"),
                "write labels as {\"0\": \"background\", …}",
            )
        })
    };
    labels.iter().map(|(value, name)| Ok((number(value)?, name.clone()))).collect()
}

fn stem(image: &str) -> PathBuf {
    let image = names::portable(image);
    PathBuf::from(names::volume_stem(&image).unwrap_or(&image))
}

#[cfg(test)]
mod tests {
    use super::super::folder_of;
    use super::*;

    fn read(json: &str) -> Result<Listing, CohortError> {
        let folder = tempfile::tempdir().unwrap();
        lacuna_disk::write_bytes(&folder.path().join(INDEX), json.as_bytes()).unwrap();
        Msd.read(folder.path(), &LayoutOptions::default())
    }

    #[test]
    fn an_index_names_scans_classes_and_the_channel() {
        let listing = read(
            r#"{"name": "Hippocampus", "modality": {"0": "MRI"}, "labels": {"0": "background", "2": "Posterior"},
                "numTraining": 1, "training": [{"image": "./imagesTr/h_001.nii.gz", "label": "./labelsTr/h_001.nii.gz"}],
                "test": ["./imagesTs/h_002.nii.gz"]}"#,
        )
        .unwrap();
        assert_eq!(listing.channels, ["MRI"]);
        assert_eq!(listing.classes_in_file.unwrap()[&2], "Posterior");
        assert_eq!(listing.scans.len(), 1);
        assert_eq!(listing.scans[0].name, "h_001");
        assert!(listing.scans[0].label.as_ref().unwrap().ends_with("labelsTr/h_001.nii.gz"));
    }

    #[test]
    fn volumes_that_the_index_does_not_name_are_passed_over() {
        let files =
            ["imagesTr/a.nii.gz", "imagesTr/b.nii.gz", "imagesTr/c.mgz", "imagesTr/t.nii.gz", "imagesTr/notes.txt"];
        let folder = folder_of(&[&files[..], &["labelsTr/a.nii.gz", "labelsTr/b.nii", "imagesTs/d.nii"]].concat());
        let entry = r#"{"image": "./imagesTr/a.nii.gz", "label": "./labelsTr/a.nii.gz"}"#;
        let index = format!(r#"{{"training": [{entry}], "test": ["./imagesTr/t.nii.gz"]}}"#);
        lacuna_disk::write_bytes(&folder.path().join(INDEX), index.as_bytes()).unwrap();
        let listing = Msd.read(folder.path(), &LayoutOptions::default()).unwrap();
        let said: Vec<_> = listing.passed_over.iter().map(|one| one.path.file_name().unwrap().to_owned()).collect();
        assert_eq!(said, ["b.nii.gz", "c.mgz", "b.nii"], "no test image, and no folder of which nothing is named");
        assert!(listing.passed_over[0].found.contains("dataset.json does not name"));
    }

    #[track_caller]
    fn check_refused(json: &str, expected: &str) {
        let message = read(json).unwrap_err().to_string();
        assert!(message.contains(INDEX) && message.contains(expected), "{message}");
    }

    #[test]
    fn broken_json_is_refused_with_its_place() {
        check_refused("{\"training\": [", "EOF while parsing a list at line 1");
    }
    #[test]
    fn a_missing_list_is_named() {
        check_refused("{}", "missing field `training`");
    }
    #[test]
    fn a_test_entry_in_training_is_refused() {
        check_refused(r#"{"training": ["a.nii"]}"#, "invalid type: string");
    }
    #[test]
    fn several_channels_are_refused() {
        check_refused(r#"{"modality": {"0": "FLAIR", "1": "T1w"}, "training": []}"#, "found FLAIR, T1w; fix: split");
    }
    #[test]
    fn label_numbers_must_be_numbers() {
        check_refused(r#"{"labels": {"-1": "x"}, "training": []}"#, "found `-1`");
    }
    #[test]
    fn nnunet_is_recognised_and_refused() {
        check_refused(r#"{"channel_names": {"0": "MRI"}, "labels": {"background": 0}}"#, "nnU-Net's second version");
    }
    #[test]
    fn the_first_nnunet_is_called_so_whatever_its_channels() {
        let folder = tempfile::tempdir().unwrap();
        lacuna_disk::write_bytes(&folder.path().join("imagesTr/c_0000.nii.gz"), b"").unwrap();
        for modality in [r#"{"0": "T1"}"#, r#"{"0": "FLAIR", "1": "T1"}"#] {
            let training = r#"[{"image": "./imagesTr/c.nii.gz", "label": "./labelsTr/c.nii.gz"}]"#;
            let index = format!(r#"{{"modality": {modality}, "numTraining": "1", "training": {training}}}"#);
            lacuna_disk::write_bytes(&folder.path().join(INDEX), index.as_bytes()).unwrap();
            let message = Msd.read(folder.path(), &LayoutOptions::default()).unwrap_err().to_string();
            assert!(message.contains("nnU-Net's first version"), "{message}");
        }
    }
    #[test]
    fn an_index_written_on_windows_is_read() {
        let index = r#"{"training": [{"image": ".\\imagesTr\\h.nii.gz", "label": ".\\labelsTr\\h.nii.gz"}]}"#;
        let scan = read(&format!("\u{feff}{index}")).unwrap().scans.remove(0);
        assert!(scan.name == "h" && scan.images[0].ends_with("imagesTr/h.nii.gz"));
    }
    #[test]
    fn an_image_outside_is_refused() {
        check_refused(r#"{"training": [{"image": "../a.nii", "label": "a.nii"}]}"#, "`../a.nii` leads outside");
    }
    #[test]
    fn a_label_outside_is_refused() {
        check_refused(r#"{"training": [{"image": "a.nii", "label": "/etc/a.nii"}]}"#, "`/etc/a.nii` leads outside");
    }

    #[test]
    fn an_index_beyond_the_bound_is_not_read() {
        let folder = tempfile::tempdir().unwrap();
        let file = std::fs::File::create(folder.path().join(INDEX)).unwrap();
        file.set_len(INDEX_BYTES_MAX + 1).unwrap(); // sparse: takes no space
        let message = Msd.read(folder.path(), &LayoutOptions::default()).unwrap_err().to_string();
        assert!(message.contains("16777217 bytes, more than the 16777216 bytes"), "{message}");
    }
}
