//! Files among the scans that are not read.

use super::Fault;
use crate::check::{Finding, Findings, Severity, seen::Seen};

pub(super) static FAULT: Fault = Fault {
    name: "passed-over",
    about: "a file or folder among the scans is not read, though it may hold a scan",
    look,
    #[cfg(test)]
    plant: |data| data.beside("images", "c.mgz"),
};

fn look(seen: &Seen<'_>, findings: &mut Findings<'_>) {
    // They are of the data set; reported once, with its first scan.
    for one in seen.cohort.passed_over.iter().filter(|_| seen.number == 0) {
        let finding = Finding {
            severity: Severity::Warning,
            field: "file",
            expected: "a NIfTI volume that is a scan's".into(),
            found: one.found.clone(),
            fix: one.fix.clone(),
        };
        findings.add_of_data_set(&one.path, finding);
    }
}
