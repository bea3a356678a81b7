//! Measures the time of operations that are limited by memory bandwidth, and of burn's: `cargo run --release -p
//! lacuna-kernels --example passes`.
//!
//! Rates count each tensor that an ideal pass reads or writes once. The machine's copying rate is measured first. Times
//! are the minimum of several; other load on the machine distorts them.

use std::hint::black_box;
use std::time::{Duration, Instant};

use burn::tensor::{Device, Distribution, Tensor};
use lacuna_kernels::{
    Activation, Conv3dOptions, SgdOptions, Statistics, batch_norm, conv3d, max_pool3d, reference, sgd_step,
};
use rayon::prelude::*;

const REPEATS: usize = 7;
/// The shape of the activations after the first convolution of a network on 64 x 64 x 64 voxels.
const SHAPE: [usize; 5] = [1, 64, 32, 32, 32];
/// The number of weights of a ResNet-50.
const WEIGHTS: usize = 46_707_232;

fn main() {
    let threads = rayon::current_num_threads();
    println!("{threads} threads, copying {:.1} GB/s", copying());
    println!("pass                            ms burn  ms ours   GB/s");
    let elements = SHAPE.iter().product::<usize>() as f64;
    let values = Tensor::<5>::random(SHAPE, Distribution::Normal(0.0, 1.0), &Device::flex().autodiff());
    let inputs = [values.clone(), in_our_order(values)];
    let normalise = [reference::batch_norm, batch_norm].map(|operation| {
        move |x: Tensor<5>| {
            let constant = |value: f32| Tensor::<1>::full([SHAPE[1]], value, &x.device()).require_grad();
            let (scale, shift) = (constant(1.0), constant(0.0));
            operation(x, scale, shift, Statistics::Batch, None, Activation::Relu, 1e-5).output
        }
    });
    let pool = [reference::max_pool3d, max_pool3d].map(|operation| move |x| operation(x, [3; 3], [2; 3], [1; 3]));
    // Forward: read x for the moments, read it again, write y. Backward: read x, y, dy twice, write dx.
    print("BatchNorm + ReLU forward", [0, 1].map(|i| forward(&normalise[i], &inputs[i])), 3.0 * elements);
    print("BatchNorm + ReLU backward", [0, 1].map(|i| backward(&normalise[i], &inputs[i])), 7.0 * elements);
    // Forward: read x, write an eighth twice. Backward: read two eighths, write dx.
    print("max pooling forward", [0, 1].map(|i| forward(&pool[i], &inputs[i])), 1.25 * elements);
    print("max pooling backward", [0, 1].map(|i| backward(&pool[i], &inputs[i])), 1.25 * elements);
    // Read weight, gradient and momentum, write weight and momentum.
    print("SGD with momentum", [plain_sgd(), sgd()], 5.0 * WEIGHTS as f64);
}

fn print(name: &str, [plain, ours]: [Duration; 2], floats: f64) {
    let milliseconds = [plain, ours].map(|time| time.as_secs_f64() * 1e3);
    let rate = 4e-9 * floats / ours.as_secs_f64();
    println!("{name:30} {:9.2} {:8.2} {rate:6.1}", milliseconds[0], milliseconds[1]);
}

fn forward(operation: &dyn Fn(Tensor<5>) -> Tensor<5>, x: &Tensor<5>) -> Duration {
    least(|| {
        let begin = Instant::now();
        black_box(operation(x.clone()));
        begin.elapsed()
    })
}

/// Returns the time of a backward pass from a loss of a few maxima, without the time of the loss.
fn backward(operation: &dyn Fn(Tensor<5>) -> Tensor<5>, x: &Tensor<5>) -> Duration {
    let timed = |output: Tensor<5>| {
        let loss = max_pool3d(output, [4; 3], [4; 3], [0; 3]).sum();
        let begin = Instant::now();
        black_box(loss.backward());
        begin.elapsed()
    };
    let whole = least(|| timed(operation(x.clone().require_grad())));
    let loss = least(|| timed(operation(x.clone()).detach().require_grad()));
    whole.saturating_sub(loss)
}

const OPTIONS: SgdOptions = SgdOptions { learning_rate: 1e-3, momentum: 0.9, weight_decay: 1e-3 };

fn sgd() -> Duration {
    let (mut weights, mut momentum, gradient) = (vec![1.0; WEIGHTS], vec![0.0; WEIGHTS], vec![0.5; WEIGHTS]);
    least(|| {
        let begin = Instant::now();
        sgd_step(&mut weights, &gradient, &mut momentum, false, OPTIONS);
        begin.elapsed()
    })
}

/// Returns the time of the same step in tensor operations.
fn plain_sgd() -> Duration {
    let full = |value: f32| Tensor::<1>::full([WEIGHTS], value, &Device::flex());
    let (mut weights, mut momentum, gradient) = (full(1.0), full(0.0), full(0.5));
    least(|| {
        let begin = Instant::now();
        let decayed = gradient.clone() + weights.clone() * OPTIONS.weight_decay;
        momentum = momentum.clone() * OPTIONS.momentum + decayed;
        weights = weights.clone() - momentum.clone() * OPTIONS.learning_rate;
        begin.elapsed()
    })
}

/// Returns the rate of copying 256 MiB on all threads, in 10^9 bytes read and written per second.
fn copying() -> f64 {
    const PART: usize = 1 << 16;
    let (from, mut to) = (vec![1.0_f32; 1 << 25], vec![0.0_f32; 1 << 25]);
    let time = least(|| {
        let begin = Instant::now();
        to.par_chunks_mut(PART).zip(from.par_chunks(PART)).for_each(|(to, from)| to.copy_from_slice(from));
        begin.elapsed()
    });
    black_box(&to);
    8e-9 * from.len() as f64 / time.as_secs_f64()
}

/// Returns the tensor in the memory order of lacuna's outputs.
fn in_our_order(x: Tensor<5>) -> Tensor<5> {
    let channels = x.dims()[1];
    let identity = Tensor::<2>::eye(channels, &x.device()).reshape([channels, channels, 1, 1, 1]);
    conv3d(x, identity, None, &Conv3dOptions { stride: [1; 3], padding: [0; 3], dilation: [1; 3] })
}

fn least(mut measure: impl FnMut() -> Duration) -> Duration {
    (0..REPEATS).map(|_| measure()).min().expect("at least one measurement")
}
