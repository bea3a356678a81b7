//! Labels whose slope rounded them.

use super::Fault;
use crate::check::{Finding, Findings, Severity, seen::Seen};
use lacuna_volume::Notice;

pub(super) static FAULT: Fault = Fault {
    name: "rounded-labels",
    about: "labels are stored with a slope that rounds them, and are read as the whole numbers next to them",
    look,
    #[cfg(test)]
    plant: |data| data.patch("labels", "a", &[(112, &(2f32 / 65535.0).to_le_bytes()), (352, &32768u16.to_le_bytes())]),
};

fn look(seen: &Seen<'_>, findings: &mut Findings<'_>) {
    for (path, notice) in seen.notices() {
        if let Notice::RoundedLabels { .. } = notice {
            let finding = Finding {
                severity: Severity::Warning,
                field: "label values",
                expected: "whole numbers stored as such".into(),
                found: notice.to_string(),
                fix: "save label maps with an integer type and scl_slope 1".into(),
            };
            findings.add(path, finding);
        }
    }
}
