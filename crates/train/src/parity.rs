//! Agreement with MedicalNet's own PyTorch code: logits, gradients, running statistics, SGD steps.
//!
//! The cases under `fixtures/parity` were computed in f64 by the public MedicalNet network. Their README states how,
//! the formula of weights and inputs, and the reason for the tolerances: 1e-4 relative in L2, or ten times PyTorch's
//! own f32 error where that is larger; an entry beyond 0.05 is reported but not checked.

use crate::{Optimiser, OptimiserConfig, Schedule, TrainConfig};
use lacuna_nn::loss::{Target, cross_entropy};
use lacuna_nn::{Architecture, BatchNormMode, Device, Network, Parameter, Pass, Role, Shortcut, Tensor, to_row_major};
use lacuna_seed::Seed;
use safetensors::SafeTensors;
use serde::Deserialize;
use std::collections::BTreeMap;
use std::path::PathBuf;

#[derive(Deserialize)]
struct Case {
    depth: usize,
    shortcut: Shortcut,
    classes: usize,
    input: [usize; 5],
    seed: u64,
    losses: Vec<f64>,
    gradient_norms: BTreeMap<String, f64>,
    f32_relative_error: BTreeMap<String, f64>,
    vanishing: Vec<String>,
}

const IGNORED: u8 = 255;
const TOLERANCE: f64 = 1e-4;
const TOLERANCE_MAX: f64 = 0.05;
/// The relative L2 tolerance of gradients and quantities derived from them on a GPU, whose f32 sums are less accurate.
/// BatchNorm over the few voxels of the deep layers amplifies an error of 1e-7 in a sum to 1e-3 in a gradient, as it
/// does for PyTorch in f32 at depth 50.
#[cfg(feature = "vulkan")]
const GRAPHICS_TOLERANCE: f64 = 5e-3;

/// The errors found in one case, with the tolerance.
struct Comparison {
    expected: BTreeMap<String, Vec<f32>>,
    f32_error: BTreeMap<String, f64>,
    vanishing: Vec<String>,
    /// The tolerance of every quantity except the logits in evaluation mode.
    tolerance: f64,
    gated: usize,
    reported: Vec<String>,
    failures: Vec<String>,
}

impl Comparison {
    fn check(&mut self, entry: &str, found: &[f32]) {
        let expected = &self.expected[entry];
        let found = &found[..expected.len().min(found.len())];
        assert_eq!(found.len(), expected.len(), "{entry}: number of elements");
        let tolerance = self.tolerance(entry);
        let error = relative_l2(found, expected);
        if self.vanishing.iter().any(|name| name == entry) || tolerance > TOLERANCE_MAX {
            self.reported.push(format!("{entry} {error:.1e}"));
            return;
        }
        self.gated += 1;
        if error > tolerance {
            self.failures.push(format!("{entry}: relative error {error:.2e}, tolerance {tolerance:.2e}"));
        }
    }

    fn check_number(&mut self, entry: String, found: f64, expected: f64, tolerance: f64) {
        if tolerance > TOLERANCE_MAX {
            return;
        }
        self.gated += 1;
        let error = (found - expected).abs() / expected.abs();
        if error > tolerance {
            self.failures.push(format!("{entry}: found {found}, expected {expected}"));
        }
    }

    fn tolerance(&self, entry: &str) -> f64 {
        match entry {
            "logits_eval" => TOLERANCE,
            _ => self.tolerance.max(10.0 * self.f32_error.get(entry).copied().unwrap_or(0.0)),
        }
    }
}

fn check(name: &str) {
    check_on(name, &Device::flex(), TOLERANCE);
}

fn check_on(name: &str, device: &Device, tolerance: f64) {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("fixtures/parity");
    let case: Case = serde_json::from_slice(&std::fs::read(folder.join(format!("{name}.json"))).unwrap()).unwrap();
    let bytes = std::fs::read(folder.join(format!("{name}.safetensors"))).unwrap();
    let mut comparison = Comparison {
        expected: tensors(&bytes),
        f32_error: case.f32_relative_error.clone(),
        vanishing: case.vanishing.clone(),
        tolerance,
        gated: 0,
        reported: Vec::new(),
        failures: Vec::new(),
    };
    compare(&case, &mut comparison, device);
    println!("{name}: {} entries gated, {} reported", comparison.gated, comparison.reported.len());
    assert!(comparison.gated > 20, "{name}: only {} entries were gated", comparison.gated);
    assert!(comparison.failures.is_empty(), "{name}:\n{}", comparison.failures.join("\n"));
}

fn compare(case: &Case, comparison: &mut Comparison, device: &Device) {
    let architecture =
        Architecture::medicalnet(case.depth, case.input[1], case.classes).unwrap().with_shortcut(case.shortcut);
    let mut network = Network::new(architecture, Seed(0), device);
    set_weights(&mut network, case.seed, device);
    let input = formula(case.input.iter().product(), "input", case.seed, |u| ((2.0 * u - 1.0) * 2.0) as f32);
    let input = Tensor::<1>::from_floats(input.as_slice(), device).reshape(case.input);
    let target = target(case, network.architecture(), device);
    comparison.check("logits_eval", &evaluate(&network, input.clone()));

    let config = TrainConfig {
        learning_rate: 1e-3,
        head_multiplier: 100.0,
        optimiser: OptimiserConfig::Sgd { momentum: 0.9, weight_decay: 1e-3 },
        schedule: Schedule::Constant,
        ..TrainConfig::default()
    };
    let mut optimiser = Optimiser::new(&config);
    for step in 0..3 {
        let pass = Pass::training(&network.parameters, BatchNormMode::Batch, &|_| true);
        let logits = network.forward(&pass, input.clone());
        let loss = cross_entropy(logits.clone(), &target);
        let value = f64::from(loss.clone().into_scalar::<f32>());
        let gradients = pass.gradients(&loss);
        if step == 0 {
            comparison.check("logits_train", &values(logits.clone().inner()));
            for (name, gradient) in &gradients {
                let shape = &network.parameters.get(name).shape;
                let gradient = to_row_major(shape, values(gradient.clone()));
                check_gradient(comparison, name, &gradient, case.gradient_norms[name]);
            }
        }
        drop((loss, logits));
        let statistics = pass.running_statistics();
        if step == 0 {
            for (name, observed) in &statistics {
                comparison.check(&format!("after_1/{name}"), &values(observed.clone()));
            }
        }
        let tolerance = comparison.tolerance("logits_eval_after_3");
        comparison.check_number(format!("loss of step {step}"), value, case.losses[step], tolerance);
        optimiser.step(&mut network.parameters, gradients, config.learning_rate, &|_| None);
        network.absorb(statistics);
    }
    comparison.check("logits_eval_after_3", &evaluate(&network, input));
}

fn check_gradient(comparison: &mut Comparison, name: &str, gradient: &[f32], expected_norm: f64) {
    let entry = format!("grad/{name}");
    comparison.check(&entry, gradient);
    if !comparison.vanishing.contains(&entry) {
        let norm = gradient.iter().map(|&value| f64::from(value).powi(2)).sum::<f64>().sqrt();
        let tolerance = comparison.tolerance(&entry);
        comparison.check_number(format!("norm of {entry}"), norm, expected_norm, tolerance);
    }
}

fn set_weights(network: &mut Network, seed: u64, device: &Device) {
    for (name, parameter) in network.parameters.iter_mut() {
        let shape = parameter.shape.clone();
        let numel = parameter.len();
        let bound = (6.0 * shape[0] as f64 / numel as f64).sqrt();
        let value = |u: f64| match name.rsplit('.').next() {
            Some("running_var") => 0.5 + u,
            Some("running_mean" | "bias") => (2.0 * u - 1.0) * 0.1,
            _ if shape.len() == 1 => 0.5 + u,
            _ => (2.0 * u - 1.0) * bound,
        };
        let values = formula(numel, name, seed, |u| value(u) as f32);
        let role = if name.contains("running") { Role::Statistic } else { Role::Weight };
        assert_eq!(role, parameter.role, "{name}");
        *parameter = Parameter::new(shape, role, values, device);
    }
}

fn target(case: &Case, architecture: &Architecture, device: &Device) -> Target {
    let [batch, _, d, h, w] = case.input;
    let [d, h, w] = architecture.output_size([d, h, w]);
    let count = batch * d * h * w;
    let labels: Vec<i64> = formula(count, "label", case.seed, |u| (u * (case.classes + 1) as f64).floor() as i64 - 1);
    let labels: Vec<u8> = labels.into_iter().map(|label| if label < 0 { IGNORED } else { label as u8 }).collect();
    Target::from_labels(&labels, [batch, d, h, w], case.classes, IGNORED, device)
}

/// Returns the fixtures' pseudo-random numbers: u(name, i), SplitMix64 over an FNV-1a hash.
fn formula<T>(count: usize, name: &str, seed: u64, value: impl Fn(f64) -> T) -> Vec<T> {
    let hash = name
        .bytes()
        .fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3));
    (0..count as u64)
        .map(|i| {
            let start = hash.wrapping_add(seed << 32).wrapping_add(i);
            let mut z = start.wrapping_mul(0x9E37_79B9_7F4A_7C15);
            z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
            z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
            z ^= z >> 31;
            value((z >> 40) as f64 / (1u64 << 24) as f64)
        })
        .collect()
}

fn evaluate(network: &Network, input: Tensor<5>) -> Vec<f32> {
    values(network.forward(&Pass::evaluation(&network.parameters), input))
}

fn values<const D: usize>(tensor: Tensor<D>) -> Vec<f32> {
    tensor.into_data().try_into_vec::<f32>().unwrap()
}

fn relative_l2(found: &[f32], expected: &[f32]) -> f64 {
    let square = |value: f64| value * value;
    let difference: f64 = found.iter().zip(expected).map(|(&f, &e)| square(f64::from(f) - f64::from(e))).sum();
    let size: f64 = expected.iter().map(|&e| square(f64::from(e))).sum();
    (difference / size).sqrt()
}

fn tensors(bytes: &[u8]) -> BTreeMap<String, Vec<f32>> {
    let file = SafeTensors::deserialize(bytes).unwrap();
    file.iter()
        .map(|(name, view)| {
            let values = view.data().chunks_exact(4).map(|four| f32::from_le_bytes(four.try_into().unwrap()));
            (name.to_string(), values.collect())
        })
        .collect()
}

#[test]
fn resnet_10_with_shortcut_a_agrees_with_pytorch() {
    check("resnet10A_c2_32x32x48_s1");
}

#[test]
fn resnet_10_with_shortcut_b_agrees_with_pytorch() {
    check("resnet10B_c2_32x32x48_s1");
}

#[test]
fn resnet_18_of_nine_classes_agrees_with_pytorch() {
    check("resnet18B_c9_32x48x32_s1");
}

#[test]
fn resnet_34_with_shortcut_a_agrees_with_pytorch() {
    check("resnet34A_c4_32x32x48_s1");
}

#[test]
fn resnet_50_of_two_classes_agrees_with_pytorch() {
    check("resnet50B_c2_48x48x64_s2");
}

#[test]
fn resnet_50_of_nine_classes_agrees_with_pytorch() {
    check("resnet50B_c9_32x48x48_s1");
}

/// The same cases with burn's own operations: the logits at the same tolerance, gradients and later weights at a wider
/// one.
#[cfg(feature = "vulkan")]
mod on_vulkan {
    use super::check_on;
    use lacuna_nn::DeviceKind;

    fn check(name: &str) {
        check_on(name, &DeviceKind::Vulkan.open().unwrap(), super::GRAPHICS_TOLERANCE);
    }

    #[test]
    fn resnet_10_with_shortcut_a_agrees_with_pytorch() {
        check("resnet10A_c2_32x32x48_s1");
    }

    #[test]
    fn resnet_10_with_shortcut_b_agrees_with_pytorch() {
        check("resnet10B_c2_32x32x48_s1");
    }

    #[test]
    fn resnet_18_of_nine_classes_agrees_with_pytorch() {
        check("resnet18B_c9_32x48x32_s1");
    }

    #[test]
    fn resnet_34_with_shortcut_a_agrees_with_pytorch() {
        check("resnet34A_c4_32x32x48_s1");
    }

    #[test]
    fn resnet_50_of_two_classes_agrees_with_pytorch() {
        check("resnet50B_c2_48x48x64_s2");
    }

    #[test]
    fn resnet_50_of_nine_classes_agrees_with_pytorch() {
        check("resnet50B_c9_32x48x48_s1");
    }
}
