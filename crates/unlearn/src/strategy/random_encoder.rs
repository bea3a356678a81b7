//! Random Encoder (Fix Decoder and LearnNoise): the forget subjects' features become noise.
//!
//! `L = w |E(x_r) - E_0(x_r)|^2 + a |E(x_f) - n|^2`, with `E_0` the frozen original's encoder and `n`
//! Gaussian with the mean and deviation of `E_0(x_f)`. Only the encoder moves.

use super::{PAPER, Strategy};
use crate::Recipe;

pub(super) const STRATEGY: Strategy = Strategy {
    name: "random-encoder",
    about: "Regress the forget subjects' features to noise, decoder fixed",
    source: PAPER,
    recipe: || Recipe { fix_decoder: true, learn_noise: true, ..Recipe::default() },
};
