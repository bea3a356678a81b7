//! The machine's peak arithmetic rate, for comparison with kernels.

use super::simd::{InstructionSet, Kernel, LANES, Simd};

/// The number of independent accumulators: enough to hide the latency of a multiply-add on two pipes.
const CHAINS: usize = 12;

/// The number of floating-point operations in one round of [`multiply_add_chain`].
pub const MULTIPLY_ADD_CHAIN_FLOPS: usize = CHAINS * LANES * 2;

/// Multiplies and adds in registers for `rounds` rounds and returns a value that depends on all of them.
///
/// [`MULTIPLY_ADD_CHAIN_FLOPS`] operations per round, divided by its time, is the peak rate of a convolution on one
/// core with the chosen instruction set.
pub fn multiply_add_chain(rounds: usize) -> f32 {
    InstructionSet::chosen().run(Chain(rounds))
}

struct Chain(usize);

impl Kernel for Chain {
    type Output = f32;

    #[inline(always)]
    fn run<S: Simd>(self) -> f32 {
        let (factor, mut stored) = (1.0 - 1e-6_f32, [0.0_f32; LANES]);
        // SAFETY: `InstructionSet::run` makes `S` available; the addresses are those of local values.
        unsafe {
            let factor = S::splat(&factor);
            let mut sums = [factor; CHAINS];
            for _ in 0..self.0 {
                for sum in &mut sums {
                    *sum = S::mul_add(*sum, factor, factor);
                }
            }
            let total = sums.into_iter().reduce(|a, b| S::mul_add(a, factor, b)).expect("there are chains");
            S::store(stored.as_mut_ptr(), total);
        }
        stored.iter().sum()
    }
}
