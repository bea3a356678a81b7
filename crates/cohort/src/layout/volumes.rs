//! The volumes of a folder, and what in it may be taken for one and is not read.

use super::dicom;
use super::names::{self, Entry, Kind, volume_stem};
use crate::CohortError;
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

/// A file or folder of a data set that is not read, though it may hold a scan.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PassedOver {
    /// The file or folder.
    pub path: PathBuf,
    /// The kind of file that was found.
    pub found: String,
    /// What to do about it.
    pub fix: String,
}

impl PassedOver {
    pub(crate) fn new(path: &Path, found: impl Into<String>, fix: impl Into<String>) -> PassedOver {
        PassedOver { path: path.to_path_buf(), found: found.into(), fix: fix.into() }
    }
}

/// What a folder holds.
#[derive(Default)]
pub(super) struct Volumes {
    /// By name without the ending, in order; each name once.
    pub named: Vec<(String, PathBuf)>,
    /// What is not read.
    pub passed_over: Vec<PassedOver>,
}

/// The volumes in a folder.
///
/// # Errors
/// A folder that cannot be listed, one name with two endings, since nothing says which is meant, and a segmentation in
/// DICOM, without which scans would count as unlabelled.
pub(super) fn volumes(folder: &Path) -> Result<Volumes, CohortError> {
    let files = files(folder)?;
    let mut found = Volumes::default();
    for file in &files {
        match volume_stem(&file.name) {
            Some(stem) => found.named.push((stem.to_string(), file.path.clone())),
            None => match other(file, &files) {
                Some(Other { passed_over, is_segmentation: true }) => {
                    let PassedOver { path, found, fix } = passed_over;
                    return Err(CohortError::format(&path, "file", "NIfTI volumes", found, &fix));
                }
                other => found.passed_over.extend(other.map(|other| other.passed_over)),
            },
        }
    }
    found.named.sort();
    match found.named.windows(2).find(|pair| pair[0].0 == pair[1].0) {
        Some([first, second]) => Err(twice(folder, first, second)),
        _ => Ok(found),
    }
}

/// The one volume of this name in a folder, whatever its ending; where there is none, the path at which it would lie,
/// so that it is reported as missing.
///
/// # Errors
/// Two files of the name.
pub(super) fn volume_at(folder: &Path, name: &str) -> Result<PathBuf, CohortError> {
    let absent = folder.join(format!("{name}.nii.gz"));
    let entries = if folder.is_dir() { names::entries(folder)? } else { Vec::new() };
    let mut found = entries.into_iter().filter(|entry| volume_stem(&entry.name) == Some(name)).map(|entry| entry.path);
    match (found.next(), found.next()) {
        (Some(first), Some(second)) => Err(twice(folder, &(name.to_string(), first), &(name.to_string(), second))),
        (first, _) => Ok(first.unwrap_or(absent)),
    }
}

fn twice(folder: &Path, (name, first): &(String, PathBuf), (_, second): &(String, PathBuf)) -> CohortError {
    let file = |path: &Path| path.file_name().unwrap_or_default().to_string_lossy().into_owned();
    CohortError::TwoFiles { folder: folder.to_path_buf(), scan: name.clone(), first: file(first), second: file(second) }
}

/// Endings of volumes that are not read, and what they are.
const OTHER_FORMATS: [(&str, &str, &str); 18] = [
    (".nii.gz.gz", "a volume compressed twice", "decompress it once: gunzip leaves a name that ends in .nii.gz"),
    (".nii.bz2", "a NIfTI volume compressed by bzip2", COMPRESS),
    (".nii.xz", "a NIfTI volume compressed by xz", COMPRESS),
    (".nii.zst", "a NIfTI volume compressed by zstd", COMPRESS),
    (".nii.zip", "a NIfTI volume in a zip archive", COMPRESS),
    (".nii.z", "a NIfTI volume compressed by compress", COMPRESS),
    (".mgz", "a FreeSurfer volume", "convert it to .nii.gz, for example with mri_convert"),
    (".mgh", "a FreeSurfer volume", "convert it to .nii.gz, for example with mri_convert"),
    (".nrrd", "an NRRD volume", CONVERT),
    (".nhdr", "an NRRD volume", CONVERT),
    (".mha", "a MetaImage volume", CONVERT),
    (".mhd", "a MetaImage volume", CONVERT),
    (".mnc", "a MINC volume", CONVERT),
    (".mif", "an MRtrix volume", "convert it to .nii.gz, for example with mrconvert"),
    (".mif.gz", "an MRtrix volume", "convert it to .nii.gz, for example with mrconvert"),
    (".hdr.gz", "half of a .hdr/.img pair", PAIR),
    (".img.gz", "half of a .hdr/.img pair", PAIR),
    (".brik", "an AFNI volume", "convert it to .nii.gz, for example with 3dAFNItoNIFTI"),
];
const COMPRESS: &str = "decompress it, so that the name ends in .nii, or compress it with gzip";
const CONVERT: &str = "convert it to .nii.gz, for example with SimpleITK: WriteImage(ReadImage(FILE), \"NAME.nii.gz\")";
const PAIR: &str =
    "convert the pair to one .nii.gz file, for example with nibabel: nib.save(nib.load(\"NAME.img\"), \"NAME.nii.gz\")";

/// A file without a NIfTI ending that may be a volume.
struct Other {
    passed_over: PassedOver,
    /// Whether it is a segmentation in DICOM.
    is_segmentation: bool,
}

/// What a file without a NIfTI ending is, if it may be a volume.
fn other(file: &Entry, files: &[Entry]) -> Option<Other> {
    let lower = file.name.to_ascii_lowercase();
    let of = |found: &str, fix: &str| {
        Some(Other { passed_over: PassedOver::new(&file.path, found, fix), is_segmentation: false })
    };
    if let Some((_, found, fix)) = OTHER_FORMATS.iter().find(|(ending, _, _)| lower.ends_with(ending)) {
        return of(found, fix);
    }
    let is_here = |name: &str| files.iter().any(|other| other.name.to_ascii_lowercase() == name);
    match lower.rsplit_once('.') {
        Some((_, "hdr")) => of("half of a .hdr/.img pair", PAIR),
        // Its header was reported already.
        Some((stem, "img")) if is_here(&format!("{stem}.hdr")) => None,
        Some((_, "img")) => of("half of a .hdr/.img pair without its .hdr", PAIR),
        Some((_, "dcm" | "ima")) | None => {
            let kind = dicom::kind_of(&file.path)?;
            Some(Other { is_segmentation: kind.is_segmentation(), ..of(kind.in_words(), kind.fix())? })
        }
        _ => None,
    }
}

/// What lies in the folders of the files that an index names, may be a volume, and is not named.
///
/// # Errors
/// A folder that cannot be listed.
pub(super) fn unnamed(index: &Path, named: &[PathBuf]) -> Result<Vec<PassedOver>, CohortError> {
    let named: BTreeSet<&Path> = named.iter().map(PathBuf::as_path).collect();
    let folders: BTreeSet<&Path> = named.iter().filter_map(|path| path.parent()).collect();
    let index = index.file_name().unwrap_or_default().to_string_lossy();
    let (what, fix) =
        (format!("a volume that {index} does not name"), format!("name it in {index}, or move it elsewhere"));
    let mut found = Vec::new();
    for folder in folders.into_iter().filter(|folder| folder.is_dir()) {
        let files = files(folder)?;
        let unnamed = files.iter().filter(|file| !named.contains(file.path.as_path()));
        found.extend(unnamed.filter_map(|file| match volume_stem(&file.name) {
            Some(_) => Some(PassedOver::new(&file.path, what.clone(), fix.clone())),
            None => other(file, &files).map(|other| other.passed_over),
        }));
    }
    Ok(found)
}

fn files(folder: &Path) -> Result<Vec<Entry>, CohortError> {
    Ok(names::entries(folder)?.into_iter().filter(|entry| entry.kind == Kind::File).collect())
}

#[cfg(test)]
mod tests {
    use super::super::folder_of as folder;
    use super::*;

    #[test]
    fn the_case_of_an_ending_does_not_matter() {
        let found = volumes(folder(&["a.NII.GZ", "b.Nii", "c.nii.gz", "notes.txt"]).path()).unwrap();
        assert_eq!(found.named.iter().map(|(name, _)| name.as_str()).collect::<Vec<_>>(), ["a", "b", "c"]);
        assert_eq!(found.passed_over, []);
    }

    #[test]
    fn one_name_with_two_endings_is_refused_with_both() {
        for second in ["a.nii", "a.NII.GZ"] {
            let folder = folder(&["a.nii.gz", second]);
            for message in [
                volumes(folder.path()).err().unwrap().to_string(),
                volume_at(folder.path(), "a").unwrap_err().to_string(),
            ] {
                assert!(message.contains("the scan `a` occurs twice, as a.") && message.contains(second), "{message}");
            }
        }
    }

    #[test]
    fn every_other_format_is_said_with_a_fix_and_a_pair_once() {
        for (ending, found, fix) in OTHER_FORMATS {
            let said = volumes(folder(&[&format!("a{}", ending.to_ascii_uppercase())]).path()).unwrap().passed_over;
            assert_eq!((said.len(), said[0].found.as_str(), said[0].fix.as_str()), (1, found, fix), "{ending}");
        }
        for (files, count) in
            [(&["a.hdr", "a.img"][..], 1), (&["a.img"], 1), (&["a.hdr"], 1), (&["a.txt", "b.json"], 0)]
        {
            assert_eq!(volumes(folder(files).path()).unwrap().passed_over.len(), count, "{files:?}");
        }
    }

    #[test]
    fn a_volume_is_found_by_name_and_a_missing_one_has_a_path() {
        let folder = folder(&["t1.NII"]);
        assert!(volume_at(folder.path(), "t1").unwrap().ends_with("t1.NII"));
        assert!(volume_at(folder.path(), "t2").unwrap().ends_with("t2.nii.gz"));
        assert!(volume_at(&folder.path().join("gone"), "t2").unwrap().ends_with("gone/t2.nii.gz"));
    }
}
