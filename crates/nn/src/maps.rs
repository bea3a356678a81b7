//! Volumes that belong together: what an encoder hands to its decoder.

use crate::loss::mean_squared;
use burn::tensor::Tensor;

/// One volume or several, `[B, C, D, H, W]` each, finest first: an encoder's features, of which a U-Net has one for
/// every stage, or logits alone.
#[derive(Clone, Debug)]
pub struct Maps {
    volumes: Vec<Tensor<5>>,
    /// D, H and W of the network's input, which a decoder needs to know where padding was.
    pub(crate) input_size: [usize; 3],
}

impl Maps {
    /// # Panics
    /// Without a volume: a network says something.
    pub(crate) fn new(volumes: Vec<Tensor<5>>, input_size: [usize; 3]) -> Maps {
        assert!(!volumes.is_empty(), "an encoder hands something over");
        Maps { volumes, input_size }
    }

    /// A single volume, such as logits.
    pub fn of(volume: Tensor<5>) -> Maps {
        let [_, _, size @ ..] = volume.dims();
        Maps { volumes: vec![volume], input_size: size }
    }

    /// All volumes, finest first.
    pub fn volumes(&self) -> &[Tensor<5>] {
        &self.volumes
    }

    /// The finest volume.
    pub fn finest(&self) -> &Tensor<5> {
        &self.volumes[0]
    }

    /// The deepest volume, which the whole encoder had its part in.
    pub fn deepest(&self) -> &Tensor<5> {
        self.volumes.last().expect("there is a volume")
    }

    /// Other volumes of the same shapes.
    pub fn map(&self, change: impl FnMut(&Tensor<5>) -> Tensor<5>) -> Maps {
        Maps { volumes: self.volumes.iter().map(change).collect(), input_size: self.input_size }
    }

    /// The mean over volumes of the mean squared difference, so that a large volume does not outvote a deep one.
    ///
    /// # Panics
    /// If the two are not of the same network.
    pub fn mean_squared(&self, target: &Maps) -> Tensor<1> {
        assert_eq!(self.volumes.len(), target.volumes.len(), "features are compared with those of the same network");
        let pairs = self.volumes.iter().zip(&target.volumes);
        let distances = pairs.map(|(volume, target)| mean_squared(volume.clone(), target.clone()));
        let sum = distances.reduce(|sum, distance| sum + distance).expect("there is a volume");
        if self.volumes.len() == 1 { sum } else { sum.div_scalar(self.volumes.len() as f64) }
    }
}
