//! Voxel sizes below 0.

use super::Fault;
use crate::check::{Finding, Findings, Severity, seen::Seen};
use lacuna_volume::Notice;

pub(super) static FAULT: Fault = Fault {
    name: "negative-pixdim",
    about: "a voxel size of pixdim is below 0: ITK turns the axis round, nibabel and lacuna take the sform",
    look,
    #[cfg(test)]
    plant: |data| data.patch_both("a", &[(84, &(-1f32).to_le_bytes())]),
};

fn look(seen: &Seen<'_>, findings: &mut Findings<'_>) {
    for (path, notice) in seen.notices() {
        if let Notice::NegativePixdim { .. } = notice {
            let finding = Finding {
                severity: Severity::Warning,
                field: "pixdim",
                expected: "sizes above 0".into(),
                found: format!("{notice}{}", super::itk_parts(seen)),
                fix: "set pixdim to the lengths of the columns of the sform".into(),
            };
            findings.add(path, finding);
        }
    }
}
