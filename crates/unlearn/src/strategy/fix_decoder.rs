//! Fix Decoder: the ICLR 2024 paper's own method.
//!
//! `L = w |E(x_r) - E_0(x_r)|^2 + a |E(x_f) - E_0(n)|^2`, with `E_0` the frozen original's encoder and `n`
//! a volume of Gaussian noise with the mean and deviation of `x_f`. Only the encoder moves.

use super::{PAPER, Strategy};
use crate::Recipe;

pub(super) const STRATEGY: Strategy = Strategy {
    name: "fix-decoder",
    about: "Regress the forget subjects' features to those of a noise volume, decoder fixed",
    source: PAPER,
    recipe: || Recipe { fix_decoder: true, ..Recipe::default() },
};
