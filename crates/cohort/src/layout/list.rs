//! MedicalNet's list files: a line per scan, `image label`.

use super::volumes::unnamed;
use super::{
    CohortFacts, Layout, LayoutOptions, ListedScan, Listing, ScanFiles, ScanName, WrittenScan, names, one_channel_only,
    single_channel,
};
use crate::CohortError;
use crate::error::in_words;
use std::path::{Path, PathBuf};

/// A text file of lines `IMAGE LABEL`, relative to a data root; the label may be absent.
///
/// Source: the `data/train.txt` of MedicalNet (Chen, Ma and Zheng, "Med3D: Transfer Learning for
/// 3D Medical Image Analysis", 2019). Any white space separates, where MedicalNet takes one space.
pub struct MedicalnetList;

const LIST_BYTES_MAX: u64 = 16 << 20;

impl Layout for MedicalnetList {
    fn name(&self) -> &'static str {
        "list"
    }

    fn about(&self) -> &'static str {
        "a text file of lines `IMAGE.nii.gz LABEL.nii.gz`, or a folder with exactly one such *.txt"
    }

    fn detect(&self, path: &Path) -> bool {
        if path.is_file() { is_list(path) } else { lists_in(path).is_ok_and(|lists| lists.len() == 1) }
    }

    fn read(&self, path: &Path, options: &LayoutOptions) -> Result<Listing, CohortError> {
        let list = if path.is_dir() { only_list(path)? } else { path.to_path_buf() };
        let folder = list.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
        let root = options.data_root.clone().unwrap_or_else(|| folder.to_path_buf());
        let lines = lines(&list)?;
        let stems: Vec<PathBuf> = lines.iter().map(|line| stem(&line.image)).collect();
        let scans = lines.iter().zip(names::distinct_names(&stems)).map(|(line, name)| {
            let images = vec![names::inside(&root, &list, &line.image)?];
            let label = line.label.as_deref().map(|label| names::inside(&root, &list, label)).transpose()?;
            Ok(ListedScan { name, subject: None, images, label })
        });
        let scans = scans.collect::<Result<Vec<_>, CohortError>>()?;
        let named: Vec<PathBuf> = scans.iter().flat_map(ListedScan::files).cloned().collect();
        Ok(Listing {
            channels: single_channel(self, options, "image")?,
            classes_in_file: None,
            scans_declared: None,
            passed_over: unnamed(&list, &[named, named_beside(&list, folder, &root)].concat())?,
            scans,
            root,
        })
    }

    fn scan_files(&self, scan: &ScanName<'_>, channels: &[String]) -> Result<ScanFiles, CohortError> {
        if channels.len() != 1 {
            return Err(one_channel_only(self, channels));
        }
        // One folder down, since images/ and labels/ at the top would be the plain layout too.
        let file = |kind: &str| Path::new("data").join(kind).join(format!("{}.nii.gz", scan.name));
        Ok(ScanFiles { images: vec![file("images")], label: file("labels"), folder: None })
    }

    fn write_index(&self, folder: &Path, _: &CohortFacts, scans: &[WrittenScan]) -> Result<(), CohortError> {
        let mut text = String::new();
        for scan in scans {
            text.push_str(&format!("{} {}\n", scan.files.images[0].display(), scan.files.label.display()));
        }
        Ok(lacuna_disk::write_bytes(&folder.join("train.txt"), text.as_bytes())?)
    }
}

struct Line {
    image: String,
    label: Option<String>,
}

fn lines(list: &Path) -> Result<Vec<Line>, CohortError> {
    let text = lacuna_disk::read_text(list, LIST_BYTES_MAX)?;
    let numbered = text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty());
    numbered.map(|(index, line)| parse(line).ok_or_else(|| malformed(list, index + 1, line))).collect()
}

fn parse(line: &str) -> Option<Line> {
    let words: Vec<&str> = line.split_whitespace().collect();
    let is_volume = |word: &str| names::volume_stem(word).is_some();
    match words[..] {
        [image] if is_volume(image) => Some(Line { image: image.into(), label: None }),
        [image, label] if is_volume(image) && is_volume(label) => {
            Some(Line { image: image.into(), label: Some(label.into()) })
        }
        _ => None,
    }
}

fn malformed(list: &Path, number: usize, line: &str) -> CohortError {
    const SHOWN: usize = 120;
    CohortError::Format {
        path: list.to_path_buf(),
        field: format!("line {number}"),
        expected: "`IMAGE LABEL` or `IMAGE`, both ending in .nii or .nii.gz".into(),
        found: format!("`{}`", line.trim().chars().take(SHOWN).collect::<String>()),
        fix: "one scan per line; paths with spaces need renaming".into(),
    }
}

fn stem(image: &str) -> PathBuf {
    let image = names::portable(image);
    PathBuf::from(names::volume_stem(&image).unwrap_or(&image))
}

/// Whether the first line that says anything is a line of a list: data sets carry other text
/// files too, such as a licence.
fn is_list(path: &Path) -> bool {
    let text = lacuna_disk::read_text(path, LIST_BYTES_MAX).unwrap_or_default();
    text.lines().find(|line| !line.trim().is_empty()).and_then(parse).is_some()
}

fn lists_in(folder: &Path) -> Result<Vec<PathBuf>, CohortError> {
    let files = names::entries(folder)?.into_iter().filter(|entry| entry.kind == names::Kind::File);
    Ok(files.filter(|file| file.name.ends_with(".txt") && is_list(&file.path)).map(|file| file.path).collect())
}

/// The files of other lists in the folder of a list, as `test.txt` beside `train.txt`.
fn named_beside(list: &Path, folder: &Path, root: &Path) -> Vec<PathBuf> {
    let others = lists_in(folder).unwrap_or_default().into_iter().filter(|other| other != list);
    let lines = others.flat_map(|other| lines(&other).unwrap_or_default());
    let entries = lines.flat_map(|line| [Some(line.image), line.label].into_iter().flatten());
    entries.filter_map(|entry| names::inside(root, list, &entry).ok()).collect()
}

fn only_list(folder: &Path) -> Result<PathBuf, CohortError> {
    let mut lists = lists_in(folder)?;
    match lists.len() {
        1 => Ok(lists.remove(0)),
        _ => Err(CohortError::Format {
            path: folder.to_path_buf(),
            field: "*.txt".into(),
            expected: "exactly one list of images".into(),
            found: in_words(lists.iter().map(|list| list.display())),
            fix: "give the list file itself instead of its folder".into(),
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::super::folder_of;
    use super::*;

    fn read(list: &str) -> Result<Listing, CohortError> {
        let folder = tempfile::tempdir().unwrap();
        lacuna_disk::write_bytes(&folder.path().join("train.txt"), list.as_bytes()).unwrap();
        MedicalnetList.read(folder.path(), &LayoutOptions::default())
    }

    #[test]
    fn lines_name_scans_with_and_without_a_label() {
        let listing = read("M/images/1.nii.gz M/labels/1.nii.gz\r\n\n./M/images/4.nii.gz\n").unwrap();
        let found: Vec<_> = listing.scans.iter().map(|scan| (scan.name.as_str(), scan.label.is_some())).collect();
        assert_eq!(found, [("1", true), ("4", false)]);
        assert!(listing.scans[1].images[0].ends_with("M/images/4.nii.gz"));
    }

    #[test]
    fn equal_file_names_are_told_apart_by_their_folders() {
        let listing = read("1/T1.nii 1/seg.nii\n4/T1.nii 4/seg.nii\n").unwrap();
        assert_eq!(listing.scans.iter().map(|scan| scan.name.as_str()).collect::<Vec<_>>(), ["1-T1", "4-T1"]);
    }

    #[test]
    fn a_line_of_something_else_is_refused_by_number() {
        let message = read("1.nii 1.nii\n1.nii 2.nii 3.nii\n").unwrap_err().to_string();
        assert!(message.contains("train.txt: line 2:") && message.contains("found `1.nii 2.nii 3.nii`"), "{message}");
    }

    #[test]
    fn paths_out_of_the_root_are_refused() {
        for line in ["../1.nii", "1.nii ../1.nii", "/data/1.nii 1.nii"] {
            assert!(matches!(read(line), Err(CohortError::LeavesRoot { .. })), "{line}");
        }
    }

    #[test]
    fn a_list_written_on_windows_is_read() {
        let listing = read("\u{feff}M\\images\\1.nii.gz M\\labels\\1.nii.gz\r\nM\\images\\4.nii.gz\r\n").unwrap();
        assert_eq!(listing.scans.iter().map(|scan| scan.name.as_str()).collect::<Vec<_>>(), ["1", "4"]);
        assert!(listing.scans[0].images[0].ends_with("M/images/1.nii.gz"));
    }

    #[test]
    fn volumes_that_no_list_names_are_passed_over() {
        let folder = folder_of(&["a/1.nii", "a/2.nii", "a/3.nii.gz", "a/1_seg.nii", "b/4.nii"]);
        let write = |name: &str, text: &str| lacuna_disk::write_bytes(&folder.path().join(name), text.as_bytes());
        write("train.txt", "a/1.nii\n").unwrap();
        write("test.txt", "a/2.nii\n").unwrap();
        let listing = MedicalnetList.read(&folder.path().join("train.txt"), &LayoutOptions::default()).unwrap();
        let said: Vec<_> = listing.passed_over.iter().map(|one| one.path.file_name().unwrap().to_owned()).collect();
        assert_eq!(said, ["1_seg.nii", "3.nii.gz"], "what the list beside it names is known");
        assert!(listing.passed_over[0].found.contains("train.txt does not name"));
    }

    #[test]
    fn another_root_can_be_named() {
        let folder = tempfile::tempdir().unwrap();
        let list = folder.path().join("lists/test.txt");
        lacuna_disk::write_bytes(&list, b"a/1.nii\n").unwrap();
        let options = LayoutOptions { data_root: Some(folder.path().to_path_buf()), ..LayoutOptions::default() };
        let listing = MedicalnetList.read(&list, &options).unwrap();
        assert_eq!(listing.scans[0].images[0], folder.path().join("a/1.nii"));
    }

    #[test]
    fn a_licence_is_no_list_and_two_lists_are_one_too_many() {
        let folder = tempfile::tempdir().unwrap();
        let write = |name: &str, text: &str| lacuna_disk::write_bytes(&folder.path().join(name), text.as_bytes());
        write("LICENCE.txt", "Do what you like.\n").unwrap();
        assert!(!MedicalnetList.detect(folder.path()));
        write("train.txt", "1.nii 1_seg.nii\n").unwrap();
        assert!(MedicalnetList.detect(folder.path()));
        write("test.txt", "2.nii\n").unwrap();
        assert!(!MedicalnetList.detect(folder.path()));
        let message = MedicalnetList.read(folder.path(), &LayoutOptions::default()).unwrap_err().to_string();
        assert!(message.contains("give the list file itself"), "{message}");
    }
}
