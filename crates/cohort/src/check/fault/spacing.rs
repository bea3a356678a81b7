//! Files of one scan with voxels of other sizes.

use super::Fault;
use crate::check::{Findings, seen::Seen};

pub(super) static FAULT: Fault = Fault {
    name: "spacing",
    about: "images and label map of a scan have voxels of other sizes",
    look,
    #[cfg(test)]
    plant: |data| data.image("a", 0.0, 2.0),
};

fn look(seen: &Seen<'_>, findings: &mut Findings<'_>) {
    super::differing_grids(seen, "spacing", findings);
}
