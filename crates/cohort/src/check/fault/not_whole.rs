//! Labels that are no labels.

use super::Fault;
use crate::check::{Finding, Findings, Severity, seen::Seen};
use lacuna_volume::{VolumeError, label_fix};

pub(super) static FAULT: Fault = Fault {
    name: "not-whole",
    about: "a label map has a value that is no whole number from 0 to 65535",
    look,
    #[cfg(test)]
    plant: |data| data.label_number("a", 0.5),
};

fn look(seen: &Seen<'_>, findings: &mut Findings<'_>) {
    for (path, error) in seen.errors() {
        if let VolumeError::NotALabel { index, value, .. } = error {
            let finding = Finding {
                severity: Severity::Error,
                field: "label values",
                expected: "whole numbers from 0 to 65535".into(),
                found: format!("{value} at {index:?}, the first of its kind"),
                fix: label_fix(*value).into(),
            };
            findings.add(path, finding);
        }
    }
}
