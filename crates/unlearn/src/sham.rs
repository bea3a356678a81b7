//! A recipe without whatever looks at the forget subjects: its sham.

use crate::Recipe;

impl Recipe {
    /// The recipe without forget term, edits, saliency, and the rules that end or steer a run by the forget loss.
    ///
    /// Nothing of it asks a network about a forget subject, which the test below holds every strategy to.
    pub fn without_forget_term(&self) -> Recipe {
        Recipe {
            forget_weight: 0.0,
            max_loss: false,
            learn_noise: false,
            learn_others: false,
            forget_target: None,
            edits: Vec::new(),
            saliency: None,
            unedited_factor: 1.0,
            forget_epochs: None,
            forget_loss_max: None,
            forget_radius: None,
            constraint: None,
            rewind: None,
            ..self.clone()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{ForgetRetain, STRATEGIES, preparation_passes, training_passes};
    use lacuna_train::test_cases::heads;

    #[test]
    fn a_recipe_without_its_forget_term_never_asks_about_the_forgotten() {
        let cases = heads(4);
        let retain = || cases[2..].iter().collect();
        let one = ForgetRetain { forget: vec![&cases[0]], retain: retain() };
        let two = ForgetRetain { forget: cases[..2].iter().collect(), retain: retain() };
        let mut tried = 0;
        for strategy in STRATEGIES {
            let sham = (strategy.recipe)().without_forget_term();
            // Also with the key that asks about both sides, which few strategies set.
            for sham in [Recipe { stranger_weight: 2.0, ..sham.clone() }, sham] {
                if !sham.has_retain_side() || sham.check().is_err() {
                    continue;
                }
                let passes = |sets| (preparation_passes(&sham, sets).unwrap(), training_passes(&sham, sets, 3));
                assert_eq!(passes(&one), passes(&two), "{}", strategy.name);
                tried += 1;
            }
        }
        assert!(tried > STRATEGIES.len() / 2, "most strategies have a retain side");
    }
}
