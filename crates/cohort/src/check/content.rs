//! The same image under two names.
//!
//! If it is listed under two people, forgetting one of them would leave the image with the other
//! and every split might put it on both sides. So decoded voxels are compared by digest, which
//! sees through compression, voxel types and headers.

use super::{Finding, Findings, Severity, relative};
use crate::{Scan, SubjectId};
use lacuna_volume::Volume;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// The images seen so far, by content.
#[derive(Default)]
pub(super) struct Contents {
    first: BTreeMap<[u8; 32], Owner>,
}

struct Owner {
    subject: SubjectId,
    path: PathBuf,
}

impl Contents {
    /// Remember an image; report it if another file had the same voxels.
    pub fn check(&mut self, image: &Volume, scan: &Scan, path: &Path, findings: &mut Findings<'_>) {
        let digest = digest(image);
        match self.first.get(&digest) {
            Some(owner) => {
                let finding = repeated(owner, &scan.subject, findings.root);
                findings.add(path, finding);
            }
            None => {
                self.first.insert(digest, Owner { subject: scan.subject.clone(), path: path.to_path_buf() });
            }
        }
    }
}

fn digest(image: &Volume) -> [u8; 32] {
    let mut hasher = blake3::Hasher::new();
    for dim in image.grid().dims {
        hasher.update(&(dim as u64).to_le_bytes());
    }
    // By slices, so that no second copy of the image is in memory.
    let mut bytes = Vec::new();
    for voxels in image.voxels().chunks(1 << 16) {
        bytes.clear();
        bytes.extend(voxels.iter().flat_map(|voxel| voxel.to_le_bytes()));
        hasher.update(&bytes);
    }
    *hasher.finalize().as_bytes()
}

fn repeated(owner: &Owner, subject: &SubjectId, root: &Path) -> Finding {
    let other = relative(root, &owner.path);
    let (severity, found, fix) = if owner.subject == *subject {
        let fix = "keep one of the two, unless the repetition is meant";
        (Severity::Warning, format!("the voxels of {}", other.display()), fix)
    } else {
        let fix = "list both scans under one subject in subjects.tsv, or remove one";
        (Severity::Error, format!("the voxels of {}, which is of subject {}", other.display(), owner.subject), fix)
    };
    let (field, expected) = ("content".into(), "an image of its own".into());
    Finding { severity, field, expected, found, fix: fix.into() }
}
