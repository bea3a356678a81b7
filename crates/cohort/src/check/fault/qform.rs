//! A qform that contradicts the sform.

use super::Fault;
use crate::check::{Finding, Findings, Severity, seen::Seen};
use lacuna_volume::Notice;

pub(super) static FAULT: Fault = Fault {
    name: "qform",
    about: "qform and sform put voxels at different places, and tools differ in which they take",
    look,
    #[cfg(test)]
    plant: |data| data.patch_both("a", &[(252, &1i16.to_le_bytes()), (256, &[0; 12]), (268, &9f32.to_le_bytes())]),
};

fn look(seen: &Seen<'_>, findings: &mut Findings<'_>) {
    for (path, notice) in seen.notices() {
        if let Notice::SformAndQformDiffer { by_mm, sform, qform } = notice {
            let finding = Finding {
                severity: Severity::Warning,
                field: "qform",
                expected: format!("the sform's {sform}"),
                found: format!("{qform}, {by_mm:.3} mm away{}{}", super::itk_parts(seen), super::beside(seen, path)),
                fix: super::FIX_FORMS.into(),
            };
            findings.add(path, finding);
        }
    }
}
