//! Where a study's or an audit's records and models lie, and what may be written of people.

use crate::context::Context;
use crate::error::CliError;
use crate::studying::{Folders, without_names};
use clap::Args;
use std::path::PathBuf;

/// Where records and models lie, and what may be written of people.
#[derive(Args)]
pub struct StoreArguments {
    /// Where the records of finished runs lie; they are found again by content
    #[arg(long, env = "LACUNA_RECORDS", value_name = "DIR")]
    records: Option<PathBuf>,
    /// Where models and checkpoints lie; they can be made again, and are deleted with the scans of whom they saw
    #[arg(long, env = "LACUNA_MODELS", value_name = "DIR")]
    models: Option<PathBuf>,
    /// Replace subject ids in everything that is written
    #[arg(long)]
    pub pseudonyms: bool,
}

impl StoreArguments {
    /// The folders named, or those below the run folders.
    pub fn folders(&self, context: &Context) -> Folders {
        let folder =
            |given: &Option<PathBuf>, name| given.clone().unwrap_or_else(|| context.runs.join("store").join(name));
        Folders { records: folder(&self.records, "records"), models: folder(&self.models, "models") }
    }

    /// What a file says; where ids are replaced, an error that may show its lines says no more than where they are.
    pub fn hidden<T>(&self, read: Result<T, impl Into<CliError>>) -> Result<T, CliError> {
        let hide = |error| if self.pseudonyms { without_names(error) } else { error };
        read.map_err(Into::into).map_err(hide)
    }
}
