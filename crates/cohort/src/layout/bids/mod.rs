//! BIDS: `sub-X/ses-Y/anat/sub-X_ses-Y_T1w.nii.gz`, label maps as derivatives.
//!
//! A subject is a `sub-` folder, a scan one of its sessions, or the subject itself where there are
//! none. A channel is what stands in a file's name behind subject and session: `T1w`,
//! `acq-highres_T1w`, `run-2_FLAIR`. `read` finds scans, `labels` finds their label maps and what
//! these mean, `write` makes names that BIDS allows.

mod entities;
mod labels;
mod read;
mod write;

use super::{CohortFacts, Layout, LayoutOptions, ListedScan, Listing, ScanFiles, ScanName, WrittenScan};
use crate::{CohortError, people};
use labels::Derivative;
use std::path::Path;

/// A data set with `dataset_description.json`; the label maps are `*_dseg.nii.gz` of one pipeline
/// below `derivatives/`, with the meaning of their values in a `dseg.tsv`. Where the data set is a derivative itself,
/// they lie beside the images.
///
/// Of several kinds of image `T1w` is read unless others are asked for.
///
/// Source: Gorgolewski et al., "The brain imaging data structure, a format for organizing and
/// describing outputs of neuroimaging experiments", 2016; BIDS specification 1.9, "Common
/// principles" and "Imaging derivatives".
pub struct Bids;

const DESCRIPTION: &str = "dataset_description.json";
const DERIVATIVES: &str = "derivatives";
const ANATOMY: &str = "anat";

impl Layout for Bids {
    fn name(&self) -> &'static str {
        "bids"
    }

    fn about(&self) -> &'static str {
        "dataset_description.json, sub-*/[ses-*/]anat/*.nii.gz, labels derivatives/*/sub-*/[ses-*/]anat/*_dseg.nii.gz"
    }

    fn detect(&self, path: &Path) -> bool {
        path.join(DESCRIPTION).is_file()
    }

    fn read(&self, path: &Path, options: &LayoutOptions) -> Result<Listing, CohortError> {
        let mut passed_over = Vec::new();
        let sessions = read::sessions(path, &mut passed_over)?;
        let channels = read::channels(&sessions, options.channels.as_deref())?;
        let derivative = Derivative::find(path, &sessions, options.derivative.as_deref(), &mut passed_over)?;
        let names = people::names_of_folders(path)?;
        let scans = sessions.iter().map(|session| {
            Ok(ListedScan {
                name: names.get(&session.folder).cloned().unwrap_or_else(|| session.name()),
                subject: Some(session.subject.clone()),
                images: channels.iter().map(|channel| session.image(path, channel)).collect(),
                label: match &derivative {
                    Some(derivative) => derivative.label(session, &channels, &mut passed_over)?,
                    None => None,
                },
            })
        });
        Ok(Listing {
            scans: scans.collect::<Result<_, CohortError>>()?,
            classes_in_file: derivative.as_ref().map(|derivative| derivative.classes(path)).transpose()?.flatten(),
            passed_over,
            scans_declared: None,
            root: path.to_path_buf(),
            channels,
        })
    }

    fn scan_files(&self, scan: &ScanName<'_>, channels: &[String]) -> Result<ScanFiles, CohortError> {
        write::scan_files(scan, channels)
    }

    fn write_index(&self, folder: &Path, facts: &CohortFacts, scans: &[WrittenScan]) -> Result<(), CohortError> {
        write::index(folder, facts, scans)
    }
}

#[cfg(test)]
mod tests;
