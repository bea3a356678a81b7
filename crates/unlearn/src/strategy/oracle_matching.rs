//! Oracle matching: the forget subjects are learnt from several networks that were trained in full without them.
//!
//! `L = CE(f(x_r), y_r) + KL(f_0(x_r) | f(x_r)) + KL(mean_k o_k(x_f) | f(x_f))`.
//!
//! Source: Georgiev, Rinberg, Park, Garg, Ilyas, Madry and Neel, "Attribute-to-Delete: Machine Unlearning via Datamodel
//! Matching", ICLR 2025, section 3 (oracle matching). Theirs regresses logits; outputs by divergence are *our reading*, as
//! are three oracles of 200 epochs (MedicalNet's number), whose mean takes the chance of one training out of the target.
//!
//! Two costs are told apart wherever this is reported: the bank's, which are the passes before the first step, and the
//! marginal one of the run itself. With the bank it costs more than retraining; it is of use where the bank exists
//! anyway, and as the ceiling of what matching can reach. The bank's seeds are the run's own, so no oracle is a model
//! that the result is scored against.

use super::Strategy;
use crate::{ForgetTarget, Recipe};

pub(super) const STRATEGY: Strategy = Strategy {
    name: "oracle-matching",
    about: "Learn the forget subjects from a bank of networks trained in full without them",
    source: "Georgiev et al., \"Attribute-to-Delete: Machine Unlearning via Datamodel Matching\", ICLR 2025",
    recipe: || Recipe {
        forget_target: Some(ForgetTarget::UntaughtNetworks { models: 3, epochs: 200, learning_rate: 1e-2 }),
        ..(super::ignorant_teacher::STRATEGY.recipe)()
    },
};
