//! How images become a network's input.

use super::values::{spacing_mm, voxels};
use crate::error::CliError;
use clap::{Args, ValueEnum};
use lacuna_volume::{Canonical, Crop, Foreground, Medicalnet, Preprocessing};

/// How images become a network's input.
#[derive(Args)]
pub struct PreprocessArguments {
    /// The preprocessing
    #[arg(long, value_enum, default_value = "as-trained", value_name = "HOW", help_heading = "Preprocessing")]
    pub preprocess: PreprocessChoice,
    /// Voxels of the network's input along D, H and W
    #[arg(long, value_parser = voxels, value_name = "DxHxW", help_heading = "Preprocessing")]
    pub size: Option<[usize; 3]>,
    /// Millimetres between the input's voxels along D, H and W; canonical only
    #[arg(long, value_parser = spacing_mm, value_name = "DxHxW", conflicts_with = "size", help_heading = "Preprocessing")]
    pub spacing: Option<[f64; 3]>,
    /// What canonical preprocessing cuts away: everything outside the box of voxels above 0, or nothing
    #[arg(long, value_enum, default_value = "above-zero", value_name = "WHERE", help_heading = "Preprocessing")]
    pub crop: CropChoice,
    /// What canonical preprocessing takes mean and deviation over
    #[arg(long, value_enum, default_value = "above-zero", value_name = "WHERE", help_heading = "Preprocessing")]
    pub foreground: ForegroundChoice,
}

/// A preprocessing by name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum PreprocessChoice {
    /// What the model file says it was trained with
    AsTrained,
    /// The voxels as stored, axes (i, j, k) as (D, H, W)
    None,
    /// RAS axes, cropped, resampled trilinearly, z-scored; (D, H, W) run up, front, right
    Canonical,
    /// MedicalNet's own, axes (i, j, k) as (D, H, W), 56x448x448 if --size is unsaid
    Medicalnet,
}

#[derive(Clone, Copy, ValueEnum)]
pub enum CropChoice {
    /// Nothing is cut away
    None,
    /// The box of voxels above 0 is kept
    AboveZero,
}

/// A foreground by name.
#[derive(Clone, Copy, ValueEnum)]
pub enum ForegroundChoice {
    /// Every voxel of the image
    AllVoxels,
    /// Voxels whose value is above 0
    AboveZero,
}

impl PreprocessArguments {
    /// Whether any option is given that another preprocessing would use.
    pub fn is_stated(&self) -> bool {
        self.preprocess != PreprocessChoice::AsTrained || self.size.is_some() || self.spacing.is_some()
    }

    /// The preprocessing stated here; `None` where the model file is to say.
    ///
    /// # Errors
    /// A size or spacing for a preprocessing that has none.
    pub fn stated(&self) -> Result<Option<Preprocessing>, CliError> {
        let fixed = self.size.is_some() || self.spacing.is_some();
        match self.preprocess {
            PreprocessChoice::AsTrained if fixed => Err(self.no_size("as-trained")),
            PreprocessChoice::None if fixed => Err(self.no_size("none")),
            PreprocessChoice::Medicalnet if self.spacing.is_some() => Err(self.no_size("medicalnet with --spacing")),
            PreprocessChoice::AsTrained => Ok(None),
            PreprocessChoice::None => Ok(Some(Preprocessing::None)),
            PreprocessChoice::Medicalnet => Ok(Some(Preprocessing::Medicalnet(
                self.size.map_or_else(Medicalnet::published, |size| Medicalnet { size }),
            ))),
            PreprocessChoice::Canonical => Ok(Some(Preprocessing::Canonical(Canonical {
                size: self.size,
                spacing_mm: self.spacing,
                crop: self.crop.into(),
                foreground: self.foreground.into(),
            }))),
        }
    }

    fn no_size(&self, name: &str) -> CliError {
        CliError::Usage { what: format!("--preprocess {name} does not resample; fix: leave --size and --spacing out") }
    }
}

impl From<CropChoice> for Crop {
    fn from(choice: CropChoice) -> Crop {
        match choice {
            CropChoice::None => Crop::None,
            CropChoice::AboveZero => Crop::AboveZero,
        }
    }
}

impl From<ForegroundChoice> for Foreground {
    fn from(choice: ForegroundChoice) -> Foreground {
        match choice {
            ForegroundChoice::AllVoxels => Foreground::AllVoxels,
            ForegroundChoice::AboveZero => Foreground::AboveZero,
        }
    }
}
