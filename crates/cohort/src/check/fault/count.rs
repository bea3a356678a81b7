//! An index that says another number of scans.

use super::Fault;
use crate::check::{Finding, Findings, Severity, seen::Seen};

pub(super) static FAULT: Fault = Fault {
    name: "count",
    about: "numTraining of a dataset.json is not the number of labelled scans",
    look,
    #[cfg(test)]
    plant: |data| data.declaring(5),
};

fn look(seen: &Seen<'_>, findings: &mut Findings<'_>) {
    let Some(declared) = seen.cohort.scans_declared else { return };
    let labelled = seen.cohort.scans().iter().filter(|scan| scan.label.is_some()).count();
    // It is a fault of the data set; reported once, with its first scan.
    if seen.number == 0 && declared != labelled {
        let finding = Finding {
            severity: Severity::Warning,
            field: "numTraining",
            expected: format!("the number of labelled scans, {labelled}"),
            found: declared.to_string(),
            fix: "correct dataset.json, which nnU-Net refuses so, or look for the scans that are missing".into(),
        };
        findings.add_of_data_set(&seen.cohort.root.join("dataset.json"), finding);
    }
}
