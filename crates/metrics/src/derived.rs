//! The figures that the paper derives from its Dice and MAE.
//!
//! Source: Singh, Singh and Arora, "To forget is to preserve: Machine Unlearning for 3D medical
//! image segmentation", arXiv 2606.16180, 2026. Its formulas are not given in the parts that can
//! be read; these are the ones that reproduce the figures of its abstract.

/// One score of the original and of the unlearned model.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct BeforeAfter {
    /// The score of the original model.
    pub before: f64,
    /// The score of the unlearned model.
    pub after: f64,
}

impl BeforeAfter {
    /// Returns `100 after / before`, the share of the score that remains, in percent.
    ///
    /// `None` if `before` is not above 0.
    pub fn retained_percent(self) -> Option<f64> {
        (self.before > 0.0).then(|| 100.0 * self.after / self.before)
    }

    /// Returns `100 (1 - after / before)`, the decrease of the score in percent.
    ///
    /// Negative if the score increased; `None` if `before` is not above 0.
    pub fn decrease_percent(self) -> Option<f64> {
        self.retained_percent().map(|retained| 100.0 - retained)
    }
}

/// One score of one model, averaged over the retain subjects and over the forget subjects.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct RetainForget {
    /// The mean over the retain subjects.
    pub retain: f64,
    /// The mean over the forget subjects.
    pub forget: f64,
}

impl RetainForget {
    /// Returns retain minus forget: positive if the forget subjects have the lower Dice.
    pub fn dice_gap(self) -> f64 {
        self.retain - self.forget
    }

    /// Returns forget minus retain: positive if the forget subjects have the larger error.
    pub fn mae_gap(self) -> f64 {
        self.forget - self.retain
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_retained_and_what_is_gone_make_a_hundred() {
        for (before, after) in [(0.9, 0.3), (0.5, 0.75), (1.0, 0.0)] {
            let change = BeforeAfter { before, after };
            assert_eq!(change.retained_percent().unwrap() + change.decrease_percent().unwrap(), 100.0);
        }
    }

    #[test]
    fn noisy_label_after_fifty_epochs_as_in_the_paper() {
        // Forget Dice 0.9226 -> 0.0613 is "-93 %"; retain Dice 0.7576 is 84 % of the original's
        // 0.902, and lies 0.6963 above the forget Dice.
        let forget = BeforeAfter { before: 0.9226, after: 0.0613 };
        assert_eq!(forget.decrease_percent().unwrap().round(), 93.0);
        let retain = BeforeAfter { before: 0.902, after: 0.7576 };
        assert_eq!(retain.retained_percent().unwrap().round(), 84.0);
        let dice = RetainForget { retain: 0.7576, forget: 0.0613 };
        assert!((dice.dice_gap() - 0.6963).abs() < 1e-12);
    }

    #[test]
    fn both_gaps_are_positive_when_the_forget_subjects_fare_worse() {
        assert!(RetainForget { retain: 0.9, forget: 0.1 }.dice_gap() > 0.0);
        assert!(RetainForget { retain: 0.02, forget: 0.11 }.mae_gap() > 0.0);
    }

    #[test]
    fn a_baseline_of_zero_has_no_percentages() {
        let change = BeforeAfter { before: 0.0, after: 0.5 };
        assert_eq!((change.retained_percent(), change.decrease_percent()), (None, None));
    }
}
