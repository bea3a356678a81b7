//! The cases of a run: which scans, what their labels mean, how they become a network's input.

use super::{LabelArguments, LayoutArguments, Model, PreprocessArguments, ReadArguments};
use crate::config::absolute;
use crate::error::CliError;
use clap::Args;
use lacuna_cohort::{AS_IS, BUILT_IN, LayoutOptions};
use lacuna_study::{DataConfig, LabelChoice};
use std::path::PathBuf;

/// The cases of a run.
#[derive(Args)]
pub struct CaseArguments {
    /// The data set: a folder or a list file
    #[arg(long, value_name = "DATA")]
    pub data: Option<PathBuf>,
    #[command(flatten)]
    pub layout: LayoutArguments,
    #[command(flatten)]
    pub labels: LabelArguments,
    #[command(flatten)]
    pub preprocess: PreprocessArguments,
    #[command(flatten)]
    pub read: ReadArguments,
}

impl CaseArguments {
    /// Whether any of these options is given.
    pub fn is_stated(&self) -> bool {
        let labels = self.labels.labels.is_some();
        self.data.is_some() || self.options_are_stated() || labels || self.preprocess.is_stated()
    }

    /// Whether any option on the data set's layout or reading is given.
    pub fn options_are_stated(&self) -> bool {
        self.layout.is_stated() || self.read.is_stated()
    }

    /// How the data set lies and is read.
    pub fn options(&self) -> Result<LayoutOptions, CliError> {
        self.layout.options(&self.read)
    }

    /// The data set with the label table stated, else the one the model was trained with.
    ///
    /// # Errors
    /// If no data set is stated, or neither says a table.
    pub fn data_for(&self, model: &Model) -> Result<DataConfig, CliError> {
        let root = self.data.as_deref().ok_or_else(|| CliError::Config {
            what: "--data: expected a data set, found nothing; fix: say it with --data DATA".to_string(),
        })?;
        let labels = match self.labels.choice()? {
            Some(choice) => choice,
            None => table_of(model)?,
        };
        Ok(DataConfig { root: absolute(root), labels, options: self.options()? })
    }
}

/// The label table that the model's file holds or, of an older file, names.
fn table_of(model: &Model) -> Result<LabelChoice, CliError> {
    let refuse = |key: &str, found: &str| {
        let path = model.path.display();
        let what = format!(
            "{path}: metadata `{key}`: expected the label table that the model was trained with, found {found}; \
             fix: give it with --labels FILE.toml, or by its name"
        );
        Err(CliError::Config { what })
    };
    match (&model.notes.table, &model.notes.label_table) {
        (Some(table), _) => Ok(LabelChoice::of(table)),
        (None, Some(name)) if is_known(name) => Ok(LabelChoice::Named(name.clone())),
        (None, Some(name)) => refuse("label_map", &format!("only its name, `{name}`")),
        (None, None) => refuse("label_table", "nothing"),
    }
}

/// Whether a table of this name comes with lacuna or with the data set.
fn is_known(name: &str) -> bool {
    name == AS_IS || BUILT_IN.iter().any(|table| table.name == name)
}
