//! `lacuna bench`: how long one training step or one inference takes on this machine.
//!
//! The steps are those of the training loop itself, on a volume of noise. The names in the JSON are those of
//! `benches/peers/pytorch_step.py`, which times the same network in PyTorch.

use crate::arguments::values::voxels;
use crate::context::Context;
use crate::error::CliError;
use crate::output::Outcome;
use clap::{Args, ValueEnum};
use lacuna_nn::loss::{SegmentationLoss, Target};
use lacuna_nn::{Architecture, BatchNormMode, Network, Pass, Tensor};
use lacuna_seed::Seed;
use lacuna_study::peak_bytes;
use lacuna_train::{Control, Monitor, Objective, Passes, State, StepLoss, TrainConfig, TrainError, fit};
use serde::Serialize;
use std::num::NonZeroUsize;
use std::time::Instant;

/// Time one training step or one inference
#[derive(Args)]
#[command(after_help = "Example:\n  lacuna bench train 50 64x64x64 --repeats 7 --json")]
pub struct Arguments {
    /// The operation that is timed
    mode: Mode,
    /// Depth of the network: 10, 18, 34, 50, 101, 152 or 200
    depth: usize,
    /// Size of the input, DxHxW voxels
    #[arg(value_parser = voxels, value_name = "DxHxW")]
    size: [usize; 3],
    /// Number of output classes
    #[arg(long, default_value_t = 2, value_name = "N")]
    classes: usize,
    /// Volumes per step
    #[arg(long, default_value = "1", value_name = "N")]
    batch: NonZeroUsize,
    /// Steps that are timed, after two that are not
    #[arg(long, default_value = "7", value_name = "N")]
    repeats: NonZeroUsize,
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum, Serialize)]
#[serde(rename_all = "kebab-case")]
enum Mode {
    /// Forward, cross-entropy, backward, SGD with momentum
    Train,
    /// Forward with the running statistics, without gradients
    Infer,
}

#[derive(Serialize)]
struct Report {
    mode: Mode,
    depth: usize,
    size: String,
    classes: usize,
    batch: NonZeroUsize,
    threads: usize,
    seconds_min: f64,
    seconds_median: f64,
    seconds: Vec<f64>,
    /// Of the whole process; null where the system does not tell.
    peak_mib: Option<f64>,
}

/// Steps before the first that counts: memory is fetched and threads are woken.
const WARM_UP: usize = 2;

/// Build the network, time the steps, say what was seen.
pub fn run(arguments: &Arguments, context: &Context) -> Result<Outcome, CliError> {
    let architecture = Architecture::medicalnet(arguments.depth, 1, arguments.classes)?;
    let network = Network::new(architecture, Seed(0), &context.device);
    let work = Work::new(arguments, &network, context);
    let seconds = match arguments.mode {
        Mode::Train => training_seconds(network, work, context)?,
        Mode::Infer => inference_seconds(&network, &work),
    };
    let [depth, height, width] = arguments.size;
    let report = Report {
        mode: arguments.mode,
        depth: arguments.depth,
        size: format!("{depth}x{height}x{width}"),
        classes: arguments.classes,
        batch: arguments.batch,
        threads: rayon::current_num_threads(),
        seconds_min: seconds.iter().copied().fold(f64::INFINITY, f64::min),
        seconds_median: median(&seconds),
        seconds,
        peak_mib: peak_bytes().map(|bytes| bytes as f64 / f64::from(1 << 20)),
    };
    let text = text(&report);
    Ok(Outcome::new("bench", &report, text))
}

/// One step's input and target, and how many steps there are.
struct Work {
    input: Tensor<5>,
    target: Target,
    steps: usize,
}

impl Work {
    fn new(arguments: &Arguments, network: &Network, context: &Context) -> Work {
        let batch = arguments.batch.get();
        let [depth, height, width] = arguments.size;
        let mut draws = Seed(0).stream("benchmark").draws();
        let voxels: Vec<f32> = (0..batch * depth * height * width).map(|_| draws.normal() as f32).collect();
        let input =
            Tensor::<1>::from_floats(voxels.as_slice(), &context.device).reshape([batch, 1, depth, height, width]);
        let [d, h, w] = network.architecture().output_size(arguments.size);
        let classes = arguments.classes as f64;
        let labels: Vec<u8> = (0..batch * d * h * w).map(|_| (draws.uniform() * classes) as u8).collect();
        let target = Target::from_labels(&labels, [batch, d, h, w], arguments.classes, u8::MAX, &context.device);
        Work { input, target, steps: WARM_UP + arguments.repeats.get() }
    }
}

impl Objective for Work {
    fn steps(&self, _epoch: usize) -> usize {
        self.steps
    }

    fn loss(&self, network: &Network, pass: &Pass, _epoch: usize, _step: usize) -> Result<StepLoss, TrainError> {
        let logits = network.forward(pass, self.input.clone());
        let passes = Passes { training: self.input.dims()[0] as u64, teacher: 0 };
        let loss = SegmentationLoss::CrossEntropy.of(logits, &self.target);
        Ok(StepLoss { loss, terms: Vec::new(), gradient_of: None, passes })
    }

    fn batch_norm(&self) -> BatchNormMode {
        BatchNormMode::Batch
    }
}

/// Notes when each step was done.
struct Clock(Vec<Instant>);

impl Monitor for Clock {
    fn step(&mut self, _epoch: usize, _step: usize, _steps: usize, _loss: f64) -> Control {
        self.0.push(Instant::now());
        Control::Continue
    }
}

fn training_seconds(network: Network, work: Work, context: &Context) -> Result<Vec<f64>, CliError> {
    let activations = context.activations;
    let config = TrainConfig { epochs: 1, head_multiplier: 1.0, activations, ..TrainConfig::default() };
    let mut clock = Clock(vec![Instant::now()]);
    fit(&mut State::new(network, &config), &work, &config, &mut clock)?;
    Ok(clock.0.windows(2).skip(WARM_UP).map(|pair| (pair[1] - pair[0]).as_secs_f64()).collect())
}

fn inference_seconds(network: &Network, work: &Work) -> Vec<f64> {
    let infer = |_| {
        let begin = Instant::now();
        let logits = network.forward(&Pass::evaluation(&network.parameters), work.input.clone());
        // Reading the result waits for a device that computes behind our back.
        drop(logits.into_data());
        begin.elapsed().as_secs_f64()
    };
    (0..work.steps).map(infer).skip(WARM_UP).collect()
}

/// The middle one, or the mean of the middle two.
fn median(seconds: &[f64]) -> f64 {
    let mut sorted = seconds.to_vec();
    sorted.sort_by(f64::total_cmp);
    let middle = sorted.len() / 2;
    if sorted.len() % 2 == 1 { sorted[middle] } else { 0.5 * (sorted[middle - 1] + sorted[middle]) }
}

fn text(report: &Report) -> String {
    let what = match report.mode {
        Mode::Train => "training step",
        Mode::Infer => "inference",
    };
    let peak = report.peak_mib.map_or("unknown".to_string(), |mib| format!("{mib:.0} MiB"));
    format!(
        "ResNet-{} {} of {}, {} at once, {} threads: median {:.3} s, least {:.3} s of {}; peak memory {peak}",
        report.depth,
        what,
        report.size,
        report.batch,
        report.threads,
        report.seconds_median,
        report.seconds_min,
        report.seconds.len(),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_median_is_the_middle_or_the_mean_of_the_middle_two() {
        assert_eq!(median(&[3.0, 1.0, 2.0]), 2.0);
        assert_eq!(median(&[4.0, 1.0, 2.0, 3.0]), 2.5);
    }
}
