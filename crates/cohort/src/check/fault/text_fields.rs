//! Text fields of a header, which may name a person.

use super::Fault;
use crate::check::{Finding, Findings, Severity, seen::Seen};
use lacuna_volume::Notice;

pub(super) static FAULT: Fault = Fault {
    name: "text-fields",
    about: "descrip, db_name, aux_file or intent_name hold text, which may name a person",
    look,
    #[cfg(test)]
    plant: |data| data.patch("images", "a", &[(148, b"Erika Mustermann")]),
};

fn look(seen: &Seen<'_>, findings: &mut Findings<'_>) {
    for (path, notice) in seen.notices() {
        if let Notice::TextFields { fields } = notice {
            let finding = Finding {
                severity: Severity::Warning,
                field: "text fields",
                expected: "none that may name a person".into(),
                found: fields.join(", "),
                fix: "clear them before passing the data on, for example with lacuna data export; outputs never carry them".into(),
            };
            findings.add(path, finding);
        }
    }
}
