//! Measures the time of each convolution of a MedicalNet ResNet-50 on 64 x 64 x 64 voxels, forward, data gradient and
//! weight gradient, and of burn's: `cargo run --release -p lacuna-kernels --example layers [avx512|avx2|portable]`.
//!
//! Rates count only the multiply-adds of taps inside the grid; skipping, copying and packing lower a kernel's rate. The
//! machine's peak is measured first. Times are the minimum of several; other load on the machine distorts them.

use std::hint::black_box;
use std::time::{Duration, Instant};

use burn::tensor::{Device, Distribution, Tensor};
use lacuna_kernels::{
    Conv3dOptions, InstructionSet, MULTIPLY_ADD_CHAIN_FLOPS, conv_transpose3d, conv3d, max_pool3d, multiply_add_chain,
    reference,
};
use rayon::prelude::*;

const REPEATS: usize = 5;

#[derive(Clone, Copy)]
enum Kind {
    Convolution { padding: usize, dilation: usize },
    Transposed,
}

struct Layer {
    name: &'static str,
    side: usize,
    inputs: usize,
    outputs: usize,
    kernel: usize,
    stride: usize,
    kind: Kind,
}

const fn layer(
    name: &'static str,
    side: usize,
    [inputs, outputs]: [usize; 2],
    [kernel, stride, dilation]: [usize; 3],
) -> Layer {
    let kind = Kind::Convolution { padding: dilation * (kernel / 2), dilation };
    Layer { name, side, inputs, outputs, kernel, stride, kind }
}

const LAYERS: &[Layer] = &[
    layer("first    1-64   k7 s2 64^3", 64, [1, 64], [7, 2, 1]),
    layer("stage1  64-64   k3    16^3", 16, [64, 64], [3, 1, 1]),
    layer("stage1  64-256  k1    16^3", 16, [64, 256], [1, 1, 1]),
    layer("stage1 256-64   k1    16^3", 16, [256, 64], [1, 1, 1]),
    layer("stage2 128-128  k3 s2 16^3", 16, [128, 128], [3, 2, 1]),
    layer("stage2 128-128  k3     8^3", 8, [128, 128], [3, 1, 1]),
    layer("stage3 1024-256 k1     8^3", 8, [1024, 256], [1, 1, 1]),
    layer("stage3 256-256  k3 d2  8^3", 8, [256, 256], [3, 1, 2]),
    layer("stage3 256-1024 k1     8^3", 8, [256, 1024], [1, 1, 1]),
    layer("stage4 2048-512 k1     8^3", 8, [2048, 512], [1, 1, 1]),
    layer("stage4 512-512  k3 d4  8^3", 8, [512, 512], [3, 1, 4]),
    layer("head    32-32   k3    16^3", 16, [32, 32], [3, 1, 1]),
    Layer {
        name: "head  2048-32 k2 s2 T 8^3",
        side: 8,
        inputs: 2048,
        outputs: 32,
        kernel: 2,
        stride: 2,
        kind: Kind::Transposed,
    },
];

fn main() {
    if let Some(name) = std::env::args().nth(1) {
        let set = InstructionSet::ALL.into_iter().find(|set| format!("{set:?}").to_lowercase() == name);
        set.expect("avx512, avx2 or portable").choose().expect("this machine has that instruction set");
    }
    let peak = peak_gflops();
    let (threads, set) = (rayon::current_num_threads(), InstructionSet::chosen());
    println!("{threads} threads, {set:?}, measured peak {peak:.0} GF/s");
    println!("layer                      pass   ms burn  ms ours   GF/s  of peak");
    for layer in LAYERS {
        for (pass, plain, ours) in passes(layer) {
            let (plain, ours) = (plain.as_secs_f64(), ours.as_secs_f64());
            let rate = layer.gflop() / ours;
            let (name, share) = (layer.name, 100.0 * rate / peak);
            println!("{name:26} {pass:4} {:9.2} {:8.2} {rate:6.0} {share:7.0} %", plain * 1e3, ours * 1e3);
        }
    }
}

impl Layer {
    /// Returns the multiplications and additions of one pass, in 10^9.
    fn gflop(&self) -> f64 {
        let ties = match self.kind {
            Kind::Convolution { padding, dilation } => {
                let inside = |output: usize, tap: usize| {
                    let padded = output * self.stride + tap * dilation;
                    (padding..padding + self.side).contains(&padded)
                };
                let taps = |output| (0..self.kernel).filter(|&tap| inside(output, tap)).count();
                (0..self.side / self.stride).map(taps).sum()
            }
            Kind::Transposed => self.side * self.kernel,
        };
        2e-9 * (ties.pow(3) * self.inputs * self.outputs) as f64
    }

    fn weight_shape(&self) -> [usize; 5] {
        let Self { inputs, outputs, kernel: k, .. } = *self;
        match self.kind {
            Kind::Convolution { .. } => [outputs, inputs, k, k, k],
            Kind::Transposed => [inputs, outputs, k, k, k],
        }
    }

    fn ours(&self, x: Tensor<5>, weight: Tensor<5>) -> Tensor<5> {
        match self.kind {
            Kind::Convolution { padding, dilation } => conv3d(x, weight, None, &self.options(padding, dilation)),
            Kind::Transposed => conv_transpose3d(x, weight, None, [self.stride; 3]),
        }
    }

    fn plain(&self, x: Tensor<5>, weight: Tensor<5>) -> Tensor<5> {
        match self.kind {
            Kind::Convolution { padding, dilation } => {
                reference::conv3d(x, weight, None, &self.options(padding, dilation))
            }
            Kind::Transposed => reference::conv_transpose3d(x, weight, None, [self.stride; 3]),
        }
    }

    fn options(&self, padding: usize, dilation: usize) -> Conv3dOptions {
        Conv3dOptions { stride: [self.stride; 3], padding: [padding; 3], dilation: [dilation; 3] }
    }
}

/// Returns (pass, burn's time, lacuna's time); the first layer needs no data gradient.
fn passes(layer: &Layer) -> Vec<(&'static str, Duration, Duration)> {
    let device = Device::flex().autodiff();
    let side = layer.side;
    let random = |shape| Tensor::<5>::random(shape, Distribution::Normal(0.0, 1.0), &device);
    let x = random([1, layer.inputs, side, side, side]);
    // lacuna's operations keep weights in the memory order of their activations: channels last.
    let [a, b, d, h, w] = layer.weight_shape();
    let kernels = [random([a, b, d, h, w]), random([a, d, h, w, b]).permute([0, 4, 1, 2, 3])];
    let operations: [&dyn Fn(Tensor<5>, Tensor<5>) -> Tensor<5>; 2] =
        [&|x, weight| layer.plain(x, weight), &|x, weight| layer.ours(x, weight)];
    // lacuna's operations take the memory order of their outputs; a unit convolution creates it here.
    let inputs = [x.clone(), in_our_order(x)];
    let timed = |time: &dyn Fn(usize) -> Duration| [0, 1].map(|which| least(|| time(which)));
    let forward = timed(&|which| {
        let begin = Instant::now();
        black_box(operations[which](inputs[which].clone(), kernels[which].clone()));
        begin.elapsed()
    });
    let backward = |which: usize, x: Tensor<5>, weight: Tensor<5>| {
        let output = operations[which](x, weight);
        let loss = small(output);
        let begin = Instant::now();
        black_box(loss.backward());
        begin.elapsed()
    };
    // The time of the loss itself in the backward pass.
    let loss = timed(&|which| {
        let output = operations[which](inputs[which].clone(), kernels[which].clone()).detach().require_grad();
        let loss = small(output);
        let begin = Instant::now();
        black_box(loss.backward());
        begin.elapsed()
    });
    let net = |times: [Duration; 2]| [times[0].saturating_sub(loss[0]), times[1].saturating_sub(loss[1])];
    let weights = net(timed(&|which| backward(which, inputs[which].clone(), kernels[which].clone().require_grad())));
    let mut passes = vec![("y", forward[0], forward[1]), ("dw", weights[0], weights[1])];
    if layer.inputs > 1 {
        let data = net(timed(&|which| backward(which, inputs[which].clone().require_grad(), kernels[which].clone())));
        passes.insert(1, ("dx", data[0], data[1]));
    }
    passes
}

/// Returns a loss that is cheap compared with a convolution: a few maxima.
fn small(output: Tensor<5>) -> Tensor<1> {
    max_pool3d(output, [4; 3], [4; 3], [0; 3]).sum()
}

fn in_our_order(x: Tensor<5>) -> Tensor<5> {
    let channels = x.dims()[1];
    let identity = Tensor::<2>::eye(channels, &x.device()).reshape([channels, channels, 1, 1, 1]);
    conv3d(x, identity, None, &Conv3dOptions { stride: [1; 3], padding: [0; 3], dilation: [1; 3] })
}

fn least(mut measure: impl FnMut() -> Duration) -> Duration {
    (0..REPEATS).map(|_| measure()).min().expect("at least one measurement")
}

/// Returns the rate of fused multiply-adds on registers, on all threads of the pool, in 10^9 per second.
fn peak_gflops() -> f64 {
    const ROUNDS: usize = 2_000_000;
    let threads = rayon::current_num_threads();
    let time = least(|| {
        let begin = Instant::now();
        (0..threads).into_par_iter().for_each(|_| {
            black_box(multiply_add_chain(black_box(ROUNDS)));
        });
        begin.elapsed()
    });
    1e-9 * (threads * ROUNDS * MULTIPLY_ADD_CHAIN_FLOPS) as f64 / time.as_secs_f64()
}
