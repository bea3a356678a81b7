//! Smooth random fields in space.
//!
//! Gradient noise on a cubic lattice (Perlin, "An image synthesizer", 1985, with the quintic
//! weights of "Improving noise", 2002), and a random value at each lattice point besides:
//! without it the field would be 0 at every lattice point, and zero sets would show the
//! lattice. Only additions and multiplications are used, so a field has the same bits on
//! every platform, and a value depends on the position alone, not on what was sampled before.

use super::shape::{Point, dot, length, scaled};
use lacuna_seed::{Draws, Stream};

const TABLE: usize = 256;

/// A random field with mean about 0 and deviation about 0.3, correlated over `cell_mm`.
pub(super) struct Noise {
    cell_mm: f64,
    origin: Point,
    order: [u8; TABLE],
    gradients: [Point; TABLE],
    values: [f64; TABLE],
}

impl Noise {
    /// The field that `stream` names; its lattice edge is `cell_mm`.
    pub(super) fn new(stream: &Stream, cell_mm: f64) -> Noise {
        let mut draws = stream.draws();
        let mut order: [u8; TABLE] = std::array::from_fn(|index| index as u8);
        draws.shuffle(&mut order);
        let origin = std::array::from_fn(|_| draws.uniform_in(0.0, TABLE as f64));
        let gradients = std::array::from_fn(|_| unit_vector(&mut draws));
        let values = std::array::from_fn(|_| draws.uniform_in(-0.35, 0.35));
        Noise { cell_mm, origin, order, gradients, values }
    }

    /// The field at a position in millimetres.
    pub(super) fn at(&self, position: Point) -> f64 {
        let (cell, inside) = self.locate(position);
        let weight = inside.map(fade);
        let mut sum = 0.0;
        for corner in corners() {
            let (value, _, _) = self.corner(cell, inside, corner);
            sum += value
                * axis_weight(weight, corner, 0)
                * axis_weight(weight, corner, 1)
                * axis_weight(weight, corner, 2);
        }
        sum
    }

    /// The field and its gradient per millimetre.
    pub(super) fn with_gradient(&self, position: Point) -> (f64, Point) {
        let (cell, inside) = self.locate(position);
        let weight = inside.map(fade);
        let slope = inside.map(fade_slope);
        let mut sum = 0.0;
        let mut gradient = [0.0; 3];
        for corner in corners() {
            let (value, corner_gradient, sign) = self.corner(cell, inside, corner);
            let axis: Point = std::array::from_fn(|axis| axis_weight(weight, corner, axis));
            let product = axis[0] * axis[1] * axis[2];
            sum += value * product;
            gradient[0] += corner_gradient[0] * product + value * sign[0] * slope[0] * axis[1] * axis[2];
            gradient[1] += corner_gradient[1] * product + value * sign[1] * slope[1] * axis[0] * axis[2];
            gradient[2] += corner_gradient[2] * product + value * sign[2] * slope[2] * axis[0] * axis[1];
        }
        (sum, scaled(gradient, 1.0 / self.cell_mm))
    }

    /// The lattice cell of a position, and where in the cell it lies (0 to 1 per axis).
    fn locate(&self, position: Point) -> ([i64; 3], Point) {
        let lattice: Point = std::array::from_fn(|axis| position[axis] / self.cell_mm + self.origin[axis]);
        let cell = lattice.map(floor);
        (cell, std::array::from_fn(|axis| lattice[axis] - cell[axis] as f64))
    }

    /// What one corner of the cell says at the position, its gradient, and the signs of its weights' slopes.
    fn corner(&self, cell: [i64; 3], inside: Point, corner: [usize; 3]) -> (f64, Point, Point) {
        let index = (0..3).fold(0, |index, axis| {
            let step = (cell[axis] + corner[axis] as i64) as usize;
            usize::from(self.order[(index + step) % TABLE])
        });
        let gradient = self.gradients[index];
        let from_corner: Point = std::array::from_fn(|axis| inside[axis] - corner[axis] as f64);
        let sign = corner.map(|side| if side == 1 { 1.0 } else { -1.0 });
        (dot(gradient, from_corner) + self.values[index], gradient, sign)
    }
}

/// `f64::floor` is a call into the system's library on processors of the oldest supported kind; this is not.
fn floor(x: f64) -> i64 {
    let truncated = x as i64;
    truncated - i64::from(truncated as f64 > x)
}

fn corners() -> impl Iterator<Item = [usize; 3]> {
    (0..8).map(|bits| [bits & 1, (bits >> 1) & 1, bits >> 2])
}

fn axis_weight(weight: Point, corner: [usize; 3], axis: usize) -> f64 {
    if corner[axis] == 1 { weight[axis] } else { 1.0 - weight[axis] }
}

/// `6t^5 - 15t^4 + 10t^3`: 0 at 0 and 1 at 1, with flat first and second derivatives there.
fn fade(t: f64) -> f64 {
    t * t * t * (t * (t * 6.0 - 15.0) + 10.0)
}

fn fade_slope(t: f64) -> f64 {
    30.0 * t * t * (t * (t - 2.0) + 1.0)
}

/// Uniform on the sphere, by rejection from the cube: no trigonometry, hence the same bits everywhere.
fn unit_vector(draws: &mut Draws) -> Point {
    loop {
        let candidate: Point = std::array::from_fn(|_| draws.uniform_in(-1.0, 1.0));
        let norm = length(candidate);
        if norm > 0.1 && norm <= 1.0 {
            return scaled(candidate, 1.0 / norm);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use lacuna_seed::Seed;

    fn field() -> Noise {
        Noise::new(&Seed(3).stream("noise test"), 12.0)
    }

    #[test]
    fn the_gradient_is_the_fields_slope() {
        let noise = field();
        for step in 0..40 {
            let position = [f64::from(step) * 1.7 - 30.0, f64::from(step) * -0.9, 4.3];
            let (value, gradient) = noise.with_gradient(position);
            assert!((value - noise.at(position)).abs() < 1e-12, "both ways give one value");
            for axis in 0..3 {
                let moved = |by: f64| {
                    let mut position = position;
                    position[axis] += by;
                    noise.at(position)
                };
                let slope = (moved(1e-4) - moved(-1e-4)) / 2e-4;
                assert!((slope - gradient[axis]).abs() < 1e-6, "axis {axis}: {slope} against {}", gradient[axis]);
            }
        }
    }

    #[test]
    fn the_field_is_centred_and_bounded() {
        let noise = field();
        let sample: Vec<f64> = (0..4000)
            .map(|n| noise.at([f64::from(n) * 3.1, f64::from(n % 61) * 5.3, f64::from(n % 17) * 7.7]))
            .collect();
        let mean = sample.iter().sum::<f64>() / sample.len() as f64;
        let deviation = (sample.iter().map(|x| (x - mean).powi(2)).sum::<f64>() / sample.len() as f64).sqrt();
        assert!(mean.abs() < 0.03, "mean {mean}");
        assert!((0.15..0.45).contains(&deviation), "deviation {deviation}");
    }

    #[test]
    fn the_field_has_no_seams_at_the_lattice() {
        let noise = field();
        for edge in -3..3 {
            // Lattice planes lie where position / cell + origin is whole.
            let plane = (f64::from(edge) - noise.origin[0].fract()) * noise.cell_mm;
            let jump = noise.at([plane - 1e-7, 3.0, 8.0]) - noise.at([plane + 1e-7, 3.0, 8.0]);
            assert!(jump.abs() < 1e-6, "jump {jump}");
        }
    }
}
