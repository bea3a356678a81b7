//! MSG: masked small gradients.
//!
//! In each convolution the 30 % of weights with the smallest `|grad l(R) - grad l(F)|` are drawn anew
//! (`edit/renew.rs`); then `L = CE(f(x_r), y_r)`, the gradients of all other weights times 0.1.
//!
//! Defaults: the shares 0.3 and 0.1 and the rate 1e-3 are the entry's, for some 5 epochs; its warm-up is left out and its
//! decay a cosine (*our reading*). *Our reading* too: BatchNorm's weights are among the others.

use super::Strategy;
use crate::{Edit, Goal, Recipe};
use lacuna_nn::BatchNormMode;
use lacuna_train::Schedule;

pub(super) const STRATEGY: Strategy = Strategy {
    name: "msg",
    about: "Renew the weights that neither side pulls at, then train on the retain subjects",
    source: "An entry of the NeurIPS 2023 unlearning competition, after Triantafillou et al., 2024 (arXiv 2406.09073) \
             and Cadet et al., \"Deep Unlearn\", 2024 (arXiv 2410.01276)",
    recipe: || Recipe {
        goal: Goal::MatchRetrain,
        edits: vec![Edit::Renew { share: 0.3 }],
        unedited_factor: 0.1,
        forget_weight: 0.0,
        batch_norm: BatchNormMode::Running,
        learning_rate: 1e-3,
        schedule: Schedule::Cosine,
        ..Recipe::default()
    },
};
