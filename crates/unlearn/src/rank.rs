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
}
