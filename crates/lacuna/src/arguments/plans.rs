//! nnU-Net's plans, which say what a checkpoint's network is.

use crate::error::CliError;
use clap::Args;
use lacuna_nn::{Architecture, NnError, PlainUnet, read_plans, recognise, turned_axes};
use lacuna_study::CONFIGURATION;
use lacuna_weights::WeightFile;
use std::path::PathBuf;

/// nnU-Net's plans.
#[derive(Args, Default)]
pub struct PlansArguments {
    /// nnU-Net v2's plans.json, for its checkpoint_final.pth
    #[arg(long, value_name = "FILE", conflicts_with_all = ["depth", "shortcut"], help_heading = "Foreign weights")]
    pub plans: Option<PathBuf>,
    /// Which configuration of the plans [default: 3d_fullres]
    #[arg(long, value_name = "NAME", requires = "plans", help_heading = "Foreign weights")]
    pub configuration: Option<String>,
}

impl PlansArguments {
    /// What the user should know of the plans before relying on predictions.
    ///
    /// # Errors
    /// A file that cannot be read or is no JSON.
    pub fn remarks(&self) -> Result<Vec<String>, CliError> {
        let Some(path) = &self.plans else { return Ok(Vec::new()) };
        let remark = |axes: Vec<u64>| {
            format!(
                "{}: transpose_forward {axes:?}: nnU-Net turned the axes of its images before training, lacuna does not; \
                 kernels and strides are taken as they stand, and predictions of its checkpoint are not nnU-Net's",
                path.display()
            )
        };
        Ok(turned_axes(path)?.map(remark).into_iter().collect())
    }

    /// The plans alone.
    pub fn of(path: Option<PathBuf>) -> PlansArguments {
        PlansArguments { plans: path, configuration: None }
    }

    /// The network of the plans, with the channels and classes of a file of its weights; `None` without plans.
    ///
    /// # Errors
    /// Plans of another network than nnU-Net's plain U-Net, or a file that is not of the network planned.
    pub fn architecture(&self, file: &WeightFile) -> Result<Option<Architecture>, CliError> {
        let Some(path) = &self.plans else { return Ok(None) };
        let configuration = self.configuration.as_deref().unwrap_or(CONFIGURATION);
        let plan = read_plans(path, configuration)?;
        // A whole U-Net says its classes itself.
        let found = recognise(file)?.architecture(2)?;
        let planned = PlainUnet::new(plan, found.channels(), found.classes())?;
        let planned = Architecture::PlainUnet(planned);
        if planned == found {
            return Ok(Some(planned));
        }
        Err(CliError::Network(NnError::Plans {
            path: path.clone(),
            field: configuration.to_string(),
            expected: format!("{found}, the network of {}", file.path().display()),
            found: planned.to_string(),
        }))
    }
}
