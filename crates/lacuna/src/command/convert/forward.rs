//! The output of a network for an input that is computed from a formula.
//!
//! Voxel `i` of the input, in row-major order, is `(2654435761 i mod 2^32) / 2^31 - 1`, the nearest `f32`. In numpy:
//! `((numpy.arange(n, dtype=numpy.uint64) * 2654435761 % 2**32) / 2**31 - 1).astype(numpy.float32)`.

use crate::context::Context;
use crate::error::CliError;
use lacuna_nn::{Network, Part, Pass, Tensor};
use lacuna_weights::{Array, write_safetensors};
use serde::Serialize;
use std::collections::BTreeMap;
use std::path::Path;

/// Voxels per axis of the input: enough for every stage to have more than one.
const SIZE: usize = 32;

/// How many values of the output are reported.
const FIRST: usize = 4;

/// A pass forward, in a few numbers.
#[derive(Serialize)]
pub struct Summary {
    /// `logits` of a whole network, `features` of an encoder, the deepest ones.
    pub output: &'static str,
    /// `[B, C, D, H, W]`.
    pub input_shape: Vec<usize>,
    /// `[B, C, D, H, W]`.
    pub output_shape: Vec<usize>,
    /// BLAKE3 of the output's values as `f32`, row-major, least byte first.
    pub digest: String,
    /// The output's Euclidean length: to compare with a program that rounds otherwise.
    pub norm: f64,
    /// Its first values.
    pub first: Vec<f32>,
}

pub struct Forward {
    input: Array,
    output: Array,
    /// It in a few numbers.
    pub summary: Summary,
}

/// Pass the fixed input through a network or its encoder, BatchNorm with its running statistics.
pub fn forward(network: &Network, part: Part, context: &Context) -> Forward {
    let input_shape = vec![1, network.architecture().channels(), SIZE, SIZE, SIZE];
    let input = fixed_input(input_shape.iter().product());
    let shape: [usize; 5] = input_shape.clone().try_into().expect("an input has five axes");
    let tensor = Tensor::<1>::from_floats(input.as_slice(), &context.device).reshape(shape);
    let pass = Pass::evaluation(&network.parameters);
    let (name, output) = match part {
        Part::Whole => ("logits", network.forward(&pass, tensor)),
        Part::Encoder => ("features", network.encode(&pass, tensor).deepest().clone()),
    };
    let output_shape = output.dims().to_vec();
    let values = lacuna_inference::values(output);
    let output = Array::of_f32(output_shape.clone(), &values);
    let bytes: Vec<u8> = values.iter().flat_map(|value| value.to_le_bytes()).collect();
    let summary = Summary {
        output: name,
        input_shape: input_shape.clone(),
        output_shape,
        digest: lacuna_disk::digest(&bytes),
        norm: values.iter().map(|&value| f64::from(value).powi(2)).sum::<f64>().sqrt(),
        first: values.iter().take(FIRST).copied().collect(),
    };
    Forward { input: Array::of_f32(input_shape, &input), output, summary }
}

impl Forward {
    /// Write input and output as safetensors.
    pub fn write(self: &Forward, path: &Path) -> Result<(), CliError> {
        let named = [("input", &self.input), (self.summary.output, &self.output)];
        let arrays: BTreeMap<String, Array> =
            named.into_iter().map(|(name, array)| (name.to_string(), array.clone())).collect();
        Ok(write_safetensors(path, &arrays, None)?)
    }
}

fn fixed_input(count: usize) -> Vec<f32> {
    (0..count as u32).map(|i| (f64::from(i.wrapping_mul(2_654_435_761)) / f64::from(1u32 << 31) - 1.0) as f32).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_fixed_input_is_the_formula_of_its_page() {
        // 2654435761 / 2^31 - 1 and (2 * 2654435761 - 2^32) / 2^31 - 1.
        assert_eq!(fixed_input(3), [-1.0, 0.236_067_98, -0.527_864_04]);
    }
}
