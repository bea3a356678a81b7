//! A file that cannot be read as a volume at all.

use super::Fault;
use crate::check::{Finding, Findings, Severity, seen::Seen};
use lacuna_volume::VolumeError;

pub(super) static FAULT: Fault = Fault {
    name: "unreadable",
    about: "a file is missing, broken, no NIfTI, not 3-D or too large",
    look,
    #[cfg(test)]
    plant: |data| data.broken("a"),
};

fn look(seen: &Seen<'_>, findings: &mut Findings<'_>) {
    for (path, error) in seen.errors() {
        match error {
            // These have faults of their own.
            VolumeError::NotFinite { .. } | VolumeError::NotALabel { .. } => {}
            error => findings.add(path, of(error)),
        }
    }
}

fn of(error: &VolumeError) -> Finding {
    let (field, expected, found, fix) = match error {
        VolumeError::Field { field, expected, found, fix, .. } => (*field, expected.clone(), found.clone(), *fix),
        other => (
            "file",
            "a readable 3-D NIfTI volume".into(),
            other.to_string(),
            "repair or replace the file, or leave the scan out with --exclude",
        ),
    };
    Finding { severity: Severity::Error, field, expected, found, fix: fix.into() }
}
