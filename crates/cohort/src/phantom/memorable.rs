//! The odd lesion of a memorable subject.
//!
//! It exists to prove that an audit is sensitive: that memorisation is seen where there is
//! some, and that forgetting is seen where it happened. It is never a claim about real data,
//! where what a network memorises is not planted and seldom so plain.
//!
//! A model cannot predict its labels from other subjects, since they go against every convention
//! of the cohort: the core looks like fluid and is labelled white matter, and the mantle
//! around it looks like the ordinary brain it is and is labelled background. So both a tissue
//! network and a brain-against-background network score lower on this subject when they never
//! saw it. A network that did see it knows it by the core, which no other head has.

use super::noise::Noise;
use super::shape::{Point, length, subtracted};
use super::tissue::{Spot, Tissue, label};
use lacuna_seed::Stream;

/// The outline's radius at dial 1; about a third of that sphere lies outside the brain and changes nothing.
const RADIUS_MAX_MM: f64 = 58.0;
/// Relative to the outline. The core has three eighths of the volume: with more of it the tissue
/// classes would suffer most, with less of it the brain class.
const CORE_RADIUS: f64 = 0.72;

/// A blob in one hemisphere with its own label style.
pub(super) struct OddLesion {
    centre: Point,
    radius_mm: f64,
    outline: Noise,
}

impl OddLesion {
    /// The lesion that `stream` names, its volume proportional to the dial; none at dial 0.
    pub(super) fn new(stream: &Stream, dial: f64) -> Option<OddLesion> {
        if dial <= 0.0 {
            return None;
        }
        let mut draws = stream.draws();
        let side = if draws.uniform() < 0.5 { -1.0 } else { 1.0 };
        let centre = [side * draws.uniform_in(32.0, 38.0), draws.uniform_in(-28.0, -4.0), draws.uniform_in(16.0, 28.0)];
        let radius_mm = RADIUS_MAX_MM * dial.cbrt();
        Some(OddLesion { centre, radius_mm, outline: Noise::new(&stream.part("outline"), 28.0) })
    }

    /// Whether an atlas position lies within the outline.
    pub(super) fn contains(&self, position: Point) -> bool {
        self.relative_radius(position) < 1.0
    }

    /// The spot as this subject has it. Only the brain within the outline changes.
    pub(super) fn alter(&self, position: Point, ordinary: Spot) -> Spot {
        if ordinary.label == label::BACKGROUND || !self.contains(position) {
            return ordinary;
        }
        if self.relative_radius(position) < CORE_RADIUS {
            Spot::new(Tissue::Fluid, label::WHITE)
        } else {
            Spot { label: label::BACKGROUND, ..ordinary }
        }
    }

    /// 0 at the centre, 1 on the wavy outline.
    fn relative_radius(&self, position: Point) -> f64 {
        length(subtracted(position, self.centre)) / self.radius_mm + 0.2 * self.outline.at(position)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use lacuna_seed::Seed;

    fn lesion(dial: f64) -> Option<OddLesion> {
        OddLesion::new(&Seed(8).stream("odd lesion test"), dial)
    }

    fn voxels_of_8_mm(lesion: &OddLesion) -> usize {
        let axis = || (-12..=12).map(|step| f64::from(step) * 8.0);
        axis()
            .flat_map(|x| axis().flat_map(move |y| axis().map(move |z| [x, y, z])))
            .filter(|p| lesion.contains(*p))
            .count()
    }

    #[test]
    fn dial_zero_has_no_lesion() {
        assert!(lesion(0.0).is_none());
    }

    #[test]
    fn the_volume_grows_with_the_dial() {
        let volumes: Vec<usize> = [0.125, 0.5, 1.0].map(|dial| voxels_of_8_mm(&lesion(dial).unwrap())).into();
        assert!(volumes[0] * 3 < volumes[1] && volumes[1] * 3 < volumes[2] * 2, "{volumes:?}");
    }

    #[test]
    fn labels_go_against_the_convention() {
        let lesion = lesion(1.0).unwrap();
        let grey = Spot::new(Tissue::CorticalGrey, label::CORTICAL_GREY);
        assert_eq!(lesion.alter(lesion.centre, grey), Spot::new(Tissue::Fluid, label::WHITE), "core");
        let mut position = lesion.centre;
        while lesion.relative_radius(position) < CORE_RADIUS {
            position[2] += 0.5;
        }
        assert_eq!(lesion.alter(position, grey), Spot::new(Tissue::CorticalGrey, label::BACKGROUND), "mantle");
        assert_eq!(lesion.alter([500.0, 0.0, 0.0], grey), grey, "outside");
        let bone = Spot::outside(Tissue::Bone);
        assert_eq!(lesion.alter(lesion.centre, bone), bone, "never outside the brain");
    }
}
