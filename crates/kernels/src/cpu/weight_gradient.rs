//! The gradient of a convolution's weight: `dW[a, b, t] = sum over ties (o, i) of tap t of narrow[o, a] wide[i, b]`.
//!
//! Six wide channels times sixteen narrow channels are summed in registers along runs of voxels that tap `t` ties in
//! step, so the padding is skipped exactly. Voxels are taken a block at a time, small enough for the first-level
//! cache; a block is summed on its own before it is added, which also keeps the rounding of long sums small. With
//! fewer than six wide channels (the first layer) taps take the place of channels, over a padded copy of the volume.

use rayon::prelude::*;

use super::geometry::{Geometry, voxel_index, voxels};
use super::pack::{PANEL, channel_panels};
use super::share::{Shared, filled};
use super::simd::{InstructionSet, Kernel, LANES, Simd};

/// Wide channels, or taps, summed together.
const ROWS: usize = 6;
/// Narrow voxels of one block.
const BLOCK: usize = 256;
/// Row tiles of one task.
const TILES_PER_TASK: usize = 8;

/// The gradient `[narrow channels, wide channels, taps]` from both grids, channels-last.
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
    let panels = channel_panels::<PANEL>(narrow, narrow_channels);
    let rows = if wide_channels < ROWS {
        Rows::of_taps(geometry, wide, wide_channels)
    } else {
        Rows::of_channels(geometry, wide, wide_channels)
    };
    let shares = rows.tiles.len().div_ceil(TILES_PER_TASK);
    // SAFETY: every element belongs to one narrow channel and one row, hence to one panel, one tile and one task.
    unsafe {
        filled(narrow_channels * wide_channels * geometry.taps(), |gradient| {
            (0..narrow_channels.div_ceil(PANEL) * shares).into_par_iter().for_each(|task| {
                let (panel, share) = (task / shares, task % shares);
                let tiles = &rows.tiles[share * TILES_PER_TASK..((share + 1) * TILES_PER_TASK).min(rows.tiles.len())];
                let narrow = &panels[panel * voxels_narrow * PANEL..(panel + 1) * voxels_narrow * PANEL];
                set.run(Task { rows: &rows, tiles, narrow, panel, narrow_channels, gradient });
            });
        })
    }
}

/// Narrow voxels and the wide voxels they meet, in step.
#[derive(Clone, Copy, Debug)]
struct Run {
    narrow: usize,
    wide: usize,
    count: usize,
}

/// Up to [`ROWS`] rows of the gradient, `wide channel x tap`, that are summed together.
struct RowTile {
    /// First float of each row's voxel 0.
    offsets: [usize; ROWS],
    count: usize,
    /// Where each row's first sum belongs in one narrow channel's part of the gradient.
    positions: [usize; ROWS],
}

/// The wide side, laid out for the sums.
struct Rows {
    elements: Vec<f32>,
    /// Floats between neighbouring wide voxels.
    voxel_length: usize,
    /// Floats between the wide voxels of neighbouring narrow voxels.
    step: usize,
    tiles: Vec<RowTile>,
    /// Runs by block, then by the taps that each tile sums one after the other.
    blocks: Vec<Vec<Vec<Run>>>,
    /// Elements of one narrow channel's part of the gradient.
    part_length: usize,
}

impl Rows {
    /// Six channels to a tile; every tile goes through all taps.
    fn of_channels(geometry: &Geometry, wide: &[f32], channels: usize) -> Self {
        let count = wide.len() / channels;
        let tiles = (0..channels)
            .step_by(ROWS)
            .map(|first| RowTile {
                offsets: std::array::from_fn(|row| first / ROWS * count * ROWS + row),
                count: ROWS.min(channels - first),
                positions: std::array::from_fn(|row| (first + row) * geometry.taps()),
            })
            .collect();
        Self {
            elements: channel_panels::<ROWS>(wide, channels),
            voxel_length: ROWS,
            step: ROWS * geometry.stride[2],
            tiles,
            blocks: row_blocks(geometry).map(|rows| runs_by_tap(geometry, &rows)).collect(),
            part_length: channels * geometry.taps(),
        }
    }

    /// Six of `tap x channel` to a tile, over a padded copy in which every tap of every voxel exists.
    fn of_taps(geometry: &Geometry, wide: &[f32], channels: usize) -> Self {
        let padded_grid: [usize; 3] = std::array::from_fn(|axis| geometry.wide[axis] + 2 * geometry.padding[axis]);
        let taps: Vec<[usize; 3]> = coordinates(geometry.kernel).collect();
        let rows: Vec<(usize, usize)> = (0..taps.len() * channels)
            .map(|row| {
                let (tap, channel) = (row / channels, row % channels);
                let distance = std::array::from_fn(|axis| taps[tap][axis] * geometry.dilation[axis]);
                (voxel_index(padded_grid, distance) * channels + channel, channel * taps.len() + tap)
            })
            .collect();
        let tiles = rows
            .chunks(ROWS)
            .map(|rows| RowTile {
                offsets: std::array::from_fn(|row| rows[row.min(rows.len() - 1)].0),
                count: rows.len(),
                positions: std::array::from_fn(|row| rows[row.min(rows.len() - 1)].1),
            })
            .collect();
        Self {
            elements: padded(geometry, wide, channels, padded_grid),
            voxel_length: channels,
            step: channels * geometry.stride[2],
            tiles,
            blocks: row_blocks(geometry).map(|rows| vec![padded_runs(geometry, padded_grid, &rows)]).collect(),
            part_length: channels * taps.len(),
        }
    }
}

/// A line of narrow voxels along W.
type Line = (usize, [usize; 2]);

/// The narrow lines (batch, (d, h)), cut into blocks of about [`BLOCK`] voxels.
fn row_blocks(geometry: &Geometry) -> impl Iterator<Item = Vec<Line>> {
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

/// The runs of one tap; runs that go on in step on the next line are joined.
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

/// Whole lines, since a padded volume lacks no voxel.
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

/// All coordinates of a grid, row-major.
fn coordinates([depth, height, width]: [usize; 3]) -> impl Iterator<Item = [usize; 3]> {
    (0..depth).flat_map(move |d| (0..height).flat_map(move |h| (0..width).map(move |w| [d, h, w])))
}

struct Task<'a> {
    rows: &'a Rows,
    tiles: &'a [RowTile],
    narrow: &'a [f32],
    panel: usize,
    narrow_channels: usize,
    gradient: Shared<'a>,
}

impl Kernel for Task<'_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self) {
        let steps = self.rows.blocks[0].len();
        let mut sums = vec![[[0.0_f32; PANEL]; ROWS]; steps];
        for tile in self.tiles {
            sums.fill([[0.0; PANEL]; ROWS]);
            for block in &self.rows.blocks {
                for (runs, sums) in block.iter().zip(&mut sums) {
                    match tile.count {
                        6 => self.add::<S, 6>(tile, runs, sums),
                        5 => self.add::<S, 5>(tile, runs, sums),
                        4 => self.add::<S, 4>(tile, runs, sums),
                        3 => self.add::<S, 3>(tile, runs, sums),
                        2 => self.add::<S, 2>(tile, runs, sums),
                        _ => self.add::<S, 1>(tile, runs, sums),
                    }
                }
            }
            self.write(tile, &sums);
        }
    }
}

impl Task<'_> {
    /// `sums[row] += sum over runs of wide[row] narrow`.
    #[inline(always)]
    fn add<S: Simd, const COUNT: usize>(&self, tile: &RowTile, runs: &[Run], sums: &mut [[f32; PANEL]; ROWS]) {
        if runs.is_empty() {
            return;
        }
        let wide: [*const f32; COUNT] = std::array::from_fn(|row| self.rows.elements[tile.offsets[row]..].as_ptr());
        // SAFETY: runs name ties between voxels of the two grids, so every address lies inside them; the dispatch
        // of `InstructionSet::run` makes `S` available.
        let block = unsafe {
            outer_products::<S, COUNT>(runs, wide, self.rows.voxel_length, self.rows.step, self.narrow.as_ptr())
        };
        for (sums, block) in sums.iter_mut().zip(&block) {
            for (sum, value) in sums.iter_mut().zip(block) {
                *sum += value;
            }
        }
    }

    fn write(&self, tile: &RowTile, sums: &[[[f32; PANEL]; ROWS]]) {
        let first = self.panel * PANEL;
        for lane in 0..PANEL.min(self.narrow_channels - first) {
            for row in 0..tile.count {
                let offset = (first + lane) * self.rows.part_length + tile.positions[row];
                // SAFETY: each (narrow channel, row) belongs to one panel and one tile, hence to one task.
                unsafe {
                    let part = self.gradient.at(offset, sums.len());
                    for (index, sums) in sums.iter().enumerate() {
                        part.add(index).write(sums[row][lane]);
                    }
                }
            }
        }
    }
}

/// # Safety
/// `S` must be available, and every voxel of every run inside `narrow` and inside each row of `wide`.
#[inline(always)]
unsafe fn outer_products<S: Simd, const COUNT: usize>(
    runs: &[Run],
    wide: [*const f32; COUNT],
    voxel_length: usize,
    step: usize,
    narrow: *const f32,
) -> [[f32; PANEL]; COUNT] {
    let mut block = [[0.0; PANEL]; COUNT];
    // SAFETY: all addresses are inside the arrays by the caller's promise.
    unsafe {
        let mut low: [S::Vector; COUNT] = std::array::from_fn(|row| S::load(block[row].as_ptr()));
        let mut high = low;
        for run in runs {
            let mut from = run.wide * voxel_length;
            let mut against = narrow.add(run.narrow * PANEL);
            for _ in 0..run.count {
                let (narrow_low, narrow_high) = (S::load(against), S::load(against.add(LANES)));
                for row in 0..COUNT {
                    let value = S::splat(wide[row].add(from));
                    low[row] = S::mul_add(value, narrow_low, low[row]);
                    high[row] = S::mul_add(value, narrow_high, high[row]);
                }
                from += step;
                against = against.add(PANEL);
            }
        }
        for row in 0..COUNT {
            S::store(block[row].as_mut_ptr(), low[row]);
            S::store(block[row].as_mut_ptr().add(LANES), high[row]);
        }
    }
    block
}
