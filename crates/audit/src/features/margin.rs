//! The margin of a voxel: how much more probable its true label is than all others together.

/// Beyond this a margin says no more: `f32` probabilities end there.
const MARGIN_MAX: f64 = 30.0;

/// `m = ln p_y - ln(1 - p_y)`, between -30 and 30, from log-probabilities or logits by class.
///
/// `1 - p_y` is the sum over the other classes, computed from their logarithms; subtracting from 1 would lose it.
pub(crate) fn margin(logs: impl Iterator<Item = f64> + Clone, label: usize) -> f64 {
    let own = logs.clone().nth(label).expect("the label has a class");
    let others = logs.enumerate().filter(|(class, _)| *class != label).map(|(_, value)| value);
    (own - log_sum_exp(others)).clamp(-MARGIN_MAX, MARGIN_MAX)
}

/// `ln sum exp x`, with the largest x taken out so that nothing overflows.
pub(crate) fn log_sum_exp(values: impl Iterator<Item = f64> + Clone) -> f64 {
    let largest = values.clone().fold(f64::NEG_INFINITY, f64::max);
    if largest == f64::NEG_INFINITY {
        return largest;
    }
    largest + values.map(|value| (value - largest).exp()).sum::<f64>().ln()
}

/// The mean without the lowest and the highest five percent.
pub(crate) fn trimmed_mean(mut values: Vec<f64>) -> Option<f64> {
    values.sort_by(f64::total_cmp);
    let cut = values.len() / 20;
    let kept = &values[cut..values.len() - cut];
    (!kept.is_empty()).then(|| kept.iter().sum::<f64>() / kept.len() as f64)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_margin_worked_by_hand() {
        // p = (1/2, 1/4, 1/4): of class 0, ln(1/2) - ln(1/2) = 0; of class 1, ln(1/4) - ln(3/4) = -ln 3.
        let logs = [0.5f64.ln(), 0.25f64.ln(), 0.25f64.ln()];
        assert!(margin(logs.into_iter(), 0).abs() < 1e-12);
        assert!((margin(logs.into_iter(), 1) + 3f64.ln()).abs() < 1e-12);
    }

    #[test]
    fn a_margin_has_ends() {
        assert_eq!(margin([200.0, 0.0].into_iter(), 0), 30.0);
        assert_eq!(margin([f64::NEG_INFINITY, 0.0].into_iter(), 0), -30.0);
        assert_eq!(margin([0.0, f64::NEG_INFINITY].into_iter(), 0), 30.0);
    }

    #[test]
    fn a_trimmed_mean_forgets_the_ends() {
        let mut values: Vec<f64> = (1..=20).map(f64::from).collect();
        values[19] = 1e9;
        // Without 1 and 1e9: the mean of 2 to 19.
        assert_eq!(trimmed_mean(values), Some(10.5));
        assert_eq!((trimmed_mean(vec![]), trimmed_mean(vec![3.0])), (None, Some(3.0)));
    }

    proptest! {
        #[test]
        fn a_margin_does_not_move_with_its_logits(logits in prop::collection::vec(-9.0..9.0f64, 2..6), by in -50.0..50.0f64) {
            let moved: Vec<f64> = logits.iter().map(|value| value + by).collect();
            let of = |values: &[f64]| margin(values.iter().copied(), 1);
            prop_assert!((of(&logits) - of(&moved)).abs() < 1e-9);
        }
    }
}
