//! Bytes after the last voxel.

use super::Fault;
use crate::check::{Finding, Findings, Severity, seen::Seen};
use lacuna_volume::Notice;

pub(super) static FAULT: Fault = Fault {
    name: "trailing-bytes",
    about: "the file goes on after the last voxel",
    look,
    #[cfg(test)]
    plant: |data| data.lengthened("a"),
};

fn look(seen: &Seen<'_>, findings: &mut Findings<'_>) {
    for (path, notice) in seen.notices() {
        if let Notice::BytesAfterData = notice {
            let finding = Finding {
                severity: Severity::Warning,
                field: "file length",
                expected: "the end after the last voxel".into(),
                found: notice.to_string(),
                fix: "check that dim is true; the rest is not read".into(),
            };
            findings.add(path, finding);
        }
    }
}
