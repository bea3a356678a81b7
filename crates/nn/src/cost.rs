//! What a pass through a network costs, before anything is computed.

use crate::Architecture;
use crate::medicalnet::MedicalNet;

/// Work and memory of one volume's pass.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Cost {
    /// Multiplications with addition of the forward pass, taps in the padding included.
    pub multiply_adds: f64,
    /// f32 values that a forward pass keeps for the backward one: each convolution's output and
    /// what BatchNorm makes of it.
    pub activations: f64,
    /// f32 values that an optimiser may move.
    pub weights: f64,
}

impl Cost {
    /// The cost for an input of `size` (D, H, W), one volume per batch.
    pub fn of(architecture: &Architecture, size: [usize; 3]) -> Cost {
        MedicalNet::new(architecture).cost(size)
    }

    /// Bytes that one training step needs: weights, gradients and one moment, activations and
    /// their gradients of about the largest layers. Measured within a quarter.
    pub fn training_bytes(&self) -> f64 {
        4.0 * (3.0 * self.weights + 1.5 * self.activations)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_resnet_50_costs_what_its_layers_add_up_to() {
        let architecture = Architecture::new(50, 1, 2).unwrap();
        let cost = Cost::of(&architecture, [64, 64, 64]);
        assert_eq!(cost.weights, 46_707_232.0);
        // The stem alone: 32^3 positions, 343 taps, 64 channels.
        assert!(cost.multiply_adds > 32f64.powi(3) * 343.0 * 64.0);
        let double = Cost::of(&architecture, [128, 64, 64]);
        assert!((double.multiply_adds / cost.multiply_adds - 2.0).abs() < 1e-9, "work is linear in voxels");
        assert!((double.activations / cost.activations - 2.0).abs() < 1e-9);
    }
}
