//! What can be wrong with a scan: one file per fault, one entry in [`FAULTS`].

mod affine;
mod bitpix;
mod broken_qform;
mod constant;
mod count;
mod empty_labels;
mod extensions;
mod negative_pixdim;
mod no_labels;
mod no_orientation;
mod not_finite;
mod not_whole;
mod outside_table;
mod passed_over;
mod pixdim;
mod qform;
mod repeated;
mod rounded;
mod rounded_labels;
mod scaling;
mod shape;
mod sheared_sform;
mod spacing;
mod text_fields;
mod trailing_bytes;
mod unit;
mod unreadable;
mod vox_offset;

use super::{Finding, Findings, Severity, relative, seen::Seen};
use crate::error::in_words;
use crate::scan_data::{GRID_FIX, grid_difference};
use lacuna_volume::NiftiHeader;
use std::path::Path;

/// One thing that can be wrong.
pub(super) struct Fault {
    /// What reports call it.
    pub name: &'static str,
    /// When it is one, in one line.
    pub about: &'static str,
    /// Add a finding for each place where it is seen.
    pub look: fn(&Seen<'_>, &mut Findings<'_>),
    /// Make a sound data set have it and no other.
    #[cfg(test)]
    pub plant: fn(super::data_set::DataSet) -> super::data_set::DataSet,
}

/// Every fault; the order is the order of findings within a scan.
pub(super) static FAULTS: &[&Fault] = &[
    &unreadable::FAULT,
    &not_finite::FAULT,
    &not_whole::FAULT,
    &constant::FAULT,
    &repeated::FAULT,
    &shape::FAULT,
    &spacing::FAULT,
    &affine::FAULT,
    &sheared_sform::FAULT,
    &qform::FAULT,
    &broken_qform::FAULT,
    &pixdim::FAULT,
    &negative_pixdim::FAULT,
    &no_orientation::FAULT,
    &unit::FAULT,
    &scaling::FAULT,
    &rounded::FAULT,
    &bitpix::FAULT,
    &vox_offset::FAULT,
    &trailing_bytes::FAULT,
    &text_fields::FAULT,
    &extensions::FAULT,
    &no_labels::FAULT,
    &rounded_labels::FAULT,
    &outside_table::FAULT,
    &empty_labels::FAULT,
    &count::FAULT,
    &passed_over::FAULT,
];

/// A fault that a check looks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FaultInfo {
    /// What reports call it.
    pub name: &'static str,
    /// A description of the fault, in words.
    pub about: &'static str,
}

/// Every fault that a check looks for, in the order of its findings.
pub fn faults() -> impl Iterator<Item = FaultInfo> {
    FAULTS.iter().map(|fault| FaultInfo { name: fault.name, about: fault.about })
}

/// What to do where the forms of a header contradict each other, or one of them its own angles.
const FIX_FORMS: &str = "compare both forms with the positions of the first and the last slice in the DICOM files, which alone \
                         are the truth, and write the one that has them into both; a sheared one resample onto a grid \
                         with right angles";

/// The files that were made of the same series and lie beside this one, in words that go on: with a tilted gantry one
/// of them may lie right, or none.
fn beside(seen: &Seen<'_>, path: &Path) -> String {
    let stem = |path: &Path| {
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        name.split('.').next().unwrap_or_default().to_string()
    };
    let (folder, own) = (path.parent(), format!("{}_", stem(path)));
    let images = seen.cohort.by_products.iter().flat_map(|scan| &scan.images);
    let beside = images.filter(|other| other.parent() == folder && stem(other).starts_with(&own));
    let names: Vec<String> = beside.map(|other| stem(other)).collect();
    if names.is_empty() { String::new() } else { format!("; beside it lies {}, of the same series", in_words(names)) }
}

/// How far the files of a scan lie apart at most as ITK reads them, beyond what rounding explains; none where it
/// refuses one, or there is one alone.
fn apart_for_itk(seen: &Seen<'_>) -> Option<f64> {
    let mut grids = seen.headers().map(NiftiHeader::itk_grid);
    let (like, rounding_mm) = grids.next()??;
    let mut apart: Option<f64> = None;
    for grid in grids {
        let (grid, own_mm) = grid?;
        let by_mm = like.distance_mm(&grid);
        let beyond = if by_mm > seen.read.tolerance_for(&like) + rounding_mm + own_mm { by_mm } else { 0.0 };
        apart = Some(apart.unwrap_or(0.0).max(beyond));
    }
    apart
}

/// What to say of a header that programs read differently, where that parts image and label map, in words that go on.
fn itk_parts(seen: &Seen<'_>) -> String {
    match apart_for_itk(seen) {
        Some(by_mm) if by_mm > 0.0 => format!(
            "; nibabel and lacuna see the files of this scan by the sform, ITK (SimpleITK, nnU-Net, ITK-SNAP) sees them \
             {by_mm:.3} mm apart"
        ),
        _ => String::new(),
    }
}

/// What to say of files that lie apart, where ITK sees them at one place, in words that go on.
fn itk_agrees(seen: &Seen<'_>) -> String {
    match apart_for_itk(seen) {
        Some(0.0) => {
            "; so nibabel and lacuna see them, by the sform; ITK (SimpleITK, nnU-Net, ITK-SNAP) sees them at one \
                      place"
                .into()
        }
        _ => String::new(),
    }
}

/// Report the files of a scan whose grid differs from the first image's in `field`.
///
/// Of shape, spacing and affine only the coarsest difference counts, since it brings the others
/// with it.
fn differing_grids(seen: &Seen<'_>, field: &'static str, findings: &mut Findings<'_>) {
    let Some(((like, grid), others)) = seen.grids() else { return };
    for (path, own) in others {
        let difference = grid_difference(grid, own, seen.read).filter(|difference| difference.field == field);
        if let Some(difference) = difference {
            let like = relative(&seen.cohort.root, like);
            let expected = format!("{} as in {}", difference.expected, like.display());
            let (severity, found) = (Severity::Error, difference.found + &itk_agrees(seen));
            findings.add(path, Finding { severity, field, expected, found, fix: GRID_FIX.into() });
        }
    }
}
