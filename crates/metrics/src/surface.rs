//! Distances between the surfaces of a predicted and a true mask.
//!
//! "95 % Hausdorff distance" names several measures in the literature, so each has its own name here. They differ in
//! the definition of a mask's boundary ([`Boundary`]) and in how the distances of the two directions are combined.

use crate::distance_transform::squared_distances;
use lacuna_volume::{ClassMap, IGNORED};
use std::ops::Range;

/// The definition of the boundary voxels of a mask.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Boundary {
    /// Voxels that share a face with a voxel outside the mask; positions outside the image are outside the mask. The
    /// usual definition, as in MedPy.
    Faces,
    /// Voxels of whose eight neighbours in the plane (i, j) one is outside the mask; positions outside the image are
    /// inside the mask. MRBrainS18's definition: an erosion by 1 x 1 x 0.
    InPlane,
}

/// One class of two maps on one grid. An ignored voxel is in neither mask.
pub(crate) struct Masks<'a> {
    pub truth: &'a ClassMap,
    pub predicted: &'a [u8],
    pub class: u8,
}

/// The true or the predicted map.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Side {
    Prediction,
    Truth,
}

/// The distances of a boundary's voxels to the nearest voxel of the other boundary, in mm, for both directions.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Distances {
    pub from_prediction: Vec<f64>,
    pub from_truth: Vec<f64>,
}

impl Masks<'_> {
    fn dims(&self) -> [usize; 3] {
        self.truth.grid().dims
    }

    fn offset(&self, [i, j, k]: [usize; 3]) -> usize {
        let [ni, nj, _] = self.dims();
        i + ni * (j + nj * k)
    }

    fn holds(&self, side: Side, at: [usize; 3]) -> bool {
        let offset = self.offset(at);
        let truth = self.truth.voxels()[offset];
        truth != IGNORED && self.class == if side == Side::Truth { truth } else { self.predicted[offset] }
    }

    /// Returns the smallest box that contains every voxel of either mask; `None` if both are empty.
    pub fn bounds(&self) -> Option<[Range<usize>; 3]> {
        let mut bounds: Option<[Range<usize>; 3]> = None;
        for at in positions(self.dims().map(|size| 0..size)) {
            if self.holds(Side::Truth, at) || self.holds(Side::Prediction, at) {
                let bounds = bounds.get_or_insert_with(|| at.map(|index| index..index + 1));
                for (range, index) in bounds.iter_mut().zip(at) {
                    *range = range.start.min(index)..range.end.max(index + 1);
                }
            }
        }
        bounds
    }

    /// Returns the distances of both boundaries to each other within a box that contains both masks.
    pub fn distances(&self, boundary: Boundary, within: &[Range<usize>; 3]) -> Distances {
        let dims = within.clone().map(|range| range.len());
        let spacing_mm = self.spacing_mm();
        let on = |side| -> Vec<bool> {
            positions(within.clone()).map(|at| self.holds(side, at) && self.is_boundary(side, boundary, at)).collect()
        };
        let (prediction, truth) = (on(Side::Prediction), on(Side::Truth));
        let distances = |from: &[bool], to: &[bool]| -> Vec<f64> {
            let squared = squared_distances(to, dims, spacing_mm);
            from.iter().zip(squared).filter(|(from, _)| **from).map(|(_, squared)| squared.sqrt()).collect()
        };
        Distances { from_prediction: distances(&prediction, &truth), from_truth: distances(&truth, &prediction) }
    }

    /// Returns the lengths of the voxel edges along i, j and k, in mm.
    pub fn spacing_mm(&self) -> [f64; 3] {
        self.truth.grid().affine.spacing().0
    }

    /// Returns which of the eight voxels around the low corner of a voxel are in a mask: bit `4 x + 2 y + z` for the
    /// voxel at `(x, y, z)` from the first. Positions outside the image are outside the mask.
    pub fn code(&self, side: Side, corner: [usize; 3]) -> u8 {
        let bit = |index: usize| {
            let steps = [index >> 2 & 1, index >> 1 & 1, index & 1];
            let mut at = corner;
            for (axis, step) in steps.into_iter().enumerate() {
                at[axis] = (at[axis] + step).checked_sub(1).filter(|&position| position < self.dims()[axis])?;
            }
            Some(self.holds(side, at))
        };
        (0..8).filter(|&index| bit(index) == Some(true)).map(|index| 1u8 << index).sum()
    }

    fn is_boundary(&self, side: Side, boundary: Boundary, at: [usize; 3]) -> bool {
        let neighbour = |steps: [isize; 3]| {
            let mut next = at;
            for (axis, step) in steps.into_iter().enumerate() {
                next[axis] = next[axis].checked_add_signed(step).filter(|&index| index < self.dims()[axis])?;
            }
            Some(next)
        };
        let held = |steps| neighbour(steps).map(|at| self.holds(side, at));
        match boundary {
            Boundary::Faces => FACES.iter().any(|&steps| held(steps) != Some(true)),
            Boundary::InPlane => IN_PLANE.iter().any(|&steps| held(steps) == Some(false)),
        }
    }

    /// Returns the image's diagonal in mm, from corner voxel to corner voxel.
    pub fn diagonal_mm(&self) -> f64 {
        let grid = self.truth.grid();
        grid.dims.iter().zip(self.spacing_mm()).map(|(&size, mm)| ((size - 1) as f64 * mm).powi(2)).sum::<f64>().sqrt()
    }

    /// Returns the volume of one voxel in mm³.
    pub fn voxel_mm3(&self) -> f64 {
        self.spacing_mm().iter().product()
    }

    /// Returns the number of voxels of a mask within a box.
    pub fn count(&self, side: Side, within: &[Range<usize>; 3]) -> u64 {
        positions(within.clone()).filter(|&at| self.holds(side, at)).count() as u64
    }
}

const FACES: [[isize; 3]; 6] = [[-1, 0, 0], [1, 0, 0], [0, -1, 0], [0, 1, 0], [0, 0, -1], [0, 0, 1]];

const IN_PLANE: [[isize; 3]; 8] =
    [[-1, -1, 0], [0, -1, 0], [1, -1, 0], [-1, 0, 0], [1, 0, 0], [-1, 1, 0], [0, 1, 0], [1, 1, 0]];

/// Iterates over every index (i, j, k) of a box, i fastest.
pub(crate) fn positions([i, j, k]: [Range<usize>; 3]) -> impl Iterator<Item = [usize; 3]> {
    k.flat_map(move |k| {
        let i = i.clone();
        j.clone().flat_map(move |j| i.clone().map(move |i| [i, j, k]))
    })
}

/// The relative excess of a distance over the tolerance up to which the two are treated as equal.
///
/// Spacings come from headers. There 0.958 mm is 0.95800000429 in 32 bits, and the edges of a rotated image are lengths
/// of three such numbers, with a relative error of 6e-8. A quaternion is accepted as a rotation if its length is
/// correct to 5e-6. So the same distance, such as an integer number of voxels, may differ by a relative 1e-6; whether
/// it is within an equal tolerance must not depend on that. No application needs a tolerance more exact than 1e-5.
const TOLERANCE_SLACK: f64 = 1e-5;

/// Returns whether a distance is within a tolerance, up to the rounding of headers.
pub(crate) fn within_tolerance(distance_mm: f64, tolerance_mm: f64) -> bool {
    distance_mm <= tolerance_mm * (1.0 + TOLERANCE_SLACK)
}

/// Returns the 95th percentile, interpolated linearly (Hyndman and Fan's type 7, numpy's default).
///
/// # Panics
/// If `values` is empty.
pub(crate) fn percentile_95(values: &[f64]) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_unstable_by(f64::total_cmp);
    let at = 0.95 * (sorted.len() - 1) as f64;
    let below = at.floor() as usize;
    let above = (below + 1).min(sorted.len() - 1);
    sorted[below] + (sorted[above] - sorted[below]) * (at - below as f64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_percentile_lies_between_two_values_in_proportion() {
        // 0.95 * 4 = 3.8: four fifths of the distance from the 4th to the 5th value.
        assert!((percentile_95(&[3.0, 1.0, 5.0, 2.0, 4.0]) - 4.8).abs() < 1e-12);
        assert_eq!(percentile_95(&[7.0]), 7.0);
    }
}
