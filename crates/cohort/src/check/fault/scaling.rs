//! A scaling that is none.

use super::Fault;
use crate::check::{Finding, Findings, Severity, seen::Seen};
use lacuna_volume::Notice;

pub(super) static FAULT: Fault = Fault {
    name: "scaling",
    about: "scl_slope is not finite, or is 0 beside an intercept, which ITK adds",
    look,
    #[cfg(test)]
    plant: |data| data.patch("images", "a", &[(112, &f32::NAN.to_le_bytes())]),
};

fn look(seen: &Seen<'_>, findings: &mut Findings<'_>) {
    for (path, notice) in seen.notices() {
        if let Notice::Unscaled { .. } = notice {
            let finding = Finding {
                severity: Severity::Warning,
                field: "scl_slope",
                expected: "a finite slope, or 0 for both".into(),
                found: notice.to_string(),
                fix: "set it to 1 if the stored numbers are the intensities".into(),
            };
            findings.add(path, finding);
        }
    }
}
