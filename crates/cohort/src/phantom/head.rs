//! One subject's head as a function of position.

use super::cerebrum::Cerebrum;
use super::deep::Deep;
use super::hindbrain::Hindbrain;
use super::memorable::OddLesion;
use super::pose::Pose;
use super::shape::{Point, union};
use super::shell::Shell;
use super::tissue::{Spot, Tissue, label};
use lacuna_seed::Stream;

/// The middle of the head in atlas millimetres; the origin is near the anterior commissure.
pub(super) const FIELD_CENTRE_MM: Point = [0.0, -15.0, 7.0];

/// One subject's anatomy.
pub(super) struct Head {
    pose: Pose,
    cerebrum: Cerebrum,
    deep: Deep,
    hindbrain: Hindbrain,
    shell: Shell,
    fluid_gap_mm: f64,
    odd_lesion: Option<OddLesion>,
}

impl Head {
    /// The anatomy that `stream` names. The dial adds a lesion and moves nothing else.
    pub(super) fn new(stream: &Stream, dial: f64) -> Head {
        // One number ages a head: wider sulci, ventricles and fluid, thinner cortex, more lesions.
        let atrophy = stream.part("atrophy").draws().uniform();
        Head {
            pose: Pose::new(&stream.part("pose")),
            cerebrum: Cerebrum::new(&stream.part("cerebrum"), atrophy),
            deep: Deep::new(&stream.part("deep"), atrophy),
            hindbrain: Hindbrain::new(&stream.part("hindbrain")),
            shell: Shell::new(&stream.part("shell")),
            fluid_gap_mm: 1.2 + 1.4 * atrophy,
            odd_lesion: OddLesion::new(&stream.part("odd lesion"), dial),
        }
    }

    /// What lies at a position of the scanner, in RAS+ millimetres.
    pub(super) fn spot(&self, world: Point) -> Spot {
        let position = self.pose.to_atlas(world);
        let ordinary = self.ordinary_spot(position);
        match &self.odd_lesion {
            Some(lesion) => lesion.alter(position, ordinary),
            None => ordinary,
        }
    }

    /// Whether a position of the scanner lies within the odd lesion's outline.
    #[cfg(test)]
    pub(super) fn in_odd_lesion(&self, world: Point) -> bool {
        self.odd_lesion.as_ref().is_some_and(|lesion| lesion.contains(self.pose.to_atlas(world)))
    }

    fn ordinary_spot(&self, position: Point) -> Spot {
        let cerebellum = self.hindbrain.cerebellum(position);
        let stem = self.hindbrain.stem(position);
        let hull = self.cerebrum.hull(position, cerebellum - 2.5);
        let dura = union(union(hull, cerebellum, 7.0), stem, 9.0) - self.fluid_gap_mm;
        if dura > 0.0 {
            return Spot::outside(self.shell.tissue(position, dura));
        }
        if self.hindbrain.in_fourth_ventricle(position) {
            return Spot::new(Tissue::Fluid, label::VENTRICLES);
        }
        if stem < 0.0 {
            return Spot::new(Tissue::BrainStem, label::BRAIN_STEM);
        }
        if cerebellum < 0.0 {
            return self.hindbrain.folia(position, -cerebellum);
        }
        if hull < 0.0 {
            return self.cerebral_spot(position, hull);
        }
        Spot::new(Tissue::Fluid, label::EXTRACEREBRAL_CSF)
    }

    fn cerebral_spot(&self, position: Point, hull: f64) -> Spot {
        let beneath_pia_mm = self.cerebrum.beneath_pia(position, hull);
        if beneath_pia_mm < 0.0 {
            Spot::new(Tissue::Fluid, label::EXTRACEREBRAL_CSF)
        } else if beneath_pia_mm < self.cerebrum.thickness_mm() {
            Spot::new(Tissue::CorticalGrey, label::CORTICAL_GREY)
        } else {
            self.deep.spot(position)
        }
    }
}
