//! What can be wrong with a scan: one file per fault, one entry in [`FAULTS`].

mod affine;
mod broken_qform;
mod constant;
mod count;
mod empty_labels;
mod extensions;
mod no_labels;
mod no_orientation;
mod not_finite;
mod not_whole;
mod outside_table;
mod pixdim;
mod qform;
mod repeated;
mod scaling;
mod shape;
mod sheared_sform;
mod spacing;
mod text_fields;
mod trailing_bytes;
mod unit;
mod unreadable;

use super::{Finding, Findings, Severity, relative, seen::Seen};
use crate::scan_data::{GRID_FIX, grid_difference};

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
    &no_orientation::FAULT,
    &unit::FAULT,
    &scaling::FAULT,
    &trailing_bytes::FAULT,
    &text_fields::FAULT,
    &extensions::FAULT,
    &no_labels::FAULT,
    &outside_table::FAULT,
    &empty_labels::FAULT,
    &count::FAULT,
];

/// A fault that a check looks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FaultInfo {
    /// What reports call it.
    pub name: &'static str,
    /// When it is one.
    pub about: &'static str,
}

/// Every fault that a check looks for, in the order of its findings.
pub fn faults() -> impl Iterator<Item = FaultInfo> {
    FAULTS.iter().map(|fault| FaultInfo { name: fault.name, about: fault.about })
}

/// Report the files of a scan whose grid differs from the first image's in `field`.
///
/// Of shape, spacing and affine only the coarsest difference counts, since it brings the others
/// with it.
fn differing_grids(seen: &Seen<'_>, field: &'static str, findings: &mut Findings<'_>) {
    let Some(((like, grid), others)) = seen.grids() else { return };
    for (path, own) in others {
        let difference = grid_difference(grid, own, seen.tolerance_mm).filter(|difference| difference.field == field);
        if let Some(difference) = difference {
            let like = relative(&seen.cohort.root, like);
            let expected = format!("{} as in {}", difference.expected, like.display());
            let (severity, found) = (Severity::Error, difference.found);
            findings.add(path, Finding { severity, field, expected, found, fix: GRID_FIX });
        }
    }
}
