//! The named strategies: one file each, one entry in [`STRATEGIES`].

mod adaptive_ssd;
mod atlas_matching;
mod bad_teacher;
mod cf_k;
mod consistent_background;
mod constrained;
mod ct;
mod eu_k;
mod fine_tune;
mod fisher_noise;
mod fix_decoder;
mod gradient_ascent;
mod ignorant_teacher;
mod jit;
mod l1_sparse;
mod label_free_ssd;
mod lora_erase;
mod max_loss;
mod msg;
mod neg_grad_plus;
mod newton;
mod noisy_label;
mod oracle_matching;
mod random_encoder;
mod retain_label;
mod salun;
mod scrub;
mod ssd;
mod unlearning_aware;
mod unsir;

use crate::{Recipe, UnlearnError};

/// A recipe with a name and a source.
pub struct Strategy {
    /// In kebab case, as commands and tables print it.
    pub name: &'static str,
    /// One line for help texts.
    pub about: &'static str,
    /// The paper that it comes from.
    pub source: &'static str,
    /// Its defaults.
    pub recipe: fn() -> Recipe,
}

/// Every named strategy; the order is that of help texts and tables.
pub static STRATEGIES: &[Strategy] = &[
    noisy_label::STRATEGY,
    retain_label::STRATEGY,
    max_loss::STRATEGY,
    random_encoder::STRATEGY,
    fix_decoder::STRATEGY,
    gradient_ascent::STRATEGY,
    neg_grad_plus::STRATEGY,
    bad_teacher::STRATEGY,
    ignorant_teacher::STRATEGY,
    oracle_matching::STRATEGY,
    atlas_matching::STRATEGY,
    consistent_background::STRATEGY,
    scrub::STRATEGY,
    unsir::STRATEGY,
    lora_erase::STRATEGY,
    unlearning_aware::STRATEGY,
    constrained::STRATEGY,
    fine_tune::STRATEGY,
    cf_k::STRATEGY,
    eu_k::STRATEGY,
    l1_sparse::STRATEGY,
    salun::STRATEGY,
    ssd::STRATEGY,
    label_free_ssd::STRATEGY,
    adaptive_ssd::STRATEGY,
    jit::STRATEGY,
    fisher_noise::STRATEGY,
    newton::STRATEGY,
    msg::STRATEGY,
    ct::STRATEGY,
];

/// Where the paper's strategies come from, as we read it.
const PAPER: &str = "Singh, Singh and Arora, \"To forget is to preserve\", 2026 (arXiv 2606.16180); mechanics after \
                     Li et al., ICLR 2024 (arXiv 2402.00351)";

/// The paper's own strategies: what a study runs if it names none.
pub fn of_the_paper() -> impl Iterator<Item = &'static Strategy> {
    STRATEGIES.iter().filter(|strategy| strategy.source == PAPER)
}

/// The strategy of that name.
///
/// # Errors
/// [`UnlearnError::UnknownStrategy`] with all names.
pub fn find(name: &str) -> Result<&'static Strategy, UnlearnError> {
    STRATEGIES.iter().find(|strategy| strategy.name == name).ok_or_else(|| UnlearnError::UnknownStrategy {
        found: name.to_string(),
        known: STRATEGIES.iter().map(|strategy| format!("`{}`", strategy.name)).collect::<Vec<_>>().join(", "),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn names_are_distinct_and_in_kebab_case() {
        let names: BTreeSet<_> = STRATEGIES.iter().map(|strategy| strategy.name).collect();
        assert_eq!(names.len(), STRATEGIES.len());
        for name in names {
            assert!(
                name.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-'),
                "{name}"
            );
        }
    }

    #[test]
    fn every_strategy_is_a_recipe_that_can_be_run() {
        for strategy in STRATEGIES {
            (strategy.recipe)().checked().unwrap_or_else(|error| panic!("{}: {error}", strategy.name));
        }
    }

    #[test]
    fn the_paper_has_five() {
        let names: Vec<&str> = of_the_paper().map(|strategy| strategy.name).collect();
        assert_eq!(names, ["noisy-label", "retain-label", "max-loss", "random-encoder", "fix-decoder"]);
    }

    #[test]
    fn an_unknown_name_is_answered_with_all_names() {
        let Err(error) = find("noisy-lable") else { panic!("no such strategy") };
        assert!(error.to_string().contains("`noisy-label`, `retain-label`"));
    }
}
