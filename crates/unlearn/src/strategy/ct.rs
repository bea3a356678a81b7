//! CT: convolution transpose.
//!
//! The spatial axes of every kernel change places (`edit/turn.rs`); then `L = CE(f(x_r), y_r)`.
//!
//! Defaults: the rate 1e-3 on a cosine is the entry's, for some 3 epochs. *Our reading:* of the five ways to exchange
//! three axes, one that leaves none in place, D H W to H W D.

use super::Strategy;
use crate::{Edit, Goal, Recipe};
use lacuna_nn::BatchNormMode;
use lacuna_train::Schedule;

pub(super) const STRATEGY: Strategy = Strategy {
    name: "ct",
    about: "Turn every kernel in space, then train on the retain subjects",
    source: "An entry of the NeurIPS 2023 unlearning competition, after Triantafillou et al., 2024 (arXiv 2406.09073) \
             and Cadet et al., \"Deep Unlearn\", 2024 (arXiv 2410.01276)",
    recipe: || Recipe {
        goal: Goal::MatchRetrain,
        edits: vec![Edit::Turn { axes: [1, 2, 0] }],
        forget_weight: 0.0,
        batch_norm: BatchNormMode::Running,
        learning_rate: 1e-3,
        schedule: Schedule::Cosine,
        ..Recipe::default()
    },
};
