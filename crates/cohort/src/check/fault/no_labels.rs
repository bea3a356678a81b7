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
            fix: fix(seen.cohort.layout).into(),
        };
        findings.add(&seen.scan.images[0], finding);
    }
}

/// How a label map of the scan would be found.
fn fix(layout: &str) -> &'static str {
    match layout {
        "bids" => {
            "add derivatives/PIPELINE/sub-X/[ses-Y/]anat/sub-X_[ses-Y_]dseg.nii.gz, choose it with --derivative, leave the scan \
             out with --exclude, or use it for prediction only"
        }
        "list" => {
            "name the label map behind the image, leave the scan out with --exclude, or use it for prediction only"
        }
        _ => "add a label map of the same name, leave the scan out with --exclude, or use it for prediction only",
    }
}
