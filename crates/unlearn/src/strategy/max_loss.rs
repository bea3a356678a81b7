//! Max Loss: gradient ascent on the forget subjects.
//!
//! `L = w CE(f(x_r), y_r) - a CE(f(x_f), y_f)`. Unbounded as in the paper; `forget_loss_max`
//! bounds it.

use super::{PAPER, Strategy};
use crate::Recipe;

pub(super) const STRATEGY: Strategy = Strategy {
    name: "max-loss",
    about: "Ascend the forget subjects' loss",
    source: PAPER,
    recipe: || Recipe { max_loss: true, ..Recipe::default() },
};
