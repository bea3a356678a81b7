//! `images/` and `labels/`, paired by file name.

use super::beside::Beside;
use super::volumes::{PassedOver, Volumes, volumes};
use super::{
    CohortFacts, Layout, LayoutOptions, ListedScan, Listing, ScanFiles, ScanName, WrittenScan, names, single_channel,
};
use crate::error::in_words;
use crate::{CohortError, people};
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

/// Pairs of `images/NAME.nii.gz` and `labels/NAME.nii.gz`, or `images/NAME_seg.nii.gz`; with several channels,
/// `images/` holds a folder for each.
pub struct Plain;

impl Layout for Plain {
    fn name(&self) -> &'static str {
        "plain"
    }

    fn about(&self) -> &'static str {
        "images/NAME.nii.gz with labels/NAME.nii.gz, or NAME_seg.nii.gz beside (channels: images/CHANNEL/NAME.nii.gz)"
    }

    /// Without labels it is a data set too; then the images must be there.
    fn detect(&self, path: &Path) -> bool {
        let images = path.join("images");
        images.is_dir() && (path.join("labels").is_dir() || holds_volumes(&images))
    }

    fn read(&self, path: &Path, options: &LayoutOptions) -> Result<Listing, CohortError> {
        let labels = labels(path)?;
        let images = images(path, options, &labels.named)?;
        check_pairs(path, &images.named, &labels.named)?;
        Ok(listing(path, images, labels))
    }

    fn scan_files(&self, scan: &ScanName<'_>, channels: &[String]) -> Result<ScanFiles, CohortError> {
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

struct Images {
    channels: Vec<String>,
    named: NamedImages,
    beside: Beside,
    passed_over: Vec<PassedOver>,
}

/// The images, and the label maps beside them. A name that a label map of `labels/` or the table of people has is an
/// image's, however it ends.
fn images(root: &Path, options: &LayoutOptions, labels: &[(String, PathBuf)]) -> Result<Images, CohortError> {
    let folder = root.join("images");
    let here = volumes(&folder)?;
    let names = labels.iter().map(|(name, _)| name.clone());
    let known: BTreeSet<String> = names.chain(people::scans_listed(root)?).collect();
    match here.named.is_empty() {
        true => channel_folders(&folder, options, (&root.join("labels"), &known), here.passed_over),
        false => one_channel(&folder, options, &known, here),
    }
}

fn listing(root: &Path, images: Images, labels: Volumes) -> Listing {
    let mut label_of: BTreeMap<String, PathBuf> = labels.named.into_iter().collect();
    let names = images.named.iter().map(|(name, _)| name).collect();
    let (beside, unclear) = images.beside.labels(&names, &label_of);
    label_of.extend(beside);
    let listed = |(name, images)| ListedScan { label: label_of.get(&name).cloned(), name, subject: None, images };
    Listing {
        root: root.to_path_buf(),
        channels: images.channels,
        classes_in_file: None,
        scans_declared: None,
        scans: images.named.into_iter().map(listed).collect(),
        passed_over: [images.passed_over, labels.passed_over, unclear].concat(),
    }
}

/// Whether volumes lie in a folder or in a folder of it.
fn holds_volumes(folder: &Path) -> bool {
    let Ok(entries) = names::entries(folder) else { return false };
    entries.iter().any(|entry| match entry.kind {
        names::Kind::File => names::volume_stem(&entry.name).is_some(),
        names::Kind::Folder => holds_files(&entry.path),
    })
}

/// Whether volumes lie in a folder itself.
fn holds_files(folder: &Path) -> bool {
    let is_volume = |entry: &names::Entry| entry.kind == names::Kind::File && names::volume_stem(&entry.name).is_some();
    names::entries(folder).is_ok_and(|entries| entries.iter().any(is_volume))
}

fn folders(folder: &Path) -> Result<Vec<names::Entry>, CohortError> {
    Ok(names::entries(folder)?.into_iter().filter(|entry| entry.kind == names::Kind::Folder).collect())
}

fn one_channel(
    folder: &Path,
    options: &LayoutOptions,
    known: &BTreeSet<String>,
    here: Volumes,
) -> Result<Images, CohortError> {
    let channels = single_channel(&Plain, options, "image")?;
    let mut passed_over = here.passed_over;
    let (found, fix) =
        ("a folder of volumes beside volumes", "move its volumes beside the others, or move it elsewhere");
    let with_volumes = folders(folder)?.into_iter().filter(|entry| holds_files(&entry.path));
    passed_over.extend(with_volumes.map(|entry| PassedOver::new(&entry.path, found, fix)));
    let mut beside = Beside::default();
    let named = beside.without(here.named, known).into_iter().map(|(name, path)| (name, vec![path])).collect();
    Ok(Images { channels, named, beside, passed_over })
}

fn channel_folders(
    images: &Path,
    options: &LayoutOptions,
    (labels, known): (&Path, &BTreeSet<String>),
    mut passed_over: Vec<PassedOver>,
) -> Result<Images, CohortError> {
    let mut beside = Beside::default();
    let folders: Vec<String> = folders(images)?.into_iter().map(|entry| entry.name).collect();
    let channels = options.channels.clone().unwrap_or_else(|| folders.clone());
    if let Some(unknown) = channels.iter().find(|channel| !folders.contains(channel)) {
        return Err(CohortError::Channels {
            layout: Plain.name(),
            expected: format!("folders of images/: {}", in_words(&folders)),
            found: unknown.clone(),
            fix: "name channels by their folders".into(),
        });
    }
    let mut of_channel: Vec<BTreeMap<String, PathBuf>> = Vec::new();
    for channel in &channels {
        let found = volumes(&images.join(channel))?;
        passed_over.extend(found.passed_over);
        of_channel.push(beside.without(found.named, known).into_iter().collect());
    }
    if options.channels.is_none() {
        refuse_people(images, labels, &channels, &of_channel)?;
    }
    // A scan that lacks a channel is reported when its file is opened.
    let names: BTreeSet<&String> = of_channel.iter().flat_map(BTreeMap::keys).collect();
    let file = |name: &String, at: usize| match of_channel[at].get(name) {
        Some(path) => path.clone(),
        None => images.join(&channels[at]).join(format!("{name}.nii.gz")),
    };
    let named = names.iter().map(|name| ((*name).clone(), (0..channels.len()).map(|at| file(name, at)).collect()));
    Ok(Images { named: named.collect(), beside, channels, passed_over })
}

/// Words by which files of one person are called.
const KINDS_OF_IMAGE: [&str; 16] =
    ["t1", "t1w", "t1c", "t1ce", "t1gd", "t2", "t2w", "flair", "pd", "ir", "ct", "mr", "mri", "image", "img", "anat"];

/// A folder for each person looks like a folder for each channel, and would make one person of all.
fn refuse_people(
    images: &Path,
    labels: &Path,
    folders: &[String],
    files: &[BTreeMap<String, PathBuf>],
) -> Result<(), CohortError> {
    let names: Vec<&String> = files.iter().flat_map(BTreeMap::keys).collect();
    let distinct: BTreeSet<&String> = names.iter().copied().collect();
    let labelled = |name: &String| labels.join(name).is_dir();
    let is_kind = |name: &&String| KINDS_OF_IMAGE.contains(&name.to_ascii_lowercase().as_str());
    let is_person = |name: &String| name.to_ascii_lowercase().starts_with("sub-");
    let reason = if folders.iter().any(labelled) {
        "labels/ has folders of the same names"
    } else if folders.iter().any(is_person) {
        "`sub-` begins the name of a person"
    } else if !names.is_empty() && names.iter().all(is_kind) {
        "their files are called by a kind of image, not by a person"
    } else if folders.len() > 1 && distinct.len() == names.len() && !names.is_empty() {
        "no two of them have a file of the same name"
    } else {
        return Ok(());
    };
    let (folder, folders) = (images.to_path_buf(), in_words(folders));
    Err(CohortError::PeopleOrChannels { folder, folders, reason: reason.to_string() })
}

/// A data set without labels is whole; it can be predicted on.
fn labels(root: &Path) -> Result<Volumes, CohortError> {
    let folder = root.join("labels");
    if folder.is_dir() { volumes(&folder) } else { Ok(Volumes::default()) }
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
    use super::super::folder_of as folder;
    use super::*;

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
    fn images_alone_are_a_data_set() {
        assert!(Plain.detect(folder(&["images/a.nii.gz"]).path()));
        assert!(Plain.detect(folder(&["images/T1/a.nii.gz"]).path()));
        assert!(!Plain.detect(folder(&["images/photo.png", "images/T1/photo.png"]).path()));
        assert_eq!(read(&["images/a.nii.gz"], None).unwrap().scans[0].label, None);
    }

    #[test]
    fn channels_may_have_endings_of_their_own_and_a_scan_that_lacks_one_is_listed() {
        let listing = read(&["images/FLAIR/a.nii.gz", "images/T1/a.nii", "images/T1/b.nii"], None).unwrap();
        let files: Vec<String> =
            listing.scans.iter().flat_map(|scan| &scan.images).map(|path| path.display().to_string()).collect();
        let expected = ["FLAIR/a.nii.gz", "T1/a.nii", "FLAIR/b.nii.gz", "T1/b.nii"];
        assert!(files.iter().zip(expected).all(|(file, end)| file.ends_with(end)) && files.len() == 4, "{files:?}");
    }

    #[test]
    fn a_folder_for_each_person_is_a_question() {
        for (files, reason) in [
            (&["images/x/s.nii", "images/y/s.nii", "labels/x/s.nii"][..], "labels/ has folders"),
            (&["images/sub-1/scan.nii", "images/sub-2/scan.nii"], "begins the name of a person"),
            (&["images/anna/T1.nii.gz", "images/ben/T1.nii.gz"], "by a kind of image"),
            (&["images/anna/a1.nii", "images/ben/b1.nii"], "no two of them have a file"),
        ] {
            let error = read(files, None).unwrap_err();
            assert!(error.is_config() && error.to_string().contains(reason), "{error}");
            assert!(error.to_string().contains("say with --channels"), "{error}");
        }
        let stated = read(&["images/anna/T1.nii.gz", "images/ben/T1.nii.gz"], Some(&["anna", "ben"])).unwrap();
        assert_eq!(stated.scans[0].images.len(), 2, "who says that they are channels is believed");
    }

    #[test]
    fn whatever_is_not_read_is_said() {
        let files =
            ["images/a.nii", "images/b.nii.gz.gz", "images/c.hdr", "images/c.img", "images/more/d.nii", "labels/b.mgz"];
        let said: Vec<String> = read(&files, None).unwrap().passed_over.into_iter().map(|one| one.found).collect();
        let expected = [
            "a volume compressed twice",
            "half of a .hdr/.img pair",
            "a folder of volumes beside volumes",
            "a FreeSurfer volume",
        ];
        assert_eq!(said, expected);
    }

    #[test]
    fn a_dicom_segmentation_in_place_of_labels_is_refused_by_name() {
        let folder = folder(&["images/a.nii.gz"]);
        let class = b"\x02\0\x02\0UI\x1c\x001.2.840.10008.5.1.4.1.1.66.4\0";
        let file = [&[0; 128][..], b"DICM", class].concat();
        lacuna_disk::write_bytes(&folder.path().join("labels/a.dcm"), &file).unwrap();
        let message = Plain.read(folder.path(), &LayoutOptions::default()).unwrap_err().to_string();
        assert!(message.contains("a.dcm") && message.contains("(SEG)") && message.contains("segimage2itkimage"));
    }

    #[test]
    fn names_that_do_not_pair_are_an_error_with_both_sides() {
        let message = read(&["images/a_t1.nii", "labels/a.nii"], None).unwrap_err().to_string();
        assert!(message.contains("same name: a;") && message.contains("without a label map: a_t1;"), "{message}");
    }
}
