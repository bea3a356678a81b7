//! Intensities that are no numbers.

use super::Fault;
use crate::check::{Finding, Findings, Severity, seen::Seen};
use lacuna_volume::VolumeError;

pub(super) static FAULT: Fault = Fault {
    name: "not-finite",
    about: "an image has a voxel that is NaN or infinite",
    look,
    #[cfg(test)]
    plant: |data| data.intensity("a", f32::NAN),
};

fn look(seen: &Seen<'_>, findings: &mut Findings<'_>) {
    for (path, error) in seen.errors() {
        if let VolumeError::NotFinite { index, value, .. } = error {
            let finding = Finding {
                severity: Severity::Error,
                field: "voxels",
                expected: "finite numbers".into(),
                found: format!("{value} at {index:?}, the first of its kind"),
                fix: "replace such voxels, usually by 0, since registration leaves them outside the field of view; or leave the scan out with --exclude".into(),
            };
            findings.add(path, finding);
        }
    }
}
