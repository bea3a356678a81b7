//! Sets of feature maps, which the encoder passes to the decoder.

use crate::loss::mean_squared;
use burn::tensor::Tensor;

/// One or several volumes, `[B, C, D, H, W]` each, finest first: an encoder's features, of which a U-Net has one for
/// every stage, or logits.
#[derive(Clone, Debug)]
pub struct Maps {
    volumes: Vec<Tensor<5>>,
    /// The size (D, H, W) of the network's input before padding, which the decoder crops to.
    pub(crate) input_size: [usize; 3],
}

impl Maps {
    /// Creates the set from its volumes, finest first.
    ///
    /// # Panics
    /// If `volumes` is empty.
    pub(crate) fn new(volumes: Vec<Tensor<5>>, input_size: [usize; 3]) -> Maps {
        assert!(!volumes.is_empty(), "an encoder hands something over");
        Maps { volumes, input_size }
    }

    /// Creates a set of a single volume, such as logits.
    pub fn of(volume: Tensor<5>) -> Maps {
        let [_, _, size @ ..] = volume.dims();
        Maps { volumes: vec![volume], input_size: size }
    }

    /// Returns all volumes, finest first.
    pub fn volumes(&self) -> &[Tensor<5>] {
        &self.volumes
    }

    /// Returns the finest volume.
    pub fn finest(&self) -> &Tensor<5> {
        &self.volumes[0]
    }

    /// Returns the deepest volume, the output of the whole encoder.
    pub fn deepest(&self) -> &Tensor<5> {
        self.volumes.last().expect("there is a volume")
    }

    /// Returns the set with each volume replaced by `change`, which must keep the shapes.
    pub fn map(&self, change: impl FnMut(&Tensor<5>) -> Tensor<5>) -> Maps {
        Maps { volumes: self.volumes.iter().map(change).collect(), input_size: self.input_size }
    }

    /// Returns the mean over volumes of the mean squared difference; a scalar `[1]`. Every volume has the same weight,
    /// whatever its size.
    ///
    /// # Panics
    /// If the volumes of the two sets differ in number or shape.
    pub fn mean_squared(&self, target: &Maps) -> Tensor<1> {
        assert_eq!(self.volumes.len(), target.volumes.len(), "features are compared with those of the same network");
        let pairs = self.volumes.iter().zip(&target.volumes);
        let distances = pairs.map(|(volume, target)| mean_squared(volume.clone(), target.clone()));
        let sum = distances.reduce(|sum, distance| sum + distance).expect("there is a volume");
        if self.volumes.len() == 1 { sum } else { sum.div_scalar(self.volumes.len() as f64) }
    }
}
