//! Gaussian noise in place of voxels or features.

use lacuna_nn::{Maps, Tensor};
use lacuna_seed::Stream;

/// A volume of Gaussian noise with the mean and deviation of another, of its length.
pub(crate) fn noise_volume(like: &[f32], stream: &Stream) -> Vec<f32> {
    let n = like.len() as f64;
    let mean = like.iter().map(|&value| f64::from(value)).sum::<f64>() / n;
    let deviation = (like.iter().map(|&value| (f64::from(value) - mean).powi(2)).sum::<f64>() / n).sqrt();
    let mut draws = stream.draws();
    like.iter().map(|_| (mean + deviation * draws.normal()) as f32).collect()
}

/// Features of Gaussian noise with the mean and deviation of others, volume by volume.
pub(crate) fn noise_features(like: &Maps, stream: &Stream) -> Maps {
    let mut index = 0;
    like.map(|volume| {
        let stream = if index == 0 { stream.clone() } else { stream.part(&index.to_string()) };
        index += 1;
        noise_like(volume, &stream)
    })
}

fn noise_like(like: &Tensor<5>, stream: &Stream) -> Tensor<5> {
    let shape = like.dims();
    let values = like.clone().into_data().try_into_vec::<f32>().expect("lacuna's tensors hold f32");
    let noise = noise_volume(&values, stream);
    Tensor::<1>::from_floats(noise.as_slice(), &like.device()).reshape(shape)
}
