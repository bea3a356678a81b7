//! The training loop.

use crate::{EpochRecord, Passes, State, TrainConfig, TrainError};
use lacuna_nn::{BatchNormMode, Network, Pass, Tensor};

/// What a run minimises: the steps of each epoch and the loss of each step.
pub trait Objective {
    /// Number of optimiser steps in an epoch counted from 0.
    fn steps(&self, epoch: usize) -> usize;

    /// The loss of one step, built on `pass` so that its gradients can be taken.
    ///
    /// # Errors
    /// If a case cannot be used.
    fn loss(&self, network: &Network, pass: &Pass, epoch: usize, step: usize) -> Result<StepLoss, TrainError>;

    /// Whether the optimiser may move a tensor.
    fn is_trainable(&self, _name: &str) -> bool {
        true
    }

    /// What BatchNorm normalises with.
    fn batch_norm(&self) -> BatchNormMode;
}

/// The loss of one step and what it cost.
pub struct StepLoss {
    /// The scalar to minimise, `[1]`.
    pub loss: Tensor<1>,
    /// Volumes that went through the network for it.
    pub passes: Passes,
}

/// Whether to go on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Control {
    /// Go on.
    Continue,
    /// Stop here; the state is kept.
    Stop,
}

/// Somebody who watches a run: a progress bar, a log, a checkpoint writer, an evaluation.
pub trait Monitor {
    /// Called after each optimiser step. Stopping here discards the unfinished epoch, which a
    /// resumed run repeats draw by draw.
    fn step(&mut self, _epoch: usize, _step: usize, _steps: usize, _loss: f64) -> Control {
        Control::Continue
    }

    /// Called after each epoch with the state as it will be saved or scored.
    ///
    /// # Errors
    /// If the epoch cannot be recorded; the run ends with it.
    fn epoch(&mut self, _state: &State) -> Result<Control, TrainError> {
        Ok(Control::Continue)
    }
}

/// A monitor that lets a run pass in silence.
pub struct NoMonitor;

impl Monitor for NoMonitor {}

/// Train until `config.epochs` epochs are done, from wherever `state` stands.
///
/// # Errors
/// [`TrainError::Diverged`] if a loss, a gradient or a weight stops being a finite number;
/// [`TrainError::Interrupted`] if the monitor says stop before the last epoch; errors of the
/// objective and the monitor. `state` then holds the last whole epoch.
pub fn fit(
    state: &mut State,
    objective: &dyn Objective,
    config: &TrainConfig,
    monitor: &mut dyn Monitor,
) -> Result<(), TrainError> {
    while state.epochs_done < config.epochs {
        let mut next = state.clone();
        let record = run_epoch(&mut next, objective, config, monitor)?;
        next.epochs_done += 1;
        next.passes.training += record.passes;
        next.history.push(record);
        *state = next;
        let control = monitor.epoch(state)?;
        if control == Control::Stop && state.epochs_done < config.epochs {
            return Err(TrainError::Interrupted { epochs_done: state.epochs_done });
        }
    }
    Ok(())
}

fn run_epoch(
    state: &mut State,
    objective: &dyn Objective,
    config: &TrainConfig,
    monitor: &mut dyn Monitor,
) -> Result<EpochRecord, TrainError> {
    let epoch = state.epochs_done;
    let learning_rate = config.learning_rate * config.schedule.factor(epoch, config.epochs);
    let steps = objective.steps(epoch);
    let (mut losses, mut norms, mut passes) = (0.0, 0.0, 0);
    for step in 0..steps {
        let done = run_step(state, objective, epoch, step, learning_rate)?;
        losses += done.loss;
        norms += done.gradient_norm;
        passes += done.passes;
        if monitor.step(epoch, step, steps, done.loss) == Control::Stop {
            return Err(TrainError::Interrupted { epochs_done: epoch });
        }
    }
    if !state.network.parameters.all_finite() {
        return Err(diverged(epoch, steps.max(1) - 1, "a weight is not finite".to_string()));
    }
    let mean = |sum: f64| if steps == 0 { 0.0 } else { sum / steps as f64 };
    Ok(EpochRecord { epoch: epoch + 1, learning_rate, loss: mean(losses), gradient_norm: mean(norms), passes })
}

struct StepDone {
    loss: f64,
    gradient_norm: f64,
    passes: u64,
}

fn run_step(
    state: &mut State,
    objective: &dyn Objective,
    epoch: usize,
    step: usize,
    learning_rate: f64,
) -> Result<StepDone, TrainError> {
    let trainable = |name: &str| objective.is_trainable(name);
    let pass = Pass::training(&state.network.parameters, objective.batch_norm(), &trainable);
    let StepLoss { loss, passes } = objective.loss(&state.network, &pass, epoch, step)?;
    let value = f64::from(loss.clone().into_scalar::<f32>());
    if !value.is_finite() {
        return Err(diverged(epoch, step, format!("the loss is {value}")));
    }
    let gradients = pass.gradients(&loss);
    drop(loss);
    let statistics = pass.running_statistics();
    state.passes.teacher += passes.teacher;
    let gradient_norm = state.optimiser.step(&mut state.network.parameters, gradients, learning_rate);
    if !gradient_norm.is_finite() {
        return Err(diverged(epoch, step, format!("the gradient's norm is {gradient_norm}")));
    }
    state.network.absorb(statistics);
    Ok(StepDone { loss: value, gradient_norm, passes: passes.training })
}

fn diverged(epoch: usize, step: usize, what: String) -> TrainError {
    TrainError::Diverged { epoch: epoch + 1, step: step + 1, what }
}
