//! A network applied to prepared images, outside training.

use lacuna_nn::{Device, Network, Pass, Tensor};
use lacuna_volume::Prepared;

/// Raw logits `[1, C, D, H, W]` on the network's output grid, BatchNorm with its running statistics.
pub fn logits(network: &Network, input: &Prepared, device: &Device) -> Tensor<5> {
    let [c, d, h, w] = input.shape;
    let tensor = Tensor::<1>::from_floats(input.voxels.as_slice(), device).reshape([1, c, d, h, w]);
    network.forward(&Pass::evaluation(&network.parameters), tensor)
}

/// A tensor's values on the host, row-major.
pub fn values(tensor: Tensor<5>) -> Vec<f32> {
    tensor.into_data().try_into_vec::<f32>().expect("lacuna's tensors hold f32")
}
