//! Where data lie, how they are read, what their labels mean.

use super::suggested::{label_tables, layouts};
use crate::config::absolute;
use crate::error::CliError;
use clap::Args;
use lacuna_cohort::{BUILT_IN, Cohort, Excluded, LAYOUTS, LabelTable, LayoutOptions, ReadOptions, SubjectPattern};
use lacuna_inference::ModelNotes;
use lacuna_study::LabelChoice;
use lacuna_weights::WeightFile;
use serde::{Deserialize, Serialize};
use std::path::{Path, PathBuf};

/// A data set and how it lies on the disk.
#[derive(Args)]
pub struct DataArguments {
    /// The data set: a folder or a list file
    #[arg(value_name = "DATA")]
    pub data: PathBuf,
    #[command(flatten)]
    pub layout: LayoutArguments,
    #[command(flatten)]
    pub read: ReadArguments,
}

/// The options on a data set's arrangement.
#[derive(Args)]
pub struct LayoutArguments {
    /// The layout, instead of detecting it: plain, list, msd, nnunet, bids, mrbrains (see --help)
    #[arg(long, value_name = "NAME", long_help = layouts_help(), value_parser = layouts(), hide_possible_values = true)]
    pub layout: Option<String>,
    /// The folder that paths in a list file are relative to
    #[arg(long, value_name = "DIR")]
    pub data_root: Option<PathBuf>,
    /// The input channels in order, for example T1,FLAIR
    #[arg(long, value_name = "NAMES", value_delimiter = ',')]
    pub channels: Option<Vec<String>>,
    /// The label maps of a BIDS data set with several: PIPELINE or PIPELINE/ENTITIES below derivatives
    #[arg(long, value_name = "NAME")]
    pub derivative: Option<String>,
    /// Where a scan's name holds the person's id, for example `sub-{subject}_ses-*`
    #[arg(long, value_name = "PATTERN")]
    pub subject_pattern: Option<String>,
    /// Subjects, or single scans by their names, to leave out, separated by commas
    #[arg(long, value_name = "SUBJECTS", value_delimiter = ',')]
    pub exclude: Vec<String>,
    /// Why they are left out; kept with the run's settings
    #[arg(long, value_name = "TEXT", requires = "exclude")]
    pub exclude_reason: Option<String>,
}

/// How files are read.
#[derive(Args, Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ReadArguments {
    /// Refuse images of more voxels [default: 2147483648]
    #[arg(long, value_name = "N", help_heading = "Reading")]
    pub voxels_max: Option<u64>,
    /// Refuse images of more GiB, uncompressed [default: 8]
    #[arg(long, value_name = "N", help_heading = "Reading")]
    pub gib_max: Option<u64>,
    /// How far the grids of one scan's files may lie apart, in mm [default: 0.001, and at most a tenth of a voxel]
    #[arg(long, value_name = "MM", help_heading = "Reading")]
    pub tolerance_mm: Option<f64>,
}

/// What label values mean.
#[derive(Args)]
pub struct LabelArguments {
    /// The label table: brain, tissue, mrbrains, as-is, a TOML file, or a model file that holds one (see --help)
    #[arg(long, value_name = "TABLE", long_help = tables_help(), value_parser = label_tables(), hide_possible_values = true)]
    pub labels: Option<String>,
}

impl DataArguments {
    /// The cohort there.
    pub fn open(&self) -> Result<Cohort, CliError> {
        let cohort = Cohort::open(&self.data, &self.layout.options(&self.read)?)?;
        crate::redact::hide_cohort(&cohort);
        Ok(cohort)
    }
}

impl LayoutArguments {
    /// Whether any of these options is given.
    pub fn is_stated(&self) -> bool {
        let lists = self.data_root.is_some() || self.channels.is_some();
        let people = self.subject_pattern.is_some() || !self.exclude.is_empty();
        self.layout.is_some() || lists || self.derivative.is_some() || people
    }

    /// As the cohort crate takes them, with how files are read.
    pub fn options(&self, read: &ReadArguments) -> Result<LayoutOptions, CliError> {
        read.options()?;
        let reason = || self.exclude_reason.clone();
        let names = self.exclude.iter().map(|name| name.trim()).filter(|name| !name.is_empty());
        let exclude = names.map(|name| Excluded { subject: name.to_string(), reason: reason() }).collect();
        let pattern = self.subject_pattern.as_deref().map(str::parse::<SubjectPattern>).transpose()?;
        Ok(LayoutOptions {
            layout: self.layout.clone(),
            data_root: self.data_root.as_deref().map(absolute),
            channels: self.channels.as_ref().map(|names| names.iter().map(|name| name.trim().to_string()).collect()),
            derivative: self.derivative.clone(),
            subject_pattern: pattern,
            tolerance_mm: read.tolerance_mm,
            voxels_max: read.voxels_max,
            gib_max: read.gib_max,
            exclude,
        })
    }
}

impl ReadArguments {
    /// Whether any of these options is given.
    pub fn is_stated(&self) -> bool {
        *self != ReadArguments::default()
    }

    /// As the cohort crate takes them.
    pub fn options(&self) -> Result<ReadOptions, CliError> {
        ReadOptions::of(self.tolerance_mm, self.voxels_max, self.gib_max).map_err(|_| CliError::Usage {
            what: format!("--tolerance-mm: expected 0 or more, found {}", self.tolerance_mm.unwrap_or_default()),
        })
    }
}

impl LabelArguments {
    /// The table named, if one is. A file is read here, so that a run's settings hold the table itself.
    ///
    /// # Errors
    /// A file that cannot be read or is no label table, and a model without one.
    pub fn choice(&self) -> Result<Option<LabelChoice>, CliError> {
        let Some(name) = &self.labels else { return Ok(None) };
        let path = Path::new(name);
        let ending = path.extension().unwrap_or_default().to_string_lossy().to_ascii_lowercase();
        Ok(Some(match &*ending {
            "toml" => LabelChoice::of(&LabelTable::from_toml_file(path)?),
            "safetensors" => LabelChoice::of(&table_of_model(path)?),
            _ => LabelChoice::Named(name.clone()),
        }))
    }

    /// The table named, if one is; `cohort` may bring its own list of labels.
    pub fn table(&self, cohort: &Cohort) -> Result<Option<LabelTable>, CliError> {
        Ok(self.choice()?.map(|choice| choice.table(cohort)).transpose()?)
    }
}

/// The label table that a model's file holds.
fn table_of_model(path: &Path) -> Result<LabelTable, CliError> {
    let file = WeightFile::open(path)?;
    let said = file.notes().get("lacuna").and_then(|text| serde_json::from_str(text).ok()).unwrap_or_default();
    ModelNotes::from_metadata(path, &said)?.table.ok_or_else(|| CliError::Config {
        what: format!(
            "--labels {}: expected a model file that holds its label table, found none; fix: give the table as a TOML file",
            path.display()
        ),
    })
}

fn layouts_help() -> String {
    let lines = LAYOUTS.iter().map(|layout| format!("\n  {:<16} {}", layout.name(), layout.about()));
    format!("The layout, instead of detecting it:{}", lines.collect::<String>())
}

fn tables_help() -> String {
    let lines = BUILT_IN.iter().map(|table| format!("\n  {:<16} {}", table.name, table.about));
    format!(
        "The label table:{}\n  {:<16} the data set's own list\n  {:<16} your own table\n  {:<16} that of a model",
        lines.collect::<String>(),
        "as-is",
        "FILE.toml",
        "FILE.safetensors"
    )
}
