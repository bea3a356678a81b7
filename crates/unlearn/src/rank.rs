//! The largest of many numbers, without sorting them all.

/// The value that exactly `count` others exceed, were all distinct: what is above it are the `count` largest.
///
/// Negative infinity if there are no more than `count`, so that all are above it.
pub(crate) fn cut_above(mut values: Vec<f32>, count: usize) -> f32 {
    if count >= values.len() {
        return f32::NEG_INFINITY;
    }
    *values.select_nth_unstable_by(count, |a, b| b.total_cmp(a)).1
}

/// The places of the `count` smallest values; of equal ones, the first.
pub(crate) fn smallest(values: &[f32], count: usize) -> Vec<usize> {
    let mut indices: Vec<usize> = (0..values.len()).collect();
    if count < indices.len() {
        indices.select_nth_unstable_by(count, |&a, &b| values[a].total_cmp(&values[b]).then(a.cmp(&b)));
        indices.truncate(count);
    }
    indices
}

/// So large a share of a number of things, rounded to the nearest.
pub(crate) fn count_of(share: f64, things: usize) -> usize {
    (share * things as f64).round() as usize
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn above_the_cut_are_the_largest() {
        // Of 0 to 9, the three above 6.
        let values: Vec<f32> = [3, 9, 0, 5, 7, 1, 8, 2, 6, 4].map(|value| value as f32).into();
        assert_eq!(cut_above(values.clone(), 3), 6.0);
        assert_eq!(cut_above(values.clone(), 0), 9.0);
        assert_eq!(cut_above(values, 10), f32::NEG_INFINITY);
    }

    #[test]
    fn the_smallest_are_as_many_as_asked_for_even_among_equals() {
        let mut indices = smallest(&[2.0, 0.0, 5.0, 0.0, 0.0, 1.0], 2);
        indices.sort_unstable();
        assert_eq!(indices, [1, 3]);
        assert_eq!(smallest(&[1.0, 2.0], 5).len(), 2);
    }
}
