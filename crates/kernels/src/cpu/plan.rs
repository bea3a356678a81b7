//! The gather plan: for every output voxel, the input rows and the weight rows to multiply, without the padding.
//!
//! On one axis, output coordinates belong to few classes that reach the same taps at the same distances; a class of
//! voxels is a triple of those. Inside a class the inputs of an output voxel are its first input voxel plus a fixed
//! list of distances, so the inner loop has no tests and multiplies no padding. With channels last, a tap is a run of
//! `Cin` floats that is multiplied by `Cin` consecutive weight rows; neighbouring taps along W make one longer run.

use std::collections::BTreeMap;
use std::ops::Range;

use super::geometry::{Direction, Geometry, voxel_index, voxels};

/// The number of weight rows in a group: 256 rows of 16 floats are half of a 32 KiB first-level cache.
pub(crate) const GROUP_ROWS: usize = 256;

/// A contiguous run of input floats.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Run {
    /// The first float, relative to the first input voxel of the output voxel.
    pub input: usize,
    /// The first weight row that it is multiplied by, `tap * Cin + channel`.
    pub row: usize,
    /// The number of floats, equal to the number of weight rows.
    pub length: usize,
}

/// The products that an output voxel of one class sums in one group of weight rows.
#[derive(Debug, Default)]
pub(crate) struct Share {
    /// The runs of the input.
    pub runs: Vec<Run>,
    /// The weight rows of the runs, in order, relative to the group's first row.
    pub rows: Vec<Range<usize>>,
    /// The number of floats of all runs.
    pub length: usize,
}

/// The indices of an output voxel and its first input voxel, both including the batch.
#[derive(Clone, Copy, Debug)]
pub(crate) struct VoxelPair {
    pub output: usize,
    pub input: usize,
}

/// Output voxels of one class, as a range of their numbers.
#[derive(Clone, Debug)]
pub(crate) struct Span {
    pub class: usize,
    pub voxels: Range<usize>,
}

pub(crate) struct Plan {
    /// All output voxels, those of a class contiguous.
    pub voxels: Vec<VoxelPair>,
    /// The range of voxels of each class.
    classes: Vec<Range<usize>>,
    /// The shares by group of weight rows, then by class.
    pub groups: Vec<Vec<Share>>,
    /// The number of weight rows of all groups.
    rows: usize,
}

/// The (output coordinate, first input coordinate) of each member of a class.
type Members = Vec<(usize, usize)>;
/// The (tap, distance of its input coordinate from the first) of each tap of a class.
type Taps = Vec<(usize, usize)>;

/// Output coordinates of one axis that reach the same taps at the same distances.
struct AxisClass {
    members: Members,
    taps: Taps,
}

impl Plan {
    /// Creates the plan; `channels` is the number of channels of the grid that is read.
    pub(crate) fn new(geometry: &Geometry, direction: Direction, channels: usize) -> Self {
        let axes: [Vec<AxisClass>; 3] = std::array::from_fn(|axis| axis_classes(geometry, direction, axis));
        let rows = geometry.taps() * channels;
        let mut plan = Plan { voxels: Vec::new(), classes: Vec::new(), groups: Vec::new(), rows };
        let group_count = rows.div_ceil(GROUP_ROWS);
        plan.groups.resize_with(group_count, Vec::new);
        for depth in &axes[0] {
            for height in &axes[1] {
                for width in &axes[2] {
                    plan.add_class(geometry, direction, channels, [depth, height, width]);
                }
            }
        }
        plan
    }

    /// Returns the number of places in a chunk that reads about as much as `dense` places without padding; the chunks
    /// are even and as few as possible.
    pub(crate) fn chunk_length(&self, dense: usize) -> usize {
        let read = |class: usize| self.groups.iter().map(|shares| shares[class].length).sum::<usize>();
        let held: usize = self.classes.iter().enumerate().map(|(class, voxels)| voxels.len() * read(class)).sum();
        let length = (dense * self.rows * self.voxels.len()).checked_div(held).unwrap_or(dense).max(dense);
        let chunks = self.voxels.len().div_ceil(length);
        self.voxels.len().div_ceil(chunks)
    }

    /// Returns the places divided into chunks of at most `length`, and each chunk into classes.
    pub(crate) fn chunks(&self, length: usize) -> Vec<Vec<Span>> {
        let mut chunks: Vec<Vec<Span>> = Vec::new();
        let mut room = 0;
        for (class, voxels) in self.classes.iter().enumerate() {
            let mut voxels = voxels.clone();
            while !voxels.is_empty() {
                if room == 0 {
                    chunks.push(Vec::new());
                    room = length;
                }
                let end = voxels.end.min(voxels.start + room);
                chunks.last_mut().expect("a chunk was begun").push(Span { class, voxels: voxels.start..end });
                room -= end - voxels.start;
                voxels.start = end;
            }
        }
        chunks
    }

    fn add_class(&mut self, geometry: &Geometry, direction: Direction, channels: usize, axes: [&AxisClass; 3]) {
        let runs = runs(geometry, geometry.source(direction), channels, axes);
        for (group, classes) in self.groups.iter_mut().enumerate() {
            classes.push(share(&runs, group * GROUP_ROWS..(group + 1) * GROUP_ROWS));
        }
        let begin = self.voxels.len();
        self.add_voxels(geometry, direction, axes);
        self.classes.push(begin..self.voxels.len());
    }

    fn add_voxels(&mut self, geometry: &Geometry, direction: Direction, [depth, height, width]: [&AxisClass; 3]) {
        let (source, target) = (geometry.source(direction), geometry.target(direction));
        for batch in 0..geometry.batch {
            for &(output_d, input_d) in &depth.members {
                for &(output_h, input_h) in &height.members {
                    for &(output_w, input_w) in &width.members {
                        self.voxels.push(VoxelPair {
                            output: batch * voxels(target) + voxel_index(target, [output_d, output_h, output_w]),
                            input: batch * voxels(source) + voxel_index(source, [input_d, input_h, input_w]),
                        });
                    }
                }
            }
        }
    }
}

fn axis_classes(geometry: &Geometry, direction: Direction, axis: usize) -> Vec<AxisClass> {
    let mut classes: BTreeMap<Taps, Members> = BTreeMap::new();
    for output in 0..geometry.target(direction)[axis] {
        let reach = geometry.reach(direction, axis, output);
        let first = reach.first().map_or(0, |&(_, input)| input);
        let taps = reach.iter().map(|&(tap, input)| (tap, input - first)).collect();
        classes.entry(taps).or_default().push((output, first));
    }
    classes.into_iter().map(|(taps, members)| AxisClass { members, taps }).collect()
}

/// Returns the runs of a class, weight rows ascending; runs that are contiguous in both memories are joined.
fn runs(geometry: &Geometry, source: [usize; 3], channels: usize, axes: [&AxisClass; 3]) -> Vec<Run> {
    let mut runs: Vec<Run> = Vec::new();
    for &(tap_d, distance_d) in &axes[0].taps {
        for &(tap_h, distance_h) in &axes[1].taps {
            for &(tap_w, distance_w) in &axes[2].taps {
                let input = voxel_index(source, [distance_d, distance_h, distance_w]) * channels;
                let row = voxel_index(geometry.kernel, [tap_d, tap_h, tap_w]) * channels;
                match runs.last_mut() {
                    Some(last) if last.input + last.length == input && last.row + last.length == row => {
                        last.length += channels;
                    }
                    _ => runs.push(Run { input, row, length: channels }),
                }
            }
        }
    }
    runs
}

/// Returns the parts of the runs that are multiplied by the weight rows of one group.
fn share(runs: &[Run], group: Range<usize>) -> Share {
    let mut share = Share::default();
    for run in runs {
        let begin = run.row.max(group.start);
        let end = (run.row + run.length).min(group.end);
        if begin >= end {
            continue;
        }
        share.runs.push(Run { input: run.input + (begin - run.row), row: begin, length: end - begin });
        share.length += end - begin;
        let rows = begin - group.start..end - group.start;
        match share.rows.last_mut() {
            Some(last) if last.end == rows.start => last.end = rows.end,
            _ => share.rows.push(rows),
        }
    }
    share
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Conv3dOptions;

    fn plan(grid: usize, kernel: usize, stride: usize, padding: usize, dilation: usize, channels: usize) -> Plan {
        let options = Conv3dOptions { stride: [stride; 3], padding: [padding; 3], dilation: [dilation; 3] };
        let geometry = Geometry::of_convolution(2, [grid; 3], [kernel; 3], &options);
        Plan::new(&geometry, Direction::Correlate, channels)
    }

    #[test]
    fn every_output_voxel_lies_in_exactly_one_span() {
        let plan = plan(9, 3, 2, 1, 1, 5);
        for length in [1, 7, 60, 1000] {
            let chunks = plan.chunks(length);
            assert!(chunks.iter().all(|spans| spans.iter().map(|span| span.voxels.len()).sum::<usize>() <= length));
            let voxels = chunks.into_iter().flatten().flat_map(|span| span.voxels);
            let mut outputs: Vec<usize> = voxels.map(|voxel| plan.voxels[voxel].output).collect();
            outputs.sort();
            assert_eq!(outputs, (0..2 * 125).collect::<Vec<_>>());
        }
    }

    #[test]
    fn the_padding_is_never_multiplied() {
        // Dilation 4 on 8 voxels: each axis uses two of three taps everywhere, so 8 of 27 taps are used.
        let plan = plan(8, 3, 1, 4, 4, 1);
        assert_eq!(plan.groups[0].len(), 8, "two classes per axis");
        let spans = plan.chunks(usize::MAX).remove(0);
        let products: usize = spans.iter().map(|span| span.voxels.len() * plan.groups[0][span.class].length).sum();
        assert_eq!(products, 2 * 512 * 8);
        // With 8 of 27 taps, 337 voxels read as much as 100 without padding; 1024 voxels make four chunks.
        assert_eq!(plan.chunk_length(100), 256);
    }

    #[test]
    fn neighbouring_taps_make_one_run() {
        // An inner voxel of a 3x3x3 kernel over 4 channels: nine runs of 12 floats, multiplied by all 108 rows in
        // order.
        let plan = plan(5, 3, 1, 1, 1, 4);
        let inner = plan.groups[0].iter().max_by_key(|share| share.length).unwrap();
        assert_eq!(inner.runs.len(), 9);
        assert!(inner.runs.iter().all(|run| run.length == 12));
        assert_eq!(inner.rows, vec![0..108; 1]);
    }

    #[test]
    fn a_group_boundary_cuts_a_run_without_losing_a_row() {
        let runs = [Run { input: 3, row: 200, length: 100 }];
        assert_eq!(share(&runs, 0..256).runs, [Run { input: 3, row: 200, length: 56 }]);
        assert_eq!(share(&runs, 256..512).runs, [Run { input: 59, row: 256, length: 44 }]);
        assert_eq!(share(&runs, 256..512).rows, vec![0..44; 1]);
    }
}
