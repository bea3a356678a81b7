//! Connected components of the classes of an image.
//!
//! Rows along i are divided into runs of one class, and touching runs are joined, so that memory is proportional to the
//! surface of structures and not to the size of the image.

use crate::ClassMap;
use std::collections::BTreeMap;
use std::ops::Range;

/// Keeps only the largest connected component of each class above 0, and returns the number of voxels of each class
/// that became background.
///
/// Voxels are connected if they share a face, an edge or a corner (26-connectivity). Of equally large components the
/// one that comes first in storage order is kept.
pub fn keep_largest_components(classes: &mut ClassMap) -> BTreeMap<u8, u64> {
    let mut runs = runs(classes);
    join(&mut runs);
    let kept = largest(&runs);
    let mut removed = BTreeMap::new();
    for number in 0..runs.list.len() {
        let root = runs.root(number);
        let Run { class, ref at, .. } = runs.list[number];
        if kept[&class] != root {
            *removed.entry(class).or_insert(0) += at.len() as u64;
            classes.voxels_mut()[at.clone()].fill(0);
        }
    }
    removed
}

/// Consecutive voxels of one class along i.
struct Run {
    class: u8,
    /// The offsets of the voxels in the image.
    at: Range<usize>,
    /// The indices of the voxels along i.
    along: Range<usize>,
    /// The index of an earlier run of the same component; its own index if it is the first.
    parent: usize,
}

struct Runs {
    list: Vec<Run>,
    /// The runs of each row, by `j + nj k`.
    rows: Vec<Range<usize>>,
    /// The numbers of rows along j and along k.
    dims: [usize; 2],
}

impl Runs {
    fn root(&mut self, mut number: usize) -> usize {
        while self.list[number].parent != number {
            let above = self.list[number].parent;
            self.list[number].parent = self.list[above].parent;
            number = above;
        }
        number
    }

    fn unite(&mut self, a: usize, b: usize) {
        let (a, b) = (self.root(a), self.root(b));
        self.list[a.max(b)].parent = a.min(b);
    }
}

fn runs(classes: &ClassMap) -> Runs {
    let [ni, nj, nk] = classes.grid().dims;
    let mut list: Vec<Run> = Vec::new();
    let mut rows = Vec::with_capacity(nj * nk);
    for (row, voxels) in classes.voxels().chunks(ni.max(1)).enumerate() {
        let first = list.len();
        let mut i = 0;
        for same in voxels.chunk_by(|a, b| a == b) {
            if same[0] > 0 {
                let (along, offset) = (i..i + same.len(), row * ni + i);
                let parent = list.len();
                list.push(Run { class: same[0], at: offset..offset + same.len(), along, parent });
            }
            i += same.len();
        }
        rows.push(first..list.len());
    }
    Runs { list, rows, dims: [nj, nk] }
}

/// Joins each run with those it touches in earlier rows: one row in its own slice, three in the slice below.
fn join(runs: &mut Runs) {
    let [nj, nk] = runs.dims;
    for k in 0..nk {
        for j in 0..nj {
            let mut before = Vec::with_capacity(4);
            before.extend(j.checked_sub(1).map(|j| j + nj * k));
            if let Some(below) = k.checked_sub(1) {
                before.extend((j.saturating_sub(1)..(j + 2).min(nj)).map(|j| j + nj * below));
            }
            for other in before {
                join_rows(runs, j + nj * k, other);
            }
        }
    }
}

/// Joins the runs of `row` with those of `other` that they touch; both are in order of i.
fn join_rows(runs: &mut Runs, row: usize, other: usize) {
    let mut first = runs.rows[other].start;
    for a in runs.rows[row].clone() {
        let Run { class, ref along, .. } = runs.list[a];
        let along = along.clone();
        // A run whose end is another's start touches it by an edge or a corner.
        while first < runs.rows[other].end && runs.list[first].along.end < along.start {
            first += 1;
        }
        let mut b = first;
        while b < runs.rows[other].end && runs.list[b].along.start <= along.end {
            if runs.list[b].class == class {
                runs.unite(a, b);
            }
            b += 1;
        }
    }
}

/// Returns the first run of the largest component of each class.
fn largest(runs: &Runs) -> BTreeMap<u8, usize> {
    let mut sizes: BTreeMap<usize, u64> = BTreeMap::new();
    for number in 0..runs.list.len() {
        let mut root = number;
        while runs.list[root].parent != root {
            root = runs.list[root].parent;
        }
        *sizes.entry(root).or_insert(0) += runs.list[number].at.len() as u64;
    }
    let mut kept: BTreeMap<u8, (u64, usize)> = BTreeMap::new();
    for (root, size) in sizes {
        let best = kept.entry(runs.list[root].class).or_insert((size, root));
        if size > best.0 {
            *best = (size, root);
        }
    }
    kept.into_iter().map(|(class, (_, root))| (class, root)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{AxisOrder, Grid, Image, SpacingMm, reorder};
    use proptest::prelude::*;

    fn image(dims: [usize; 3], voxels: &[u8]) -> ClassMap {
        Image::new(Grid::axis_aligned(dims, SpacingMm([1.0; 3])), voxels.to_vec())
    }

    /// Checks one slice, rows from the top; `.` is the background.
    #[track_caller]
    fn check(rows: &[&str], expected: &[&str]) {
        let read = |rows: &[&str]| -> Vec<u8> {
            rows.concat().bytes().map(|byte| if byte == b'.' { 0 } else { byte - b'0' }).collect()
        };
        let mut classes = image([rows[0].len(), rows.len(), 1], &read(rows));
        keep_largest_components(&mut classes);
        assert_eq!(classes.voxels(), read(expected));
    }

    #[test]
    fn the_larger_of_two_parts_stays() {
        check(&["11.1", "1..1", "...."], &["11..", "1...", "...."]);
    }
    #[test]
    fn a_corner_connects() {
        check(&["1...", ".1..", "..1.", "1..."], &["1...", ".1..", "..1.", "...."]);
        check(&["..1.", ".1..", "1...", "...1"], &["..1.", ".1..", "1...", "...."]);
    }
    #[test]
    fn classes_do_not_connect_each_other_and_are_judged_apart() {
        check(&["1211", "2..2", "2..."], &[".211", "2...", "2..."]);
    }
    #[test]
    fn a_bend_connects_what_begins_apart() {
        check(&["1.1.1", "1.1.1", "11111", ".....", "111.."], &["1.1.1", "1.1.1", "11111", ".....", "....."]);
    }
    #[test]
    fn of_equal_parts_the_first_stays() {
        check(&["1.1", "1.1"], &["1..", "1.."]);
    }
    #[test]
    fn nothing_stays_nothing() {
        check(&["...", "..."], &["...", "..."]);
    }

    #[test]
    fn slices_connect_by_corners_and_the_removed_are_counted() {
        // (0, 0, 0) and (1, 1, 1) touch by a corner; (3, 0, 0) is alone.
        let mut voxels = vec![0; 16];
        for [i, j, k] in [[0, 0, 0], [1, 1, 1], [3, 0, 0]] {
            voxels[i + 4 * (j + 2 * k)] = 7;
        }
        let mut classes = image([4, 2, 2], &voxels);
        assert_eq!(keep_largest_components(&mut classes), BTreeMap::from([(7, 1)]));
        assert_eq!((classes.at([0, 0, 0]), classes.at([1, 1, 1]), classes.at([3, 0, 0])), (7, 7, 0));
    }

    /// Returns the size of the largest component by flood fill from each voxel, a slow reference.
    fn largest_by_flooding(classes: &ClassMap, class: u8) -> usize {
        let dims = classes.grid().dims;
        let mut seen = vec![false; classes.voxels().len()];
        let mut best = 0;
        for start in (0..seen.len()).filter(|&offset| classes.voxels()[offset] == class) {
            let (mut found, mut front) = (0, vec![start]);
            while let Some(offset) = front.pop() {
                if std::mem::replace(&mut seen[offset], true) {
                    continue;
                }
                found += 1;
                let at = [offset % dims[0], offset / dims[0] % dims[1], offset / (dims[0] * dims[1])];
                for step in 0..27 {
                    let to = [step % 3, step / 3 % 3, step / 9];
                    let to: [usize; 3] = std::array::from_fn(|axis| (at[axis] + to[axis]).wrapping_sub(1));
                    if (0..3).all(|axis| to[axis] < dims[axis]) && classes.at(to) == class {
                        front.push(classes.grid().offset(to));
                    }
                }
            }
            best = best.max(found);
        }
        best
    }

    proptest! {
        #[test]
        fn what_stays_is_as_large_as_flooding_finds_and_nothing_is_added(
            voxels in prop::collection::vec(prop::sample::select(vec![0u8, 0, 1, 2]), 6 * 5 * 4),
        ) {
            let before = image([6, 5, 4], &voxels);
            let mut after = before.clone();
            keep_largest_components(&mut after);
            for class in [1, 2] {
                let stays = after.voxels().iter().filter(|&&voxel| voxel == class).count();
                prop_assert_eq!(stays, largest_by_flooding(&before, class));
                prop_assert_eq!(stays, largest_by_flooding(&after, class));
            }
            prop_assert!(after.voxels().iter().zip(&voxels).all(|(after, before)| after == before || *after == 0));
            // A second call removes nothing, whatever the axis order of the image.
            let mut turned = reorder(&after, &AxisOrder::TRANSPOSED);
            prop_assert!(keep_largest_components(&mut turned).is_empty());
        }
    }
}
