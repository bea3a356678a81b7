//! Around the brain: skull, scalp, eyes, face and neck. All of it is label 0, much of it bright.

use super::noise::Noise;
use super::shape::{Capsule, Ellipsoid, Point, union};
use super::tissue::Tissue;
use lacuna_seed::Stream;

const FACE: Ellipsoid = Ellipsoid { centre: [0.0, 34.0, -56.0], radii_mm: [58.0, 54.0, 66.0] };
const NECK: Capsule =
    Capsule { from: [0.0, -38.0, -60.0], to: [0.0, -48.0, -170.0], radius_from_mm: 58.0, radius_to_mm: 55.0 };
const EYE: Ellipsoid = Ellipsoid { centre: [31.0, 63.0, -28.0], radii_mm: [12.0; 3] };
const ORBIT: Ellipsoid = Ellipsoid { centre: [29.0, 57.0, -28.0], radii_mm: [17.0, 22.0, 16.0] };
const NASAL_CAVITY: Ellipsoid = Ellipsoid { centre: [0.0, 54.0, -48.0], radii_mm: [15.0, 26.0, 18.0] };
const EAR_CANAL: Ellipsoid = Ellipsoid { centre: [52.0, -28.0, -34.0], radii_mm: [13.0, 9.0, 8.0] };
/// The compact bone on either side of the marrow.
const TABLE_MM: f64 = 1.6;
const SKIN_MM: f64 = 1.5;
/// Farther than this from the dura, the face and the neck there is air, whatever the noise says.
const FAR_OUTSIDE_MM: f64 = 25.0;

/// The parts of one subject's head that are not brain.
pub(super) struct Shell {
    skull_mm: f64,
    scalp_mm: f64,
    thickness: Noise,
    tissue: Noise,
}

impl Shell {
    pub(super) fn new(stream: &Stream) -> Shell {
        let mut draws = stream.draws();
        Shell {
            skull_mm: draws.uniform_in(5.5, 7.5),
            scalp_mm: draws.uniform_in(3.8, 6.0),
            thickness: Noise::new(&stream.part("thickness"), 32.0),
            tissue: Noise::new(&stream.part("tissue"), 13.0),
        }
    }

    /// The tissue at a position outside the dura, `dura_mm` away from it.
    pub(super) fn tissue(&self, position: Point, dura_mm: f64) -> Tissue {
        let below = union(FACE.distance(position), NECK.distance(position), 12.0);
        if dura_mm.min(below) > FAR_OUTSIDE_MM {
            return Tissue::Air;
        }
        let skull_mm = self.skull_mm + 3.0 * self.thickness.at(position);
        let skin = union(dura_mm - skull_mm - self.scalp_mm, below, 14.0);
        if skin > 0.0 {
            return Tissue::Air;
        }
        let mirrored = [position[0].abs(), position[1], position[2]];
        if dura_mm < skull_mm {
            return self.bone(mirrored, dura_mm, skull_mm);
        }
        self.soft(position, mirrored, -skin)
    }

    /// Two tables of compact bone with marrow between; air cells near the ear.
    fn bone(&self, mirrored: Point, dura_mm: f64, skull_mm: f64) -> Tissue {
        let between = dura_mm > TABLE_MM && dura_mm < skull_mm - TABLE_MM;
        if between && EAR_CANAL.distance(mirrored) > 0.0 { Tissue::Marrow } else { Tissue::Bone }
    }

    fn soft(&self, position: Point, mirrored: Point, beneath_skin_mm: f64) -> Tissue {
        if beneath_skin_mm < SKIN_MM {
            return Tissue::Skin;
        }
        if EYE.distance(mirrored) < 0.0 {
            return Tissue::Eye;
        }
        if ORBIT.distance(mirrored) < 0.0 {
            return Tissue::Fat;
        }
        let strand = self.tissue.at(position);
        if NASAL_CAVITY.distance(position) < 6.0 * strand {
            return Tissue::Air;
        }
        if beneath_skin_mm < self.scalp_mm - 0.8 { Tissue::Fat } else { deep_soft(strand) }
    }
}

fn deep_soft(strand: f64) -> Tissue {
    if strand > 0.28 {
        Tissue::Fat
    } else if strand < -0.36 {
        Tissue::Bone
    } else {
        Tissue::Muscle
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use lacuna_seed::Seed;

    #[test]
    fn bone_marrow_bone_fat_skin_and_air_follow_each_other() {
        let shell = Shell::new(&Seed(6).stream("shell test"));
        // At the vertex the dura's distance grows by 1 mm per mm.
        let mut seen: Vec<Tissue> =
            (0..400).map(|step| f64::from(step) * 0.1).map(|mm| shell.tissue([0.0, -17.0, 75.0 + mm], mm)).collect();
        seen.dedup();
        let outer: Vec<Tissue> = seen.into_iter().filter(|t| *t != Tissue::Muscle).collect();
        assert_eq!(outer, [Tissue::Bone, Tissue::Marrow, Tissue::Bone, Tissue::Fat, Tissue::Skin, Tissue::Air]);
    }
}
