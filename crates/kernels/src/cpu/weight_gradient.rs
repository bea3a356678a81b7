//! The gradient of a convolution's weight: `dW[a, t, b] = sum over ties (o, i) of tap t of narrow[o, a] wide[i, b]`.
//!
//! A few rows (narrow channels) times sixteen lanes (wide channels) are summed in registers along runs of voxels that
//! tap `t` ties at constant steps, so the padding is skipped exactly. Voxels are processed in blocks that fit the
//! first-level cache; a block is summed separately before it is added, which also keeps the rounding of long sums
//! small. With few wide channels (the first layer) the sides are exchanged and taps fill the rows, over a padded copy
//! of the volume in which every tap of every voxel exists.

use std::cell::Cell;
use std::ops::Range;

use rayon::prelude::*;

use super::geometry::{Geometry, voxel_index, voxels};
use super::pack::channel_panels;
use super::share::{Shared, filled};
use super::simd::{InstructionSet, Kernel, LANES, Simd};

/// The number of rows that are adjacent in memory.
const ROWS: usize = 6;
/// The number of narrow voxels of one block.
const BLOCK: usize = 256;
/// The largest number of rows of one task.
const ROWS_PER_TASK: usize = 48;
/// The number of tasks per thread, so that no thread waits long for the last task.
const TASKS_PER_THREAD: usize = 4;

/// Returns the gradient `[narrow channels, taps, wide channels]` from both grids, channels-last.
pub(crate) fn weight_gradient(
    set: InstructionSet,
    geometry: &Geometry,
    wide: &[f32],
    wide_channels: usize,
    narrow: &[f32],
    narrow_channels: usize,
) -> Vec<f32> {
    let voxels_wide = geometry.batch * voxels(geometry.wide);
    let voxels_narrow = geometry.batch * voxels(geometry.narrow);
    assert_eq!(wide.len(), voxels_wide * wide_channels, "the wide activations fit their grid");
    assert_eq!(narrow.len(), voxels_narrow * narrow_channels, "the narrow activations fit their grid");
    let sides = if wide_channels < ROWS {
        Sides::of_taps(geometry, wide, wide_channels, narrow, narrow_channels)
    } else {
        Sides::of_channels(geometry, wide, wide_channels, narrow, narrow_channels)
    };
    let panels = sides.lane_count.div_ceil(LANES);
    let tasks = TASKS_PER_THREAD * rayon::current_num_threads();
    // A multiple of 12, so that tiles are complete for every instruction set.
    let at_once = (sides.rows.len() * panels / tasks).clamp(12, ROWS_PER_TASK) / 12 * 12;
    let shares = sides.rows.len().div_ceil(at_once);
    // SAFETY: every element belongs to one lane, one row and one step, hence to one panel, one share and one task.
    unsafe {
        filled(narrow_channels * wide_channels * geometry.taps(), |gradient| {
            (0..panels * shares).into_par_iter().for_each(|task| {
                let (panel, share) = (task / shares, task % shares);
                let rows = &sides.rows[share * at_once..((share + 1) * at_once).min(sides.rows.len())];
                set.run(Task { sides: &sides, rows, panel, gradient });
            });
        })
    }
}

/// A run of voxels of both sides that are tied at constant steps.
#[derive(Clone, Copy, Debug)]
struct Run {
    narrow: usize,
    wide: usize,
    count: usize,
}

/// One row of sums, which belongs to one channel or tap.
#[derive(Clone, Copy, Debug)]
struct Row {
    /// The offset of the first float of its voxel 0.
    offset: usize,
    /// The index in the gradient of the sum of its first step and lane.
    position: usize,
}

/// The distances in memory between the floats of a row.
#[derive(Clone, Copy, Debug)]
struct Stride {
    /// The number of floats from one voxel to the next.
    voxel: usize,
    /// The number of floats from one voxel of a run to the next.
    step: usize,
}

/// Both grids in the layout for the sums.
struct Sides {
    row_elements: Vec<f32>,
    row_stride: Stride,
    rows: Vec<Row>,
    /// The elements of the lanes' side, `[panel][voxel][16]`.
    lane_elements: Vec<f32>,
    lane_step: usize,
    lane_count: usize,
    /// The number of elements of the gradient from one lane to the next.
    lane_distance: usize,
    /// The number of elements of the gradient from one step to the next.
    step_distance: usize,
    /// The runs by block, then by step: the taps that each row sums one after the other.
    blocks: Vec<Vec<Vec<Run>>>,
    /// Whether the rows are of the narrow grid and the lanes of the wide one; otherwise the reverse.
    rows_are_narrow: bool,
}

impl Sides {
    /// Lays out narrow channels as rows and wide channels as lanes; every row sums all taps.
    fn of_channels(
        geometry: &Geometry,
        wide: &[f32],
        wide_channels: usize,
        narrow: &[f32],
        narrow_channels: usize,
    ) -> Self {
        let voxels_narrow = narrow.len() / narrow_channels;
        let row = |channel: usize| Row {
            offset: channel / ROWS * voxels_narrow * ROWS + channel % ROWS,
            position: channel * geometry.taps() * wide_channels,
        };
        Self {
            row_elements: channel_panels::<ROWS>(narrow, narrow_channels),
            row_stride: Stride { voxel: ROWS, step: ROWS },
            rows: (0..narrow_channels).map(row).collect(),
            lane_elements: channel_panels::<LANES>(wide, wide_channels),
            lane_step: LANES * geometry.stride[2],
            lane_count: wide_channels,
            lane_distance: 1,
            step_distance: wide_channels,
            blocks: line_blocks(geometry).map(|lines| runs_by_tap(geometry, &lines)).collect(),
            rows_are_narrow: true,
        }
    }

    /// Lays out `tap x wide channel` as rows and narrow channels as lanes, in one step.
    fn of_taps(
        geometry: &Geometry,
        wide: &[f32],
        wide_channels: usize,
        narrow: &[f32],
        narrow_channels: usize,
    ) -> Self {
        let padded_grid: [usize; 3] = std::array::from_fn(|axis| geometry.wide[axis] + 2 * geometry.padding[axis]);
        let taps: Vec<[usize; 3]> = coordinates(geometry.kernel).collect();
        let row = |position: usize| {
            let (tap, channel) = (taps[position / wide_channels], position % wide_channels);
            let distance = std::array::from_fn(|axis| tap[axis] * geometry.dilation[axis]);
            Row { offset: voxel_index(padded_grid, distance) * wide_channels + channel, position }
        };
        let rows = taps.len() * wide_channels;
        Self {
            row_elements: padded(geometry, wide, wide_channels, padded_grid),
            row_stride: Stride { voxel: wide_channels, step: wide_channels * geometry.stride[2] },
            rows: (0..rows).map(row).collect(),
            lane_elements: channel_panels::<LANES>(narrow, narrow_channels),
            lane_step: LANES,
            lane_count: narrow_channels,
            lane_distance: rows,
            step_distance: 0,
            blocks: line_blocks(geometry).map(|lines| vec![padded_runs(geometry, padded_grid, &lines)]).collect(),
            rows_are_narrow: false,
        }
    }

    /// Returns the first voxel of a run on the rows' side and on the lanes' side.
    fn begin(&self, run: &Run) -> (usize, usize) {
        if self.rows_are_narrow { (run.narrow, run.wide) } else { (run.wide, run.narrow) }
    }
}

/// A line of narrow voxels along W, as (batch, (d, h)).
type Line = (usize, [usize; 2]);

/// Iterates over the narrow lines, divided into blocks of about [`BLOCK`] voxels.
fn line_blocks(geometry: &Geometry) -> impl Iterator<Item = Vec<Line>> {
    let [depth, height, width] = geometry.narrow;
    let lines: Vec<Line> = (0..geometry.batch)
        .flat_map(|batch| (0..depth).flat_map(move |d| (0..height).map(move |h| (batch, [d, h]))))
        .collect();
    let at_once = (BLOCK / width).max(1);
    (0..lines.len()).step_by(at_once).map(move |first| lines[first..(first + at_once).min(lines.len())].to_vec())
}

fn runs_by_tap(geometry: &Geometry, lines: &[Line]) -> Vec<Vec<Run>> {
    coordinates(geometry.kernel).map(|tap| runs_of_tap(geometry, lines, tap)).collect()
}

/// Returns the runs of one tap; runs that continue at the same steps on the next line are joined.
fn runs_of_tap(geometry: &Geometry, lines: &[Line], tap: [usize; 3]) -> Vec<Run> {
    let mut runs: Vec<Run> = Vec::new();
    let reached = |narrow: &usize| geometry.wide_of(2, *narrow, tap[2]).is_some();
    let Some(first) = (0..geometry.narrow[2]).find(reached) else { return runs };
    let count = (first..geometry.narrow[2]).take_while(reached).count();
    let first_wide = geometry.wide_of(2, first, tap[2]).expect("the first voxel of a run is reached");
    for &(batch, [d, h]) in lines {
        let (Some(wide_d), Some(wide_h)) = (geometry.wide_of(0, d, tap[0]), geometry.wide_of(1, h, tap[1])) else {
            continue;
        };
        let narrow = batch * voxels(geometry.narrow) + voxel_index(geometry.narrow, [d, h, first]);
        let wide = batch * voxels(geometry.wide) + voxel_index(geometry.wide, [wide_d, wide_h, first_wide]);
        match runs.last_mut() {
            Some(last) if last.narrow + last.count == narrow && last.wide + last.count * geometry.stride[2] == wide => {
                last.count += count;
            }
            _ => runs.push(Run { narrow, wide, count }),
        }
    }
    runs
}

/// Returns whole lines as runs, since a padded volume lacks no voxel.
fn padded_runs(geometry: &Geometry, padded_grid: [usize; 3], lines: &[Line]) -> Vec<Run> {
    lines
        .iter()
        .map(|&(batch, [d, h])| Run {
            narrow: batch * voxels(geometry.narrow) + voxel_index(geometry.narrow, [d, h, 0]),
            wide: batch * voxels(padded_grid)
                + voxel_index(padded_grid, [d * geometry.stride[0], h * geometry.stride[1], 0]),
            count: geometry.narrow[2],
        })
        .collect()
}

fn padded(geometry: &Geometry, wide: &[f32], channels: usize, padded_grid: [usize; 3]) -> Vec<f32> {
    let mut copy = vec![0.0; geometry.batch * voxels(padded_grid) * channels];
    let line = geometry.wide[2] * channels;
    let lines =
        wide.chunks_exact(line).zip((0..geometry.batch).flat_map(|batch| {
            coordinates([geometry.wide[0], geometry.wide[1], 1]).map(move |[d, h, _]| (batch, d, h))
        }));
    for (from, (batch, d, h)) in lines {
        let first = [d + geometry.padding[0], h + geometry.padding[1], geometry.padding[2]];
        let to = (batch * voxels(padded_grid) + voxel_index(padded_grid, first)) * channels;
        copy[to..to + line].copy_from_slice(from);
    }
    copy
}

/// Iterates over all coordinates of a grid, row-major.
fn coordinates([depth, height, width]: [usize; 3]) -> impl Iterator<Item = [usize; 3]> {
    (0..depth).flat_map(move |d| (0..height).flat_map(move |h| (0..width).map(move |w| [d, h, w])))
}

struct Task<'a> {
    sides: &'a Sides,
    rows: &'a [Row],
    panel: usize,
    gradient: Shared<'a>,
}

thread_local! {
    /// The sums of a task, whose memory is reused by the next.
    static SUMS: Cell<Vec<[f32; LANES]>> = const { Cell::new(Vec::new()) };
}

impl Kernel for Task<'_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self) {
        let steps = self.sides.blocks[0].len();
        let mut sums = SUMS.take();
        sums.clear();
        sums.resize(self.rows.len() * steps, [0.0; LANES]);
        for block in &self.sides.blocks {
            let mut first = 0;
            while first < self.rows.len() {
                let left = self.rows.len() - first;
                let count = if left >= S::TILE { S::TILE } else { left.min(6) };
                let tile = first..first + count;
                let sums = &mut sums[first * steps..][..count * steps];
                match count {
                    12 => self.add::<S, 12>(tile, block, sums),
                    6 => self.add::<S, 6>(tile, block, sums),
                    5 => self.add::<S, 5>(tile, block, sums),
                    4 => self.add::<S, 4>(tile, block, sums),
                    3 => self.add::<S, 3>(tile, block, sums),
                    2 => self.add::<S, 2>(tile, block, sums),
                    _ => self.add::<S, 1>(tile, block, sums),
                }
                first += count;
            }
        }
        for (row, sums) in self.rows.iter().zip(sums.chunks_exact(steps)) {
            self.write(row, sums);
        }
        SUMS.set(sums);
    }
}

impl Task<'_> {
    /// Adds one block to the sums of a few rows, `[row][step]`.
    #[inline(always)]
    fn add<S: Simd, const COUNT: usize>(&self, tile: Range<usize>, block: &[Vec<Run>], sums: &mut [[f32; LANES]]) {
        let sides = self.sides;
        let rows: [*const f32; COUNT] =
            std::array::from_fn(|row| sides.row_elements[self.rows[tile.start + row].offset..].as_ptr());
        let panel_length = sides.lane_elements.len() / sides.lane_count.div_ceil(LANES);
        let lanes = sides.lane_elements[self.panel * panel_length..][..panel_length].as_ptr();
        for (step, runs) in block.iter().enumerate().filter(|(_, runs)| !runs.is_empty()) {
            // SAFETY: runs name ties between voxels of the two grids, so every address lies inside them; the dispatch
            // of `InstructionSet::run` makes `S` available.
            unsafe {
                let of_block = products::<S, COUNT>(sides, runs, rows, lanes);
                for (row, of_block) in of_block.into_iter().enumerate() {
                    let sum = sums[row * block.len() + step].as_mut_ptr();
                    S::store(sum, S::add(S::load(sum), of_block));
                }
            }
        }
    }

    /// Writes one row's sums to their places in the gradient.
    #[inline(always)]
    fn write(&self, row: &Row, sums: &[[f32; LANES]]) {
        let Sides { lane_count, lane_distance, step_distance, .. } = *self.sides;
        let first = self.panel * LANES;
        let lanes = LANES.min(lane_count - first);
        for (step, sums) in sums.iter().enumerate() {
            let position = row.position + step * step_distance + first * lane_distance;
            // SAFETY: each (lane, row, step) is one element of the gradient and belongs to one task.
            unsafe {
                if lane_distance == 1 {
                    std::ptr::copy_nonoverlapping(sums.as_ptr(), self.gradient.at(position, lanes), lanes);
                } else {
                    for (lane, sum) in sums[..lanes].iter().enumerate() {
                        self.gradient.at(position + lane * lane_distance, 1).write(*sum);
                    }
                }
            }
        }
    }
}

/// Returns `sum over runs of rows[row] lanes`, computed in registers.
///
/// # Safety
/// `S` must be available, and every voxel of every run inside `lanes` and inside each row.
#[inline(always)]
unsafe fn products<S: Simd, const COUNT: usize>(
    sides: &Sides,
    runs: &[Run],
    rows: [*const f32; COUNT],
    lanes: *const f32,
) -> [S::Row; COUNT] {
    let Sides { row_stride, lane_step, .. } = *sides;
    // SAFETY: all addresses are inside the arrays by the caller's promise.
    unsafe {
        let mut sums = [S::splat(&0.0); COUNT];
        for run in runs {
            let (row_voxel, lane_voxel) = sides.begin(run);
            let mut from = row_voxel * row_stride.voxel;
            let mut against = lanes.add(lane_voxel * LANES);
            for _ in 0..run.count {
                let lanes = S::load(against);
                for (row, sum) in rows.iter().zip(&mut sums) {
                    *sum = S::mul_add(S::splat(row.add(from)), lanes, *sum);
                }
                from += row_stride.step;
                against = against.add(lane_step);
            }
        }
        sums
    }
}
