//! Rearrangement of weights and activations for the inner loops.

use std::ops::Range;

use rayon::prelude::*;

use super::geometry::Direction;
use super::share::filled;
use super::simd::{BLOCK, LANES, Simd};

/// A weight `[narrow, taps, wide]`, channels last like the activations, as seen from one direction.
///
/// From either direction it is a matrix with one row per (tap, input channel) and one column per output channel. In the
/// correlating direction its rows are the columns of the memory; in the adjoint direction, where the taps are counted
/// from the last, its rows are contiguous in memory.
#[derive(Clone, Copy)]
pub(crate) struct WeightView<'a> {
    elements: &'a [f32],
    direction: Direction,
    narrow: usize,
    wide: usize,
    taps: usize,
}

impl<'a> WeightView<'a> {
    pub(crate) fn new(
        elements: &'a [f32],
        direction: Direction,
        [narrow, wide]: [usize; 2],
        taps: usize,
    ) -> WeightView<'a> {
        assert_eq!(elements.len(), narrow * wide * taps, "a weight must hold all its channels and taps");
        Self { elements, direction, narrow, wide, taps }
    }

    /// Returns the number of channels that are read.
    pub(crate) fn inputs(&self) -> usize {
        match self.direction {
            Direction::Correlate => self.wide,
            Direction::Adjoint => self.narrow,
        }
    }

    /// Returns the number of channels that are written.
    pub(crate) fn outputs(&self) -> usize {
        match self.direction {
            Direction::Correlate => self.narrow,
            Direction::Adjoint => self.wide,
        }
    }

    /// Returns the number of rows of the matrix.
    pub(crate) fn rows(&self) -> usize {
        self.taps * self.inputs()
    }

    /// Writes the columns `panel * 16..` of `rows`, sixteen floats to a row; columns beyond the last are zero.
    #[inline(always)]
    pub(crate) fn pack<S: Simd>(&self, panel: usize, rows: Range<usize>, to: &mut [f32]) {
        assert!(to.len() >= rows.len() * LANES && rows.end <= self.rows(), "a panel's rows fit their place");
        match self.direction {
            Direction::Correlate => self.pack_columns::<S>(panel, rows, to),
            Direction::Adjoint => self.pack_rows::<S>(panel, rows, to),
        }
    }

    /// Packs a weight in which the elements of an output channel are contiguous: transposes blocks of eight by eight.
    #[inline(always)]
    fn pack_columns<S: Simd>(&self, panel: usize, rows: Range<usize>, to: &mut [f32]) {
        const NONE: [f32; BLOCK] = [0.0; BLOCK];
        let line = |lane: usize| {
            let output = panel * LANES + lane;
            (output < self.narrow).then(|| &self.elements[output * self.rows()..][rows.clone()])
        };
        for half in [0, BLOCK] {
            let lines: [Option<&[f32]>; BLOCK] = std::array::from_fn(|lane| line(half + lane));
            let blocks = rows.len() / BLOCK;
            for block in 0..blocks {
                let first = block * BLOCK;
                let from = lines.map(|line| line.map_or(NONE.as_ptr(), |line| line[first..first + BLOCK].as_ptr()));
                // SAFETY: eight floats follow each address read by the slices' bounds, and eight lanes follow `half`
                // in each row of `to`, which holds all rows by the caller's check.
                unsafe {
                    let to = to.as_mut_ptr().add(first * LANES + half);
                    S::transpose(from, std::array::from_fn(|row| to.add(row * LANES)));
                }
            }
            for row in blocks * BLOCK..rows.len() {
                for (lane, line) in lines.iter().enumerate() {
                    to[row * LANES + half + lane] = line.map_or(0.0, |line| line[row]);
                }
            }
        }
    }

    /// Packs a weight in which the elements of a row are contiguous.
    #[inline(always)]
    fn pack_rows<S: Simd>(&self, panel: usize, rows: Range<usize>, to: &mut [f32]) {
        let (first, line) = (panel * LANES, self.taps * self.wide);
        for (row, to) in rows.zip(to.chunks_exact_mut(LANES)) {
            let (tap, input) = (self.taps - 1 - row / self.narrow, row % self.narrow);
            let from = &self.elements[input * line + tap * self.wide + first..][..LANES.min(self.wide - first)];
            if from.len() == LANES {
                // SAFETY: both slices hold sixteen elements; `S` is available inside `InstructionSet::run`.
                unsafe { S::store(to.as_mut_ptr(), S::load(from.as_ptr())) };
            } else {
                to[..from.len()].copy_from_slice(from);
                to[from.len()..].fill(0.0);
            }
        }
    }
}

/// The number of voxels rearranged by one task: small, since a coarse grid has only some hundred voxels.
const VOXELS_PER_TASK: usize = 64;

/// Returns channels-last `rows` of `channels` floats as `[panel][row][WIDTH]`; channels beyond the last are zero.
pub(crate) fn channel_panels<const WIDTH: usize>(rows: &[f32], channels: usize) -> Vec<f32> {
    let voxels = rows.len() / channels;
    let panels = channels.div_ceil(WIDTH);
    // SAFETY: each row of each panel is written in full by one task.
    unsafe {
        filled(panels * voxels * WIDTH, |elements| {
            rows.par_chunks(VOXELS_PER_TASK * channels).enumerate().for_each(|(task, rows)| {
                for panel in 0..panels {
                    let first = panel * WIDTH;
                    let at = (panel * voxels + task * VOXELS_PER_TASK) * WIDTH;
                    let to = elements.at(at, rows.len() / channels * WIDTH).cast::<[f32; WIDTH]>();
                    for (index, row) in rows.chunks_exact(channels).enumerate() {
                        // A length known to the compiler avoids a call for six floats.
                        let part = match row[first..].first_chunk::<WIDTH>() {
                            Some(whole) => *whole,
                            None => std::array::from_fn(|lane| row.get(first + lane).copied().unwrap_or(0.0)),
                        };
                        to.add(index).write_unaligned(part);
                    }
                }
            });
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cpu::simd::{InstructionSet, Kernel};

    struct Packed<'a>(WeightView<'a>, usize, Range<usize>);

    impl Kernel for Packed<'_> {
        type Output = Vec<f32>;

        #[inline(always)]
        fn run<S: Simd>(self) -> Vec<f32> {
            let mut to = vec![f32::NAN; self.2.len() * LANES];
            self.0.pack::<S>(self.1, self.2, &mut to);
            to
        }
    }

    #[test]
    fn a_packed_weight_holds_every_element_at_its_row() {
        for (narrow, wide, taps) in [(19, 5, 3), (32, 7, 27), (16, 40, 1), (48, 33, 8), (2, 3, 1)] {
            let elements: Vec<f32> = (0..narrow * wide * taps).map(|i| i as f32).collect();
            let element = |n: usize, tap: usize, w: usize| elements[(n * taps + tap) * wide + w];
            for set in InstructionSet::ALL.into_iter().filter(|set| set.is_available()) {
                for direction in [Direction::Correlate, Direction::Adjoint] {
                    let view = WeightView::new(&elements, direction, [narrow, wide], taps);
                    for panel in 0..view.outputs().div_ceil(LANES) {
                        let rows = 1..view.rows();
                        let packed = set.run(Packed(view, panel, rows.clone()));
                        for (row, packed) in rows.zip(packed.chunks_exact(LANES)) {
                            let (tap, input) = (row / view.inputs(), row % view.inputs());
                            for (lane, &found) in packed.iter().enumerate() {
                                let output = panel * LANES + lane;
                                let expected = match direction {
                                    _ if output >= view.outputs() => 0.0,
                                    Direction::Correlate => element(output, tap, input),
                                    Direction::Adjoint => element(input, taps - 1 - tap, output),
                                };
                                assert_eq!(found, expected, "{direction:?} {set:?} row {row} lane {lane}");
                            }
                        }
                    }
                }
            }
        }
    }

    #[test]
    fn channel_panels_keep_rows_apart() {
        // Two voxels of three channels in panels of two.
        assert_eq!(channel_panels::<2>(&[1.0, 2.0, 3.0, 4.0, 5.0, 6.0], 3), [1.0, 2.0, 4.0, 5.0, 3.0, 0.0, 6.0, 0.0]);
    }
}
