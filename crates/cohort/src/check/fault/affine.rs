//! Files of one scan that lie at other places.

use super::Fault;
use crate::check::{Findings, seen::Seen};

pub(super) static FAULT: Fault = Fault {
    name: "affine",
    about: "images and label map of a scan lie at other places, by more than --tolerance-mm",
    look,
    #[cfg(test)]
    plant: |data| data.shifted_label("a", 0.5),
};

fn look(seen: &Seen<'_>, findings: &mut Findings<'_>) {
    super::differing_grids(seen, "affine", findings);
}
