//! An image without contrast.

use super::Fault;
use crate::check::{
    Finding, Findings, Severity,
    seen::{Seen, range},
};

pub(super) static FAULT: Fault = Fault {
    name: "constant",
    about: "an image has one intensity everywhere",
    look,
    #[cfg(test)]
    plant: |data| data.constant("a"),
};

fn look(seen: &Seen<'_>, findings: &mut Findings<'_>) {
    for (path, file) in seen.readable() {
        let [low, high] = range(&file.image);
        if low == high {
            let finding = Finding {
                severity: Severity::Error,
                field: "voxels",
                expected: "different intensities".into(),
                found: format!("{low} in every voxel"),
                fix: "replace the file, or leave the scan out with --exclude".into(),
            };
            findings.add(path, finding);
        }
    }
}
