//! What a reader noticed in a file, as a problem with a fix.

use super::{Finding, Severity};
use lacuna_volume::Notice;

pub(super) fn of_notice(notice: &Notice) -> Finding {
    let (field, expected, fix) = match notice {
        Notice::Unscaled { .. } => {
            ("scl_slope", "a finite slope other than 0", "set it to 1 if the stored numbers are the intensities")
        }
        Notice::AffineFromPixdim => {
            ("sform_code, qform_code", "one of them above 0", "set the sform: left and right may be exchanged")
        }
        Notice::SformAndQformDiffer { .. } => {
            ("qform", "the sform's positions", "copy the right one over the other: tools differ in which they take")
        }
        Notice::QformUnusable => ("qform", "a rotation", "copy the sform into it, or set qform_code to 0"),
        Notice::NonOrthonormalSform { .. } => (
            "sform",
            "voxel edges at right angles",
            "resample onto an orthogonal grid, or set the sform from the qform",
        ),
        Notice::UnitConverted { .. } => ("xyzt_units", "millimetres", "check that the spacing above is true"),
        Notice::TextFields { .. } => (
            "text fields",
            "none that may name a person",
            "clear them before passing the data on; outputs never carry them",
        ),
        Notice::Extensions => (
            "extensions",
            "none that may name a person",
            "remove them before passing the data on; outputs never carry them",
        ),
        Notice::BytesAfterData => {
            ("file length", "the end after the last voxel", "check that dim is true; the rest is not read")
        }
        _ => ("header", "nothing unusual", "look at the header"),
    };
    Finding {
        severity: Severity::Warning,
        field: field.into(),
        expected: expected.into(),
        found: notice.to_string(),
        fix: fix.into(),
    }
}
