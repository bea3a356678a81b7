//! Arguments of the sliding window and of mirroring, which `predict` and `eval` share.

use super::voxels;
use crate::error::CliError;
use clap::Args;
use clap::builder::{PossibleValue, PossibleValuesParser, TypedValueParser};
use lacuna_inference::{Axis, InferenceError, Inferer};

/// How a prepared scan goes through the network.
#[derive(Args)]
pub struct PassArguments {
    /// Cut the network's input into overlapping windows of this size along D, H and W, multiples of 8, and blend their
    /// predictions by a Gaussian
    #[arg(long, value_parser = voxels, value_name = "DxHxW", help_heading = "Passes")]
    pub window: Option<[usize; 3]>,
    /// The share of a window that the next one covers too
    #[arg(long, default_value_t = 0.5, value_name = "SHARE", help_heading = "Passes")]
    pub overlap: f64,
    /// Average over mirror images along these axes of the network's input: d, h, w
    #[arg(long, value_parser = axes(), ignore_case = true, value_delimiter = ',', value_name = "AXES", help_heading = "Passes")]
    pub flips: Vec<Axis>,
}

impl PassArguments {
    /// The inferer that the flags describe.
    ///
    /// # Errors
    /// [`CliError::Usage`]: a window whose lengths are no multiples of 8, an overlap outside [0, 1).
    pub fn inferer(&self) -> Result<Inferer, CliError> {
        // The library names a setting as its flag is named.
        let usage = |error: InferenceError| CliError::Usage { what: format!("--{error}") };
        Inferer::new(self.window, self.overlap, &self.flips).map_err(usage)
    }
}

/// Axes by name, with what they are.
fn axes() -> impl TypedValueParser<Value = Axis> {
    let values = Axis::ALL.map(|axis| PossibleValue::new(axis.name()).help(about(axis)));
    PossibleValuesParser::new(values).map(|name| {
        let named = Axis::ALL.into_iter().find(|axis| name.eq_ignore_ascii_case(axis.name()));
        named.expect("the parser lets only these names pass")
    })
}

fn about(axis: Axis) -> &'static str {
    match axis {
        Axis::D => "The first: from below to above in canonical preprocessing",
        Axis::H => "The second: from the back to the front",
        Axis::W => "The third: from left to right",
    }
}
