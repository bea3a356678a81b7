//! Constrained suppression: forget as far as can be while the retain loss stays where it was.
//!
//! `min CE(f(x_f), 0)` subject to `CE(f(x_r), y_r) <= L_0 + 0.05`, by a multiplier that moves once per epoch. See
//! `constraint.rs`.
//!
//! Source: the first phase of RFE (ICLR 2026), an augmented Lagrangian with tolerance 0.05, penalty 1 and dual rate 0.05.
//! The forget term is ours: theirs maximises a loss without bound; the background as label has an end. *Our reading*:
//! 5e-3 clipped to norm 5, five retain steps per forget step and BatchNorm frozen; the
//! multiplier begins at 1, the weight that other strategies give the retain term.

use super::Strategy;
use crate::{Constraint, Recipe};
use lacuna_train::Schedule;

pub(super) const STRATEGY: Strategy = Strategy {
    name: "constrained",
    about: "Learn background as the forget subjects' labels under a bound on the others' loss",
    source: "after the first phase of RFE, ICLR 2026; the bounded forget term is ours",
    recipe: || Recipe {
        constraint: Some(Constraint::default()),
        distil_weight: 0.0,
        logit_weight: 0.0,
        stranger_weight: 0.0,
        augment_weight: 0.0,
        stages: None,
        learning_rate: 5e-3,
        schedule: Schedule::Constant,
        retain_per_forget: 5,
        ..(super::consistent_background::STRATEGY.recipe)()
    },
};
