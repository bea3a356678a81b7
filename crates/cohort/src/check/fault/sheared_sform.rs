//! A sform whose voxel edges are not at right angles.

use super::Fault;
use crate::check::{Finding, Findings, Severity, seen::Seen};
use lacuna_volume::Notice;
use std::path::Path;

pub(super) static FAULT: Fault = Fault {
    name: "sheared-sform",
    about: "voxel edges of the sform are not at right angles: ITK takes the qform, and refuses the file without one",
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
                found: format!(
                    "{notice}{}{}{}",
                    qform_apart(seen, path),
                    super::itk_parts(seen),
                    super::beside(seen, path)
                ),
                fix: super::FIX_FORMS.into(),
            };
            findings.add(path, finding);
        }
    }
}

/// How far the qform of the same file puts voxels elsewhere, in words that go on.
fn qform_apart(seen: &Seen<'_>, path: &Path) -> String {
    let by_mm = seen.notices().find_map(|(other, notice)| match notice {
        Notice::SformAndQformDiffer { by_mm, .. } if other == path => Some(*by_mm),
        _ => None,
    });
    by_mm.map_or_else(String::new, |by_mm| format!("; the qform puts voxels up to {by_mm:.3} mm away"))
}
