//! Noisy Label (LearnNoise): the forget subjects are labelled with noise.
//!
//! `L = w CE(f(x_r), y_r) + a CE(f(x_f), n)`, with `n` drawn from the recipe's noise law.
//! The paper's winner: forget Dice 0.92 to 0.06 after 50 epochs with 84 % of the retain Dice.
//! *Reading:* the law is the Gaussian of Li et al.; whether noise is redrawn is not known.

use super::{PAPER, Strategy};
use crate::Recipe;

pub(super) const STRATEGY: Strategy = Strategy {
    name: "noisy-label",
    about: "Learn noise as the forget subjects' labels",
    source: PAPER,
    recipe: || Recipe { learn_noise: true, ..Recipe::default() },
};
