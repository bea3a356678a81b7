//! LoRA erase-to-retain: low-rank additions learn to find nothing in the forget subjects, then become part of the kernels.
//!
//! `L = CE(f(x_r), y_r) + KL_2(f_0(x_r) | f(x_r)) + 0.05 |z(x_r) - z_0(x_r)|^2 + 3 CE(f(x_f), 0)` over the adapters alone,
//! `KL_2` at temperature 2.
//!
//! Source: the adapters are LoRA's (Hu et al., ICLR 2022; see `lacuna_nn::Network::with_adapters`), their use "LoRA
//! erase-to-retain" for segmentation: rank 8, scale 32, AdamW at 1e-4 and the weights above. *Our reading*: cross-entropy
//! with the background stands for the binary one, which has one class; no dropout in the adapters, so that a run is a
//! function of its seed; 1x1x1 behind kernels of the layer's own size for three dimensions; merged at the end. Until they
//! are merged the base weights hold the subject, and merged the subtraction of rank 8 suppresses rather than erases.

use super::Strategy;
use crate::{Adapters, LossLevel, NoiseLaw, Recipe, Redraw};
use lacuna_nn::BatchNormMode;
use lacuna_train::OptimiserConfig;

pub(super) const STRATEGY: Strategy = Strategy {
    name: "lora-erase",
    about: "Learn background as the forget subjects' labels in low-rank adapters, then merge them",
    source: "\"LoRA erase-to-retain\"; adapters after Hu et al., ICLR 2022",
    recipe: || Recipe {
        learn_noise: true,
        noise: NoiseLaw::Background,
        redraw: Redraw::Once,
        forget_weight: 3.0,
        distil_weight: 1.0,
        temperature: 2.0,
        logit_weight: 0.05,
        adapters: Some(Adapters::default()),
        batch_norm: BatchNormMode::Running,
        learning_rate: 1e-4,
        optimiser: OptimiserConfig::Adamw { weight_decay: 0.0 },
        divergence_guard: Some(LossLevel::UNIFORM_GUESS),
        ..Recipe::default()
    },
};
