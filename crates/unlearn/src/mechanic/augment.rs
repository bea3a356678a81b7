//! Retain subjects as other people might look: bent smoothly, stretched, with another contrast, their labels bent along.
//!
//! Spatial and intensity augmentation as nnU-Net trains with (Isensee et al., 2021, supplementary notes). *Ours*: one
//! smooth displacement in place of its several steps, no mirror image since a class may mean a side of the body, and the
//! strengths below, given in shares of the volume so that they hold for any grid.

use lacuna_cohort::{Case, CohortError};
use lacuna_seed::{Draws, Stream};
use rayon::prelude::*;

/// Knots per axis between which the displacement is linear.
const KNOTS: usize = 5;
/// The standard deviation of a knot's displacement along each axis, as a share of that axis.
const BEND: f64 = 0.035;
/// The standard deviation of each entry of the linear map about the identity's.
const STRETCH: f64 = 0.05;
/// The standard deviation of the logarithm of the factor on all values.
const CONTRAST: f64 = 0.1;

/// An augmented case.
pub(crate) struct Augmented {
    /// The network's input, `[C, D, H, W]` row-major.
    pub input: Vec<f32>,
    /// The classes on the network's output grid, `[D, H, W]` row-major.
    pub target: Vec<u8>,
}

/// A case as a draw from a stream makes it: values interpolated trilinearly, labels taken from the nearest voxel; beyond
/// the edge, the edge goes on.
///
/// # Errors
/// Those of [`Case::voxels`].
pub(crate) fn augmented(case: &Case, stream: &Stream) -> Result<Augmented, CohortError> {
    let voxels = case.voxels()?;
    let [_, grid @ ..] = case.shape;
    let mut draws = stream.draws();
    let map = Map::drawn(&mut draws);
    let contrast = (CONTRAST * draws.normal()).exp() as f32;
    let channels = voxels.input.chunks_exact(grid.iter().product());
    let input = channels.flat_map(|channel| pulled(&map, grid, |at| contrast * trilinear(channel, grid, at))).collect();
    let target = pulled(&map, case.target_shape, |at| nearest(&voxels.target, case.target_shape, at));
    Ok(Augmented { input, target })
}

/// Where each point of an augmented volume is taken from, in shares of the volume's extent, axes D, H, W.
struct Map {
    /// The linear map about the centre.
    linear: [[f64; 3]; 3],
    /// Displacements at the knots, row-major.
    knots: Vec<[f64; 3]>,
}

impl Map {
    fn drawn(draws: &mut Draws) -> Map {
        let knots = (0..KNOTS.pow(3)).map(|_| [(); 3].map(|()| BEND * draws.normal())).collect();
        let mut linear = [[0.0; 3]; 3];
        for (row, entries) in linear.iter_mut().enumerate() {
            for (column, entry) in entries.iter_mut().enumerate() {
                *entry = f64::from(u8::from(row == column)) + STRETCH * draws.normal();
            }
        }
        Map { linear, knots }
    }

    fn source(&self, point: [f64; 3]) -> [f64; 3] {
        let from_centre = point.map(|share| share - 0.5);
        let bend = self.displacement(point);
        let along = |axis: usize| (0..3).map(|other| self.linear[axis][other] * from_centre[other]).sum::<f64>();
        std::array::from_fn(|axis| 0.5 + along(axis) + bend[axis])
    }

    fn displacement(&self, point: [f64; 3]) -> [f64; 3] {
        let mut sum = [0.0; 3];
        for (index, weight) in corners([KNOTS; 3], point.map(|share| share * (KNOTS - 1) as f64)) {
            for (total, part) in sum.iter_mut().zip(self.knots[index]) {
                *total += weight * part;
            }
        }
        sum
    }
}

/// A value for every voxel of a grid, of the point that its centre is taken from.
fn pulled<T: Send>(map: &Map, grid: [usize; 3], value_at: impl Fn([f64; 3]) -> T + Sync) -> Vec<T> {
    let [_, height, width] = grid;
    let voxel = |index: usize| [index / (height * width), index / width % height, index % width];
    let centre = |index| {
        let coordinates = voxel(index);
        std::array::from_fn(|axis| (coordinates[axis] as f64 + 0.5) / grid[axis] as f64)
    };
    (0..grid.iter().product()).into_par_iter().map(|index| value_at(map.source(centre(index)))).collect()
}

fn trilinear(values: &[f32], grid: [usize; 3], point: [f64; 3]) -> f32 {
    let coordinates = std::array::from_fn(|axis| point[axis] * grid[axis] as f64 - 0.5);
    corners(grid, coordinates).map(|(index, weight)| weight as f32 * values[index]).sum()
}

fn nearest(labels: &[u8], grid: [usize; 3], point: [f64; 3]) -> u8 {
    let coordinates: [usize; 3] = std::array::from_fn(|axis| {
        // A cast stops at 0, so what lies before the volume counts as its first voxel.
        ((point[axis] * grid[axis] as f64) as usize).min(grid[axis] - 1)
    });
    labels[(coordinates[0] * grid[1] + coordinates[1]) * grid[2] + coordinates[2]]
}

/// The eight grid points around a place given in steps of the grid, row-major, with their weights.
fn corners(grid: [usize; 3], coordinates: [f64; 3]) -> impl Iterator<Item = (usize, f64)> {
    let inside: [f64; 3] = std::array::from_fn(|axis| coordinates[axis].clamp(0.0, (grid[axis] - 1) as f64));
    (0..8usize).map(move |corner| {
        let mut found = (0, 1.0);
        for (axis, &size) in grid.iter().enumerate() {
            let below = inside[axis].floor();
            let (step, share) = match corner >> axis & 1 {
                0 => (0, 1.0 - (inside[axis] - below)),
                _ => (1, inside[axis] - below),
            };
            found = (found.0 * size + (below as usize + step).min(size - 1), found.1 * share);
        }
        found
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use lacuna_seed::Seed;
    use lacuna_train::test_cases::heads;

    const IDENTITY: [[f64; 3]; 3] = [[1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0]];

    fn shifted_by(shares: [f64; 3]) -> Map {
        Map { linear: IDENTITY, knots: vec![shares; KNOTS.pow(3)] }
    }

    #[test]
    fn a_map_that_moves_nothing_is_the_volume() {
        let grid = [2, 3, 4];
        let values: Vec<f32> = (0..24).map(|value| value as f32).collect();
        let labels: Vec<u8> = (0..24).collect();
        let still = shifted_by([0.0; 3]);
        let found = pulled(&still, grid, |at| trilinear(&values, grid, at));
        assert!(found.iter().zip(&values).all(|(found, value)| (found - value).abs() < 1e-5), "{found:?}");
        assert_eq!(pulled(&still, grid, |at| nearest(&labels, grid, at)), labels);
    }

    #[test]
    fn a_shift_worked_by_hand_moves_values_and_labels_alike_and_the_edge_goes_on() {
        // A quarter of a row of four is one voxel; half of that lies between two.
        let grid = [1, 1, 4];
        let (values, labels) = ([10.0, 20.0, 30.0, 40.0], [1, 2, 3, 4]);
        let by_one = shifted_by([0.0, 0.0, 0.25]);
        assert_eq!(pulled(&by_one, grid, |at| trilinear(&values, grid, at)), [20.0, 30.0, 40.0, 40.0]);
        assert_eq!(pulled(&by_one, grid, |at| nearest(&labels, grid, at)), [2, 3, 4, 4]);
        let by_half = shifted_by([0.0, 0.0, 0.125]);
        assert_eq!(pulled(&by_half, grid, |at| trilinear(&values, grid, at)), [15.0, 25.0, 35.0, 40.0]);
        let back = shifted_by([0.0, 0.0, -0.5]);
        assert_eq!(pulled(&back, grid, |at| nearest(&labels, grid, at)), [1, 1, 1, 2]);
    }

    #[test]
    fn a_stretch_worked_by_hand_is_about_the_centre() {
        let mut map = shifted_by([0.0; 3]);
        map.linear[2][2] = 0.5;
        // Of a row of four, centres 1/8 3/8 5/8 7/8 are taken from 5/16 7/16 9/16 11/16: 0.75, 1.25, 1.75, 2.25 voxels.
        let found = pulled(&map, [1, 1, 4], |at| trilinear(&[0.0, 4.0, 8.0, 12.0], [1, 1, 4], at));
        assert_eq!(found, [3.0, 5.0, 7.0, 9.0]);
    }

    #[test]
    fn between_knots_the_displacement_is_linear() {
        let mut map = shifted_by([0.0; 3]);
        // All knots of the last plane along D: a quarter of the way before it, a quarter is left.
        map.knots[(KNOTS - 1) * KNOTS * KNOTS..].fill([0.2, 0.0, -0.4]);
        let near = |found: [f64; 3], expected: [f64; 3]| {
            assert!(found.iter().zip(expected).all(|(a, b)| (a - b).abs() < 1e-12), "{found:?}, not {expected:?}");
        };
        near(map.displacement([1.0, 0.3, 0.6]), [0.2, 0.0, -0.4]);
        near(map.displacement([0.8125, 0.3, 0.6]), [0.05, 0.0, -0.1]);
        near(map.displacement([0.75, 0.3, 0.6]), [0.0; 3]);
    }

    #[test]
    fn a_draw_changes_a_head_moderately_repeats_itself_and_invents_no_label() {
        let case = &heads(1)[0];
        let voxels = case.voxels().unwrap();
        let stream = |epoch| Seed(1).stream("augmentation").epoch(epoch);
        let first = augmented(case, &stream(0)).unwrap();
        let again = augmented(case, &stream(0)).unwrap();
        let other = augmented(case, &stream(1)).unwrap();
        assert_eq!((first.input.len(), first.target.len()), (voxels.input.len(), voxels.target.len()));
        assert!(first.input == again.input && first.target == again.target && first.input != other.input);
        assert!(first.target.iter().all(|class| voxels.target.contains(class)));
        let squares = |left: &[f32], right: &[f32]| -> f32 { left.iter().zip(right).map(|(a, b)| a * b).sum() };
        let (own, both) = (squares(&voxels.input, &voxels.input), squares(&first.input, &voxels.input));
        let alike = both / (own * squares(&first.input, &first.input)).sqrt();
        assert!((0.5..0.999).contains(&alike), "the cosine of head and augmented head is {alike}");
    }
}
