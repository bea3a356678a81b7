//! Voxel sizes that contradict the sform.

use super::Fault;
use crate::check::{Finding, Findings, Severity, seen::Seen};
use lacuna_volume::Notice;

pub(super) static FAULT: Fault = Fault {
    name: "pixdim",
    about: "pixdim and the sform disagree about the size of voxels; ITK takes one, nibabel the other",
    look,
    #[cfg(test)]
    plant: |data| data.patch_both("a", &[(80, &3f32.to_le_bytes())]),
};

fn look(seen: &Seen<'_>, findings: &mut Findings<'_>) {
    for (path, notice) in seen.notices() {
        if let Notice::PixdimDiffers { pixdim, sform } = notice {
            let finding = Finding {
                severity: Severity::Warning,
                field: "pixdim",
                expected: format!("the sform's {sform} mm"),
                found: format!("{pixdim} mm{}", super::itk_parts(seen)),
                fix: "set pixdim to the lengths of the sform's columns, or mend the sform".into(),
            };
            findings.add(path, finding);
        }
    }
}
