//! A sform whose voxel edges are not at right angles.

use super::Fault;
use crate::check::{Finding, Findings, Severity, seen::Seen};
use lacuna_volume::Notice;

pub(super) static FAULT: Fault = Fault {
    name: "sheared-sform",
    about: "voxel edges of the sform are not at right angles, which ITK refuses",
    look,
    #[cfg(test)]
    plant: |data| data.patch_both("a", &[(284, &0.5f32.to_le_bytes())]),
};

fn look(seen: &Seen<'_>, findings: &mut Findings<'_>) {
    for (path, notice) in seen.notices() {
        if let Notice::NonOrthonormalSform { .. } = notice {
            let finding = Finding {
                severity: Severity::Warning,
                field: "sform",
                expected: "voxel edges at right angles".into(),
                found: notice.to_string(),
                fix: "resample onto an orthogonal grid, or set the sform from the qform",
            };
            findings.add(path, finding);
        }
    }
}
