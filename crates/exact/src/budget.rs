//! The number of epochs of each stage.

/// The epochs of each stage of a shard of `slices` slices; together they cost as many passes as `epochs` epochs over
/// all subjects.
///
/// Stage i passes i of R slices. With e epochs in every stage and slices of one size, that is
/// `e (1 + 2 + ... + R) / R = e (R + 1) / 2` passes over all subjects, so `e = 2 E / (R + 1)`. It is rarely whole:
/// stage i gets `round(i e) - round((i - 1) e)` epochs, and one at least, since a slice that no stage trains on would
/// not be learned. Where E is below (R + 1) / 2 that costs more than ordinary training.
///
/// Source: Bourtoule et al., "Machine Unlearning", 2021, section V-B; the rounding is ours.
pub fn epochs_per_stage(epochs: usize, slices: usize) -> Vec<usize> {
    let until = |stage: usize| (4 * epochs * stage + slices + 1) / (2 * (slices + 1));
    (1..=slices).map(|stage| (until(stage) - until(stage - 1)).max(1)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_slice_is_ordinary_training() {
        for epochs in [1, 2, 7, 200] {
            assert_eq!(epochs_per_stage(epochs, 1), [epochs]);
        }
    }

    #[test]
    fn stages_cost_what_ordinary_training_costs() {
        // 20 epochs, 4 slices: e = 8, and 8 (1 + 2 + 3 + 4) / 4 = 20.
        assert_eq!(epochs_per_stage(20, 4), [8, 8, 8, 8]);
        // 20 epochs, 7 slices: e = 5.
        assert_eq!(epochs_per_stage(20, 7), [5; 7]);
        // 10 epochs, 3 slices: e = 5; 10 epochs, 2 slices: e = 6.67, sums 6.67 and 13.33 rounded.
        assert_eq!(epochs_per_stage(10, 3), [5; 3]);
        assert_eq!(epochs_per_stage(10, 2), [7, 6]);
    }

    #[test]
    fn rounding_misses_the_budget_by_less_than_one_epoch() {
        for slices in 1..=12 {
            for epochs in slices..60 {
                let stages = epochs_per_stage(epochs, slices);
                let passes: usize = stages.iter().enumerate().map(|(stage, &epochs)| (stage + 1) * epochs).sum();
                let missed = (passes as f64 / slices as f64 - epochs as f64).abs();
                assert!(missed < 1.0, "{epochs} epochs, {slices} slices: {stages:?}");
            }
        }
    }

    #[test]
    fn a_stage_without_an_epoch_is_given_one() {
        assert_eq!(epochs_per_stage(1, 5), [1; 5]);
    }
}
