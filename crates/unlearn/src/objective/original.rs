//! What the frozen original says, asked once before the first step.

use crate::mechanic::mirrored_back;
use crate::{ForgetRetain, ForgetTarget, Recipe, Unlearned, tally};
use lacuna_cohort::Case;
use lacuna_inference::input_tensor;
use lacuna_nn::loss::probabilities;
use lacuna_nn::{Maps, Network, Pass, Tensor};
use lacuna_train::{Passes, TrainError};

/// What the frozen original says of each case, computed once since it never changes.
pub(crate) struct Original {
    /// Features or logits of the retain cases, in their order; empty where the recipe asks for none.
    pub retain: Vec<Maps>,
    /// Features of the forget cases; empty where the recipe asks for none.
    pub forget: Vec<Maps>,
    /// Class probabilities of the mirrored retain cases, mirrored back; empty where the recipe asks for none.
    pub retain_strangers: Vec<Tensor<5>>,
    /// The same of the forget cases.
    pub forget_strangers: Vec<Tensor<5>>,
}

impl Original {
    pub(super) fn new(run: &Unlearned, target: &ForgetTarget) -> Result<Original, TrainError> {
        let features = target.is_in_feature_space();
        let say = |case: &&Case| {
            tally::saw(Passes { training: 0, teacher: 1 });
            Ok(say(run.original, input_tensor(&[case], &run.device)?, features))
        };
        let say_all = |cases: &[&Case]| cases.iter().map(say).collect::<Result<Vec<_>, TrainError>>();
        let pass = Pass::evaluation(&run.original.parameters);
        let mirrored = |case: &&Case| Ok(probabilities(mirrored_back(run.original, &pass, case, &run.device)?));
        let strangers = |asked: bool, cases: &[&Case]| match asked {
            true => cases.iter().map(mirrored).collect::<Result<Vec<_>, TrainError>>(),
            false => Ok(Vec::new()),
        };
        Ok(Original {
            retain_strangers: strangers(run.recipe.retains_mirrored(), &run.sets.retain)?,
            forget_strangers: strangers(run.recipe.forgets_mirrored(), &run.sets.forget)?,
            retain: if asks_of_retain(run.recipe, target) { say_all(&run.sets.retain)? } else { Vec::new() },
            forget: if asks_of_forget(target) { say_all(&run.sets.forget)? } else { Vec::new() },
        })
    }

    /// Forward passes that these answers take.
    pub(crate) fn passes(recipe: &Recipe, target: &ForgetTarget, sets: &ForgetRetain) -> Passes {
        let of_retain = if asks_of_retain(recipe, target) { sets.retain.len() } else { 0 };
        let of_forget = if asks_of_forget(target) { sets.forget.len() } else { 0 };
        let mirrored_retain = if recipe.retains_mirrored() { sets.retain.len() } else { 0 };
        let mirrored_forget = if recipe.forgets_mirrored() { sets.forget.len() } else { 0 };
        Passes { training: 0, teacher: (of_retain + of_forget + mirrored_retain + mirrored_forget) as u64 }
    }
}

fn asks_of_retain(recipe: &Recipe, target: &ForgetTarget) -> bool {
    target.retains_by_teacher() || recipe.distil_weight > 0.0 || recipe.logit_weight > 0.0
}

fn asks_of_forget(target: &ForgetTarget) -> bool {
    *target == ForgetTarget::NoiseFeatures
}

/// Features or logits of an input, without gradients.
pub(super) fn say(network: &Network, input: Tensor<5>, features: bool) -> Maps {
    let pass = Pass::evaluation(&network.parameters);
    let encoded = network.encode(&pass, input);
    if features { encoded } else { Maps::of(network.decode(&pass, &encoded)) }
}
