//! MRBrainS18: a folder per subject with `segm.nii.gz` and the images under `pre/`.

use super::volumes::{PassedOver, volume_at};
use super::{CohortFacts, Layout, LayoutOptions, ListedScan, Listing, ScanFiles, ScanName, WrittenScan, names};
use crate::CohortError;
use crate::error::in_words;
use std::path::{Path, PathBuf};

/// Folders that hold `segm.nii.gz`, possibly some folders down, each a subject's scan.
///
/// `pre/reg_T1`, `pre/reg_IR` and `pre/FLAIR` share the label map's grid and are the channels;
/// reg_T1 alone is read unless others are asked for. `pre/T1` and `pre/IR` lie on grids of their
/// own and cannot be used.
///
/// Source: Kuijf et al., "MR Brain Segmentation Challenge 2018 Data", DataverseNL,
/// doi:10.34894/E0U32Q.
pub struct Mrbrains;

/// The label map's name without its ending.
const LABEL: &str = "segm";
/// The folder of images within a subject's.
const IMAGES: &str = "pre";
const CHANNELS: [&str; 3] = ["reg_T1", "reg_IR", "FLAIR"];

/// How far below the given folder subjects are looked for. The releases nest at most two deep
/// (`training/<subject>/<subject>`); one more for the folder they were unpacked into.
const DEPTH_MAX: usize = 4;

impl Layout for Mrbrains {
    fn name(&self) -> &'static str {
        "mrbrains"
    }

    fn about(&self) -> &'static str {
        "folders that hold segm.nii.gz and pre/{reg_T1,reg_IR,FLAIR}.nii.gz"
    }

    fn detect(&self, path: &Path) -> bool {
        subject_folders(path).is_ok_and(|folders| !folders.is_empty())
    }

    fn read(&self, path: &Path, options: &LayoutOptions) -> Result<Listing, CohortError> {
        let channels = channels(options)?;
        let folders = subject_folders(path)?;
        let scans = folders.iter().zip(scan_names(path, &folders)).map(|(folder, name)| {
            let images = channels.iter().map(|channel| volume_at(&folder.join(IMAGES), channel));
            let images = images.collect::<Result<_, _>>()?;
            Ok(ListedScan { name, subject: None, images, label: Some(volume_at(folder, LABEL)?) })
        });
        let fix = "add the label map as segm.nii.gz, or predict on the images by their names";
        let without_labels = unlabelled(path, DEPTH_MAX)?;
        let passed_over =
            without_labels.iter().map(|folder| PassedOver::new(folder, "a folder without segm.nii.gz", fix));
        Ok(Listing {
            passed_over: passed_over.collect(),
            scans: scans.collect::<Result<_, CohortError>>()?,
            root: path.to_path_buf(),
            classes_in_file: None,
            scans_declared: None,
            channels,
        })
    }

    fn scan_files(&self, scan: &ScanName<'_>, channels: &[String]) -> Result<ScanFiles, CohortError> {
        let folder = Path::new(scan.name);
        let images = channels.iter().map(|channel| Ok(image(folder, name_here(channel)?)));
        Ok(ScanFiles { images: images.collect::<Result<_, CohortError>>()?, label: label(folder), folder: None })
    }

    fn write_index(&self, _: &Path, _: &CohortFacts, _: &[WrittenScan]) -> Result<(), CohortError> {
        Ok(()) // the folders are the index
    }
}

fn image(folder: &Path, channel: &str) -> PathBuf {
    folder.join(IMAGES).join(format!("{channel}.nii.gz"))
}

fn label(folder: &Path) -> PathBuf {
    folder.join(format!("{LABEL}.nii.gz"))
}

fn holds_label(folder: &Path) -> bool {
    volume_at(folder, LABEL).map_or(true, |path| path.is_file())
}

fn channels(options: &LayoutOptions) -> Result<Vec<String>, CohortError> {
    match &options.channels {
        None => Ok(vec![CHANNELS[0].to_string()]),
        Some(names) if names.iter().all(|name| CHANNELS.contains(&name.as_str())) => Ok(names.clone()),
        Some(names) => Err(unknown(in_words(names))),
    }
}

/// The file's name of a channel being written: T1 and IR share the label map's grid by the time
/// they are written here, which is what `reg_` stands for.
fn name_here(channel: &str) -> Result<&'static str, CohortError> {
    match channel {
        "T1" | "T1w" => Ok("reg_T1"),
        "IR" | "acq-IR_T1w" => Ok("reg_IR"),
        _ => CHANNELS.into_iter().find(|name| *name == channel).ok_or_else(|| unknown(channel.to_string())),
    }
}

fn unknown(found: String) -> CohortError {
    CohortError::Channels {
        layout: Mrbrains.name(),
        expected: format!("some of {}", CHANNELS.join(", ")),
        found,
        fix: "name the channels so, in the order wanted".into(),
    }
}

fn subject_folders(root: &Path) -> Result<Vec<PathBuf>, CohortError> {
    let mut found = Vec::new();
    collect(root, DEPTH_MAX, &mut found)?;
    Ok(found)
}

fn collect(folder: &Path, depth: usize, found: &mut Vec<PathBuf>) -> Result<(), CohortError> {
    if holds_label(folder) {
        found.push(folder.to_path_buf());
        return Ok(());
    }
    if depth == 0 {
        return Ok(());
    }
    let folders = names::entries(folder)?.into_iter().filter(|entry| entry.kind == names::Kind::Folder);
    for entry in folders {
        collect(&entry.path, depth - 1, found)?;
    }
    Ok(())
}

/// Folders with images and no label map.
fn unlabelled(folder: &Path, depth: usize) -> Result<Vec<PathBuf>, CohortError> {
    if holds_label(folder) || depth == 0 {
        return Ok(Vec::new());
    }
    let mut found = Vec::new();
    for entry in names::entries(folder)?.into_iter().filter(|entry| entry.kind == names::Kind::Folder) {
        match entry.name == IMAGES {
            true => found.push(folder.to_path_buf()),
            false => found.extend(unlabelled(&entry.path, depth - 1)?),
        }
    }
    Ok(found)
}

/// Names from the folders below the root; a root that is itself a subject's folder gives its own.
fn scan_names(root: &Path, folders: &[PathBuf]) -> Vec<String> {
    let below: Vec<PathBuf> = folders
        .iter()
        .map(|folder| match folder.strip_prefix(root) {
            Ok(below) if !below.as_os_str().is_empty() => below.to_path_buf(),
            _ => PathBuf::from(folder.file_name().unwrap_or_default()),
        })
        .collect();
    names::distinct_names(&below)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(folders: &[&str], channels: Option<&[&str]>) -> Result<Listing, CohortError> {
        let root = tempfile::tempdir().unwrap();
        for folder in folders {
            lacuna_disk::write_bytes(&label(&root.path().join(folder)), b"").unwrap();
        }
        let channels = channels.map(|names| names.iter().map(|name| name.to_string()).collect());
        assert!(Mrbrains.detect(root.path()));
        Mrbrains.read(root.path(), &LayoutOptions { channels, ..LayoutOptions::default() })
    }

    fn names_of(listing: &Listing) -> Vec<&str> {
        listing.scans.iter().map(|scan| scan.name.as_str()).collect()
    }

    #[test]
    fn subjects_are_found_at_every_depth() {
        assert_eq!(names_of(&read(&["1", "070"], None).unwrap()), ["070", "1"]);
        assert_eq!(names_of(&read(&["training/1", "training/x/148"], None).unwrap()), ["1", "148"]);
        assert_eq!(names_of(&read(&["1/data", "4/data"], None).unwrap()), ["1-data", "4-data"]);
    }

    #[test]
    fn one_channel_is_read_unless_more_are_asked_for() {
        assert_eq!(read(&["1"], None).unwrap().channels, ["reg_T1"]);
        let listing = read(&["1"], Some(&["FLAIR", "reg_T1"])).unwrap();
        assert!(listing.scans[0].images[0].ends_with("1/pre/FLAIR.nii.gz"));
        assert!(listing.scans[0].images[1].ends_with("1/pre/reg_T1.nii.gz"));
    }

    #[test]
    fn endings_may_differ_and_a_folder_without_labels_is_said() {
        let root = tempfile::tempdir().unwrap();
        for file in ["1/segm.nii", "1/pre/reg_T1.NII.GZ", "7/pre/reg_T1.nii.gz"] {
            lacuna_disk::write_bytes(&root.path().join(file), b"").unwrap();
        }
        let listing = Mrbrains.read(root.path(), &LayoutOptions::default()).unwrap();
        assert!(listing.scans.len() == 1 && listing.scans[0].images[0].ends_with("1/pre/reg_T1.NII.GZ"));
        assert_eq!(listing.passed_over.iter().map(|one| &one.path).collect::<Vec<_>>(), [&root.path().join("7")]);
        lacuna_disk::write_bytes(&root.path().join("1/segm.nii.gz"), b"").unwrap();
        let message = Mrbrains.read(root.path(), &LayoutOptions::default()).unwrap_err().to_string();
        assert!(message.contains("`segm` occurs twice"), "{message}");
    }

    #[test]
    fn channels_on_other_grids_are_refused() {
        let error = read(&["1"], Some(&["T1"])).unwrap_err();
        assert!(error.to_string().contains("some of reg_T1, reg_IR, FLAIR, found T1"), "{error}");
        assert!(error.is_config());
    }

    #[test]
    fn channels_being_written_take_the_names_of_this_layout() {
        let channels = ["T1", "IR", "FLAIR"].map(String::from);
        let subject = crate::SubjectId::new("s1").unwrap();
        let scan = ScanName { subject: &subject, name: "s1" };
        let files = Mrbrains.scan_files(&scan, &channels).unwrap();
        assert_eq!(files.images[1], Path::new("s1/pre/reg_IR.nii.gz"));
        assert!(Mrbrains.scan_files(&scan, &["CT".to_string()]).is_err());
    }
}
