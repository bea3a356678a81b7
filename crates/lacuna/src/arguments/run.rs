//! A run folder: a new one, or one to go on with.

use super::CaseArguments;
use crate::config;
use crate::error::CliError;
use clap::Args;
use std::path::{Path, PathBuf};

/// A run folder: a new one, or one to go on with.
#[derive(Args)]
pub struct RunArguments {
    /// What every draw of the run follows from [default: 0]
    #[arg(long, value_name = "N")]
    pub seed: Option<u64>,
    /// What the run folder is called [default: the network's or the strategy's name]
    #[arg(long, value_name = "NAME")]
    pub name: Option<String>,
    /// A run folder to go on with; its own settings hold
    #[arg(long, value_name = "RUN", conflicts_with_all = ["data", "seed", "name"])]
    resume: Option<PathBuf>,
}

impl RunArguments {
    /// The folder to go on with, unchecked.
    pub fn folder(&self) -> Option<&PathBuf> {
        self.resume.as_ref()
    }

    /// The folder to go on with, if there is one.
    ///
    /// # Errors
    /// If `cases` are stated beside it, which would not count, or it is no run folder.
    pub fn resumed(&self, cases: &CaseArguments) -> Result<Option<&Path>, CliError> {
        match &self.resume {
            Some(folder) if cases.is_stated() => Err(CliError::Usage {
                what: format!(
                    "--resume {}: the run's own settings hold; fix: leave data, labels and preprocessing out",
                    folder.display()
                ),
            }),
            Some(folder) if !folder.join("run.json").is_file() => Err(CliError::Config {
                what: format!(
                    "--resume {}: expected a run folder, found no run.json in it: nothing was begun there; fix: name a \
                     folder below runs/VERB, or give the command anew without --resume",
                    folder.display()
                ),
            }),
            Some(folder) if !folder.join(config::FILE).is_file() => Err(CliError::Config {
                what: format!(
                    "--resume {}: expected the settings of a run, found no {} in it: nothing was begun; fix: delete the \
                     folder, and give the command anew without --resume",
                    folder.display(),
                    config::FILE
                ),
            }),
            resume => Ok(resume.as_deref()),
        }
    }
}
