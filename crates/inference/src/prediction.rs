//! The output of a network for one scan.

use lacuna_nn::Tensor;
use lacuna_nn::loss::probabilities;

/// Class probabilities on the network's output grid, with the logits behind them: of one network, or the mean of
/// several networks or passes.
#[derive(Clone, Debug, PartialEq)]
pub struct Prediction {
    /// The class probabilities `[C, D, H, W]`, row-major.
    pub probabilities: Vec<f32>,
    /// The logits that the softmax was applied to, or the logarithms of averaged probabilities, `[C, D, H, W]`
    /// row-major. Where a probability is 0 in `f32`, the logits of one network still give its order of magnitude.
    pub logits: Vec<f32>,
    /// The lengths of the axes C, D, H and W.
    pub shape: [usize; 4],
}

impl Prediction {
    /// The prediction of one network, from its logits `[1, C, D, H, W]`.
    pub fn of_logits(logits: Tensor<5>) -> Prediction {
        let [_, c, d, h, w] = logits.dims();
        Prediction { probabilities: values(probabilities(logits.clone())), logits: values(logits), shape: [c, d, h, w] }
    }

    /// A prediction of averaged probabilities `[C, D, H, W]`; its logits are their logarithms.
    pub(crate) fn of_probabilities(probabilities: Vec<f32>, shape: [usize; 4]) -> Prediction {
        let logits = probabilities.iter().map(|probability| probability.max(f32::MIN_POSITIVE).ln()).collect();
        Prediction { probabilities, logits, shape }
    }

    /// Whether every probability is a finite number.
    pub fn is_finite(&self) -> bool {
        self.probabilities.iter().all(|probability| probability.is_finite())
    }

    /// Whether the most probable class is the same in every voxel, the sign of a collapsed network.
    pub fn is_collapsed(&self) -> bool {
        let mut classes = (0..self.voxels()).map(|voxel| self.class(voxel));
        let first = classes.next();
        classes.all(|class| Some(class) == first)
    }

    /// The number of voxels D * H * W.
    pub fn voxels(&self) -> usize {
        self.shape[1..].iter().product()
    }

    /// The most probable class of a voxel, which is counted in `[D, H, W]` row-major; the lowest number among equals.
    pub fn class(&self, voxel: usize) -> u8 {
        most_probable(&self.of_voxel(voxel))
    }

    /// The probabilities of a voxel, by class.
    pub(crate) fn of_voxel(&self, voxel: usize) -> Vec<f32> {
        let voxels = self.voxels();
        (0..self.shape[0]).map(|class| self.probabilities[class * voxels + voxel]).collect()
    }
}

/// The most probable class; the lowest number among equals.
pub(crate) fn most_probable(probabilities: &[f32]) -> u8 {
    let mut best = 0;
    for (class, &probability) in probabilities.iter().enumerate() {
        if probability > probabilities[best] {
            best = class;
        }
    }
    best as u8
}

/// The values of a tensor on the host, row-major.
pub fn values(tensor: Tensor<5>) -> Vec<f32> {
    tensor.into_data().try_into_vec::<f32>().expect("lacuna's tensors hold f32")
}
