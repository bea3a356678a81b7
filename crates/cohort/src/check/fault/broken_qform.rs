//! A qform that is no rotation.

use super::Fault;
use crate::check::{Finding, Findings, Severity, seen::Seen};
use lacuna_volume::Notice;

pub(super) static FAULT: Fault = Fault {
    name: "broken-qform",
    about: "the qform is set and is no rotation",
    look,
    #[cfg(test)]
    plant: |data| data.patch_both("a", &[(252, &1i16.to_le_bytes()), (256, &9f32.to_le_bytes())]),
};

fn look(seen: &Seen<'_>, findings: &mut Findings<'_>) {
    for (path, notice) in seen.notices() {
        if let Notice::QformUnusable = notice {
            let finding = Finding {
                severity: Severity::Warning,
                field: "qform",
                expected: "a rotation".into(),
                found: notice.to_string(),
                fix: "copy the sform into it, or set qform_code to 0".into(),
            };
            findings.add(path, finding);
        }
    }
}
