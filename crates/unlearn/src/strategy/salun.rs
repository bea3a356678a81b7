//! SalUn: random labels, on the salient weights alone.
//!
//! `L = CE(f(x_f), n) + w CE(f(x_r), y_r)` with n random labels, over the weights with
//! `|grad l(F; theta_0)| >= gamma`, gamma so that they are half of all.
//!
//! Defaults: the share 0.5 and w = 1 are the paper's. It is most sensitive to the learning rate: 0.013 for its images;
//! *ours,* for 3-D, 1e-3. Whole volumes have their largest gradients in the head, where `saliency_scope = "tensor"` caps
//! each tensor. *Our reading:* labels are random voxel by voxel, all classes alike, drawn once as those of a data set
//! are; and since such labels end below what a retrained network says, the goal is to suppress.

use super::Strategy;
use crate::{NoiseLaw, Recipe, Redraw};
use lacuna_nn::BatchNormMode;

pub(super) const STRATEGY: Strategy = Strategy {
    name: "salun",
    about: "Learn random labels for the forget subjects with the weights they pull at",
    source: "Fan et al., \"SalUn: Empowering Machine Unlearning via Gradient-based Weight Saliency\", ICLR 2024 (arXiv \
             2310.12508)",
    recipe: || Recipe {
        learn_noise: true,
        noise: NoiseLaw::Uniform,
        redraw: Redraw::Once,
        saliency: Some(0.5),
        batch_norm: BatchNormMode::Running,
        learning_rate: 1e-3,
        ..Recipe::default()
    },
};
