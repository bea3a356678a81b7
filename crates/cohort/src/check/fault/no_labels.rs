//! A scan without a label map.

use super::Fault;
use crate::check::{Finding, Findings, Severity, seen::Seen};

pub(super) static FAULT: Fault = Fault {
    name: "no-labels",
    about: "a scan has no label map",
    look,
    #[cfg(test)]
    plant: |data| data.without_label("a"),
};

fn look(seen: &Seen<'_>, findings: &mut Findings<'_>) {
    if seen.labels.is_none() {
        let finding = Finding {
            severity: Severity::Warning,
            field: "label map",
            expected: "one for every scan".into(),
            found: "none".into(),
            fix: "add a label map of the same name, or use the scan for prediction only",
        };
        findings.add(&seen.scan.images[0], finding);
    }
}
