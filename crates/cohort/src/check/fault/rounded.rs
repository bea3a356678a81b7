//! Numbers that no 32-bit float holds.

use super::Fault;
use crate::check::{Finding, Findings, Severity, seen::Seen};
use lacuna_volume::Notice;

pub(super) static FAULT: Fault = Fault {
    name: "rounded",
    about: "an image holds numbers that a 32-bit float does not, so they are rounded, and so is an export",
    look,
    #[cfg(test)]
    plant: |data| data.patch("images", "a", &[(70, &8i16.to_le_bytes()), (352, &16_777_217i32.to_le_bytes())]),
};

fn look(seen: &Seen<'_>, findings: &mut Findings<'_>) {
    for (path, notice) in seen.notices() {
        if let Notice::Rounded { .. } = notice {
            let finding = Finding {
                severity: Severity::Warning,
                field: "voxels",
                expected: "numbers that a 32-bit float holds, such as whole ones up to 16777216".into(),
                found: notice.to_string(),
                fix: "subtract a constant or choose another unit if the differences matter".into(),
            };
            findings.add(path, finding);
        }
    }
}
