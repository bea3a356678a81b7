//! Many tests at once: Holm's correction.

/// Adjusted p-values, in the order given: each is to be held against the level itself.
///
/// Source: Holm, "A simple sequentially rejective multiple test procedure", Scand. J. Statist. 6, 1979.
pub fn holm(p: &[f64]) -> Vec<f64> {
    let mut order: Vec<usize> = (0..p.len()).collect();
    order.sort_by(|one, other| p[*one].total_cmp(&p[*other]));
    let (mut adjusted, mut largest) = (vec![1.0; p.len()], 0.0f64);
    for (smaller, index) in order.into_iter().enumerate() {
        largest = largest.max((p[index] * (p.len() - smaller) as f64).min(1.0));
        adjusted[index] = largest;
    }
    adjusted
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::simulated::at_most;
    use lacuna_seed::Seed;

    #[test]
    fn a_case_worked_by_hand() {
        // 0.01 * 4, 0.02 * 3, then 0.03 * 2 = 0.06 and 0.04 * 1, which may not fall below the one before.
        let found = holm(&[0.04, 0.01, 0.03, 0.02]);
        let expected = [0.06, 0.04, 0.06, 0.06];
        assert!(found.iter().zip(expected).all(|(one, other)| (one - other).abs() < 1e-12), "{found:?}");
        assert!(holm(&[]).is_empty());
    }

    #[test]
    fn of_eight_true_hypotheses_none_is_rejected_but_one_time_in_twenty() {
        let mut draws = Seed(15).stream("holm").draws();
        let mut any = || holm(&(0..8).map(|_| draws.uniform()).collect::<Vec<_>>()).iter().any(|p| *p <= 0.05);
        let found = (0..4000).filter(|_| any()).count();
        at_most(found, 4000, 0.05);
        assert!(found > 100, "the correction costs no more than it must: {found}");
    }
}
