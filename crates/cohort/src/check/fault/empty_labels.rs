//! A label map without anything labelled.

use super::Fault;
use crate::check::{Finding, Findings, Severity, seen::Seen};
use crate::labels::values_in_words;

pub(super) static FAULT: Fault = Fault {
    name: "empty-labels",
    about: "a label map has no voxel of a class beside the background",
    look,
    #[cfg(test)]
    plant: |data| data.label("a", crate::check::data_set::DIMS, 0),
};

fn look(seen: &Seen<'_>, findings: &mut Findings<'_>) {
    let (Some(labels), Some(counts)) = (&seen.labels, &seen.label_counts) else { return };
    // A value without a meaning is a fault of its own.
    if counts.keys().any(|value| seen.is_foreground(*value) || !seen.is_known(*value)) {
        return;
    }
    let finding = Finding {
        severity: Severity::Warning,
        field: "label values",
        expected: "at least one voxel of a class beside the background".into(),
        found: values_in_words(counts),
        fix: "check that the label map belongs to this scan; scores of absent classes are empty, not 0".into(),
    };
    findings.add(&labels.path, finding);
}
