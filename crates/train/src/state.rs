//! Everything a run has reached.

use crate::{Optimiser, TrainConfig};
use lacuna_nn::Network;
use serde::{Deserialize, Serialize};
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
        }
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
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
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
}

/// What an unfinished epoch has added up; all zero between epochs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct EpochSums {
    /// Optimiser steps done.
    pub steps: usize,
    /// Losses of these steps.
    pub losses: f64,
    /// L2 norms of their gradients, before clipping.
    pub gradient_norms: f64,
    /// Volumes passed forward and backward.
    pub passes: u64,
}
