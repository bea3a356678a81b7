//! The exact Euclidean distance transform.
//!
//! Axes are processed one after the other: along a line, the squared distance to the nearest site of the line is the
//! lower envelope of parabolas, and parabolas raised by the result of the previous axis give the distance over both.
//! Time is linear in the number of voxels, and spacings may differ by axis.
//!
//! Source: P. F. Felzenszwalb and D. P. Huttenlocher, "Distance Transforms of Sampled Functions", Theory of Computing
//! 8, 2012, section 2; the spacing enters as the positions of the parabolas.

/// Returns the squared distance in mm² from each voxel to the nearest site, infinite if there is no site.
///
/// Voxels are stored with i fastest; `dims` and `spacing_mm` are along (i, j, k).
///
/// # Panics
/// If the number of voxels is not that of `dims`.
pub(crate) fn squared_distances(sites: &[bool], dims: [usize; 3], spacing_mm: [f64; 3]) -> Vec<f64> {
    assert_eq!(sites.len(), dims.iter().product::<usize>(), "one voxel per place of the grid");
    let mut squared: Vec<f64> = sites.iter().map(|&site| if site { 0.0 } else { f64::INFINITY }).collect();
    let mut envelope = Envelope::default();
    let mut line = Vec::new();
    for axis in 0..3 {
        let stride: usize = dims[..axis].iter().product();
        for first in line_starts(dims, axis) {
            let indices = (0..dims[axis]).map(|step| first + step * stride);
            line.clear();
            line.extend(indices.clone().map(|index| squared[index]));
            envelope.build(&line, spacing_mm[axis]);
            for (step, index) in indices.enumerate() {
                squared[index] = envelope.next(&line, step, spacing_mm[axis]);
            }
        }
    }
    squared
}

/// Iterates over the offset of the first voxel of every line along an axis.
fn line_starts(dims: [usize; 3], axis: usize) -> impl Iterator<Item = usize> {
    let stride: usize = dims[..axis].iter().product();
    let outer: usize = dims[axis + 1..].iter().product();
    (0..outer).flat_map(move |block| (0..stride).map(move |within| block * stride * dims[axis] + within))
}

/// The lower envelope of the parabolas of one line.
#[derive(Default)]
struct Envelope {
    /// The indices of the voxels whose parabola is part of the envelope, in order.
    standing: Vec<usize>,
    /// The position in mm from which each of these is the lowest.
    from_mm: Vec<f64>,
    /// The parabola that is the lowest at the last requested voxel.
    lowest: usize,
}

impl Envelope {
    fn build(&mut self, heights: &[f64], spacing_mm: f64) {
        self.standing.clear();
        self.from_mm.clear();
        self.lowest = 0;
        for (step, &height) in heights.iter().enumerate().filter(|(_, height)| height.is_finite()) {
            let mut from_mm = f64::NEG_INFINITY;
            while let Some(&before) = self.standing.last() {
                from_mm = crossing_mm((before, heights[before]), (step, height), spacing_mm);
                if from_mm > self.from_mm[self.from_mm.len() - 1] {
                    break;
                }
                self.standing.pop();
                self.from_mm.pop();
                from_mm = f64::NEG_INFINITY;
            }
            self.standing.push(step);
            self.from_mm.push(from_mm);
        }
    }

    /// Returns the envelope at a voxel, which must not lie before the last requested one.
    fn next(&mut self, heights: &[f64], step: usize, spacing_mm: f64) -> f64 {
        if self.standing.is_empty() {
            return f64::INFINITY;
        }
        let at_mm = step as f64 * spacing_mm;
        while self.from_mm.get(self.lowest + 1).is_some_and(|&from_mm| from_mm < at_mm) {
            self.lowest += 1;
        }
        let stands = self.standing[self.lowest];
        (step.abs_diff(stands) as f64 * spacing_mm).powi(2) + heights[stands]
    }
}

/// Returns the position in mm where two parabolas of unit curvature cross, the second behind the first.
fn crossing_mm(a: (usize, f64), b: (usize, f64), spacing_mm: f64) -> f64 {
    let (at_a, at_b) = (a.0 as f64 * spacing_mm, b.0 as f64 * spacing_mm);
    ((b.1 + at_b * at_b) - (a.1 + at_a * at_a)) / (2.0 * (at_b - at_a))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn coordinates(voxel: usize, dims: [usize; 3]) -> [usize; 3] {
        [voxel % dims[0], voxel / dims[0] % dims[1], voxel / dims[0] / dims[1]]
    }

    /// Computes the distances by definition, over all sites.
    fn by_search(sites: &[bool], dims: [usize; 3], spacing_mm: [f64; 3]) -> Vec<f64> {
        let squared = |a: usize, b: usize| {
            let (a, b) = (coordinates(a, dims), coordinates(b, dims));
            (0..3).map(|axis| (a[axis].abs_diff(b[axis]) as f64 * spacing_mm[axis]).powi(2)).sum::<f64>()
        };
        let nearest = |voxel| {
            let distances = (0..sites.len()).filter(|&site| sites[site]).map(|site| squared(voxel, site));
            distances.fold(f64::INFINITY, f64::min)
        };
        (0..sites.len()).map(nearest).collect()
    }

    #[test]
    fn one_site_is_as_far_as_pythagoras_says() {
        // The site is one corner; the opposite one is 2 steps of 1 mm, 1 of 3 and 1 of 2 away: 4 + 9 + 4.
        let mut sites = vec![false; 12];
        sites[0] = true;
        let squared = squared_distances(&sites, [3, 2, 2], [1.0, 3.0, 2.0]);
        assert_eq!(squared[11], 17.0);
        assert_eq!(squared[..3], [0.0, 1.0, 4.0]);
    }

    #[test]
    fn without_a_site_everything_is_infinitely_far() {
        assert!(squared_distances(&[false; 8], [2; 3], [1.0; 3]).iter().all(|distance| distance.is_infinite()));
    }

    proptest! {
        #[test]
        fn distances_are_those_of_a_search_over_all_sites(
            dims in prop::array::uniform3(1usize..7), spacing in prop::array::uniform3(0.3f64..4.0), seed in any::<u64>(), share in 1u64..16)
        {
            let count = dims.iter().product::<usize>() as u64;
            let sites: Vec<bool> = (0..count).map(|voxel| {
                let mixed = (voxel + 1).wrapping_mul(seed | 1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
                (mixed >> 60) < share
            }).collect();
            let (found, expected) = (squared_distances(&sites, dims, spacing), by_search(&sites, dims, spacing));
            for (found, expected) in found.iter().zip(&expected) {
                prop_assert!(found == expected || (found - expected).abs() <= 1e-12 * expected, "{found} {expected}");
            }
        }
    }
}
