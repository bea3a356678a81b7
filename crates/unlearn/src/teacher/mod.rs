//! Teachers: what somebody else says of a forget subject, made once before the first step. One teacher per file.
//!
//! A teacher's word is a map of class probabilities on the network's output grid, `[1, C, D, H, W]`. What it costs is
//! stated beside it in passes and counts as preparation: no method has a teacher for nothing, unless it is nothing.

mod atlas;
mod mirror;
mod untaught;

use crate::{ForgetRetain, ForgetTarget, UnlearnError, Unlearned, tally};
use lacuna_cohort::Case;
use lacuna_inference::input_tensor;
use lacuna_nn::{Network, Pass, Tensor};
use lacuna_seed::Seed;
use lacuna_train::{Passes, TrainError};

/// The teacher's word on each forget case, in their order; none if the target has no teacher.
pub(crate) fn words(run: &Unlearned, target: &ForgetTarget) -> Result<Option<Vec<Tensor<5>>>, UnlearnError> {
    let of_each = |say: &dyn Fn(&Case) -> Result<Tensor<5>, TrainError>| {
        run.sets.forget.iter().map(|case| say(case)).collect::<Result<Vec<_>, TrainError>>()
    };
    let temperature = run.recipe.temperature;
    let words = match target {
        ForgetTarget::Uniform => of_each(&|case| Ok(uniform(run, case)))?,
        ForgetTarget::OriginalOutputs => of_each(&|case| outputs(run.original, case, temperature, run))?,
        ForgetTarget::RandomNetwork => {
            let fresh = fresh_network(run, 0);
            of_each(&|case| outputs(&fresh, case, temperature, run))?
        }
        ForgetTarget::UntaughtNetworks { models, epochs, learning_rate } => untaught::words(
            run,
            untaught::Schooling { models: *models, epochs: *epochs, learning_rate: *learning_rate },
        )?,
        ForgetTarget::Atlas { sharpness } => {
            let word = atlas::word(run, *sharpness)?;
            vec![word; run.sets.forget.len()]
        }
        ForgetTarget::MirroredOutputs => of_each(&|case| mirror::outputs_of_mirrored(run.original, case, run))?,
        _ => return Ok(None),
    };
    Ok(Some(words))
}

/// What these words take.
pub(crate) fn passes(target: &ForgetTarget, sets: &ForgetRetain) -> Passes {
    let (retain, forget) = (sets.retain.len() as u64, sets.forget.len() as u64);
    let forward = |teacher| Passes { training: 0, teacher };
    match target {
        ForgetTarget::OriginalOutputs | ForgetTarget::RandomNetwork | ForgetTarget::MirroredOutputs => forward(forget),
        ForgetTarget::UntaughtNetworks { models, epochs, .. } => {
            let (models, epochs) = (*models as u64, *epochs as u64);
            Passes { training: models * epochs * retain, teacher: models * forget }
        }
        ForgetTarget::Atlas { sharpness } => forward(atlas::passes(*sharpness, retain)),
        _ => Passes::default(),
    }
}

fn uniform(run: &Unlearned, case: &Case) -> Tensor<5> {
    let classes = run.original.architecture().classes();
    let [d, h, w] = case.target_shape;
    Tensor::full([1, classes, d, h, w], 1.0 / classes as f32, &run.device)
}

/// A network's class probabilities of a case, its logits divided by a temperature.
fn outputs(network: &Network, case: &Case, temperature: f64, run: &Unlearned) -> Result<Tensor<5>, TrainError> {
    tally::saw(Passes { training: 0, teacher: 1 });
    let pass = Pass::evaluation(&network.parameters);
    let logits = network.forward(&pass, input_tensor(&[case], &run.device)?);
    Ok(lacuna_nn::loss::probabilities(logits.div_scalar(temperature)))
}

/// A network that has learned nothing yet, never the one that the original or a retrained model began as.
fn fresh_network(run: &Unlearned, number: usize) -> Network {
    let seed = Seed(run.seed.stream("teacher").epoch(number).draws().below(1 << 53) as u64);
    Network::new(run.original.architecture().clone(), seed, &run.device)
}
