//! Below the tentorium: cerebellum with its folia, brain stem, fourth ventricle.

use super::noise::Noise;
use super::shape::{Capsule, Ellipsoid, Point, union};
use super::tissue::{Spot, Tissue, label};
use lacuna_seed::Stream;

const LOBE: Ellipsoid = Ellipsoid { centre: [21.0, -64.0, -33.0], radii_mm: [32.0, 31.0, 24.0] };
const VERMIS: Ellipsoid = Ellipsoid { centre: [0.0, -60.0, -28.0], radii_mm: [15.0, 22.0, 21.0] };
const FOURTH_VENTRICLE: Ellipsoid = Ellipsoid { centre: [0.0, -40.0, -33.0], radii_mm: [6.5, 4.5, 9.0] };
const MIDBRAIN: Capsule =
    Capsule { from: [0.0, -21.0, -13.0], to: [0.0, -24.0, -22.0], radius_from_mm: 13.5, radius_to_mm: 13.0 };
const PONS: Ellipsoid = Ellipsoid { centre: [0.0, -22.0, -31.0], radii_mm: [18.0, 14.5, 16.0] };
const MEDULLA: Capsule =
    Capsule { from: [0.0, -27.0, -42.0], to: [0.0, -40.0, -110.0], radius_from_mm: 10.0, radius_to_mm: 6.5 };
/// Folia are seen as layers that fan out from here, in the sagittal plane.
const FAN_CENTRE: [f64; 2] = [-46.0, -35.0];
const FOLIUM_MM: f64 = 5.5;

/// Cerebellum and brain stem of one subject.
pub(super) struct Hindbrain {
    growth_mm: f64,
    ripple: Noise,
    branches: Noise,
}

impl Hindbrain {
    pub(super) fn new(stream: &Stream) -> Hindbrain {
        Hindbrain {
            growth_mm: stream.draws().uniform_in(-1.5, 1.0),
            ripple: Noise::new(&stream.part("ripple"), 22.0),
            branches: Noise::new(&stream.part("branches"), 10.0),
        }
    }

    /// Distance to the cerebellum.
    pub(super) fn cerebellum(&self, position: Point) -> f64 {
        let mirrored = [position[0].abs(), position[1], position[2]];
        union(LOBE.distance(mirrored), VERMIS.distance(mirrored), 6.0) - self.growth_mm
    }

    /// Distance to the brain stem, which goes on downwards as the spinal cord.
    pub(super) fn stem(&self, position: Point) -> f64 {
        union(union(MIDBRAIN.distance(position), PONS.distance(position), 5.0), MEDULLA.distance(position), 6.0)
    }

    /// Whether a position lies in the fourth ventricle.
    pub(super) fn in_fourth_ventricle(&self, position: Point) -> bool {
        FOURTH_VENTRICLE.distance(position) < 0.0
    }

    /// The cerebellum at a depth beneath its surface: a core of white matter with branches between grey folia.
    ///
    /// The fluid between the folia is thinner than a voxel and counts as cerebellum.
    pub(super) fn folia(&self, position: Point, depth_mm: f64) -> Spot {
        let phase = fan(position) / FOLIUM_MM + 1.6 * self.ripple.at(position);
        let crest = 2.0 * (phase - phase.floor() - 0.5).abs();
        let branch_depth = 4.0 + 3.0 * self.branches.at(position);
        let tissue = if depth_mm > 11.0 + 5.0 * self.branches.at(position) || (depth_mm > branch_depth && crest > 0.62)
        {
            Tissue::CerebellarWhite
        } else if depth_mm < 5.0 && crest < 0.16 {
            Tissue::Fluid
        } else {
            Tissue::CerebellarGrey
        };
        Spot::new(tissue, label::CEREBELLUM)
    }
}

/// A coordinate that runs from the upper front of the cerebellum around its back to its lower front.
///
/// It takes the place of the angle around the fan's centre: a share of the 1-norm changes
/// with the angle just the same, evenly enough, and has the same bits on every platform.
/// The scale makes it about a length in millimetres at the cerebellum's surface.
fn fan([x, y, z]: Point) -> f64 {
    let (back, up) = (FAN_CENTRE[0] - y, z - FAN_CENTRE[1]);
    let share = up / (back.abs() + up.abs()).max(1e-6);
    let turned = if back >= 0.0 { share } else { 2.0_f64.copysign(up) - share };
    40.0 * turned + 0.25 * x.abs()
}

#[cfg(test)]
mod tests {
    use super::*;
    use lacuna_seed::Seed;

    #[test]
    fn folia_alternate_and_all_count_as_cerebellum() {
        let hindbrain = Hindbrain::new(&Seed(5).stream("hindbrain test"));
        let spots: Vec<Spot> = (0..60).map(|mm| hindbrain.folia([15.0, -80.0, f64::from(mm) - 65.0], 6.0)).collect();
        assert!(spots.iter().all(|spot| spot.label == label::CEREBELLUM));
        for tissue in [Tissue::CerebellarGrey, Tissue::CerebellarWhite] {
            assert!(spots.iter().any(|spot| spot.tissue == tissue), "{tissue:?} occurs along the surface");
        }
    }
}
