//! Files of one scan with other numbers of voxels.

use super::Fault;
use crate::check::{Findings, seen::Seen};

pub(super) static FAULT: Fault = Fault {
    name: "shape",
    about: "images and label map of a scan have other numbers of voxels",
    look,
    #[cfg(test)]
    plant: |data| data.label("a", [3, 4, 6], 1),
};

fn look(seen: &Seen<'_>, findings: &mut Findings<'_>) {
    super::differing_grids(seen, "shape", findings);
}
