//! The cost of one volume's pass through the U-Net.

use super::layers::{Unet, Unit};
use crate::Cost;
use crate::family::Layers;
use crate::layers::TensorSpec;

impl Unet {
    /// Returns the cost of one volume of `size` (D, H, W); padding is not counted.
    pub(super) fn cost_of(&self, size: [usize; 3]) -> Cost {
        let mut size = size;
        let mut cost = Cost::default();
        let (mut skips, mut inside_max, mut handed_over) = (Vec::new(), 0f64, 0.0);
        for units in &self.down {
            let before = cost.activations;
            units.iter().for_each(|unit| add(&mut cost, unit, &mut size));
            skips.push(size);
            handed_over += positions(size) * units.last().map_or(0, |unit| unit.convolution.out_channels) as f64;
            inside_max = inside_max.max(cost.activations - before);
        }
        let encoder = cost.activations;
        for (stage, skip) in self.up.iter().zip(skips.iter().rev().skip(1)) {
            let [below, channels] = stage.channels;
            size = *skip;
            cost.multiply_adds += positions(size) * (below * channels) as f64;
            // The upsampled map, and its concatenation with the encoder's map.
            cost.activations += positions(size) * (3 * channels) as f64;
            stage.units.iter().for_each(|unit| add(&mut cost, unit, &mut size));
        }
        // The decoder is not recomputed, and its activations are freed before any part is recomputed.
        let decoder = cost.activations - encoder;
        let weights = self.specs().iter().map(TensorSpec::len).sum::<usize>();
        Cost { weights: weights as f64, recomputed: handed_over + inside_max.max(decoder), ..cost }
    }
}

/// Adds a convolution's work, its output and the output of its normalisation.
fn add(cost: &mut Cost, unit: &Unit, size: &mut [usize; 3]) {
    let convolution = &unit.convolution;
    *size = std::array::from_fn(|axis| size[axis].div_ceil(convolution.stride[axis]));
    let taps = convolution.in_channels * convolution.out_channels * convolution.kernel.iter().product::<usize>();
    cost.multiply_adds += positions(*size) * taps as f64;
    cost.activations += 2.0 * positions(*size) * convolution.out_channels as f64;
}

fn positions(size: [usize; 3]) -> f64 {
    size.iter().product::<usize>() as f64
}
