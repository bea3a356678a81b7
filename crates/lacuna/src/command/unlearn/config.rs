//! The settings of an unlearning run: flags, the model's own metadata, then `--set`.

use super::Arguments;
use crate::arguments::Model;
use crate::config::{read_table, typed, with_suggestion};
use crate::error::CliError;
use lacuna_cohort::SubjectId;
use lacuna_nn::loss::SegmentationLoss;
use lacuna_study::{DataConfig, LabelChoice, NetworkConfig, StudyConfig, Variant};
use lacuna_unlearn::Recipe;
use lacuna_volume::Preprocessing;
use serde::{Deserialize, Serialize};
use std::path::{Path, PathBuf};
use toml::Table;

/// Everything that decides an unlearning run's outcome; written to its folder with all defaults.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct UnlearnRun {
    /// What the run folder is called.
    pub name: String,
    /// The trained model.
    pub model: PathBuf,
    /// Who is forgotten.
    pub forget: Vec<SubjectId>,
    /// Who was never trained on; everybody else is to be kept.
    pub held_out: Vec<SubjectId>,
    /// The named strategy, or the name of the user's own recipe.
    pub strategy: String,
    /// How the recipe differs from the named strategy.
    pub differences: String,
    /// After how many epochs the model is scored; the longest is how long it runs.
    pub epochs: Vec<usize>,
    /// Order and noise follow from it.
    pub seed: u64,
    /// Epochs between checkpoints.
    pub checkpoint_epochs: usize,
    /// The loss the model was trained with.
    pub loss: SegmentationLoss,
    /// The scans and what their labels mean.
    pub data: DataConfig,
    /// What is done to the images.
    pub preprocess: Preprocessing,
    /// The whole recipe.
    pub recipe: Recipe,
}

impl UnlearnRun {
    /// The settings that the command line and the model come to.
    pub fn from_arguments(arguments: &Arguments, model: &Model) -> Result<UnlearnRun, CliError> {
        let needed = |what: &str, fix: &str| CliError::Config {
            what: format!("unlearn: expected {what}, found nothing; fix: say it with {fix}"),
        };
        let variant = variant(arguments)?;
        let preprocess = model.preprocessing(arguments.preprocess.stated()?)?;
        let data = arguments.data.as_ref().ok_or_else(|| needed("a data set", "--data DIR"))?;
        if arguments.forget.is_empty() {
            return Err(needed("a subject to forget", "--forget SUBJECT"));
        }
        let run = UnlearnRun {
            name: arguments.name.clone().unwrap_or_else(|| variant.strategy.clone()),
            model: absolute(&model.path),
            forget: ids(&arguments.forget)?,
            held_out: ids(&arguments.held_out)?,
            strategy: variant.strategy,
            differences: variant.differences,
            epochs: arguments.epochs.clone(),
            seed: arguments.seed,
            checkpoint_epochs: 10,
            // Files of before that key, and of others, were trained with MedicalNet's loss.
            loss: model.notes.loss.unwrap_or(SegmentationLoss::CrossEntropy),
            data: DataConfig {
                root: absolute(data),
                labels: labels(arguments, model)?,
                options: arguments.layout.options()?,
            },
            preprocess,
            recipe: variant.recipe,
        };
        run.checked()
    }

    /// The settings of a run folder.
    pub fn from_folder(path: &Path) -> Result<UnlearnRun, CliError> {
        let file = path.join("config.toml");
        typed::<UnlearnRun>(read_table(&file)?, &file.display().to_string())?.checked()
    }

    /// As a study of this data, which the study crate opens and prepares.
    pub fn as_study(&self, model: &Model) -> StudyConfig {
        let architecture = model.network.architecture();
        let network = NetworkConfig { depth: architecture.depth, shortcut: Some(architecture.shortcut), init: None };
        StudyConfig {
            name: self.name.clone(),
            seeds: vec![self.seed],
            pseudonyms: false,
            keep_models: Default::default(),
            data: self.data.clone(),
            preprocess: self.preprocess.clone(),
            network,
            train: Default::default(),
            split: Default::default(),
            unlearn: Default::default(),
        }
    }

    fn checked(self) -> Result<UnlearnRun, CliError> {
        if self.epochs.is_empty() || self.epochs.contains(&0) {
            let what = format!("unlearn: epochs: expected numbers above 0, found {:?}", self.epochs);
            return Err(CliError::Config { what });
        }
        let recipe = self.recipe.checked()?;
        Ok(UnlearnRun { recipe, ..self })
    }
}

/// A named strategy or a recipe file, with single keys replaced.
fn variant(arguments: &Arguments) -> Result<Variant, CliError> {
    let mut keys = match &arguments.recipe {
        Some(path) => read_table(path)?,
        None => Table::new(),
    };
    for assignment in &arguments.set {
        crate::config::apply(&mut keys, assignment)?;
    }
    let own_name = || arguments.recipe.as_ref().and_then(|path| Some(path.file_stem()?.to_string_lossy().into_owned()));
    let name = arguments.strategy.clone().or_else(own_name).ok_or_else(|| CliError::Config {
        what: "unlearn: expected a strategy, found nothing; fix: --strategy noisy-label, or --recipe FILE.toml"
            .to_string(),
    })?;
    Variant::new(&name, &keys).map_err(|error| CliError::Config { what: with_suggestion(&error.to_string()) })
}

/// The table named, else the one the model was trained with.
fn labels(arguments: &Arguments, model: &Model) -> Result<LabelChoice, CliError> {
    match (&arguments.labels.labels, &model.notes.label_table) {
        (Some(name), _) if name.ends_with(".toml") => Ok(LabelChoice::File { file: absolute(Path::new(name)) }),
        (Some(name), _) => Ok(LabelChoice::Named(name.clone())),
        (None, Some(name)) => Ok(LabelChoice::Named(name.clone())),
        (None, None) => Err(CliError::Config {
            what: format!(
                "{}: expected the label table in its metadata, found nothing; fix: say it with --labels",
                model.path.display()
            ),
        }),
    }
}

fn ids(names: &[String]) -> Result<Vec<SubjectId>, CliError> {
    let id = |name: &String| SubjectId::new(name.clone()).map_err(|error| CliError::Config { what: error.to_string() });
    names.iter().map(id).collect()
}

/// The path as seen from the root; a relative one where even that cannot be told.
fn absolute(path: &Path) -> PathBuf {
    std::path::absolute(path).unwrap_or_else(|_| path.to_path_buf())
}
