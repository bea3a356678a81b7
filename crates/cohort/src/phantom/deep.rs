//! The deep parts of the cerebrum: ventricles, basal ganglia with the thalamus, white matter lesions.

use super::noise::Noise;
use super::shape::{Capsule, Ellipsoid, Point};
use super::tissue::{Spot, Tissue, label};
use lacuna_seed::Stream;

const fn capsule(from: Point, to: Point, radius_from_mm: f64, radius_to_mm: f64) -> Capsule {
    Capsule { from, to, radius_from_mm, radius_to_mm }
}

/// The right lateral ventricle: frontal horn, body, atrium, occipital and temporal horn.
const LATERAL_VENTRICLE: [Capsule; 6] = [
    capsule([11.0, 27.0, 3.0], [7.0, 13.0, 13.0], 2.2, 4.4),
    capsule([7.0, 13.0, 13.0], [9.0, -14.0, 19.0], 4.4, 4.2),
    capsule([9.0, -14.0, 19.0], [22.0, -40.0, 12.0], 4.2, 5.6),
    capsule([22.0, -40.0, 12.0], [24.0, -62.0, 4.0], 4.6, 1.4),
    capsule([22.0, -40.0, 12.0], [32.0, -26.0, -9.0], 5.2, 2.6),
    capsule([32.0, -26.0, -9.0], [30.0, -8.0, -17.0], 2.6, 1.8),
];
const THIRD_VENTRICLE: Ellipsoid = Ellipsoid { centre: [0.0, -11.0, 0.0], radii_mm: [2.4, 15.0, 10.0] };
/// The caudate follows the lateral ventricle on its outer side.
const CAUDATE: [Capsule; 2] = [
    capsule([14.0, 20.0, 4.0], [15.5, 6.0, 14.0], 6.4, 5.4),
    capsule([15.5, 6.0, 14.0], [18.0, -20.0, 20.0], 5.4, 2.4),
];
const PUTAMEN: Ellipsoid = Ellipsoid { centre: [26.5, 2.0, 1.5], radii_mm: [6.2, 17.0, 11.5] };
const PALLIDUM: Ellipsoid = Ellipsoid { centre: [20.0, -3.0, 0.0], radii_mm: [4.6, 9.5, 7.5] };
const THALAMUS: Ellipsoid = Ellipsoid { centre: [11.0, -19.0, 7.0], radii_mm: [10.0, 16.0, 10.0] };
/// How uneven the borders of the nuclei are.
const NUCLEUS_ROUGHNESS_MM: f64 = 1.2;

/// The deep parts of one subject.
pub(super) struct Deep {
    widening_mm: [f64; 2],
    third_widening_mm: f64,
    nuclei_growth_mm: f64,
    lesion_load: f64,
    roughness: Noise,
    lesions: Noise,
}

impl Deep {
    pub(super) fn new(stream: &Stream, atrophy: f64) -> Deep {
        let mut draws = stream.draws();
        let widening = 2.6 * atrophy - 0.6;
        Deep {
            widening_mm: [0; 2].map(|_| widening + draws.uniform_in(-0.5, 0.5)),
            third_widening_mm: 1.6 * atrophy,
            nuclei_growth_mm: draws.uniform_in(-0.5, 0.5),
            lesion_load: draws.uniform_in(0.3, 0.6) + 0.4 * atrophy,
            roughness: Noise::new(&stream.part("roughness"), 9.0),
            lesions: Noise::new(&stream.part("lesions"), 9.0),
        }
    }

    /// What lies at a position beyond the cortex: a ventricle, a nucleus, a lesion, or white matter.
    pub(super) fn spot(&self, position: Point) -> Spot {
        let mirrored = [position[0].abs(), position[1], position[2]];
        let ventricle_mm = self.ventricle(position, mirrored);
        if ventricle_mm < 0.0 {
            return Spot::new(Tissue::Fluid, label::VENTRICLES);
        }
        if let Some(nucleus) = self.nucleus(position, mirrored) {
            return Spot::new(nucleus, label::BASAL_GANGLIA);
        }
        if self.is_lesion(position, ventricle_mm) {
            return Spot::new(Tissue::WhiteLesion, label::WHITE_LESION);
        }
        Spot::new(Tissue::White, label::WHITE)
    }

    fn ventricle(&self, position: Point, mirrored: Point) -> f64 {
        let side = usize::from(position[0] < 0.0);
        let lateral = nearest(&LATERAL_VENTRICLE, mirrored) - self.widening_mm[side];
        lateral.min(THIRD_VENTRICLE.distance(mirrored) - self.third_widening_mm)
    }

    fn nucleus(&self, position: Point, mirrored: Point) -> Option<Tissue> {
        let border = self.nuclei_growth_mm + NUCLEUS_ROUGHNESS_MM * self.roughness.at(position);
        if PALLIDUM.distance(mirrored) < border {
            return Some(Tissue::Pallidum);
        }
        let grey = nearest(&CAUDATE, mirrored).min(PUTAMEN.distance(mirrored)).min(THALAMUS.distance(mirrored));
        (grey < border).then_some(Tissue::DeepGrey)
    }

    /// Lesions cap the ventricles' horns and, more rarely, lie scattered in the white matter.
    fn is_lesion(&self, position: Point, ventricle_mm: f64) -> bool {
        let speckle = self.lesions.at(position);
        let cap = ventricle_mm < 5.0 && speckle > 0.58 - 0.4 * self.lesion_load;
        let scattered = ventricle_mm < 32.0 && speckle > 0.9 - 0.2 * self.lesion_load;
        cap || scattered
    }
}

fn nearest(capsules: &[Capsule], position: Point) -> f64 {
    capsules.iter().map(|capsule| capsule.distance(position)).fold(f64::INFINITY, f64::min)
}

#[cfg(test)]
mod tests {
    use super::*;
    use lacuna_seed::Seed;

    #[test]
    fn landmarks_lie_where_an_atlas_puts_them() {
        let deep = Deep::new(&Seed(4).stream("deep test"), 0.5);
        assert_eq!(deep.spot([9.0, -10.0, 18.0]).label, label::VENTRICLES, "body of the lateral ventricle");
        assert_eq!(deep.spot([-9.0, -10.0, 18.0]).label, label::VENTRICLES, "and of the other");
        assert_eq!(deep.spot([0.0, -11.0, 0.0]).label, label::VENTRICLES, "third ventricle");
        assert_eq!(deep.spot([26.5, 2.0, 1.5]), Spot::new(Tissue::DeepGrey, label::BASAL_GANGLIA), "putamen");
        assert_eq!(deep.spot([-20.0, -3.0, 0.0]), Spot::new(Tissue::Pallidum, label::BASAL_GANGLIA), "pallidum");
    }
}
