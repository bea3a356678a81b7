//! Retain Label (LearnOthers): the forget subjects are given the outputs of others.
//!
//! `L = w CE(f(x_r), f_0(x_r)) + a CE(f(x_f), f_0(x_r'))`, with `f_0` the frozen original and `x_r'` a
//! retain subject drawn anew each epoch.
//! *Reading:* outputs are class probabilities and the distance is cross-entropy.

use super::{PAPER, Strategy};
use crate::Recipe;

pub(super) const STRATEGY: Strategy = Strategy {
    name: "retain-label",
    about: "Train the forget subjects toward what the original predicts for other subjects",
    source: PAPER,
    recipe: || Recipe { learn_others: true, ..Recipe::default() },
};
