//! What verbs enter into registers: of each file that they write outside a run's own course, whom it holds.
//!
//! An entry is made before its file: at no time is there a file without a record of whom it holds.

use crate::confine::folder_of;
use crate::error::CliError;
use crate::lineage::Lineage;
use lacuna_artefacts::{Artefact, Kind, Register, Site, SubjectKey};
use lacuna_cohort::{Cohort, LayoutOptions, Scan, SubjectId};
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

/// How many folders may lie between an image and the folder of its data set: BIDS has three.
const FOLDERS_MAX: usize = 4;

/// An entry for a file, which names no person yet.
pub fn of_file(file: &Path, kind: Kind) -> Artefact {
    Artefact::of_file(file.file_name().unwrap_or_default(), kind)
}

/// The same with people by id; an id may be any text, a pseudonym or a scan's name too.
pub fn holding<'a>(artefact: Artefact, site: &Site, ids: impl IntoIterator<Item = &'a str>) -> Artefact {
    let holds = ids.into_iter().map(|id| site.subject_key(id));
    Artefact { holds: artefact.holds.iter().cloned().chain(holds).collect(), ..artefact }
}

/// The same made of these images.
///
/// # Errors
/// An image that cannot be read.
pub fn made_of(mut artefact: Artefact, site: &Site, images: &[PathBuf]) -> Result<Artefact, CliError> {
    for image in images {
        artefact.made_of.insert(site.file_mark(&lacuna_disk::digest_file(image)?));
    }
    Ok(artefact)
}

/// Enter a file into the register of its folder, and remember the folder.
///
/// # Errors
/// A register that cannot be written.
pub fn enter(site: &Site, file: &Path, artefact: &Artefact) -> Result<(), CliError> {
    Ok(site.register(&folder_of(file), artefact)?)
}

/// Enter a file that lies somewhere below a folder that is remembered already.
///
/// # Errors
/// A register that cannot be written.
pub fn enter_below(site: &Site, file: &Path, artefact: &Artefact) -> Result<(), CliError> {
    Ok(Register::of(&folder_of(file)).enter(&site.fingerprint(), artefact)?)
}

/// An entry for weights that were made of others: whom they hold is in the lineage beside those, if there is one.
/// Beside a file of another program there is none.
pub fn weights(file: &Path, digest: &str, lineage: Option<&Lineage>, site: &Site) -> Artefact {
    let keys = |ids: &BTreeSet<SubjectId>| -> BTreeSet<SubjectKey> {
        ids.iter().map(|id| site.subject_key(id.as_str())).collect()
    };
    let forgotten = lineage.map(Lineage::forgotten).unwrap_or_default();
    let trained = lineage.map(|lineage| lineage.trained.clone()).unwrap_or_default();
    Artefact {
        holds: keys(&trained.difference(&forgotten).cloned().collect()),
        forgotten: keys(&forgotten),
        model: Some(digest.to_string()),
        complete: lineage.is_some_and(|lineage| lineage.seen().is_some()),
        ..of_file(file, Kind::Weights)
    }
}

/// The ids of a scan that was named by its files alone: its name, the name without a channel's number, and, where the
/// files lie in a data set, whose scan it is and what it is called there. A name that is another person's id in that
/// data set is none of them.
pub fn ids_of_scan(scan: &Scan) -> BTreeSet<String> {
    let mut ids = BTreeSet::from([scan.name.clone(), scan.subject.to_string()]);
    let (mut own, mut people) = (BTreeSet::new(), BTreeSet::new());
    for image in &scan.images {
        let stem = stem(image);
        ids.extend(stem.rsplit_once('_').filter(|(_, number)| is_channel(number)).map(|(case, _)| case.to_string()));
        ids.insert(stem);
        if let Some((listed, subjects)) = listed(image) {
            own.insert(listed.subject.to_string());
            ids.insert(listed.name);
            people.extend(subjects.iter().map(SubjectId::to_string));
        }
    }
    ids.retain(|id| !people.contains(id));
    ids.extend(own);
    ids
}

/// The ids of a scan of a data set: whose it is, and what it is called, unless another person there has that id.
pub fn ids_in<'a>(cohort: &Cohort, subject: &'a SubjectId, scan: &'a str) -> BTreeSet<&'a str> {
    let is_another = cohort.subjects().iter().any(|other| other != subject && other.as_str() == scan);
    let name = (!is_another).then_some(scan);
    name.into_iter().chain([subject.as_str()]).collect()
}

/// A file's name without `.nii` or `.nii.gz`.
fn stem(image: &Path) -> String {
    let name = image.file_name().unwrap_or_default().to_string_lossy();
    name.strip_suffix(".nii.gz").or_else(|| name.strip_suffix(".nii")).unwrap_or(&name).to_string()
}

fn is_channel(number: &str) -> bool {
    number.len() == 4 && number.bytes().all(|byte| byte.is_ascii_digit())
}

/// The scan that an image belongs to in the data set around it, if there is one, and all subjects in that data set.
fn listed(image: &Path) -> Option<(Scan, Vec<SubjectId>)> {
    let image = std::fs::canonicalize(image).ok()?;
    let cohort = image.ancestors().skip(1).take(FOLDERS_MAX).find_map(data_set)?;
    let is_it = |path: &PathBuf| std::fs::canonicalize(path).is_ok_and(|path| path == image);
    if let Some(scan) = cohort.scans().iter().find(|scan| scan.images.iter().any(is_it)) {
        return Some((scan.clone(), cohort.subjects()));
    }
    // A channel that is not read unless it is asked for lies beside one that is, in layouts with a folder for a scan.
    let beside = |path: &PathBuf| path.parent().and_then(|folder| std::fs::canonicalize(folder).ok());
    let is_near = |scan: &&Scan| scan.images.iter().any(|path| beside(path).as_deref() == image.parent());
    let near: Vec<&Scan> = cohort.scans().iter().filter(is_near).collect();
    let [first, ..] = near[..] else { return None };
    near.iter().all(|scan| scan.subject == first.subject).then(|| ((*first).clone(), cohort.subjects()))
}

/// The data set in a folder, where something in it says that it is one: a folder like any other is not searched.
fn data_set(folder: &Path) -> Option<Cohort> {
    let is_marked =
        ["subjects.tsv", "dataset.json", "dataset_description.json"].iter().any(|index| folder.join(index).is_file())
            || ["images", "labels"].iter().all(|name| folder.join(name).is_dir());
    if is_marked {
        return Cohort::open(folder, &LayoutOptions::default()).ok();
    }
    // MRBrainS18 has a folder for each subject, and no index above them.
    let options = LayoutOptions { layout: Some("mrbrains".to_string()), ..LayoutOptions::default() };
    let is_subject = folder.join("segm.nii.gz").is_file();
    if is_subject { Cohort::open(folder.parent()?, &options).ok() } else { None }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn touch(folder: &Path, files: &[&str]) {
        for file in files {
            lacuna_disk::write_bytes(&folder.join(file), b"").unwrap();
        }
    }

    fn ids(folder: &Path, image: &str) -> Vec<String> {
        let images = vec![folder.join(image)];
        let name = stem(&images[0]);
        let scan = Scan { subject: SubjectId::new("x").unwrap(), name, images, label: None };
        ids_of_scan(&scan).into_iter().filter(|id| id != "x").collect()
    }

    #[test]
    fn an_image_is_known_by_its_names_and_by_the_data_set_around_it() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        touch(&at("alone"), &["case_0000.nii.gz"]);
        assert_eq!(ids(&at("alone"), "case_0000.nii.gz"), ["case", "case_0000"]);
        touch(&at("plain"), &["images/s1.nii.gz", "labels/s1.nii.gz"]);
        std::fs::write(at("plain/subjects.tsv"), "scan\tsubject\ns1\t7\n").unwrap();
        assert_eq!(ids(&at("plain"), "images/s1.nii.gz"), ["7", "s1"]);
        // A scan that is called like another person is not that person's.
        touch(&at("names"), &["images/7.nii.gz", "labels/7.nii.gz", "images/s2.nii.gz", "labels/s2.nii.gz"]);
        std::fs::write(at("names/subjects.tsv"), "scan\tsubject\n7\t9\ns2\t7\n").unwrap();
        assert_eq!(ids(&at("names"), "images/7.nii.gz"), ["9"]);
        assert_eq!(ids(&at("names"), "images/s2.nii.gz"), ["7", "s2"]);
        touch(&at("mr"), &["9/segm.nii.gz", "9/pre/reg_T1.nii.gz", "9/pre/FLAIR.nii.gz"]);
        for channel in ["reg_T1", "FLAIR"] {
            assert_eq!(ids(&at("mr"), &format!("9/pre/{channel}.nii.gz")), ["9", channel]);
        }
        touch(&at("bids"), &["sub-ab/anat/sub-ab_T1w.nii.gz"]);
        std::fs::write(at("bids/dataset_description.json"), "{\"Name\": \"x\", \"BIDSVersion\": \"1.8.0\"}").unwrap();
        let found = ids(&at("bids"), "sub-ab/anat/sub-ab_T1w.nii.gz");
        assert!(found.len() > 1, "{found:?}");
    }
}
