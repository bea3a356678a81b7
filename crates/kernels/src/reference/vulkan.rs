//! Compares every operation on a Vulkan device, where it is burn's, with the kernels on the CPU: outputs and gradients.
//!
//! Both sum in single precision, in different orders; a tolerance of 1e-5 of the largest value covers sums of some
//! thousand terms.

use crate::{Activation, Conv3dOptions, Normalised, Statistics, batch_norm, conv_transpose3d, conv3d, max_pool3d};
use burn::tensor::wgpu::WgpuBackend;
use burn::tensor::{Device, Distribution, Tensor};
use std::sync::OnceLock;

const TOLERANCE: f32 = 1e-5;

/// Returns the Vulkan device, which burn can initialise only once, whichever test runs first.
fn vulkan() -> Device {
    static DEVICE: OnceLock<Device> = OnceLock::new();
    let open = || Device::wgpu_options().graphics_api(WgpuBackend::Vulkan).init().expect("a Vulkan device opens");
    DEVICE.get_or_init(open).clone()
}

/// An operation and its inputs: first the volume, then its other tensors, flat.
type Operation<'a> = &'a dyn Fn(Tensor<5>, &[Tensor<1>]) -> Tensor<5>;

/// Returns the output and the gradients of the sum of squares of the output, on one device.
fn passes(operation: Operation, x: &Tensor<5>, others: &[Tensor<1>], device: &Device) -> Vec<Vec<f32>> {
    let device = device.clone().autodiff();
    let x = Tensor::<5>::from_data(x.clone().into_data(), &device).require_grad();
    let to_device = |tensor: &Tensor<1>| Tensor::<1>::from_data(tensor.clone().into_data(), &device).require_grad();
    let others: Vec<_> = others.iter().map(to_device).collect();
    let output = operation(x.clone(), &others);
    let gradients = output.clone().square().sum().backward();
    let mut numbers = vec![values(output), values(x.grad(&gradients).unwrap())];
    numbers.extend(others.iter().map(|tensor| values(tensor.grad(&gradients).unwrap())));
    numbers
}

fn values<const D: usize>(tensor: Tensor<D>) -> Vec<f32> {
    tensor.into_data().try_into_vec::<f32>().unwrap()
}

fn random(count: usize) -> Tensor<1> {
    Tensor::random([count], Distribution::Normal(0.0, 1.0), &Device::flex())
}

/// Checks the operation on random numbers: a volume of `shape`, and tensors of `others` elements.
#[track_caller]
fn check(operation: Operation, shape: [usize; 5], others: &[usize]) {
    Device::flex().seed(7);
    let x = random(shape.iter().product()).reshape(shape);
    let others: Vec<_> = others.iter().map(|&count| random(count)).collect();
    let found = passes(operation, &x, &others, &vulkan());
    let expected = passes(operation, &x, &others, &Device::flex());
    for (number, (found, expected)) in found.iter().zip(&expected).enumerate() {
        check_near(&format!("tensor {number}"), found, expected);
    }
}

#[track_caller]
fn check_near(name: &str, found: &[f32], expected: &[f32]) {
    assert_eq!(found.len(), expected.len(), "{name}");
    let scale = expected.iter().fold(0.0_f32, |most, value| most.max(value.abs()));
    let distance = found.iter().zip(expected).fold(0.0_f32, |most, (a, b)| most.max((a - b).abs()));
    assert!(distance <= TOLERANCE * scale, "{name}: {distance} of {scale}");
}

#[track_caller]
fn check_convolution(x: [usize; 5], weight: [usize; 5], stride: usize, padding: usize, dilation: usize) {
    let options = Conv3dOptions { stride: [stride; 3], padding: [padding; 3], dilation: [dilation; 3] };
    let convolve =
        |x, others: &[Tensor<1>]| conv3d(x, others[0].clone().reshape(weight), Some(others[1].clone()), &options);
    check(&convolve, x, &[weight.iter().product(), weight[0]]);
}

#[test]
fn convolutions_of_every_kind_in_a_resnet_agree() {
    check_convolution([1, 1, 12, 13, 14], [16, 1, 7, 7, 7], 2, 3, 1);
    check_convolution([2, 9, 5, 6, 7], [19, 9, 3, 3, 3], 1, 1, 1);
    check_convolution([1, 8, 7, 8, 5], [16, 8, 3, 3, 3], 2, 1, 1);
    check_convolution([1, 8, 7, 8, 5], [5, 8, 1, 1, 1], 2, 0, 1);
    check_convolution([2, 6, 4, 6, 3], [8, 6, 3, 3, 3], 1, 4, 4);
}

#[test]
fn the_transposed_convolution_agrees() {
    let shape = [20, 7, 2, 2, 2];
    let raise = |x, others: &[Tensor<1>]| {
        conv_transpose3d(x, others[0].clone().reshape(shape), Some(others[1].clone()), [2; 3])
    };
    check(&raise, [2, 20, 3, 4, 5], &[shape.iter().product(), 7]);
}

#[test]
fn max_pooling_agrees() {
    check(&|x, _| max_pool3d(x, [3; 3], [2; 3], [1; 3]), [2, 5, 7, 8, 9], &[]);
}

#[test]
fn batch_norm_agrees_in_both_modes() {
    for from_batch in [true, false] {
        let normalise = |x: Tensor<5>, others: &[Tensor<1>]| {
            let [mean, variance] = [0.2, 1.5].map(|value| Tensor::full([6], value, &x.device()));
            let statistics = if from_batch { Statistics::Batch } else { Statistics::Running { mean, variance } };
            let residual = others[2].clone().reshape(x.dims());
            let (scale, shift) = (others[0].clone(), others[1].clone());
            let Normalised { output, .. } =
                batch_norm(x, scale, shift, statistics, Some(residual), Activation::Relu, 1e-5);
            output
        };
        check(&normalise, [2, 6, 3, 4, 5], &[6, 6, 720]);
    }
}

#[test]
fn the_running_statistics_of_a_batch_agree() {
    Device::flex().seed(7);
    let x = random(720).reshape([2, 6, 3, 4, 5]);
    let observed = |device: &Device| {
        let x = Tensor::<5>::from_data(x.clone().into_data(), device);
        let ones = Tensor::ones([6], device);
        let normalised = batch_norm(x, ones.clone(), ones, Statistics::Batch, None, Activation::Identity, 1e-5);
        [values(normalised.mean), values(normalised.variance)]
    };
    let (found, expected) = (observed(&vulkan()), observed(&Device::flex()));
    check_near("mean", &found[0], &expected[0]);
    check_near("variance", &found[1], &expected[1]);
}
