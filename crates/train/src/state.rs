//! Everything a run has reached.

use crate::{Optimiser, TrainConfig};
use lacuna_nn::Network;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::ops::AddAssign;

/// A network in training. Cloning copies the whole state.
#[derive(Clone)]
pub struct State {
    /// The network as it stands.
    pub network: Network,
    /// The update rule with its moments.
    pub optimiser: Optimiser,
    /// Whole epochs done.
    pub epochs_done: usize,
    /// Optimiser steps done, those of the epoch under way included.
    pub steps: u64,
    /// What it has cost so far.
    pub passes: Passes,
    /// One record per epoch done.
    pub history: Vec<EpochRecord>,
    /// What the epoch under way has added up.
    pub under_way: EpochSums,
    /// The network that came nearest to what the objective looks for, if it looks for anything.
    pub best: Option<Best>,
}

/// A network kept from an epoch that is over.
#[derive(Clone)]
pub struct Best {
    /// Counted from 1.
    pub epoch: usize,
    /// How far it was from what the objective looks for.
    pub distance: f64,
    /// As that epoch left it.
    pub network: Network,
}

impl State {
    /// A network about to be trained.
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

    /// The network that the run would end with if it ended now: the nearest to what the objective looks for, else as
    /// it stands; adapters are merged.
    pub fn result(&self) -> Network {
        self.best.as_ref().map_or(&self.network, |best| &best.network).merged()
    }

    /// End the run: the network becomes the [`result`](State::result). Done again, it changes nothing.
    pub fn settle(&mut self) {
        self.network = self.result();
        let parameters = &self.network.parameters;
        self.optimiser.moments.retain(|name, _| parameters.find(name).is_some());
    }
}

/// Cost, counted in passes of one volume through the network.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Passes {
    /// Forward and backward.
    pub training: u64,
    /// Forward alone, through a frozen teacher.
    pub teacher: u64,
}

impl AddAssign for Passes {
    fn add_assign(&mut self, other: Passes) {
        self.training += other.training;
        self.teacher += other.teacher;
    }
}

/// What one epoch did.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EpochRecord {
    /// Counted from 1.
    pub epoch: usize,
    /// The encoder's learning rate.
    pub learning_rate: f64,
    /// Mean loss over the epoch's steps.
    pub loss: f64,
    /// Mean L2 norm of the gradient over the epoch's steps, before clipping.
    pub gradient_norm: f64,
    /// Volumes passed forward and backward.
    pub passes: u64,
    /// The terms of the loss by name, where the objective tells them apart.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub terms: BTreeMap<String, TermMeans>,
    /// How far the network at its end was from what the objective looks for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub distance: Option<f64>,
}

/// One term of the loss over an epoch.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TermMeans {
    /// Steps that it was part of.
    pub steps: usize,
    /// Its mean over these steps, before its weight.
    pub loss: f64,
    /// Mean L2 norm of the gradient, weight included, over the steps whose gradient was that of this term's side alone;
    /// none if there were none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub gradient_norm: Option<f64>,
}

/// What an unfinished epoch has added up; all zero between epochs.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EpochSums {
    /// Optimiser steps done.
    pub steps: usize,
    /// Losses of these steps.
    pub losses: f64,
    /// L2 norms of their gradients, before clipping.
    pub gradient_norms: f64,
    /// Volumes passed forward and backward.
    pub passes: u64,
    /// The same of each term of the loss.
    #[serde(default)]
    pub terms: BTreeMap<String, TermSums>,
}

/// What one term of the loss has added up.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TermSums {
    /// Steps that it was part of.
    pub steps: usize,
    /// Its values, before its weight.
    pub losses: f64,
    /// Steps whose gradient was that of its side alone.
    pub steps_alone: usize,
    /// L2 norms of the gradients of these.
    pub gradient_norms: f64,
}

impl EpochSums {
    /// One more step.
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
