//! A header that states voxels to begin within itself.

use super::Fault;
use crate::check::{Finding, Findings, Severity, seen::Seen};
use lacuna_volume::Notice;

pub(super) static FAULT: Fault = Fault {
    name: "vox-offset",
    about: "vox_offset lies within the header: nibabel and ITK read it as voxels",
    look,
    #[cfg(test)]
    plant: |data| data.patch("images", "a", &[(108, &0f32.to_le_bytes())]),
};

fn look(seen: &Seen<'_>, findings: &mut Findings<'_>) {
    for (path, notice) in seen.notices() {
        if let Notice::EarlyVoxels { .. } = notice {
            let finding = Finding {
                severity: Severity::Warning,
                field: "vox_offset",
                expected: "the first byte behind the header, or behind its extensions".into(),
                found: notice.to_string(),
                fix: "write the file again, for example with lacuna data export: other programs read other voxels"
                    .into(),
            };
            findings.add(path, finding);
        }
    }
}
