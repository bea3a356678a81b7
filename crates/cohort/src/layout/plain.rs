//! `images/` and `labels/`, paired by file name.

use super::{
    CohortFacts, Layout, LayoutOptions, ListedScan, Listing, ScanFiles, ScanName, WrittenScan, names, single_channel,
};
use crate::CohortError;
use crate::error::in_words;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// Pairs of `images/NAME.nii.gz` and `labels/NAME.nii.gz`; with several channels, `images/` holds
/// a folder for each.
pub struct Plain;

impl Layout for Plain {
    fn name(&self) -> &'static str {
        "plain"
    }

    fn about(&self) -> &'static str {
        "images/NAME.nii.gz with labels/NAME.nii.gz (several channels: images/CHANNEL/NAME.nii.gz)"
    }

    fn detect(&self, path: &Path) -> bool {
        path.join("images").is_dir() && path.join("labels").is_dir()
    }

    fn read(&self, path: &Path, options: &LayoutOptions) -> Result<Listing, CohortError> {
        let (channels, images) = if names::volumes(&path.join("images"))?.is_empty() {
            channel_folders(&path.join("images"), options)?
        } else {
            one_channel(&path.join("images"), options)?
        };
        let labels = labels(path)?;
        check_pairs(path, &images, &labels)?;
        let label_of: BTreeMap<String, PathBuf> = labels.into_iter().collect();
        let scans = images
            .into_iter()
            .map(|(name, images)| ListedScan { label: label_of.get(&name).cloned(), name, subject: None, images })
            .collect();
        Ok(Listing { root: path.to_path_buf(), channels, classes_in_file: None, scans_declared: None, scans })
    }

    fn place(&self, scan: &ScanName<'_>, channels: &[String]) -> Result<ScanFiles, CohortError> {
        let file = format!("{}.nii.gz", scan.name);
        let images = match channels {
            [_] => vec![Path::new("images").join(&file)],
            _ => channels.iter().map(|channel| Path::new("images").join(channel).join(&file)).collect(),
        };
        Ok(ScanFiles { images, label: Path::new("labels").join(file), folder: None })
    }

    fn write_index(&self, _: &Path, _: &CohortFacts, _: &[WrittenScan]) -> Result<(), CohortError> {
        Ok(()) // the names are the index
    }
}

type NamedImages = Vec<(String, Vec<PathBuf>)>;

fn one_channel(images: &Path, options: &LayoutOptions) -> Result<(Vec<String>, NamedImages), CohortError> {
    let channels = single_channel(&Plain, options, "image")?;
    Ok((channels, names::volumes(images)?.into_iter().map(|(name, path)| (name, vec![path])).collect()))
}

fn channel_folders(images: &Path, options: &LayoutOptions) -> Result<(Vec<String>, NamedImages), CohortError> {
    let folders: Vec<String> = names::entries(images)?
        .into_iter()
        .filter(|entry| entry.kind == names::Kind::Folder)
        .map(|entry| entry.name)
        .collect();
    let channels = options.channels.clone().unwrap_or_else(|| folders.clone());
    if let Some(unknown) = channels.iter().find(|channel| !folders.contains(channel)) {
        return Err(CohortError::Channels {
            layout: Plain.name(),
            expected: format!("folders of images/: {}", in_words(&folders)),
            found: unknown.clone(),
            fix: "name channels by their folders".into(),
        });
    }
    let Some(first) = channels.first() else { return Ok((channels, Vec::new())) };
    let named = names::volumes(&images.join(first))?;
    // The other channels' files are taken to have the first one's names; a missing one is
    // reported by name when it is opened.
    let of_scan = |(name, path): (String, PathBuf)| {
        let file = path.file_name().unwrap_or_default().to_os_string();
        (name, channels.iter().map(|channel| images.join(channel).join(&file)).collect())
    };
    let images = named.into_iter().map(of_scan).collect();
    Ok((channels, images))
}

/// A data set without labels is whole; it can be predicted on.
fn labels(root: &Path) -> Result<Vec<(String, PathBuf)>, CohortError> {
    let folder = root.join("labels");
    if folder.is_dir() { names::volumes(&folder) } else { Ok(Vec::new()) }
}

/// A label map without an image means that the names do not match, so its image would silently
/// count as unlabelled.
fn check_pairs(root: &Path, images: &NamedImages, labels: &[(String, PathBuf)]) -> Result<(), CohortError> {
    let image_names: Vec<&String> = images.iter().map(|(name, _)| name).collect();
    let label_names: Vec<&String> = labels.iter().map(|(name, _)| name).collect();
    let alone: Vec<_> = label_names.iter().filter(|name| !image_names.contains(name)).collect();
    if alone.is_empty() {
        return Ok(());
    }
    let unlabelled = image_names.iter().filter(|name| !label_names.contains(name));
    Err(CohortError::Unpaired { root: root.to_path_buf(), labels: in_words(alone), images: in_words(unlabelled) })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn folder(files: &[&str]) -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        for file in files {
            lacuna_disk::write_bytes(&folder.path().join(file), b"").unwrap();
        }
        folder
    }

    fn read(files: &[&str], channels: Option<&[&str]>) -> Result<Listing, CohortError> {
        let channels = channels.map(|names| names.iter().map(|name| name.to_string()).collect());
        let folder = folder(files);
        Plain.read(folder.path(), &LayoutOptions { channels, ..LayoutOptions::default() })
    }

    #[test]
    fn images_and_labels_pair_up_by_name_whatever_their_extension() {
        let files = ["images/a.nii.gz", "images/b.nii", "images/._a.nii.gz", "images/notes.txt", "labels/a.nii"];
        let listing = read(&files, None).unwrap();
        let labelled: Vec<_> = listing.scans.iter().map(|scan| (scan.name.as_str(), scan.label.is_some())).collect();
        assert_eq!(labelled, [("a", true), ("b", false)]);
        assert_eq!(listing.channels, ["image"]);
    }

    #[test]
    fn the_only_channel_is_called_as_the_user_says() {
        assert_eq!(read(&["images/a.nii"], Some(&["T1"])).unwrap().channels, ["T1"]);
        let message = read(&["images/a.nii"], Some(&["T1", "T2"])).unwrap_err().to_string();
        assert!(message.contains("expected one channel, found T1, T2"), "{message}");
    }

    #[test]
    fn folders_of_images_are_channels_in_the_order_asked_for() {
        let files = ["images/T1/a.nii", "images/FLAIR/a.nii", "labels/a.nii"];
        assert_eq!(read(&files, None).unwrap().channels, ["FLAIR", "T1"]);
        let listing = read(&files, Some(&["T1", "FLAIR"])).unwrap();
        assert!(listing.scans[0].images[0].ends_with("images/T1/a.nii"));
        assert!(listing.scans[0].images[1].ends_with("images/FLAIR/a.nii"));
        let message = read(&files, Some(&["T2"])).unwrap_err().to_string();
        assert!(message.contains("images/: FLAIR, T1, found T2"), "{message}");
    }

    #[test]
    fn names_that_do_not_pair_are_an_error_with_both_sides() {
        let message = read(&["images/a_t1.nii", "labels/a.nii"], None).unwrap_err().to_string();
        assert!(message.contains("same name: a;") && message.contains("without a label map: a_t1;"), "{message}");
    }
}
