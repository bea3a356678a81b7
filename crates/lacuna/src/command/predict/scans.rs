//! Which images belong together, and what they are called.

use crate::context::Context;
use crate::error::CliError;
use lacuna_cohort::{Scan, SubjectId};
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

/// The scans that were named, and what was passed over on the way.
#[derive(Debug, Default)]
pub struct Found {
    /// Every scan, in the order of the command line, within a folder by name.
    pub scans: Vec<Scan>,
    /// Files of a folder that other programs read as volumes and lacuna does not, or not by this name.
    pub not_read: Vec<PathBuf>,
    /// Files of a folder that are label maps or probabilities of another image beside them.
    pub results: Vec<PathBuf>,
}

/// Every scan named: files in groups of as many as the network has channels, and all images of a folder but the results
/// that lie beside theirs; `suffix` is what this call puts behind the names of its label maps.
///
/// # Errors
/// Files that do not divide into groups; a folder without images, or whose names do not group them; two scans of one
/// name, whose results would be one file.
pub fn scans(images: &[PathBuf], channels: usize, suffix: &str) -> Result<Found, CliError> {
    let (folders, files): (Vec<&PathBuf>, Vec<&PathBuf>) = images.iter().partition(|path| path.is_dir());
    if !files.len().is_multiple_of(channels) {
        let found = files.len();
        let what = format!("IMAGE: expected {channels} per scan, one for each channel of the model, found {found}");
        return Err(CliError::Config { what });
    }
    let of_files = files.chunks(channels).map(|images| named(images.iter().map(|path| path.to_path_buf()).collect()));
    let mut found = Found { scans: of_files.collect(), ..Found::default() };
    for folder in folders {
        of_folder(folder, channels, suffix, &mut found)?;
    }
    as_cases(&mut found.scans);
    check_names(&found.scans)?;
    Ok(found)
}

/// # Errors
/// Two scans of one name.
fn check_names(scans: &[Scan]) -> Result<(), CliError> {
    let mut named: BTreeMap<&str, &Scan> = BTreeMap::new();
    for scan in scans {
        if let Some(other) = named.insert(&scan.name, scan) {
            let (one, two) = (other.images[0].display(), scan.images[0].display());
            let what = format!(
                "IMAGE: expected scans of different names, since results are named by them, found two that are called `{}`: \
                 {one} and {two}; fix: predict them by two calls with different folders for --out",
                scan.name
            );
            return Err(CliError::Config { what });
        }
    }
    Ok(())
}

fn scan(name: String, images: Vec<PathBuf>) -> Scan {
    Scan { subject: subject(&name), name, images, label: None }
}

/// The images of one scan under its name: that of nnU-Net's case where all of several channels are numbered, else the
/// first file's.
fn named(images: Vec<PathBuf>) -> Scan {
    let first = stem(&images[0]);
    let case = first.strip_suffix(FIRST_CHANNEL).unwrap_or(&first);
    let is_numbered = |(channel, image): (usize, &PathBuf)| stem(image) == format!("{case}_{channel:04}");
    let is_case = images.len() > 1 && images.iter().enumerate().all(is_numbered);
    scan(if is_case { case } else { &first }.to_string(), images)
}

/// Take nnU-Net's channel number off scans of one channel. Only where every scan has it: among `scan_0000` and
/// `scan_0001` the number tells scans apart.
fn as_cases(scans: &mut [Scan]) {
    let case = |scan: &Scan| scan.name.strip_suffix(FIRST_CHANNEL).filter(|case| !case.is_empty()).map(str::to_string);
    if scans.iter().all(|scan| scan.images.len() == 1 && case(scan).is_some()) {
        scans.iter_mut().for_each(|one| *one = scan(case(one).unwrap_or_default(), std::mem::take(&mut one.images)));
    }
}

/// How nnU-Net ends the name of a scan's first channel.
const FIRST_CHANNEL: &str = "_0000";

/// A folder's images by name; the channels of one scan are recognised by nnU-Net's `_0000` at the end.
fn of_folder(folder: &Path, channels: usize, suffix: &str, found: &mut Found) -> Result<(), CliError> {
    let Listed { images, others } = listed(folder)?;
    let stems: BTreeSet<String> = images.iter().map(|image| stem(image)).collect();
    let (results, images): (Vec<PathBuf>, Vec<PathBuf>) =
        images.into_iter().partition(|image| is_result(&stem(image), &stems, suffix));
    if images.is_empty() {
        let what = format!(
            "{}: expected images, found no .nii or .nii.gz{}; fix: name another folder, or the files one by one",
            folder.display(),
            if others.is_empty() { String::new() } else { format!(", but {}", file_names(&others)) }
        );
        return Err(CliError::Data { what });
    }
    found.not_read.extend(others);
    found.results.extend(results);
    if channels == 1 {
        found.scans.extend(images.into_iter().map(|image| scan(stem(&image), vec![image])));
    } else {
        for images in images.chunks(channels) {
            found.scans.push(of_channels(folder, images, channels)?);
        }
    }
    Ok(())
}

/// What lies in the folders and is not segmented.
pub fn note_passed_over(not_read: &[PathBuf], results: &[PathBuf], context: &Context) {
    for (files, about) in [
        (not_read, "not read: images are .nii or .nii.gz, alone and not packed again"),
        (results, "passed over: label maps or results of an earlier prediction beside their image"),
    ] {
        if !files.is_empty() {
            context.note(&format!("note: {} files are {about}: {}", files.len(), file_names(files)));
        }
    }
}

/// Names of files in one line, the first few of many.
fn file_names(files: &[PathBuf]) -> String {
    const SHOWN: usize = 5;
    let name = |path: &PathBuf| path.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let shown = files.iter().take(SHOWN).map(name).collect::<Vec<_>>().join(", ");
    if files.len() > SHOWN { format!("{shown} and {} more", files.len() - SHOWN) } else { shown }
}

/// Whether a name is that of a label map or of probabilities of an image beside it: as a prediction writes them, or a
/// label map as data sets have it.
fn is_result(stem: &str, stems: &BTreeSet<String>, suffix: &str) -> bool {
    let is_number = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    let of_probability = |(image, class): (&str, &str)| is_number(class).then(|| image.to_string());
    let is_beside = |image: &str| stems.contains(image) || stems.contains(&format!("{image}{FIRST_CHANNEL}"));
    let own = Some(suffix).filter(|suffix| !suffix.is_empty());
    let mut labels = [Some(LABELS), Some("_seg"), Some("-seg"), own]
        .into_iter()
        .flatten()
        .filter_map(|suffix| stem.strip_suffix(suffix));
    if labels.any(is_beside) {
        return true;
    }
    let image = stem.rsplit_once(PROBABILITY).and_then(of_probability);
    image.is_some_and(|image| is_beside(&image))
}

/// What a label map's name has behind that of its scan, if nothing else is asked for.
pub const LABELS: &str = "_labels";

/// What a probability's name has behind that of its scan, before the class number.
pub const PROBABILITY: &str = "_probability-";

fn of_channels(folder: &Path, images: &[PathBuf], channels: usize) -> Result<Scan, CliError> {
    let first = stem(&images[0]);
    let one = named(images.to_vec());
    if images.len() == channels && first.strip_suffix(FIRST_CHANNEL) == Some(&one.name) {
        return Ok(one);
    }
    let what = format!(
        "{}: expected {channels} images of each scan, NAME_0000 to NAME_{:04}, found `{first}` without its others; \
         fix: name the images one by one in the model's order of channels",
        folder.display(),
        channels - 1
    );
    Err(CliError::Data { what })
}

/// What lies in a folder, by name.
struct Listed {
    images: Vec<PathBuf>,
    /// Volumes of other formats or under other names.
    others: Vec<PathBuf>,
}

/// How other programs' volumes end, and packed ones.
const OTHER_VOLUMES: &[&str] = &[
    ".hdr", ".img", ".img.gz", ".gz", ".zip", ".bz2", ".xz", ".zst", ".mgh", ".mgz", ".nrrd", ".nhdr", ".mha", ".mhd",
    ".dcm", ".ima", ".mnc", ".par", ".rec", ".mif", ".head", ".brik", ".nia", ".npy", ".npz",
];

fn listed(folder: &Path) -> Result<Listed, CliError> {
    let refused = |error: std::io::Error| CliError::Data { what: format!("{}: {error}", folder.display()) };
    let mut listed = Listed { images: Vec::new(), others: Vec::new() };
    for entry in std::fs::read_dir(folder).map_err(refused)? {
        let path = entry.map_err(refused)?.path();
        let name = path.file_name().unwrap_or_default().to_string_lossy().to_ascii_lowercase();
        // Archives made on a Mac are full of `._scan.nii.gz` that are no volumes.
        if name.starts_with('.') || !path.is_file() {
            continue;
        }
        if ENDINGS.iter().any(|ending| name.ends_with(ending)) {
            listed.images.push(path);
        } else if OTHER_VOLUMES.iter().any(|ending| name.ends_with(ending)) {
            listed.others.push(path);
        }
    }
    listed.images.sort();
    listed.others.sort();
    Ok(listed)
}

/// How images end, in small or capital letters.
const ENDINGS: [&str; 2] = [".nii.gz", ".nii"];

/// A file's name without `.nii` or `.nii.gz`.
fn stem(path: &Path) -> String {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let lower = name.to_ascii_lowercase();
    let ending = ENDINGS.iter().find(|ending| lower.ends_with(*ending));
    name[..name.len() - ending.map_or(0, |ending| ending.len())].to_string()
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
        let found = scans(&[folder.path().to_path_buf()], channels, LABELS).map_err(|error| error.to_string())?;
        Ok(found.scans.into_iter().map(|scan| (scan.name, scan.images.len())).collect())
    }

    #[test]
    fn results_beside_their_images_are_no_images() {
        let folder = tempfile::tempdir().unwrap();
        let files =
            ["a.nii.gz", "a_labels.nii.gz", "a_labels_labels.nii.gz", "a_probability-0.nii.gz", "b_labels.nii.gz"];
        files.iter().for_each(|file| std::fs::write(folder.path().join(file), b"").unwrap());
        let found = scans(&[folder.path().to_path_buf()], 1, LABELS).unwrap();
        // There is no image `b`, so `b_labels` is one.
        assert_eq!(found.scans.iter().map(|scan| scan.name.as_str()).collect::<Vec<_>>(), ["a", "b_labels"]);
        assert_eq!(found.results.len(), 3);
        assert_eq!(
            names(&["a.nii", "a_seg.nii", "b-seg.nii"], 1).unwrap().len(),
            2,
            "a map beside its image, and an image"
        );
        let two = names(&["a_0000.nii.gz", "a_0001.nii.gz", "a_labels.nii.gz", "a_probability-1.nii.gz"], 2).unwrap();
        assert_eq!(two, [("a".to_string(), 2)]);
        // A class without a number, and a name that only looks like it.
        assert_eq!(names(&["a.nii", "a_probability-x.nii", "labels.nii"], 1).unwrap().len(), 3);
    }

    #[test]
    fn volumes_that_are_not_read_are_named_and_capital_endings_are_read() {
        let folder = tempfile::tempdir().unwrap();
        for file in ["a.nii.gz", "C.NII.GZ", "d.Nii", "p.hdr", "p.img", "s.nii.gz.gz", "m.mgz", "notes.txt", "a.json"] {
            std::fs::write(folder.path().join(file), b"").unwrap();
        }
        let found = scans(&[folder.path().to_path_buf()], 1, LABELS).unwrap();
        assert_eq!(found.scans.iter().map(|scan| scan.name.as_str()).collect::<Vec<_>>(), ["C", "a", "d"]);
        assert_eq!(file_names(&found.not_read), "m.mgz, p.hdr, p.img, s.nii.gz.gz");
        let refused = names(&["p.hdr", "p.img"], 1).unwrap_err();
        assert!(refused.contains("but p.hdr, p.img"), "{refused}");
    }

    #[test]
    fn two_scans_of_one_name_are_named_with_both_files() {
        for (one, two) in [("a/T1.nii.gz", "b/T1.nii.gz"), ("a/T1.nii", "a/T1.nii.gz"), ("a/T1.nii", "a/T1.NII")] {
            let refused = scans(&[one.into(), two.into()], 1, LABELS).unwrap_err().to_string();
            assert!(["`T1`", one, two, "--out"].iter().all(|word| refused.contains(word)), "{refused}");
        }
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

    #[test]
    fn cases_of_nnunet_are_called_as_it_calls_them_in_a_folder_and_one_by_one() {
        let of =
            |names: &[(&str, usize)]| names.iter().map(|(name, count)| (name.to_string(), *count)).collect::<Vec<_>>();
        assert_eq!(names(&["a_0000.nii.gz", "b_0000.nii"], 1).unwrap(), of(&[("a", 1), ("b", 1)]));
        // Here the numbers are what tells the scans apart.
        assert_eq!(names(&["s_0000.nii", "s_0001.nii"], 1).unwrap(), of(&[("s_0000", 1), ("s_0001", 1)]));
        assert_eq!(names(&["a_0000.nii", "b.nii"], 1).unwrap(), of(&[("a_0000", 1), ("b", 1)]));
        assert_eq!(names(&["_0000.nii"], 1).unwrap(), of(&[("_0000", 1)]));
        let files = |files: &[&str], channels| {
            let files: Vec<PathBuf> = files.iter().map(PathBuf::from).collect();
            scans(&files, channels, LABELS).unwrap().scans.into_iter().map(|scan| scan.name).collect::<Vec<_>>()
        };
        assert_eq!(files(&["x/a_0000.nii.gz"], 1), ["a"]);
        assert_eq!(files(&["a_0000.nii", "a_0001.nii"], 2), ["a"]);
        assert_eq!(files(&["a_0001.nii", "a_0000.nii"], 2), ["a_0001"], "not in nnU-Net's order");
        assert_eq!(files(&["a_0000.nii", "b_0001.nii"], 2), ["a_0000"]);
    }

    #[test]
    fn a_label_map_under_the_ending_asked_for_is_a_result() {
        let stems = ["a", "b_0000", "a_dseg", "b_dseg", "c_dseg"].map(str::to_string).into();
        let found = |suffix| ["a_dseg", "b_dseg", "c_dseg", "a"].map(|stem| is_result(stem, &stems, suffix));
        assert_eq!(found("_dseg"), [true, true, false, false]);
        assert_eq!([found(LABELS), found("")], [[false; 4]; 2]);
    }
}
