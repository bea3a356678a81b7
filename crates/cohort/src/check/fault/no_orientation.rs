//! No orientation at all.

use super::Fault;
use crate::check::{Finding, Findings, Severity, seen::Seen};
use lacuna_volume::Notice;

pub(super) static FAULT: Fault = Fault {
    name: "no-orientation",
    about: "neither sform nor qform is set, so left and right are a guess",
    look,
    #[cfg(test)]
    plant: |data| data.patch_both("a", &[(252, &[0; 4])]),
};

fn look(seen: &Seen<'_>, findings: &mut Findings<'_>) {
    for (path, notice) in seen.notices() {
        if let Notice::AffineFromPixdim = notice {
            let finding = Finding {
                severity: Severity::Warning,
                field: "sform_code, qform_code",
                expected: "one of them above 0".into(),
                found: notice.to_string(),
                fix: "set the sform: left and right may be exchanged".into(),
            };
            findings.add(path, finding);
        }
    }
}
