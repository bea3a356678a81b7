//! How a subject's head differs from the atlas as a whole: size, position, tilt and bulges.

use super::noise::Noise;
use super::shape::{Point, added, dot, scaled, subtracted};
use lacuna_seed::Stream;

/// Wavelength and height of the bulges that make one head longer here and flatter there.
const BULGE_MM: f64 = 75.0;
const BULGE_HEIGHT_MM: f64 = 5.0;

/// The map from the scanner's millimetres to the atlas's.
pub(super) struct Pose {
    offset_mm: Point,
    scale: Point,
    axes: [Point; 3],
    bulges: [Noise; 3],
}

impl Pose {
    pub(super) fn new(stream: &Stream) -> Pose {
        let mut draws = stream.draws();
        let offset_mm = [-2.0, -2.0, -1.5].map(|low| draws.uniform_in(low, -low));
        let size = draws.uniform_in(0.95, 1.03);
        let scale = std::array::from_fn(|_| size * draws.uniform_in(0.975, 1.025));
        let tilt = std::array::from_fn(|_| draws.uniform_in(-0.045, 0.045));
        let bulges = ["x", "y", "z"].map(|axis| Noise::new(&stream.part(axis), BULGE_MM));
        Pose { offset_mm, scale, axes: rotation(tilt), bulges }
    }

    /// Where a point of the scanner lies in the atlas.
    pub(super) fn to_atlas(&self, world: Point) -> Point {
        let centred = subtracted(world, self.offset_mm);
        let turned = self.axes.map(|axis| dot(axis, centred));
        let sized: Point = std::array::from_fn(|axis| turned[axis] / self.scale[axis]);
        added(sized, scaled(std::array::from_fn(|axis| self.bulges[axis].at(sized)), BULGE_HEIGHT_MM))
    }
}

/// The rotation of the quaternion `(1, tilt)`, about `2 |tilt|` radians around `tilt`.
///
/// Only arithmetic, so that the same bits come out on every platform; sines would not promise that.
fn rotation([b, c, d]: Point) -> [Point; 3] {
    let norm = 1.0 + b * b + c * c + d * d;
    [
        [1.0 + b * b - c * c - d * d, 2.0 * (b * c - d), 2.0 * (b * d + c)],
        [2.0 * (b * c + d), 1.0 - b * b + c * c - d * d, 2.0 * (c * d - b)],
        [2.0 * (b * d - c), 2.0 * (c * d + b), 1.0 - b * b - c * c + d * d],
    ]
    .map(|row| scaled(row, 1.0 / norm))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rotation_keeps_lengths_and_angles() {
        let axes = rotation([0.1, -0.2, 0.05]);
        for first in 0..3 {
            for second in 0..3 {
                let expected = if first == second { 1.0 } else { 0.0 };
                assert!((dot(axes[first], axes[second]) - expected).abs() < 1e-12);
            }
        }
    }

    #[test]
    fn a_quarter_turn_around_z_takes_x_to_y() {
        let turned = rotation([0.0, 0.0, 1.0]).map(|axis| dot(axis, [1.0, 0.0, 0.0]));
        assert_eq!(turned, [0.0, 1.0, 0.0]);
    }
}
