//! Which images belong together, and what they are called.

use crate::error::CliError;
use lacuna_cohort::{Scan, SubjectId};
use std::path::{Path, PathBuf};

/// Every scan named: files in groups of as many as the network has channels, and all of a folder.
///
/// # Errors
/// Files that do not divide into groups; a folder without images, or whose names do not group them.
pub fn scans(images: &[PathBuf], channels: usize) -> Result<Vec<Scan>, CliError> {
    let (folders, files): (Vec<&PathBuf>, Vec<&PathBuf>) = images.iter().partition(|path| path.is_dir());
    if !files.len().is_multiple_of(channels) {
        let found = files.len();
        let what = format!("IMAGE: expected {channels} per scan, one for each channel of the model, found {found}");
        return Err(CliError::Config { what });
    }
    let mut scans: Vec<Scan> = files
        .chunks(channels)
        .map(|images| scan(stem(images[0]), images.iter().map(|path| path.to_path_buf()).collect()))
        .collect();
    for folder in folders {
        scans.extend(of_folder(folder, channels)?);
    }
    Ok(scans)
}

fn scan(name: String, images: Vec<PathBuf>) -> Scan {
    Scan { subject: subject(&name), name, images, label: None }
}

/// A folder's images by name; those of several channels are told apart by nnU-Net's `_0000` at the end.
fn of_folder(folder: &Path, channels: usize) -> Result<Vec<Scan>, CliError> {
    let images = images_in(folder)?;
    if images.is_empty() {
        let what = format!("{}: expected images, found no .nii or .nii.gz; fix: name another folder", folder.display());
        return Err(CliError::Data { what });
    }
    if channels == 1 {
        return Ok(images.into_iter().map(|image| scan(stem(&image), vec![image])).collect());
    }
    images.chunks(channels).map(|images| of_channels(folder, images, channels)).collect()
}

fn of_channels(folder: &Path, images: &[PathBuf], channels: usize) -> Result<Scan, CliError> {
    let first = stem(&images[0]);
    let case = first.strip_suffix("_0000").unwrap_or(&first);
    let whole = images.len() == channels
        && images.iter().enumerate().all(|(channel, image)| stem(image) == format!("{case}_{channel:04}"));
    if whole {
        return Ok(scan(case.to_string(), images.to_vec()));
    }
    let what = format!(
        "{}: expected {channels} images of each scan, NAME_0000 to NAME_{:04}, found `{first}` without its others; \
         fix: name the images one by one in the model's order of channels",
        folder.display(),
        channels - 1
    );
    Err(CliError::Data { what })
}

fn images_in(folder: &Path) -> Result<Vec<PathBuf>, CliError> {
    let refused = |error: std::io::Error| CliError::Data { what: format!("{}: {error}", folder.display()) };
    let mut images = Vec::new();
    for entry in std::fs::read_dir(folder).map_err(refused)? {
        let path = entry.map_err(refused)?.path();
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        // Archives made on a Mac are full of `._scan.nii.gz` that are no volumes.
        if !name.starts_with('.') && (name.ends_with(".nii") || name.ends_with(".nii.gz")) && path.is_file() {
            images.push(path);
        }
    }
    images.sort();
    Ok(images)
}

/// A file's name without `.nii` or `.nii.gz`.
fn stem(path: &Path) -> String {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let stem = name.strip_suffix(".nii.gz").or_else(|| name.strip_suffix(".nii"));
    stem.unwrap_or(&name).to_string()
}

/// The id under which the scan draws its noise: the one it has where each scan is a person.
fn subject(name: &str) -> SubjectId {
    let fit = |letter: char| if letter.is_ascii_alphanumeric() || letter == '-' { letter } else { '_' };
    let id: String = name.chars().map(fit).take(64).collect();
    SubjectId::new(if id.is_empty() { "_".to_string() } else { id }).expect("only letters that an id may have are left")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn any_file_name_gives_an_id_and_a_good_one_stays() {
        assert_eq!(subject(&stem(Path::new("a/sub-01.nii.gz"))).as_str(), "sub-01");
        assert_eq!(subject(&stem(Path::new("müller v1.2.nii"))).as_str(), "m_ller_v1_2");
        assert_eq!(subject("").as_str(), "_");
        assert_eq!(subject(&"x".repeat(100)).as_str().len(), 64);
    }

    fn names(files: &[&str], channels: usize) -> Result<Vec<(String, usize)>, String> {
        let folder = tempfile::tempdir().unwrap();
        for file in files {
            std::fs::write(folder.path().join(file), b"").unwrap();
        }
        let found = scans(&[folder.path().to_path_buf()], channels).map_err(|error| error.to_string())?;
        Ok(found.into_iter().map(|scan| (scan.name, scan.images.len())).collect())
    }

    #[test]
    fn a_folder_is_all_its_images_by_name() {
        let found = names(&["b.nii.gz", "a.nii", "._a.nii", "notes.txt"], 1).unwrap();
        assert_eq!(found, [("a".to_string(), 1), ("b".to_string(), 1)]);
        assert!(names(&["notes.txt"], 1).unwrap_err().contains("found no .nii"));
    }

    #[test]
    fn channels_in_a_folder_are_told_by_their_numbers() {
        let found = names(&["a_0001.nii.gz", "a_0000.nii.gz", "b_0000.nii.gz", "b_0001.nii.gz"], 2).unwrap();
        assert_eq!(found, [("a".to_string(), 2), ("b".to_string(), 2)]);
        for files in [&["a_0000.nii.gz", "b_0000.nii.gz"][..], &["a_0000.nii"], &["a-t1.nii", "a-t2.nii"]] {
            assert!(names(files, 2).unwrap_err().contains("one by one"), "{files:?}");
        }
    }
}
