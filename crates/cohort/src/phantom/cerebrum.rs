//! The two hemispheres: their hull, the fissure between them, and the folded cortex.
//!
//! Folding is done with distances. Sulci are thin sheets that hang from the hull inwards: the
//! zero sets of a noise field that is constant along lines from the hull to the middle of the
//! hemisphere, so that sheets stand upright on the hull as sulci do. The pial surface is the
//! hull together with both faces of every sheet, and the cortex is whatever lies within its
//! thickness of the pial surface: a ribbon that follows each gyrus and sulcus. What is deeper
//! is white matter. Sheets grow closer to each other with depth, which leaves the narrow
//! blades of white matter that real gyri have.

use super::noise::Noise;
use super::shape::{
    Ellipsoid, Point, added, difference, intersection, length, nearest_on_segment, scaled, subtracted, union,
};
use lacuna_seed::Stream;

const VAULT: Ellipsoid = Ellipsoid { centre: [0.0, -17.0, 19.0], radii_mm: [67.0, 84.0, 53.0] };
const TEMPORAL: Ellipsoid = Ellipsoid { centre: [42.0, -14.0, -19.0], radii_mm: [20.0, 42.0, 20.0] };
/// The nuclei and ventricles and the white matter around them; no sulcus reaches inside.
const CORE: Ellipsoid = Ellipsoid { centre: [17.0, -10.0, 8.0], radii_mm: [19.0, 44.0, 23.0] };
/// The hemispheres are joined inside this ellipse of the midplane: the callosum and what it arches over.
const BRIDGE: Ellipsoid = Ellipsoid { centre: [0.0, -8.0, 1.0], radii_mm: [400.0, 43.0, 30.0] };
/// The line, in each hemisphere, to which sulci point.
const SPINE: [Point; 2] = [[21.0, -62.0, 12.0], [21.0, 28.0, 12.0]];

/// No sulcus and no cortex reaches deeper beneath the hull and the fissure; what does is not looked at closely.
const SULCUS_DEPTH_MAX_MM: f64 = 32.0;
/// Between neighbouring contours, in the field's own units; with the lattice it sets the width of gyri.
const CONTOUR_STEP: f64 = 0.5;

/// Both hemispheres of one subject.
pub(super) struct Cerebrum {
    thickness_mm: f64,
    fissure_half_width_mm: f64,
    sulcus_half_width_mm: f64,
    sylvian_rise: f64,
    sulci: Noise,
    twigs: Noise,
    depths: Noise,
}

impl Cerebrum {
    pub(super) fn new(stream: &Stream, atrophy: f64) -> Cerebrum {
        let mut draws = stream.draws();
        Cerebrum {
            thickness_mm: draws.uniform_in(2.7, 3.3) - 0.4 * atrophy,
            fissure_half_width_mm: 0.4 + 0.6 * atrophy,
            sulcus_half_width_mm: 0.1 + 0.4 * atrophy,
            sylvian_rise: draws.uniform_in(0.25, 0.45),
            sulci: Noise::new(&stream.part("sulci"), draws.uniform_in(29.0, 34.0)),
            twigs: Noise::new(&stream.part("twigs"), draws.uniform_in(26.0, 30.0)),
            depths: Noise::new(&stream.part("depths"), 30.0),
        }
    }

    pub(super) fn thickness_mm(&self) -> f64 {
        self.thickness_mm
    }

    /// The smooth hull of both hemispheres, without the hindbrain's `room_mm` (a distance, negative in the room).
    pub(super) fn hull(&self, position: Point, room_mm: f64) -> f64 {
        let mirrored = [position[0].abs(), position[1], position[2]];
        let above_base = intersection(VAULT.distance(mirrored), base(mirrored), 14.0);
        let lobes = union(above_base, TEMPORAL.distance(mirrored), 9.0);
        difference(lobes, room_mm, 5.0)
    }

    /// Distance beneath the pial surface of a position inside the hull; negative in a sulcus or in the fissure.
    pub(super) fn beneath_pia(&self, position: Point, hull_mm: f64) -> f64 {
        let mirrored = [position[0].abs(), position[1], position[2]];
        let fissure = self.beneath_fissure(mirrored);
        let surface = (-hull_mm).min(fissure);
        if !(0.0..SULCUS_DEPTH_MAX_MM).contains(&surface) {
            return surface;
        }
        let sulcus = self.beneath_sulci(position, mirrored, surface).max(4.0 - CORE.distance(mirrored));
        surface.min(sulcus)
    }

    /// Distance from the wall of the fissure between the hemispheres, where there is one.
    fn beneath_fissure(&self, mirrored: Point) -> f64 {
        if BRIDGE.distance(mirrored) < 0.0 { f64::INFINITY } else { mirrored[0] - self.fissure_half_width_mm }
    }

    fn beneath_sulci(&self, position: Point, mirrored: Point, surface_mm: f64) -> f64 {
        let root = root(position, mirrored, surface_mm);
        let wander = self.depths.at(position);
        let depth = 1.1 + 0.8 * wander;
        // Sulci open towards the surface, most in the old.
        let half_width = self.sulcus_half_width_mm * (1.0 + 1.5 / (1.0 + surface_mm.max(0.0) / 3.0));
        let sulcus_end = (16.0 * depth).min(0.5 * root.height_mm);
        let sulcus = beneath_sheet(root.sheet_distance(&self.sulci), surface_mm - sulcus_end);
        let twig =
            beneath_sheet(root.sheet_distance(&self.twigs), surface_mm - (6.0 * depth).min(0.3 * root.height_mm));
        let sylvian = beneath_sheet(self.sylvian_distance(mirrored, wander), surface_mm - 24.0);
        sulcus.min(twig).min(sylvian) - half_width
    }

    /// Distance to the plane of the Sylvian fissure, which rises towards the back and ends before it.
    fn sylvian_distance(&self, mirrored: Point, wander: f64) -> f64 {
        let [x, y, z] = mirrored;
        let height = z - (-3.0 - self.sylvian_rise * (y - 8.0)) + 12.0 * wander;
        let beyond = (y - 26.0).max(-38.0 - y).max(22.0 - x).max(0.0);
        length([height, beyond, 0.0])
    }
}

/// Where the line through a position, from the middle of its hemisphere outwards, meets the surface.
#[derive(Clone, Copy)]
struct Root {
    point: Point,
    /// From the middle of the hemisphere to the surface.
    height_mm: f64,
    /// How much tangential distances have shrunk from the surface to the position.
    shrink: f64,
}

fn root(position: Point, mirrored: Point, surface_mm: f64) -> Root {
    let (_, foot) = nearest_on_segment(SPINE[0], SPINE[1], mirrored);
    let outwards = subtracted(mirrored, foot);
    let radius = length(outwards).max(1.0);
    let height_mm = radius + surface_mm.max(0.0);
    let mut point = added(foot, scaled(outwards, height_mm / radius));
    // A little of the position itself bends the sheets.
    point = added(point, scaled(mirrored, 0.12));
    point[0] = point[0].copysign(position[0]);
    Root { point, height_mm, shrink: radius / height_mm }
}

impl Root {
    /// First-order distance to the nearest contour of a field, at the position whose root this is.
    ///
    /// Contours of several levels run side by side, as gyri do; a single level wanders.
    fn sheet_distance(&self, field: &Noise) -> f64 {
        let (value, gradient) = field.with_gradient(self.point);
        let level = (value / CONTOUR_STEP).round() * CONTOUR_STEP;
        self.shrink * (value - level).abs() / length(gradient).max(1e-3)
    }
}

/// Distance to a sheet that ends at a depth: `below_end` is how far beyond the end a position lies.
fn beneath_sheet(sheet_mm: f64, below_end_mm: f64) -> f64 {
    length([sheet_mm, below_end_mm.max(0.0), 0.0])
}

/// The floor of the cranial vault above which the frontal and occipital lobes lie; negative above it.
fn base([_, y, z]: Point) -> f64 {
    let floor = if y > 0.0 { -24.0 + 0.1 * y } else { -24.0 + 0.2 * y };
    floor - z
}

#[cfg(test)]
mod tests {
    use super::*;
    use lacuna_seed::Seed;

    fn cerebrum() -> Cerebrum {
        Cerebrum::new(&Seed(1).stream("cerebrum test"), 0.5)
    }

    #[test]
    fn the_hull_is_the_same_on_both_sides() {
        let cerebrum = cerebrum();
        for [x, y, z] in [[30.0, 10.0, 20.0], [60.0, -40.0, 5.0], [42.0, 0.0, -25.0]] {
            assert_eq!(cerebrum.hull([x, y, z], 100.0), cerebrum.hull([-x, y, z], 100.0));
        }
    }

    #[test]
    fn the_fissure_parts_the_hemispheres_above_the_callosum_only() {
        let cerebrum = cerebrum();
        let beneath = |position| cerebrum.beneath_pia(position, cerebrum.hull(position, 100.0));
        assert!(beneath([0.0, -10.0, 50.0]) < 0.0, "above the callosum there is fluid");
        assert!(beneath([0.0, -10.0, 28.0]) > cerebrum.thickness_mm(), "the callosum is white");
    }

    #[test]
    fn the_cortex_hugs_the_hull() {
        let cerebrum = cerebrum();
        let mut position = [40.0, -10.0, 40.0];
        while cerebrum.hull(position, 100.0) < -1.0 {
            position[2] += 0.1;
        }
        let beneath_pia_mm = cerebrum.beneath_pia(position, cerebrum.hull(position, 100.0));
        assert!(beneath_pia_mm <= 1.0 + 1e-9, "within 1 mm of the hull the pia is within 1 mm");
    }
}
