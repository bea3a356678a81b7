//! The training loop.

use crate::{Best, EpochRecord, EpochSums, Passes, State, TrainConfig, TrainError};
use lacuna_inference::InferenceError;
use lacuna_nn::{Activations, BatchNormMode, Network, Pass, Tensor};

/// The loss that a run minimises, and how its epochs divide into steps.
pub trait Objective {
    /// Returns the number of optimiser steps in an epoch, counted from 0.
    fn steps(&self, epoch: usize) -> usize;

    /// Called before the steps of an epoch, at its beginning or on resuming within it, with the records of the
    /// completed epochs. An adaptive objective adapts here, as a function of `history` only, so that it has no state to
    /// save.
    fn begin_epoch(&self, _history: &[EpochRecord]) {}

    /// Returns another network at which the gradient of a step is taken; `None` takes it at the network in training.
    ///
    /// # Errors
    /// If a case cannot be fetched or used.
    fn gradient_point(
        &self,
        _network: &Network,
        _epoch: usize,
        _step: usize,
    ) -> Result<Option<GradientPoint>, TrainError> {
        Ok(None)
    }

    /// Returns the loss of one step, computed with `pass` so that its gradients can be taken.
    ///
    /// # Errors
    /// If a case cannot be fetched or used.
    fn loss(&self, network: &Network, pass: &Pass, epoch: usize, step: usize) -> Result<StepLoss, TrainError>;

    /// Called after an epoch with the network and that epoch's record, whose `distance` is not yet set.
    ///
    /// # Errors
    /// [`TrainError::Diverged`] if the objective finds the network unusable; if a case cannot be fetched or used.
    fn end_epoch(&self, _network: &Network, _record: &EpochRecord) -> Result<EpochEnd, TrainError> {
        Ok(EpochEnd::default())
    }

    /// Returns whether the optimiser may change the tensor of this name.
    fn is_trainable(&self, _name: &str) -> bool {
        true
    }

    /// Returns a factor for the gradient of each element of a tensor, in row-major order; `None` for 1 throughout. An
    /// element with factor 0 is unchanged, also by momentum and weight decay.
    fn gradient_factors(&self, _name: &str) -> Option<&[f32]> {
        None
    }

    /// Returns the statistics that BatchNorm normalises with.
    fn batch_norm(&self) -> BatchNormMode;
}

/// A network near the one in training, at which the gradient is taken, and the cost of computing it.
pub struct GradientPoint {
    /// The network whose gradient is applied to the one in training.
    pub network: Network,
    /// Loss terms that were computed on the way, in the form of [`StepLoss::terms`].
    pub terms: Vec<(&'static str, Tensor<1>)>,
    /// Passes of volumes through a network that this took.
    pub passes: Passes,
}

/// The findings of an objective at the end of an epoch.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct EpochEnd {
    /// The distance of the network from the objective's target, if it has one; the network with the smallest distance
    /// is kept in [`State::best`].
    pub distance: Option<f64>,
    /// Passes of volumes through the network that computing the distance took.
    pub passes: Passes,
}

/// The loss of one step and its cost.
pub struct StepLoss {
    /// The scalar to minimise, `[1]`.
    pub loss: Tensor<1>,
    /// The unweighted terms of the loss, `[1]` each, under their names in records.
    pub terms: Vec<(&'static str, Tensor<1>)>,
    /// The term under whose name the gradient norm of this step is recorded, if the step's gradient comes from that
    /// side (forget or retain) only.
    pub gradient_of: Option<&'static str>,
    /// Passes of volumes through the network that this loss took.
    pub passes: Passes,
}

/// Whether a run continues.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Control {
    /// The run continues.
    Continue,
    /// The run stops here; its state is kept.
    Stop,
}

/// An observer of a run: a progress bar, a log, a checkpoint writer or an evaluation.
pub trait Monitor {
    /// Called after each optimiser step; epoch and step are counted from 0. A run that is stopped here resumes with the
    /// next step.
    fn step(&mut self, _epoch: usize, _step: usize, _steps: usize, _loss: f64) -> Control {
        Control::Continue
    }

    /// Called after each epoch with the state that can be saved or scored.
    ///
    /// # Errors
    /// If the epoch cannot be recorded; the run ends with this error.
    fn epoch(&mut self, _state: &State) -> Result<Control, TrainError> {
        Ok(Control::Continue)
    }
}

/// A monitor that does nothing.
pub struct NoMonitor;

impl Monitor for NoMonitor {}

/// Trains from the given `state` until `config.epochs` epochs are completed.
///
/// # Errors
/// [`TrainError::Diverged`] if a loss, a gradient, a weight or a scored prediction is not finite; `state` is then
/// unusable. [`TrainError::Interrupted`] if the monitor stops the run before the last epoch; `state` is then that after
/// the last step, and a checkpoint of it resumes there. Errors of the objective and the monitor.
pub fn fit(
    state: &mut State,
    objective: &dyn Objective,
    config: &TrainConfig,
    monitor: &mut dyn Monitor,
) -> Result<(), TrainError> {
    while state.epochs_done < config.epochs {
        finish_epoch(state, objective, config, monitor)?;
        let control = match monitor.epoch(state) {
            // Finite weights can still overflow in a forward pass, which is first detected when a prediction is scored.
            Err(error @ TrainError::Inference(InferenceError::NotFinite { .. })) => {
                let last = objective.steps(state.epochs_done - 1).max(1) - 1;
                return Err(diverged(state.epochs_done - 1, last, error.to_string()));
            }
            other => other?,
        };
        if control == Control::Stop && state.epochs_done < config.epochs {
            return Err(TrainError::Interrupted { epochs_done: state.epochs_done });
        }
    }
    Ok(())
}

/// Runs the remaining steps of the current epoch and adds its record to the history.
fn finish_epoch(
    state: &mut State,
    objective: &dyn Objective,
    config: &TrainConfig,
    monitor: &mut dyn Monitor,
) -> Result<(), TrainError> {
    let epoch = state.epochs_done;
    let learning_rate = config.learning_rate * config.schedule.factor(epoch, config.epochs);
    let steps = objective.steps(epoch);
    objective.begin_epoch(&state.history);
    while state.under_way.steps < steps {
        let step = state.under_way.steps;
        let loss = run_step(state, objective, config.activations, step, learning_rate)?;
        if monitor.step(epoch, step, steps, loss) == Control::Stop && step + 1 < steps {
            return Err(TrainError::Interrupted { epochs_done: epoch });
        }
    }
    if !state.network.parameters.all_finite() {
        return Err(diverged(epoch, steps.max(1) - 1, "a weight is not finite".to_string()));
    }
    let EpochSums { losses, gradient_norms, passes, terms, .. } = std::mem::take(&mut state.under_way);
    let mean = |sum: f64| if steps == 0 { 0.0 } else { sum / steps as f64 };
    let (loss, gradient_norm) = (mean(losses), mean(gradient_norms));
    let terms = terms.into_iter().map(|(name, sums)| (name, sums.means())).collect();
    let record = EpochRecord { epoch: epoch + 1, learning_rate, loss, gradient_norm, passes, terms, distance: None };
    let EpochEnd { distance, passes } = objective.end_epoch(&state.network, &record)?;
    state.passes += passes;
    state.history.push(EpochRecord { distance, ..record });
    state.epochs_done += 1;
    distance.map_or(Ok(()), |distance| keep_if_nearest(state, distance))
}

/// Keeps a copy of the network if its distance is the smallest so far; among equals the first is kept.
fn keep_if_nearest(state: &mut State, distance: f64) -> Result<(), TrainError> {
    let epoch = state.epochs_done;
    if !distance.is_finite() {
        return Err(diverged(epoch - 1, 0, format!("the distance to what is looked for is {distance}")));
    }
    if state.best.as_ref().is_none_or(|best| distance < best.distance) {
        state.best = Some(Best { epoch, distance, network: state.network.clone() });
    }
    Ok(())
}

/// Runs one optimiser step and returns its loss.
fn run_step(
    state: &mut State,
    objective: &dyn Objective,
    activations: Activations,
    step: usize,
    learning_rate: f64,
) -> Result<f64, TrainError> {
    let epoch = state.epochs_done;
    let trainable = |name: &str| objective.is_trainable(name);
    let elsewhere = objective.gradient_point(&state.network, epoch, step)?;
    let network = elsewhere.as_ref().map_or(&state.network, |point| &point.network);
    let pass = Pass::training(&network.parameters, objective.batch_norm(), &trainable).with_activations(activations);
    let StepLoss { loss, mut terms, gradient_of, mut passes } = objective.loss(network, &pass, epoch, step)?;
    let value = number(&loss);
    if !value.is_finite() {
        return Err(diverged(epoch, step, format!("the loss is {value}")));
    }
    if let Some(point) = &elsewhere {
        terms.extend(point.terms.iter().cloned());
        passes += point.passes;
    }
    let terms: Vec<(&str, f64)> = terms.into_iter().map(|(name, term)| (name, number(&term))).collect();
    let gradients = pass.gradients(&loss);
    drop(loss);
    let statistics = pass.running_statistics();
    let factors = |name: &str| objective.gradient_factors(name);
    let gradient_norm = state.optimiser.step(&mut state.network.parameters, gradients, learning_rate, &factors);
    if !gradient_norm.is_finite() {
        return Err(diverged(epoch, step, format!("the gradient's norm is {gradient_norm}")));
    }
    state.network.absorb(statistics);
    state.steps += 1;
    state.passes += passes;
    state.under_way.add(value, gradient_norm, passes, &terms, gradient_of);
    Ok(value)
}

fn number(scalar: &Tensor<1>) -> f64 {
    f64::from(scalar.clone().into_scalar::<f32>())
}

fn diverged(epoch: usize, step: usize, what: String) -> TrainError {
    TrainError::Diverged { epoch: epoch + 1, step: step + 1, what }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Supervised;
    use crate::test_cases::{StopAt, heads, moved, resnet_10, train};
    use lacuna_cohort::Case;
    use lacuna_nn::{Device, Role};
    use lacuna_seed::Seed;

    fn config(epochs: usize) -> TrainConfig {
        TrainConfig { epochs, head_multiplier: 10.0, ..TrainConfig::default() }
    }

    fn trained(cases: &[Case], config: &TrainConfig, order_seed: u64) -> State {
        let mut state = State::new(resnet_10(), config);
        train(&mut state, cases, config, order_seed, &mut NoMonitor).unwrap();
        state
    }

    #[test]
    fn the_seed_decides_the_bytes_of_the_result() {
        let (cases, config) = (heads(3), config(1));
        let first = trained(&cases, &config, 7).network.digest();
        assert_eq!(trained(&cases, &config, 7).network.digest(), first);
        // The initial weights are equal; only the order of the subjects differs.
        assert_ne!(trained(&cases, &config, 8).network.digest(), first);
    }

    #[test]
    fn recomputing_activations_changes_no_bit_of_the_result() {
        let (cases, kept) = (heads(3), TrainConfig { batch_size: 2, ..config(2) });
        let recomputed = TrainConfig { activations: Activations::Recomputed, ..kept.clone() };
        let [kept, recomputed] = [kept, recomputed].map(|config| trained(&cases, &config, 7));
        assert_eq!(recomputed.network.digest(), kept.network.digest());
        assert_eq!((recomputed.history, recomputed.passes), (kept.history, kept.passes));
    }

    #[test]
    fn the_order_in_which_cases_are_listed_changes_nothing() {
        let (mut cases, config) = (heads(3), config(1));
        let first = trained(&cases, &config, 7).network.digest();
        cases.reverse();
        assert_eq!(trained(&cases, &config, 7).network.digest(), first);
    }

    #[test]
    fn a_run_stopped_in_mid_epoch_goes_on_with_the_next_step() {
        let (cases, config) = (heads(2), config(3));
        let straight = trained(&cases, &config, 7);
        let mut state = State::new(resnet_10(), &config);
        let stopped = train(&mut state, &cases, &config, 7, &mut StopAt { epoch: 1, step: Some(0) });
        assert!(matches!(stopped, Err(TrainError::Interrupted { epochs_done: 1 })));
        assert_eq!((state.epochs_done, state.history.len(), state.passes.training), (1, 1, 3));
        assert_eq!((state.steps, state.under_way.steps, state.under_way.passes), (3, 1, 1));
        train(&mut state, &cases, &config, 7, &mut NoMonitor).unwrap();
        assert_eq!(state.network.digest(), straight.network.digest());
        assert_eq!(state.optimiser.moments, straight.optimiser.moments);
        assert_eq!((state.history, state.steps, state.passes), (straight.history, 6, straight.passes));
    }

    #[test]
    fn the_nearest_network_is_kept_and_the_first_among_equals() {
        // The distances are 2, 1, 1, 3: the network of the second epoch is kept.
        struct Looking<'a>(Supervised<'a>);
        impl Objective for Looking<'_> {
            fn steps(&self, epoch: usize) -> usize {
                self.0.steps(epoch)
            }
            fn loss(&self, network: &Network, pass: &Pass, epoch: usize, step: usize) -> Result<StepLoss, TrainError> {
                self.0.loss(network, pass, epoch, step)
            }
            fn end_epoch(&self, _network: &Network, record: &EpochRecord) -> Result<EpochEnd, TrainError> {
                let distance = Some([2.0, 1.0, 1.0, 3.0][record.epoch - 1]);
                Ok(EpochEnd { distance, passes: Passes { training: 0, teacher: 5 } })
            }
            fn batch_norm(&self) -> BatchNormMode {
                self.0.batch_norm()
            }
        }
        let (cases, config) = (heads(1), config(4));
        let supervised = Supervised::new(cases.iter().collect(), &config, Seed(7), Device::flex()).unwrap();
        let mut state = State::new(resnet_10(), &config);
        fit(&mut state, &Looking(supervised), &config, &mut NoMonitor).unwrap();
        let after_two = trained(&cases, &TrainConfig { epochs: 2, ..config }, 7);
        let best = state.best.as_ref().unwrap();
        assert_eq!((best.epoch, best.distance), (2, 1.0));
        assert_eq!(best.network.digest(), after_two.network.digest());
        assert_eq!(state.result().digest(), after_two.network.digest());
        assert_eq!(state.passes, Passes { training: 4, teacher: 20 });
        assert_eq!(state.history[3].distance, Some(3.0));
    }

    #[test]
    fn stopping_after_the_last_epoch_is_no_interruption_and_a_finished_run_stays() {
        let (cases, config) = (heads(1), config(1));
        let mut state = State::new(resnet_10(), &config);
        train(&mut state, &cases, &config, 7, &mut StopAt { epoch: 0, step: None }).unwrap();
        let digest = state.network.digest();
        train(&mut state, &cases, &config, 7, &mut NoMonitor).unwrap();
        assert_eq!((state.epochs_done, state.network.digest()), (1, digest));
    }

    #[test]
    fn the_loss_falls_on_subjects_seen_often() {
        let state = trained(&heads(2), &config(10), 7);
        let losses: Vec<f64> = state.history.iter().map(|record| record.loss).collect();
        assert!(losses[9] < 0.5 * losses[0], "{losses:?}");
        assert!(state.history.iter().all(|record| record.gradient_norm > 0.0 && record.passes == 2));
    }

    #[test]
    fn a_rate_far_too_high_diverges_with_its_place() {
        let (cases, config) = (heads(2), TrainConfig { learning_rate: 1e12, ..config(3) });
        let mut state = State::new(resnet_10(), &config);
        let outcome = train(&mut state, &cases, &config, 7, &mut NoMonitor);
        // The first step is taken at finite weights; its effect shows in the second.
        assert!(matches!(outcome, Err(TrainError::Diverged { epoch: 1, step: 2, .. })), "{outcome:?}");
        assert_eq!((state.epochs_done, state.history.len()), (0, 0));
    }

    #[test]
    fn the_last_short_batch_is_a_step_too() {
        // Three volumes in batches of two: steps of two and of one.
        struct Steps(Vec<(usize, usize)>);
        impl Monitor for Steps {
            fn step(&mut self, _epoch: usize, step: usize, steps: usize, _loss: f64) -> Control {
                self.0.push((step, steps));
                Control::Continue
            }
        }
        let config = TrainConfig { batch_size: 2, ..config(1) };
        let mut state = State::new(resnet_10(), &config);
        let mut steps = Steps(Vec::new());
        train(&mut state, &heads(3), &config, 7, &mut steps).unwrap();
        assert_eq!(steps.0, [(0, 2), (1, 2)]);
        assert_eq!((state.passes.training, state.history[0].passes), (3, 3));
    }

    #[test]
    fn batch_norm_on_running_statistics_leaves_them_and_moves_the_weights() {
        let config = TrainConfig { batch_norm: BatchNormMode::Running, ..config(1) };
        let moved = moved(&resnet_10(), &trained(&heads(1), &config, 7).network);
        let network = resnet_10();
        let of_role = |role| network.parameters.iter().filter(move |(_, parameter)| parameter.role == role);
        assert_eq!(moved, of_role(Role::Weight).map(|(name, _)| name).collect::<Vec<_>>());
    }
}
