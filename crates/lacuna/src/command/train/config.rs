//! The settings of a training run: a file, then flags, then `--set`.

use super::Arguments;
use crate::config::{Layers, Origin, Setting, Settings, absolute, apply, read_table, set_to, typed};
use crate::error::CliError;
use crate::exact::ExactConfig;
use lacuna_cohort::SubjectId;
use lacuna_study::{DataConfig, LabelChoice, NetworkConfig};
use lacuna_train::TrainConfig;
use lacuna_volume::Preprocessing;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::path::Path;
use toml::{Table, Value};

/// Everything that decides a training run's outcome; written to its folder with all defaults.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct TrainRun {
    /// What the run folder is called.
    pub name: String,
    /// Initial weights, orders and noise follow from it.
    #[serde(default)]
    pub seed: u64,
    /// Subjects that are not trained on.
    #[serde(default)]
    pub held_out: Vec<SubjectId>,
    /// The scans and what their labels mean.
    pub data: DataConfig,
    /// What is done to the images.
    pub preprocess: Preprocessing,
    /// The network and the weights it begins from.
    pub network: NetworkConfig,
    /// Whom those weights were trained on, where no lineage beside them says it; empty: no subject of this cohort.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub init_saw: Option<Vec<SubjectId>>,
    /// How it is trained.
    #[serde(default)]
    pub train: TrainConfig,
    /// Shards and slices, if it is trained to be erased from exactly.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub exact: Option<ExactConfig>,
}

impl TrainRun {
    /// The settings that the command line comes to.
    ///
    /// # Errors
    /// Unknown, missing or impossible settings.
    pub fn from_arguments(arguments: &Arguments) -> Result<TrainRun, CliError> {
        let mut table = layers(arguments)?.table;
        let source = arguments.config.as_ref().map_or("settings".to_string(), |path| path.display().to_string());
        if !table.contains_key("name") {
            let depth = table.get("network").and_then(|network| network.get("depth")).and_then(Value::as_integer);
            let is_unet = network_says(&table, &["plans", "unet"]);
            let name =
                depth.map_or(if is_unet { "unet" } else { "train" }.to_string(), |depth| format!("resnet{depth}"));
            set_to(&mut table, "name", &name)?;
        }
        demand(&table, &source)?;
        typed::<TrainRun>(table, &source)?.checked()
    }

    /// Every setting and who says it.
    ///
    /// # Errors
    /// As [`TrainRun::from_arguments`].
    pub fn settings(&self, arguments: &Arguments) -> Result<Vec<Setting>, CliError> {
        Ok(layers(arguments)?.settings(self))
    }
}

impl Settings for TrainRun {
    fn checked(self) -> Result<TrainRun, CliError> {
        self.network.architecture(1, 2)?;
        let train = self.train.checked()?;
        Ok(TrainRun { train, ..self })
    }
}

/// The file, over it the flags, over them `--set`.
fn layers(arguments: &Arguments) -> Result<Layers, CliError> {
    let mut layers = Layers::default();
    if let Some(path) = &arguments.config {
        let folder = path.parent().unwrap_or(Path::new(""));
        let file = with_paths_below(folder, read_table(path)?);
        layers.add(Origin::File, |table| {
            *table = file;
            Ok(())
        })?;
    }
    layers.add(Origin::Flag, |table| set_flags(table, arguments))?;
    layers.add(Origin::Set, |table| arguments.set.iter().try_for_each(|assignment| apply(table, assignment)))?;
    Ok(layers)
}

fn set_flags(table: &mut Table, arguments: &Arguments) -> Result<(), CliError> {
    let (run, cases) = (&arguments.run, &arguments.cases);
    if let Some(name) = &run.name {
        set_to(table, "name", name)?;
    }
    if let Some(seed) = run.seed {
        set_to(table, "seed", &seed)?;
    }
    if !arguments.held_out.is_empty() {
        set_to(table, "held_out", &arguments.held_out)?;
    }
    if let Some(data) = &cases.data {
        set_to(table, "data.root", &absolute(data))?;
    }
    if let Some(choice) = cases.labels.choice()? {
        set_to(table, "data.labels", &choice)?;
    }
    if cases.options_are_stated() {
        set_to(table, "data.options", &cases.options()?)?;
    }
    if let Some(preprocess) = cases.preprocess.stated()? {
        set_to(table, "preprocess", &preprocess)?;
    }
    if let Some(depth) = arguments.depth {
        set_to(table, "network.depth", &depth)?;
    }
    if let Some(shortcut) = arguments.shortcut {
        set_to(table, "network.shortcut", &lacuna_nn::Shortcut::from(shortcut))?;
    }
    if let Some(plans) = &arguments.plans {
        set_to(table, "network.plans", &absolute(plans))?;
    }
    if let Some(configuration) = &arguments.configuration {
        set_to(table, "network.configuration", configuration)?;
    }
    if let Some(init) = &arguments.init {
        set_to(table, "network.init", &absolute(init))?;
    }
    if !arguments.init_saw.is_empty() {
        let nobody = Vec::new();
        set_to(table, "init_saw", if arguments.init_saw == ["none"] { &nobody } else { &arguments.init_saw })?;
    }
    if let Some(epochs) = arguments.epochs {
        set_to(table, "train.epochs", &epochs)?;
    }
    arguments.exact.set_in(table)
}

/// A setting without a default must be given; the error names its flag.
fn demand(table: &Table, source: &str) -> Result<(), CliError> {
    let needed = [
        ("data", "root", "--data DIR"),
        ("data", "labels", "--labels TABLE"),
        ("preprocess", "kind", "--preprocess canonical --size DxHxW"),
    ];
    for (section, key, flag) in needed {
        if table.get(section).and_then(|section| section.get(key)).is_none() {
            let what = format!("{source}: expected `{section}.{key}`, found nothing; fix: say it with {flag}");
            return Err(CliError::Config { what });
        }
    }
    if network_says(table, &["depth", "plans", "unet"]) {
        return Ok(());
    }
    let what = format!(
        "{source}: expected `network.depth`, or `plans` or `unet` in its place, found nothing; \
         fix: say it with --depth N or --plans FILE"
    );
    Err(CliError::Config { what })
}

/// Whether one of these keys stands in the table of the network.
fn network_says(table: &Table, keys: &[&str]) -> bool {
    let network = table.get("network");
    network.is_some_and(|network| keys.iter().any(|key| network.get(key).is_some()))
}

/// Paths in a file are relative to the file; in the run folder they must not depend on either.
fn with_paths_below(folder: &Path, mut table: Table) -> Table {
    if let Some(labels) = table.get_mut("data").and_then(|data| data.get_mut("labels"))
        && let Ok(choice) = labels.clone().try_into::<LabelChoice>()
    {
        *labels = Value::try_from(choice.below(Path::new(""))).expect("settings are TOML");
    }
    let key_paths: [&[&str]; 5] = [
        &["data", "root"],
        &["data", "options", "data_root"],
        &["data", "labels", "file"],
        &["network", "init"],
        &["network", "plans"],
    ];
    for key_path in key_paths {
        let mut here = table.get_mut(key_path[0]);
        for key in &key_path[1..] {
            here = here.and_then(|value| value.get_mut(key));
        }
        if let Some(Value::String(path)) = here {
            *path = absolute(&folder.join(&*path)).to_string_lossy().into_owned();
        }
    }
    table
}
