//! Small cases and networks for tests of this crate and, with the feature `test-support`, of the crates that depend on
//! it: heads of the synthetic cohort, made in memory, and the smallest MedicalNet.

use crate::{Control, Monitor, State, Supervised, TrainConfig, TrainError, fit};
use lacuna_cohort::phantom::{self, PhantomConfig};
use lacuna_cohort::{Case, LabelTable, Preparation, ReadOptions, ScanData, prepare_loaded};
use lacuna_nn::{Architecture, Device, Network, Parameter, Pass, PlainUnet, UnetPlan};
use lacuna_seed::Seed;
use lacuna_volume::{Canonical, Crop, Foreground, Preprocessing};
use std::sync::OnceLock;

/// Returns a ResNet-10 of one channel for the classes of the `tissue` table, always with the same initial weights.
pub fn resnet_10() -> Network {
    // Drawing its 14 million weights takes longer than a training step.
    static FRESH: OnceLock<Network> = OnceLock::new();
    FRESH.get_or_init(|| Network::new(architecture(), Seed(1), &Device::flex())).clone()
}

/// Returns a U-Net of four small stages for the same classes, always with the same initial weights; its second stage is
/// coarser along two axes.
pub fn tiny_unet() -> Network {
    let plan = UnetPlan {
        features_per_stage: vec![4, 6, 8, 8],
        kernel_sizes: vec![[1, 3, 3], [3; 3], [3; 3], [3; 3]],
        strides: vec![[1; 3], [1, 2, 2], [2; 3], [2; 3]],
        n_conv_per_stage: vec![1, 1, 2, 1],
        n_conv_per_stage_decoder: vec![1, 2, 1],
    };
    let unet = PlainUnet::new(plan, 1, tissue().classes().len()).expect("such a U-Net can be built");
    Network::new(Architecture::PlainUnet(unet), Seed(1), &Device::flex())
}

/// Returns one small network of each family.
pub fn of_each_family() -> [Network; 2] {
    [resnet_10(), tiny_unet()]
}

/// Returns the first subjects of the synthetic cohort as cases of a network, as [`heads`] does for [`resnet_10`].
pub fn heads_of(network: &Network, count: usize) -> Vec<Case> {
    if network.architecture().resnet().is_some() { heads(count) } else { made_heads(network.architecture(), count) }
}

/// Returns [`resnet_10`] on another device.
pub fn resnet_10_on(device: &Device) -> Network {
    let mut network = resnet_10();
    for (_, parameter) in network.parameters.iter_mut() {
        *parameter = Parameter::new(parameter.shape.clone(), parameter.role, parameter.to_vec(), device);
    }
    network
}

/// The largest number of subjects.
const HEADS: usize = 5;

/// Returns the first subjects of a synthetic cohort as cases of [`resnet_10`]: one scan each, inputs `[1, 16, 24, 24]`,
/// targets `[4, 6, 6]`.
///
/// # Panics
/// If `count` is more than five.
pub fn heads(count: usize) -> Vec<Case> {
    static ALL: OnceLock<Vec<Case>> = OnceLock::new();
    ALL.get_or_init(|| made_heads(&architecture(), HEADS))[..count].to_vec()
}

/// Returns the label table of [`heads`].
pub fn tissue() -> LabelTable {
    LabelTable::built_in("tissue", None).expect("the table is built in")
}

/// Trains on cases with orders drawn from `seed`, starting from `state` and on its network's device.
///
/// # Errors
/// Those of [`fit`].
pub fn train(
    state: &mut State,
    cases: &[Case],
    config: &TrainConfig,
    seed: u64,
    monitor: &mut dyn Monitor,
) -> Result<(), TrainError> {
    let device = Pass::evaluation(&state.network.parameters).device();
    let objective = Supervised::new(cases.iter().collect(), config, Seed(seed), device)?;
    fit(state, &objective, config, monitor)
}

/// Returns the names of the tensors that differ in any bit.
pub fn moved(before: &Network, after: &Network) -> Vec<String> {
    let bits = |network: &Network, name: &str| -> Vec<u32> {
        network.parameters.get(name).to_vec().into_iter().map(f32::to_bits).collect()
    };
    let names = before.parameters.iter().map(|(name, _)| name);
    names.filter(|name| bits(before, name) != bits(after, name)).map(str::to_string).collect()
}

/// A monitor that stops a run once, after the given step of the given epoch.
pub struct StopAt {
    /// The epoch, counted from 0.
    pub epoch: usize,
    /// The step in the epoch, counted from 0; `None` stops after the epoch.
    pub step: Option<usize>,
}

impl Monitor for StopAt {
    fn step(&mut self, epoch: usize, step: usize, _steps: usize, _loss: f64) -> Control {
        stop_if(epoch == self.epoch && Some(step) == self.step)
    }

    fn epoch(&mut self, state: &State) -> Result<Control, TrainError> {
        Ok(stop_if(state.epochs_done == self.epoch + 1 && self.step.is_none()))
    }
}

fn stop_if(condition: bool) -> Control {
    if condition { Control::Stop } else { Control::Continue }
}

fn made_heads(architecture: &Architecture, count: usize) -> Vec<Case> {
    let config = PhantomConfig { subjects: HEADS, ..PhantomConfig::with_dims([24, 24, 16]) };
    let (crop, foreground) = (Crop::None, Foreground::AllVoxels);
    let preprocessing = Preprocessing::Canonical(Canonical { size: None, spacing_mm: None, crop, foreground });
    let labels = tissue();
    let output_shape = |shape| architecture.output_size(shape);
    let how = Preparation {
        preprocessing: &preprocessing,
        labels: &labels,
        output_shape: &output_shape,
        seed: Seed(0),
        read: ReadOptions::default(),
        cache: None,
    };
    let case = |subject| prepare_loaded(&how, ScanData::from(subject)).expect("a phantom makes a case");
    phantom::subjects(&config).take(count).map(case).collect()
}

fn architecture() -> Architecture {
    Architecture::medicalnet(10, 1, tissue().classes().len()).expect("MedicalNet has a ResNet-10")
}
