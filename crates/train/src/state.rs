//! The whole state of a training run.

use crate::{Optimiser, TrainConfig};
use lacuna_nn::Network;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::ops::AddAssign;

/// A network in training. Cloning copies the whole state.
#[derive(Clone)]
pub struct State {
    /// The network with its current weights.
    pub network: Network,
    /// The update rule with its moments.
    pub optimiser: Optimiser,
    /// The number of completed epochs.
    pub epochs_done: usize,
    /// The number of optimiser steps, including those of the unfinished epoch.
    pub steps: u64,
    /// The cost so far, in passes.
    pub passes: Passes,
    /// One record per completed epoch.
    pub history: Vec<EpochRecord>,
    /// The sums of the unfinished epoch.
    pub under_way: EpochSums,
    /// The network with the smallest distance to the objective's target, if the objective has one.
    pub best: Option<Best>,
}

/// A network kept at the end of an epoch.
#[derive(Clone)]
pub struct Best {
    /// The epoch it was kept at, counted from 1.
    pub epoch: usize,
    /// Its distance to the objective's target.
    pub distance: f64,
    /// The network at the end of that epoch.
    pub network: Network,
}

impl State {
    /// Creates the state of a network before the first step.
    pub fn new(network: Network, config: &TrainConfig) -> State {
        State {
            network,
            optimiser: Optimiser::new(config),
            epochs_done: 0,
            steps: 0,
            passes: Passes::default(),
            history: Vec::new(),
            under_way: EpochSums::default(),
            best: None,
        }
    }

    /// Returns the network that the run would end with at this point: the one in `best` if there is one, else the
    /// current one; adapters are merged.
    pub fn result(&self) -> Network {
        self.best.as_ref().map_or(&self.network, |best| &best.network).merged()
    }

    /// Ends the run: the network becomes the [`result`](State::result). A second call changes nothing.
    pub fn settle(&mut self) {
        self.network = self.result();
        let parameters = &self.network.parameters;
        self.optimiser.moments.retain(|name, _| parameters.find(name).is_some());
    }
}

/// Cost, counted in passes of one volume through a network.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Passes {
    /// The number of forward passes followed by a backward pass.
    pub training: u64,
    /// The number of forward passes through a frozen teacher.
    pub teacher: u64,
}

impl AddAssign for Passes {
    fn add_assign(&mut self, other: Passes) {
        self.training += other.training;
        self.teacher += other.teacher;
    }
}

/// The record of one completed epoch.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EpochRecord {
    /// The epoch, counted from 1.
    pub epoch: usize,
    /// The encoder's learning rate in this epoch.
    pub learning_rate: f64,
    /// The mean loss over the epoch's steps.
    pub loss: f64,
    /// Mean L2 norm of the gradient over the epoch's steps, before clipping.
    pub gradient_norm: f64,
    /// The number of volumes passed forward and backward.
    pub passes: u64,
    /// The means of the terms of the loss by name, if the objective reports them.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub terms: BTreeMap<String, TermMeans>,
    /// The distance of the network to the objective's target at the end of the epoch.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub distance: Option<f64>,
}

/// The means of one term of the loss over an epoch.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TermMeans {
    /// The number of steps that used the term.
    pub steps: usize,
    /// The mean of the unweighted term over these steps.
    pub loss: f64,
    /// The mean L2 norm of the weighted gradient over the steps whose gradient comes from this term's side (forget or
    /// retain) only; `None` if there are none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub gradient_norm: Option<f64>,
}

/// The sums of an unfinished epoch; all zero between epochs.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EpochSums {
    /// The number of optimiser steps.
    pub steps: usize,
    /// The sum of the losses of these steps.
    pub losses: f64,
    /// The sum of the L2 norms of their gradients, before clipping.
    pub gradient_norms: f64,
    /// The number of volumes passed forward and backward.
    pub passes: u64,
    /// The sums of each term of the loss by name.
    #[serde(default)]
    pub terms: BTreeMap<String, TermSums>,
}

/// The sums of one term of the loss.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TermSums {
    /// The number of steps that used the term.
    pub steps: usize,
    /// The sum of the unweighted values of the term.
    pub losses: f64,
    /// The number of steps whose gradient comes from the term's side only.
    pub steps_alone: usize,
    /// The sum of the L2 norms of the gradients of these steps.
    pub gradient_norms: f64,
}

impl EpochSums {
    /// Adds the loss, the gradient norm and the terms of one step.
    pub(crate) fn add(
        &mut self,
        loss: f64,
        gradient_norm: f64,
        passes: Passes,
        terms: &[(&str, f64)],
        gradient_of: Option<&str>,
    ) {
        self.steps += 1;
        self.losses += loss;
        self.gradient_norms += gradient_norm;
        self.passes += passes.training;
        for &(name, value) in terms {
            let sums = self.terms.entry(name.to_string()).or_default();
            sums.steps += 1;
            sums.losses += value;
            if gradient_of == Some(name) {
                sums.steps_alone += 1;
                sums.gradient_norms += gradient_norm;
            }
        }
    }
}

impl TermSums {
    pub(crate) fn means(self) -> TermMeans {
        let alone = (self.steps_alone > 0).then(|| self.gradient_norms / self.steps_alone as f64);
        TermMeans { steps: self.steps, loss: self.losses / self.steps as f64, gradient_norm: alone }
    }
}
