//! Networks that never saw the forget subjects: trained for this run on the retain subjects alone.
//!
//! With few epochs it is an ignorant teacher; with as many as the original had, and several of them, it is a bank of
//! models without the subject. Their seeds are the run's own, so none is a model that the result is scored against, and
//! their training counts in the cost of the run.

use super::{fresh_network, outputs};
use crate::{UnlearnError, Unlearned, tally};
use lacuna_nn::Tensor;
use lacuna_seed::Seed;
use lacuna_train::{NoMonitor, Schedule, State, Supervised, TrainConfig, fit};

/// How teachers are trained.
#[derive(Clone, Copy)]
pub(super) struct Schooling {
    pub models: usize,
    pub epochs: usize,
    pub learning_rate: f64,
}

/// The mean of the teachers' outputs on each forget case.
pub(super) fn words(run: &Unlearned, schooling: Schooling) -> Result<Vec<Tensor<5>>, UnlearnError> {
    let mut sums: Vec<Option<Tensor<5>>> = vec![None; run.sets.forget.len()];
    for number in 0..schooling.models {
        let network = schooled(run, schooling, number)?;
        for (sum, case) in sums.iter_mut().zip(&run.sets.forget) {
            let word = outputs(&network, case, run.recipe.temperature, run)?;
            *sum = Some(sum.take().map_or(word.clone(), |sum| sum + word));
        }
    }
    let mean = |sum: Option<Tensor<5>>| sum.expect("checked: at least one teacher").div_scalar(schooling.models as f64);
    Ok(sums.into_iter().map(mean).collect())
}

fn schooled(run: &Unlearned, schooling: Schooling, number: usize) -> Result<lacuna_nn::Network, UnlearnError> {
    let config = TrainConfig {
        epochs: schooling.epochs,
        learning_rate: schooling.learning_rate,
        head_multiplier: 1.0,
        optimiser: run.recipe.optimiser,
        schedule: Schedule::Cosine,
        loss: run.loss,
        activations: run.activations,
        ..TrainConfig::default()
    };
    let seed = Seed(run.seed.stream("teacher order").epoch(number).draws().below(1 << 53) as u64);
    let objective = Supervised::new(run.sets.retain.clone(), &config, seed, run.device.clone())?;
    let mut state = State::new(fresh_network(run, number), &config);
    fit(&mut state, &objective, &config, &mut NoMonitor)?;
    tally::saw(state.passes);
    Ok(state.network)
}
