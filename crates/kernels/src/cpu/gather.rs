//! The common kernel of convolution, data gradient and transposed convolution.
//!
//! It is a matrix product in the manner of Goto and van de Geijn ("Anatomy of high-performance matrix multiplication",
//! 2008), whose left side is gathered from the volume. A task is a chunk of output voxels times a few panels of sixteen
//! output channels. For each group of weight rows in turn it copies the inputs of its voxels into one dense block,
//! which stays in the second-level cache, and packs the weights of its panels, each of which stays in the first-level
//! cache during the loop over voxels. Without the copy, voxels whose rows are a power of two apart would map to the
//! same cache sets.
//!
//! Every output is summed by one task: bias first, then the sums of the groups of weight rows in ascending order, each
//! summed row by row. So neither the number of threads nor the division into tasks changes a byte.

use std::cell::Cell;

use rayon::prelude::*;

use super::geometry::{Direction, Geometry, voxels};
use super::pack::WeightView;
use super::plan::{GROUP_ROWS, Plan, Share, Span};
use super::share::{Shared, filled};
use super::simd::{InstructionSet, Kernel, LANES, Simd};

/// The number of output voxels of one task if none of their taps lies in the padding: 264 rows of 256 floats fit the
/// second-level cache.
const VOXELS_PER_TASK: usize = 264;
/// The largest number of panels of one task: enough that the copying takes little time compared with the products.
const PANELS_PER_TASK: usize = 8;
/// The number of tasks per thread, so that no thread waits long for the last task.
const TASKS_PER_THREAD: usize = 4;

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
    let mut begin = vec![0.0; weight.outputs().next_multiple_of(LANES)];
    if let Some(bias) = bias {
        begin[..weight.outputs()].copy_from_slice(bias);
    }
    let length = geometry.batch * voxels(geometry.target(direction)) * weight.outputs();
    let product = Product { set, geometry, direction, input, weight, begin: Some(&begin) };
    // SAFETY: every output voxel lies in one span, so the product writes all elements.
    unsafe { filled(length, |output| product.run(output)) }
}

/// Computes the target grid as [`gather`] does, and adds it to the values in `output`.
pub(crate) fn gather_onto(
    set: InstructionSet,
    geometry: &Geometry,
    direction: Direction,
    input: &[f32],
    weight: WeightView,
    output: &mut [f32],
) {
    let length = geometry.batch * voxels(geometry.target(direction)) * weight.outputs();
    assert_eq!(output.len(), length, "output fits its grid");
    Product { set, geometry, direction, input, weight, begin: None }.run(Shared::new(output));
}

struct Product<'a> {
    set: InstructionSet,
    geometry: &'a Geometry,
    direction: Direction,
    input: &'a [f32],
    weight: WeightView<'a>,
    /// The initial values of the sums, whole panels; `None` if the sums start from the values in the output.
    begin: Option<&'a [f32]>,
}

impl Product<'_> {
    fn run(&self, output: Shared) {
        let Self { set, geometry, direction, input, weight, begin } = *self;
        let inputs = weight.inputs();
        assert_eq!(input.len(), geometry.batch * voxels(geometry.source(direction)) * inputs, "input fits its grid");
        assert_eq!(weight.rows(), geometry.taps() * inputs, "weight fits the kernel");
        let plan = Plan::new(geometry, direction, inputs);
        let chunks = plan.chunks(plan.chunk_length(VOXELS_PER_TASK));
        let panels = weight.outputs().div_ceil(LANES);
        let tasks = TASKS_PER_THREAD * rayon::current_num_threads();
        let at_once = (panels * chunks.len() / tasks).clamp(1, PANELS_PER_TASK);
        (0..panels.div_ceil(at_once) * chunks.len()).into_par_iter().for_each(|task| {
            let (block, chunk) = (task / chunks.len(), task % chunks.len());
            let panels = block * at_once..((block + 1) * at_once).min(panels);
            set.run(Task { plan: &plan, spans: &chunks[chunk], input, weight, begin, output, panels });
        });
    }
}

struct Task<'a> {
    plan: &'a Plan,
    spans: &'a [Span],
    input: &'a [f32],
    weight: WeightView<'a>,
    begin: Option<&'a [f32]>,
    output: Shared<'a>,
    panels: std::ops::Range<usize>,
}

/// The two buffers of a task, which are reused by the next.
#[derive(Default)]
struct Blocks {
    /// The inputs of the voxels: for each voxel, the floats of its share.
    rows: Vec<f32>,
    /// The packed weights: for each panel, the rows of the group.
    weights: Vec<f32>,
}

thread_local! {
    static BLOCKS: Cell<Blocks> = Cell::default();
}

impl Kernel for Task<'_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self) {
        let mut blocks = BLOCKS.take();
        blocks.weights.resize(PANELS_PER_TASK * GROUP_ROWS * LANES, 0.0);
        for (group, shares) in self.plan.groups.iter().enumerate() {
            let rows = group * GROUP_ROWS..((group + 1) * GROUP_ROWS).min(self.weight.rows());
            self.copy_rows(shares, &mut blocks.rows);
            let weights = blocks.weights.chunks_exact_mut(GROUP_ROWS * LANES);
            for (panel, weights) in self.panels.clone().zip(weights) {
                self.weight.pack::<S>(panel, rows.clone(), weights);
                self.add_panel::<S>(group, shares, panel, &blocks.rows, weights);
            }
        }
        BLOCKS.set(blocks);
    }
}

impl Task<'_> {
    /// Copies the inputs of the voxels in one group, voxel by voxel.
    #[inline(always)]
    fn copy_rows(&self, shares: &[Share], to: &mut Vec<f32>) {
        let length: usize = self.spans.iter().map(|span| span.voxels.len() * shares[span.class].length).sum();
        if to.len() < length {
            to.resize(length, 0.0);
        }
        let mut at = 0;
        for span in self.spans {
            for voxel in &self.plan.voxels[span.voxels.clone()] {
                let input = &self.input[voxel.input * self.weight.inputs()..];
                for run in &shares[span.class].runs {
                    copy(&input[run.input..][..run.length], &mut to[at..][..run.length]);
                    at += run.length;
                }
            }
        }
    }

    /// Adds one group's products to one panel of all voxels.
    #[inline(always)]
    fn add_panel<S: Simd>(&self, group: usize, shares: &[Share], panel: usize, rows: &[f32], weights: &[f32]) {
        let outputs = self.weight.outputs();
        let lanes = LANES.min(outputs - panel * LANES);
        let begin = self.begin.filter(|_| group == 0).map(|begin| &begin[panel * LANES..][..LANES]);
        let mut at = 0;
        for span in self.spans {
            let share = &shares[span.class];
            if share.length == 0 && begin.is_none() {
                continue;
            }
            let mut voxels = &self.plan.voxels[span.voxels.clone()];
            while !voxels.is_empty() {
                let count = if voxels.len() >= S::TILE { S::TILE } else { voxels.len().min(6) };
                let (tile, rest) = voxels.split_at(count);
                let tile = Tile {
                    // SAFETY: each voxel lies in one span and each span and panel in one task.
                    target: |row: usize| unsafe { self.output.at(tile[row].output * outputs + panel * LANES, lanes) },
                    lanes,
                    begin,
                    rows: &rows[at..][..count * share.length],
                    share,
                    weights,
                };
                match count {
                    12 => tile.add::<S, 12>(),
                    6 => tile.add::<S, 6>(),
                    5 => tile.add::<S, 5>(),
                    4 => tile.add::<S, 4>(),
                    3 => tile.add::<S, 3>(),
                    2 => tile.add::<S, 2>(),
                    _ => tile.add::<S, 1>(),
                }
                at += count * share.length;
                voxels = rest;
            }
        }
    }
}

/// Copies a few floats in a loop, which is faster than a call.
#[inline(always)]
fn copy(from: &[f32], to: &mut [f32]) {
    if from.len() < LANES {
        from.iter().zip(to).for_each(|(from, to)| *to = *from);
    } else {
        to.copy_from_slice(from);
    }
}

/// A few voxels of one class times one panel.
struct Tile<'a, Target> {
    /// Returns the address of each voxel's output row.
    target: Target,
    /// The number of channels of the panel.
    lanes: usize,
    /// The initial values of the sums; `None` if they start from the values in the output.
    begin: Option<&'a [f32]>,
    /// The input floats of the voxels, one voxel after the other.
    rows: &'a [f32],
    share: &'a Share,
    weights: &'a [f32],
}

impl<Target: Fn(usize) -> *mut f32> Tile<'_, Target> {
    #[inline(always)]
    fn add<S: Simd, const ROWS: usize>(self) {
        let targets: [*mut f32; ROWS] = std::array::from_fn(&self.target);
        let length = self.share.length;
        assert!(
            self.rows.len() == ROWS * length && self.share.rows.iter().all(|r| r.end * LANES <= self.weights.len())
        );
        // SAFETY: the voxels' floats are `ROWS * length` and the weights hold every row of the share by the check;
        // each target has `lanes` elements of this task's output, written by its first group; the dispatch of
        // `InstructionSet::run` makes `S` available.
        unsafe {
            let sums = products::<S, ROWS>(self.rows.as_ptr(), length, &self.share.rows, self.weights.as_ptr());
            for (target, sum) in targets.into_iter().zip(sums) {
                match (self.begin, self.lanes) {
                    (Some(begin), LANES) => S::store(target, S::add(S::load(begin.as_ptr()), sum)),
                    (None, LANES) => S::store(target, S::add(S::load(target), sum)),
                    (begin, lanes) => add_lanes::<S>(begin, sum, target, lanes),
                }
            }
        }
    }
}

/// Adds sums to the output of the last panel, which has fewer than sixteen channels.
///
/// # Safety
/// `target` must be valid for `lanes` elements, and initialised unless there is a `begin`; `S` must be available.
#[inline(always)]
unsafe fn add_lanes<S: Simd>(begin: Option<&[f32]>, sum: S::Row, target: *mut f32, lanes: usize) {
    let mut sums = [0.0; LANES];
    // SAFETY: `sums` has sixteen elements and `target` has `lanes` by the caller's promise.
    unsafe {
        S::store(sums.as_mut_ptr(), sum);
        for (lane, sum) in sums[..lanes].iter().enumerate() {
            let before = begin.map_or_else(|| target.add(lane).read(), |begin| begin[lane]);
            target.add(lane).write(before + sum);
        }
    }
}

/// Computes `sums[row] = sum over i of rows[row][i] * weights[the i-th row of `ranges`]` in registers.
///
/// # Safety
/// `rows` must be valid for `ROWS * length` floats, `length` be the length of all `ranges` and `weights` hold them;
/// `S` must be available.
#[inline(always)]
unsafe fn products<S: Simd, const ROWS: usize>(
    rows: *const f32,
    length: usize,
    ranges: &[std::ops::Range<usize>],
    weights: *const f32,
) -> [S::Row; ROWS] {
    // SAFETY: all addresses are inside the blocks by the caller's promise.
    unsafe {
        let mut sums = [S::splat(&0.0); ROWS];
        let mut from = rows;
        for range in ranges {
            let mut weight = weights.add(range.start * LANES);
            for _ in 0..range.len() {
                let lanes = S::load(weight);
                for (row, sum) in sums.iter_mut().enumerate() {
                    *sum = S::mul_add(S::splat(from.add(row * length)), lanes, *sum);
                }
                from = from.add(1);
                weight = weight.add(LANES);
            }
        }
        sums
    }
}
