//! Times each convolution of a MedicalNet ResNet-50 on 64 x 64 x 64 voxels, forward and backward, and prints the
//! share of the machine's measured peak: `cargo run --release -p lacuna-kernels --example layers [reference]`.
//!
//! Rates count every tap of the kernel, also those in the padding, which the kernels skip; they may exceed the peak.

use std::hint::black_box;
use std::time::{Duration, Instant};

use burn::tensor::{Device, Distribution, Tensor};
use lacuna_kernels::{Conv3dOptions, conv_transpose3d, conv3d, reference};
use rayon::prelude::*;

struct Layer {
    name: &'static str,
    grid: [usize; 3],
    inputs: usize,
    outputs: usize,
    kernel: usize,
    stride: usize,
    padding: usize,
    dilation: usize,
    transposed: bool,
}

const fn layer(name: &'static str, side: usize, channels: [usize; 2], kernel: [usize; 4]) -> Layer {
    let [kernel, stride, padding, dilation] = kernel;
    let [inputs, outputs] = channels;
    Layer { name, grid: [side; 3], inputs, outputs, kernel, stride, padding, dilation, transposed: false }
}

const LAYERS: &[Layer] = &[
    layer("a    1-64   k7 s2 64^3", 64, [1, 64], [7, 2, 3, 1]),
    layer("b   64-64   k3    16^3", 16, [64, 64], [3, 1, 1, 1]),
    layer("b1  64-256  k1    16^3", 16, [64, 256], [1, 1, 0, 1]),
    layer("b2 256-64   k1    16^3", 16, [256, 64], [1, 1, 0, 1]),
    layer("c  128-128  k3     8^3", 8, [128, 128], [3, 1, 1, 1]),
    layer("c2 128-128  k3 s2 16^3", 16, [128, 128], [3, 2, 1, 1]),
    layer("d  256-256  k3 d2  8^3", 8, [256, 256], [3, 1, 2, 2]),
    layer("e  512-512  k3 d4  8^3", 8, [512, 512], [3, 1, 4, 4]),
    layer("f1 1024-256 k1     8^3", 8, [1024, 256], [1, 1, 0, 1]),
    layer("f2 256-1024 k1     8^3", 8, [256, 1024], [1, 1, 0, 1]),
    layer("f3 2048-512 k1     8^3", 8, [2048, 512], [1, 1, 0, 1]),
    layer("g   32-32   k3    16^3", 16, [32, 32], [3, 1, 1, 1]),
    Layer { transposed: true, ..layer("h 2048-32  k2 s2 8^3 T", 8, [2048, 32], [2, 2, 0, 1]) },
];

fn main() {
    let plain = std::env::args().nth(1).is_some_and(|word| word == "reference");
    let peak = peak_gflops();
    println!("{} threads, measured peak {peak:.0} GF/s", rayon::current_num_threads());
    println!("layer                     GF   fwd ms  GF/s  peak%   dx ms  GF/s  peak%   dw ms  GF/s  peak%");
    for layer in LAYERS {
        let [forward, data, weight] = times(layer, plain);
        let gflop = gflop(layer);
        let cell = |time: Duration| {
            let rate = gflop / time.as_secs_f64();
            format!("{:7.2} {:5.0} {:5.0}%", time.as_secs_f64() * 1e3, rate, 100.0 * rate / peak)
        };
        println!("{} {gflop:5.2} {} {} {}", layer.name, cell(forward), cell(data), cell(weight));
    }
}

/// Multiplications and additions, dense.
fn gflop(layer: &Layer) -> f64 {
    let scale = if layer.transposed { layer.kernel / layer.stride * layer.kernel * layer.kernel } else { 1 };
    let outputs: usize = layer.grid.iter().map(|side| side / if layer.transposed { 1 } else { layer.stride }).product();
    let taps = if layer.transposed { scale } else { layer.kernel.pow(3) };
    2e-9 * (outputs * taps * layer.inputs * layer.outputs) as f64
}

/// The least of several times of forward, data gradient and weight gradient.
fn times(layer: &Layer, plain: bool) -> [Duration; 3] {
    let device = Device::flex().autodiff();
    let random = |shape: [usize; 5]| Tensor::<5>::random(shape, Distribution::Normal(0.0, 1.0), &device);
    let [d, h, w] = layer.grid;
    let x = random([1, layer.inputs, d, h, w]).permute([0, 2, 3, 4, 1]);
    let x = (x * 1.0).permute([0, 4, 1, 2, 3]);
    let k = layer.kernel;
    let (first, second) = if layer.transposed { (layer.inputs, layer.outputs) } else { (layer.outputs, layer.inputs) };
    let weight = random([first, second, k, k, k]);
    let forward = |x: Tensor<5>, weight: Tensor<5>| {
        let options =
            Conv3dOptions { stride: [layer.stride; 3], padding: [layer.padding; 3], dilation: [layer.dilation; 3] };
        match (layer.transposed, plain) {
            (false, false) => conv3d(x, weight, None, &options),
            (true, false) => conv_transpose3d(x, weight, None, [layer.stride; 3]),
            (false, true) => reference::conv3d(x, weight, None, &options),
            (true, true) => reference::conv_transpose3d(x, weight, None, [layer.stride; 3]),
        }
    };
    let backward = |x: Tensor<5>, weight: Tensor<5>| {
        let output = forward(x, weight);
        // The gradient of this sum is one tensor, already in the output's memory order.
        let gradient = output.clone().detach();
        let loss = (output * gradient).sum();
        let begin = Instant::now();
        black_box(loss.backward());
        begin.elapsed()
    };
    let forward_time = least(|| {
        let begin = Instant::now();
        black_box(forward(x.clone(), weight.clone()));
        begin.elapsed()
    });
    let none = backward_overhead(&x, &weight, &forward);
    let data = if layer.inputs == 1 {
        Duration::from_secs(1)
    } else {
        least(|| backward(x.clone().require_grad(), weight.clone()))
    };
    let weights = least(|| backward(x.clone(), weight.clone().require_grad()));
    [forward_time, data.saturating_sub(none), weights.saturating_sub(none)]
}

/// What the loss itself costs in the backward pass: the product's gradient.
fn backward_overhead(
    x: &Tensor<5>,
    weight: &Tensor<5>,
    forward: &dyn Fn(Tensor<5>, Tensor<5>) -> Tensor<5>,
) -> Duration {
    let output = forward(x.clone(), weight.clone()).detach();
    least(|| {
        let leaf = output.clone().require_grad();
        let loss = (leaf * output.clone()).sum();
        let begin = Instant::now();
        black_box(loss.backward());
        begin.elapsed()
    })
}

fn least(mut measure: impl FnMut() -> Duration) -> Duration {
    (0..7).map(|_| measure()).min().expect("at least one measurement")
}

/// Fused multiply-adds on registers alone, on all threads of the pool.
fn peak_gflops() -> f64 {
    let threads = rayon::current_num_threads();
    let time = least(|| {
        let begin = Instant::now();
        (0..threads).into_par_iter().for_each(|_| {
            black_box(lacuna_kernels::multiply_add_chain(black_box(2_000_000)));
        });
        begin.elapsed()
    });
    threads as f64 * 2_000_000.0 * lacuna_kernels::MULTIPLY_ADD_CHAIN_FLOPS as f64 / time.as_secs_f64() * 1e-9
}
