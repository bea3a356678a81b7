//! Estimates of time and memory, made before a study starts.

use crate::StudyError;
use crate::memory::available_bytes;
use lacuna_nn::{Activations, Architecture, BatchNormMode, Cost, Device, Network, Pass, Tensor};
use lacuna_seed::Seed;
use std::fmt;
use std::time::Instant;

/// The estimated cost of a study on a machine.
#[derive(Clone, Copy, Debug, PartialEq, serde::Serialize)]
pub struct Estimate {
    /// The volumes passed forward and backward.
    pub training_passes: u64,
    /// Wall-clock seconds, without evaluation.
    pub seconds: f64,
    /// Peak memory in GiB.
    pub gib: f64,
}

impl fmt::Display for Estimate {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Estimate { training_passes, seconds, gib } = self;
        write!(to, "about {training_passes} passes of one volume, {}, {gib:.1} GiB of memory", duration(*seconds))
    }
}

/// Seconds in the unit that a person would choose.
pub fn duration(seconds: f64) -> String {
    match seconds {
        s if s < 90.0 => format!("{s:.0} s"),
        s if s < 5400.0 => format!("{:.0} min", s / 60.0),
        s => format!("{:.1} h", s / 3600.0),
    }
}

/// Training steps of one kind, on volumes of one size.
#[derive(Clone, Debug, PartialEq)]
pub struct Workload {
    /// The architecture of the network.
    pub architecture: Architecture,
    /// The size of the network's input in voxels: D, H, W.
    pub size: [usize; 3],
    /// The largest number of volumes in one step.
    pub volumes_at_once: usize,
    /// Whether activations are kept for the backward pass or recomputed.
    pub activations: Activations,
}

/// The speed and memory of a machine.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Machine {
    /// Multiply-adds per second, measured over a whole training step.
    pub multiply_adds_per_second: f64,
    /// The available memory in GiB, where the system states it.
    pub available_gib: Option<f64>,
}

impl Machine {
    /// Times a small training step and reads the available memory.
    pub fn measure(device: &Device) -> Machine {
        const SIZE: [usize; 3] = [32, 32, 32];
        let architecture = Architecture::medicalnet(10, 1, 2).expect("a known network");
        let network = Network::new(architecture.clone(), Seed(0), device);
        let step = || {
            let pass = Pass::training(&network.parameters, BatchNormMode::Running, &|_| true);
            let [d, h, w] = SIZE;
            let logits = network.forward(&pass, Tensor::ones([1, 1, d, h, w], device));
            pass.gradients(&logits.mean());
            // A graphics processor may still compute after the call returns.
            device.sync().expect("a device that took a step finishes it");
        };
        step();
        let start = Instant::now();
        step();
        let work = Cost::of(&architecture, SIZE).training_multiply_adds(Activations::Kept);
        Machine {
            multiply_adds_per_second: work / start.elapsed().as_secs_f64().max(1e-6),
            available_gib: available_gib(device),
        }
    }
}

/// The memory that is available for steps on a device, in GiB, where the system states it.
pub fn available_gib(device: &Device) -> Option<f64> {
    // On a graphics processor its own memory counts, which is not known here.
    let bytes = if *device == Device::flex() { available_bytes() } else { None };
    bytes.map(|bytes| bytes as f64 / f64::from(1 << 30))
}

impl Estimate {
    /// The estimate for `training_passes` passes of one volume.
    pub fn new(workload: &Workload, training_passes: u64, machine: &Machine) -> Estimate {
        let cost = Cost::of(&workload.architecture, workload.size);
        let work = training_passes as f64 * cost.training_multiply_adds(workload.activations);
        let (seconds, gib) = (work / machine.multiply_adds_per_second, workload.gib());
        Estimate { training_passes, seconds, gib }
    }
}

impl Workload {
    /// Checks that the steps fit into the available memory, where that is known. The error suggests the largest grid of
    /// the same proportions that fits.
    ///
    /// # Errors
    /// [`StudyError::Memory`] if they do not fit.
    pub fn check_memory(&self, available_gib: Option<f64>) -> Result<(), StudyError> {
        let needed_gib = self.gib();
        let Some(available_gib) = available_gib.filter(|&available| available < needed_gib) else {
            return Ok(());
        };
        let fits = |size: &[usize; 3]| Workload { size: *size, ..self.clone() }.gib() < available_gib;
        let shrunk = |sixteenths: usize| self.size.map(|voxels| (voxels * (16 - sixteenths) / 16 / 8).max(1) * 8);
        let smaller = (1..16).map(shrunk).find(fits);
        let recomputed = Workload { activations: Activations::Recomputed, ..self.clone() }.gib() < available_gib;
        let fix = match smaller {
            _ if recomputed => "add --recompute, which needs less and gives the same numbers".to_string(),
            Some(smaller) => format!("set preprocess.size = {smaller:?}, which needs less"),
            None => "choose a shallower network".to_string(),
        };
        Err(StudyError::Memory { needed_gib, available_gib, fix })
    }

    /// The peak memory of one step in GiB; each volume of a step has its own activations.
    fn gib(&self) -> f64 {
        let cost = Cost::of(&self.architecture, self.size);
        cost.training_bytes(self.volumes_at_once, self.activations) / f64::from(1 << 30)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_in_the_unit_a_person_would_choose() {
        assert_eq!([duration(12.4), duration(200.0), duration(9000.0)], ["12 s", "3 min", "2.5 h"]);
    }

    const PAPER: [usize; 3] = [56, 448, 448];

    fn resnet_50(size: [usize; 3], volumes_at_once: usize) -> Workload {
        let architecture = Architecture::medicalnet(50, 1, 2).unwrap();
        Workload { architecture, size, volumes_at_once, activations: Activations::Kept }
    }

    fn machine(available_gib: f64) -> Machine {
        Machine { multiply_adds_per_second: 1e11, available_gib: Some(available_gib) }
    }

    #[test]
    fn the_papers_grid_is_refused_on_a_small_machine_with_a_smaller_one_offered() {
        let paper = resnet_50(PAPER, 1);
        let message = paper.check_memory(Some(2.0)).unwrap_err().to_string();
        assert!(message.contains("preprocess.size = ["), "{message}");
        assert!(paper.check_memory(Some(1000.0)).is_ok() && paper.check_memory(None).is_ok());
    }

    #[test]
    fn recomputing_is_offered_before_a_smaller_grid_where_it_is_enough() {
        let kept = resnet_50(PAPER, 1);
        let recomputed = Workload { activations: Activations::Recomputed, ..kept.clone() };
        let between = Some(0.5 * (kept.gib() + recomputed.gib()));
        let message = kept.check_memory(between).unwrap_err().to_string();
        assert!(message.contains("--recompute"), "{message}");
        assert!(recomputed.check_memory(between).is_ok());
    }

    #[test]
    fn twice_the_passes_take_twice_the_time() {
        let one = Estimate::new(&resnet_50([64; 3], 1), 100, &machine(24.0));
        let two = Estimate::new(&resnet_50([64; 3], 1), 200, &machine(24.0));
        assert!((two.seconds / one.seconds - 2.0).abs() < 1e-9);
        assert_eq!(two.gib, one.gib);
    }

    #[test]
    fn a_larger_batch_takes_more_memory_and_no_more_time() {
        let of = |volumes_at_once| Estimate::new(&resnet_50([64; 3], volumes_at_once), 100, &machine(24.0));
        let (one, two, three) = (of(1), of(2), of(3));
        assert!(two.gib > one.gib && (three.gib - two.gib - (two.gib - one.gib)).abs() < 1e-9);
        assert_eq!(two.seconds, one.seconds);
    }
}
