//! The same image under two names.
//!
//! If it is listed under two people, forgetting one of them would leave the image with the other
//! and every split might put it on both sides.

use super::Fault;
use crate::SubjectId;
use crate::check::seen::{Owner, Seen, digest};
use crate::check::{Finding, Findings, Severity, relative};
use std::path::Path;

pub(super) static FAULT: Fault = Fault {
    name: "repeated",
    about: "an image has the voxels of another one, of another person or of the same one",
    look,
    #[cfg(test)]
    plant: |data| data.image("b", 0.0, 1.0),
};

fn look(seen: &Seen<'_>, findings: &mut Findings<'_>) {
    let mut own: Vec<([u8; 32], Owner)> = Vec::new();
    for (path, file) in seen.readable() {
        let digest = digest(&file.image);
        let same = own.iter().find(|(other, _)| *other == digest).map(|(_, owner)| owner);
        if let Some(owner) = seen.earlier.get(&digest).or(same) {
            let finding = of(owner, &seen.scan.subject, findings.root);
            findings.add(path, finding);
        }
        own.push((digest, Owner { subject: seen.scan.subject.clone(), path: path.to_path_buf() }));
    }
}

fn of(owner: &Owner, subject: &SubjectId, root: &Path) -> Finding {
    let other = relative(root, &owner.path);
    let (severity, found, fix) = if owner.subject == *subject {
        let fix = "keep one of the two, unless the repetition is meant";
        (Severity::Warning, format!("the voxels of {}", other.display()), fix)
    } else {
        let fix = "list both scans under one subject in subjects.tsv, or remove one";
        (Severity::Error, format!("the voxels of {}, which is of subject {}", other.display(), owner.subject), fix)
    };
    Finding { severity, field: "content", expected: "an image of its own".into(), found, fix: fix.into() }
}
