//! The one kernel behind convolution, data gradient and transposed convolution.
//!
//! A task is a chunk of tiles times a panel of 16 output channels. It adds one group of weight rows at a time, so
//! that they stay in the first-level cache while the tiles pass. Every output is summed by one task, bias first and
//! then the sums of the groups of weight rows in ascending order, so results do not depend on the number of threads.

use rayon::prelude::*;

use super::geometry::{Direction, Geometry, voxels};
use super::pack::{PANEL, WeightView};
use super::plan::{Place, Plan, Segment, TILE};
use super::share::{Shared, filled};
use super::simd::{InstructionSet, Kernel, LANES, Simd};

/// Tiles of one task; 44 tiles of six rows of 256 floats fit the second-level cache.
const TILES_PER_TASK: usize = 44;

/// Computes the target grid of `direction` from its source grid, both channels-last (`[B, D, H, W, C]`).
///
/// `weight` is the view of that direction; `bias` has one element per output channel.
pub(crate) fn gather(
    set: InstructionSet,
    geometry: &Geometry,
    direction: Direction,
    input: &[f32],
    weight: WeightView,
    bias: Option<&[f32]>,
) -> Vec<f32> {
    let (inputs, outputs) = (weight.inputs, weight.outputs);
    assert_eq!(input.len(), geometry.batch * voxels(geometry.source(direction)) * inputs, "input fits its grid");
    assert_eq!(weight.taps, geometry.taps(), "weight fits the kernel");
    assert!(bias.is_none_or(|bias| bias.len() == outputs), "one bias per output channel");
    let plan = Plan::new(geometry, direction, inputs);
    let packed = weight.packed(set);
    let panel_length = weight.taps * inputs * PANEL;
    let chunks = plan.tiles.len().div_ceil(TILES_PER_TASK);
    let length = geometry.batch * voxels(geometry.target(direction)) * outputs;
    // SAFETY: every output voxel lies in one tile, so each element is written by the one task of its chunk and panel.
    unsafe {
        filled(length, |output| {
            (0..outputs.div_ceil(PANEL) * chunks).into_par_iter().for_each(|task| {
                let (panel, chunk) = (task / chunks, task % chunks);
                let tiles = chunk * TILES_PER_TASK..((chunk + 1) * TILES_PER_TASK).min(plan.tiles.len());
                let weights = &packed[panel * panel_length..(panel + 1) * panel_length];
                set.run(Task { plan: &plan, tiles, input, inputs, weights, bias, output, outputs, panel });
            });
        })
    }
}

struct Task<'a> {
    plan: &'a Plan,
    tiles: std::ops::Range<usize>,
    input: &'a [f32],
    inputs: usize,
    weights: &'a [f32],
    bias: Option<&'a [f32]>,
    output: Shared<'a>,
    outputs: usize,
    panel: usize,
}

impl Kernel for Task<'_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self) {
        let lanes = PANEL.min(self.outputs - self.panel * PANEL);
        let mut start = [0.0; PANEL];
        if let Some(bias) = self.bias {
            start[..lanes].copy_from_slice(&bias[self.panel * PANEL..][..lanes]);
        }
        for (group, classes) in self.plan.groups.iter().enumerate() {
            for tile in &self.plan.tiles[self.tiles.clone()] {
                let places = &self.plan.places[tile.first..tile.first + tile.count];
                let segments = &classes[tile.class];
                let start = (group == 0).then_some(&start);
                match places.len() {
                    6 => self.tile::<S, 6>(places, segments, lanes, start),
                    5 => self.tile::<S, 5>(places, segments, lanes, start),
                    4 => self.tile::<S, 4>(places, segments, lanes, start),
                    3 => self.tile::<S, 3>(places, segments, lanes, start),
                    2 => self.tile::<S, 2>(places, segments, lanes, start),
                    _ => self.tile::<S, 1>(places, segments, lanes, start),
                }
            }
        }
    }
}

const _: () = assert!(TILE == 6, "the match above names every tile size");

impl Task<'_> {
    /// Adds the segments to `ROWS` output voxels, beginning from `start` or from what is stored.
    #[inline(always)]
    fn tile<S: Simd, const ROWS: usize>(
        &self,
        places: &[Place],
        segments: &[Segment],
        lanes: usize,
        start: Option<&[f32; PANEL]>,
    ) {
        if segments.is_empty() && start.is_none() {
            return;
        }
        // SAFETY: each output voxel lies in one tile and each tile and panel in one task.
        let targets: [*mut f32; ROWS] = std::array::from_fn(|row| unsafe {
            self.output.at(places[row].output * self.outputs + self.panel * PANEL, lanes)
        });
        let mut block = match start {
            Some(start) => [*start; ROWS],
            // SAFETY: `lanes` elements of this task's output, written by its first group.
            None => std::array::from_fn(|row| unsafe { read_lanes(targets[row], lanes) }),
        };
        let rows: [*const f32; ROWS] =
            std::array::from_fn(|row| self.input[places[row].input * self.inputs..].as_ptr());
        // SAFETY: the plan's segments stay inside the input of every place and inside the panel's weight rows.
        unsafe { accumulate::<S, ROWS>(&mut block, rows, segments, self.weights.as_ptr()) };
        for (row, target) in block.iter().zip(targets) {
            // SAFETY: `lanes` elements of this task's output.
            unsafe { write_lanes(row, target, lanes) };
        }
    }
}

/// A row of the output, which is 16 channels long except in the last panel.
///
/// # Safety
/// `from` must be valid for `lanes` elements.
#[inline(always)]
unsafe fn read_lanes(from: *const f32, lanes: usize) -> [f32; PANEL] {
    // SAFETY: as promised by the caller; a whole row is two vectors, without a call to copy it.
    unsafe {
        if lanes == PANEL {
            return from.cast::<[f32; PANEL]>().read_unaligned();
        }
        let mut row = [0.0; PANEL];
        std::ptr::copy_nonoverlapping(from, row.as_mut_ptr(), lanes);
        row
    }
}

/// # Safety
/// `to` must be valid for `lanes` elements.
#[inline(always)]
unsafe fn write_lanes(row: &[f32; PANEL], to: *mut f32, lanes: usize) {
    // SAFETY: as promised by the caller.
    unsafe {
        if lanes == PANEL {
            to.cast::<[f32; PANEL]>().write_unaligned(*row);
        } else {
            std::ptr::copy_nonoverlapping(row.as_ptr(), to, lanes);
        }
    }
}

/// `block[row][lane] += sum over segments of input[row] * weight[lane]`, the block held in registers.
///
/// # Safety
/// `S` must be available; every segment must lie inside each row's input and inside the weights.
#[inline(always)]
unsafe fn accumulate<S: Simd, const ROWS: usize>(
    block: &mut [[f32; PANEL]; ROWS],
    rows: [*const f32; ROWS],
    segments: &[Segment],
    weights: *const f32,
) {
    // SAFETY: all addresses are inside the arrays by the caller's promise.
    unsafe {
        // A sum of group sums: one chain over all of a layer's taps and channels would round thousands of times.
        let zero = S::splat(&0.0);
        let (mut low, mut high) = ([zero; ROWS], [zero; ROWS]);
        for segment in segments {
            let mut weight = weights.add(segment.weight * PANEL);
            for at in segment.input..segment.input + segment.length {
                let (weight_low, weight_high) = (S::load(weight), S::load(weight.add(LANES)));
                for row in 0..ROWS {
                    let value = S::splat(rows[row].add(at));
                    low[row] = S::mul_add(value, weight_low, low[row]);
                    high[row] = S::mul_add(value, weight_high, high[row]);
                }
                weight = weight.add(PANEL);
            }
        }
        let mut sums = [[0.0; PANEL]; ROWS];
        for row in 0..ROWS {
            S::store(sums[row].as_mut_ptr(), low[row]);
            S::store(sums[row].as_mut_ptr().add(LANES), high[row]);
        }
        for (sum, of_group) in block.iter_mut().flatten().zip(sums.iter().flatten()) {
            *sum += of_group;
        }
    }
}
