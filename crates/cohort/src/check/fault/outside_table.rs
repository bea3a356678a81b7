//! Label values that nothing gives a meaning.

use super::Fault;
use crate::check::{Finding, Findings, Severity, seen::Seen};
use crate::labels::values_in_words;
use std::collections::BTreeMap;

pub(super) static FAULT: Fault = Fault {
    name: "outside-table",
    about: "a label map has values outside the label table, or outside the data set's own list",
    look,
    #[cfg(test)]
    plant: |data| data.label("a", crate::check::data_set::DIMS, 77),
};

fn look(seen: &Seen<'_>, findings: &mut Findings<'_>) {
    let (Some(labels), Some(counts)) = (&seen.labels, &seen.label_counts) else { return };
    let outside: BTreeMap<u16, u64> =
        counts.iter().filter(|(value, _)| !seen.is_known(**value)).map(|(value, count)| (*value, *count)).collect();
    if outside.is_empty() {
        return;
    }
    let expected = match seen.table {
        Some(table) => format!("values of table `{}`", table.name()),
        None => "values that the data set lists".to_string(),
    };
    let finding = Finding {
        severity: Severity::Error,
        field: "label values",
        expected,
        found: values_in_words(&outside),
        fix: "choose another label table, or add the values to your own as a class or as ignored".into(),
    };
    findings.add(&labels.path, finding);
}
