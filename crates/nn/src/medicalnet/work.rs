//! The cost of one volume's pass through MedicalNet's layers.

use super::{Block, HEAD_CHANNELS, MedicalNet, Skip};
use crate::cost::Cost;
use crate::family::Layers;
use crate::layers::{Convolution, TensorSpec};
use crate::parameters::Role;

impl MedicalNet {
    /// Returns the cost of one volume of `size` (D, H, W).
    pub(super) fn cost_of(&self, size: [usize; 3]) -> Cost {
        let mut count = Count { size, cost: Cost::default(), inside: 0.0, inside_max: 0.0 };
        count.convolve(&self.stem.0);
        count.size = count.size.map(|size| size.div_ceil(2));
        count.end_part(self.stem.0.out_channels);
        self.blocks.iter().for_each(|block| count.block(block));
        let coarse = count.positions();
        count.cost.multiply_adds += coarse * (self.encoder_channels * HEAD_CHANNELS * 8) as f64;
        count.size = count.size.map(|size| 2 * size);
        count.inside = 2.0 * 8.0 * coarse * HEAD_CHANNELS as f64;
        self.head.iter().for_each(|(convolution, _)| count.convolve(convolution));
        count.add(&self.classifier);
        // The head is not recomputed, and its activations are freed before any part is recomputed.
        count.cost.activations += count.inside;
        let weights = self.specs().iter().filter(|spec| spec.role == Role::Weight).map(TensorSpec::len).sum::<usize>();
        let recomputed = count.cost.recomputed + count.inside_max.max(count.inside);
        Cost { weights: weights as f64, recomputed, ..count.cost }
    }
}

/// Adds up the cost of layers while following the size of their input.
struct Count {
    size: [usize; 3],
    cost: Cost,
    /// The number of activations in the current part.
    inside: f64,
    /// The number of activations in the largest part.
    inside_max: f64,
}

impl Count {
    fn block(&mut self, block: &Block) {
        block.body.iter().for_each(|(convolution, _)| self.convolve(convolution));
        if let Skip::Project(convolution, _) = &block.skip {
            self.add(convolution);
        }
        self.end_part(block.body.last().map_or(0, |(convolution, _)| convolution.out_channels));
    }

    fn convolve(&mut self, convolution: &Convolution) {
        self.size = std::array::from_fn(|axis| self.size[axis].div_ceil(convolution.stride[axis]));
        self.add(convolution);
    }

    /// Adds a convolution beside the main path, without changing the size that is followed.
    fn add(&mut self, convolution: &Convolution) {
        let weights =
            (convolution.in_channels * convolution.out_channels * convolution.kernel.iter().product::<usize>()) as f64;
        self.cost.multiply_adds += self.positions() * weights;
        self.inside += 2.0 * self.positions() * convolution.out_channels as f64;
    }

    /// Ends a part of the encoder whose output has this number of channels.
    fn end_part(&mut self, channels: usize) {
        self.cost.activations += self.inside;
        self.cost.recomputed += self.positions() * channels as f64;
        self.inside_max = self.inside_max.max(self.inside);
        self.inside = 0.0;
    }

    fn positions(&self) -> f64 {
        self.size.iter().product::<usize>() as f64
    }
}
