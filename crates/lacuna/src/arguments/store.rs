//! Where a study's or an audit's records and models lie, and what may be written of people.

use crate::context::Context;
use crate::error::CliError;
use crate::studying::{Folders, without_names};
use clap::Args;
use lacuna_objects::Address;

/// Where records and models lie, and what may be written of people.
#[derive(Args)]
pub struct StoreArguments {
    /// Where the records of finished runs lie: a folder, the URL of a bucket, or, to read complete ones, an archive
    /// `NAME.tar.xz`. A run is found again by what decides it
    #[arg(long, env = "LACUNA_RECORDS", value_name = "DIR")]
    records: Option<Address>,
    /// Where models and checkpoints lie; they can be made again, and are deleted with the scans of whom they saw
    #[arg(long, env = "LACUNA_MODELS", value_name = "DIR")]
    models: Option<Address>,
    /// Replace subject ids in everything that is written
    #[arg(long)]
    pub pseudonyms: bool,
}

impl StoreArguments {
    /// The folders named, or those below the run folders.
    pub fn folders(&self, context: &Context) -> Folders {
        Folders::or_below_runs(&self.records, &self.models, context)
    }

    /// What a file says; where ids are replaced, an error that may show its lines says no more than where they are.
    pub fn hidden<T>(&self, read: Result<T, impl Into<CliError>>) -> Result<T, CliError> {
        let hide = |error| if self.pseudonyms { without_names(error) } else { error };
        read.map_err(Into::into).map_err(hide)
    }
}
