//! An estimate of the work and memory of a pass through a network.

use crate::{Activations, Architecture};

/// The work and memory of one volume's pass.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Cost {
    /// The number of multiply-adds of the forward pass, those on padding included.
    pub multiply_adds: f64,
    /// The number of f32 values that a forward pass keeps for the backward pass: the output of each convolution and of
    /// its normalisation.
    pub activations: f64,
    /// The number of f32 values kept if activations are recomputed: the output of each part of the encoder, and the
    /// values kept within the largest part.
    pub recomputed: f64,
    /// The number of trainable f32 values.
    pub weights: f64,
}

impl Cost {
    /// Returns the cost for an input of `size` (D, H, W), one volume per batch.
    pub fn of(architecture: &Architecture, size: [usize; 3]) -> Cost {
        architecture.layers().cost(size)
    }

    /// Returns an estimate, in bytes, of the memory of one training step on this number of volumes: weights, gradients
    /// and one moment, activations, and the gradients of about the largest layers. Measured values differ by at most a
    /// quarter.
    pub fn training_bytes(&self, volumes: usize, activations: Activations) -> f64 {
        let kept = match activations {
            Activations::Kept => self.activations,
            Activations::Recomputed => self.recomputed,
        };
        4.0 * (3.0 * self.weights + 1.5 * kept * volumes as f64)
    }

    /// Returns the number of multiply-adds of a training step on one volume: a backward pass does the work of two
    /// forward passes, and recomputing that of one more.
    pub fn training_multiply_adds(&self, activations: Activations) -> f64 {
        match activations {
            Activations::Kept => 3.0 * self.multiply_adds,
            Activations::Recomputed => 4.0 * self.multiply_adds,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_resnet_50_costs_what_its_layers_add_up_to() {
        let architecture = Architecture::medicalnet(50, 1, 2).unwrap();
        let cost = Cost::of(&architecture, [64, 64, 64]);
        assert_eq!(cost.weights, 46_707_232.0);
        // The stem has 32^3 output voxels, 343 kernel elements and 64 channels.
        assert!(cost.multiply_adds > 32f64.powi(3) * 343.0 * 64.0);
        let double = Cost::of(&architecture, [128, 64, 64]);
        assert!((double.multiply_adds / cost.multiply_adds - 2.0).abs() < 1e-9, "work is linear in voxels");
        assert!((double.activations / cost.activations - 2.0).abs() < 1e-9);
        assert!((double.recomputed / cost.recomputed - 2.0).abs() < 1e-9);
        assert!(cost.recomputed < cost.activations / 2.0);
    }
}
