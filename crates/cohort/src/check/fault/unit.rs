//! Lengths in another unit than millimetres.

use super::Fault;
use crate::check::{Finding, Findings, Severity, seen::Seen};
use lacuna_volume::Notice;

pub(super) static FAULT: Fault = Fault {
    name: "unit",
    about: "lengths are not in millimetres",
    look,
    #[cfg(test)]
    plant: |data| data.patch_both("a", &[(123, &[3])]),
};

fn look(seen: &Seen<'_>, findings: &mut Findings<'_>) {
    for (path, notice) in seen.notices() {
        if let Notice::UnitConverted { .. } = notice {
            let finding = Finding {
                severity: Severity::Warning,
                field: "xyzt_units",
                expected: "millimetres".into(),
                found: notice.to_string(),
                fix: "check that the spacing above is true".into(),
            };
            findings.add(path, finding);
        }
    }
}
