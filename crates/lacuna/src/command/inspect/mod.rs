//! `lacuna inspect`: what a file or a run folder is, without anything that names a person.

mod image;
mod run;
mod weights;

use crate::arguments::ReadArguments;
use crate::error::CliError;
use crate::output::Outcome;
use clap::Args;
use std::path::PathBuf;

/// Say what a NIfTI image, a model, a checkpoint or a run folder holds
#[derive(Args)]
#[command(
    after_help = "Examples:\n  lacuna inspect scan.nii.gz\n  lacuna inspect model.safetensors --json\n  lacuna inspect resnet_50.pth"
)]
pub struct Arguments {
    /// The file, or the run folder
    #[arg(value_name = "FILE")]
    file: PathBuf,
    #[command(flatten)]
    read: ReadArguments,
}

/// Look at it by what it is called.
pub fn run(arguments: &Arguments) -> Result<Outcome, CliError> {
    let path = &arguments.file;
    let name = path.file_name().unwrap_or_default().to_string_lossy().to_ascii_lowercase();
    if path.is_dir() {
        run::inspect(path)
    } else if name.ends_with(".nii") || name.ends_with(".nii.gz") {
        image::inspect(path, &arguments.read.options()?.limits)
    } else if weights::ENDINGS.iter().any(|ending| name.ends_with(ending)) {
        weights::inspect(path)
    } else {
        Err(CliError::Config {
            what: format!(
                "{}: expected a .nii, .nii.gz, {} file or a run folder; fix: for a data set use `lacuna data check`",
                path.display(),
                weights::ENDINGS.join(", ")
            ),
        })
    }
}
