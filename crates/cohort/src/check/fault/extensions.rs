//! Extensions of a header, which may name a person.

use super::Fault;
use crate::check::{Finding, Findings, Severity, seen::Seen};
use lacuna_volume::Notice;

pub(super) static FAULT: Fault = Fault {
    name: "extensions",
    about: "the header has extensions, which may name a person",
    look,
    #[cfg(test)]
    plant: |data| data.extended("a"),
};

fn look(seen: &Seen<'_>, findings: &mut Findings<'_>) {
    for (path, notice) in seen.notices() {
        if let Notice::Extensions = notice {
            let finding = Finding {
                severity: Severity::Warning,
                field: "extensions",
                expected: "none that may name a person".into(),
                found: notice.to_string(),
                fix: "remove them before passing the data on, for example with lacuna data export; outputs never carry them".into(),
            };
            findings.add(path, finding);
        }
    }
}
