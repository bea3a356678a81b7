//! The settings of an unlearning run: flags, the model's own metadata, then `--set`.

use super::Arguments;
use crate::arguments::Model;
use crate::config::{Settings, absolute, apply, read_table, subjects, typed, with_suggestion};
use crate::error::CliError;
use crate::lineage::{self, Lineage};
use lacuna_cohort::SubjectId;
use lacuna_nn::loss::SegmentationLoss;
use lacuna_study::{DataConfig, Variant};
use lacuna_unlearn::Recipe;
use lacuna_volume::Preprocessing;
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;
use std::path::PathBuf;
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
    /// Subjects that were never trained on; where that is unknown, all others are to be kept.
    pub held_out: Vec<SubjectId>,
    /// Whom the model was made to forget before, without those asked for again.
    #[serde(default)]
    pub earlier: Vec<SubjectId>,
    /// All subjects that the model or an ancestor was trained on, where its lineage names them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub trained: Option<BTreeSet<SubjectId>>,
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
    /// Epochs between two points of the curve of loss and Dice; no curve if not given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub score_every: Option<usize>,
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
        let variant = variant(arguments)?;
        let preprocess = model.preprocessing(arguments.cases.preprocess.stated()?)?;
        if arguments.forget.is_empty() {
            let what = "--forget: expected a subject, found nothing; fix: say it with --forget SUBJECT".to_string();
            return Err(CliError::Config { what });
        }
        let forget = subjects(&arguments.forget)?;
        let held_out = subjects(&arguments.held_out)?;
        let past = Past::of(arguments, model, &forget, &held_out)?;
        let run = UnlearnRun {
            name: arguments.run.name.clone().unwrap_or_else(|| variant.strategy.clone()),
            model: absolute(&model.path),
            forget,
            held_out,
            earlier: past.earlier,
            trained: past.trained,
            strategy: variant.strategy,
            differences: variant.differences,
            epochs: variant.horizons,
            seed: arguments.run.seed.unwrap_or(0),
            checkpoint_epochs: 10,
            score_every: arguments.curve.then_some(1),
            // Files without that key, and files of other programs, were trained with MedicalNet's loss.
            loss: model.notes.loss.unwrap_or(SegmentationLoss::CrossEntropy),
            data: arguments.cases.data_for(model)?,
            preprocess,
            recipe: variant.recipe,
        };
        run.checked()
    }

    /// The recipe with its name and horizons, each once, in order.
    pub fn variant(&self) -> Variant {
        let horizons: BTreeSet<usize> = self.epochs.iter().copied().collect();
        let (strategy, differences, recipe) = (self.strategy.clone(), self.differences.clone(), self.recipe.clone());
        Variant { strategy, differences, recipe, horizons: horizons.into_iter().collect() }
    }
}

impl Settings for UnlearnRun {
    fn checked(self) -> Result<UnlearnRun, CliError> {
        if self.epochs.is_empty() || self.epochs.contains(&0) {
            let what = format!("unlearn: epochs: expected numbers above 0, found {:?}", self.epochs);
            return Err(CliError::Config { what });
        }
        let recipe = self.recipe.checked()?;
        Ok(UnlearnRun { recipe, ..self })
    }
}

/// What the model's lineage, or the user, says of the time before this request.
struct Past {
    earlier: Vec<SubjectId>,
    trained: Option<BTreeSet<SubjectId>>,
}

impl Past {
    fn of(
        arguments: &Arguments,
        model: &Model,
        forget: &[SubjectId],
        held_out: &[SubjectId],
    ) -> Result<Past, CliError> {
        let lineage = lineage::beside(&model.path, &model.digest())?;
        let mut earlier: BTreeSet<SubjectId> = subjects(&arguments.forgotten)?.into_iter().collect();
        earlier.extend(lineage.iter().flat_map(Lineage::forgotten));
        if let Some(subject) = forget.iter().find(|subject| earlier.contains(*subject) && !arguments.again) {
            return Err(forgotten_already(subject, lineage.as_ref()));
        }
        let trained = lineage.map(|lineage| lineage.trained);
        let has_seen = |subject: &&SubjectId| {
            earlier.contains(*subject) || trained.as_ref().is_some_and(|trained| trained.contains(*subject))
        };
        if let Some(subject) = held_out.iter().find(has_seen) {
            let what = format!(
                "--held-out: {subject}: expected a subject the model never saw, found that it was trained on them; \
                 fix: leave them out"
            );
            return Err(CliError::Config { what });
        }
        earlier.retain(|subject| !forget.contains(subject));
        Ok(Past { earlier: earlier.into_iter().collect(), trained })
    }
}

fn forgotten_already(subject: &SubjectId, lineage: Option<&Lineage>) -> CliError {
    let erasure = lineage.and_then(|lineage| lineage.erasure_of(subject));
    let how = match erasure.and_then(|erasure| erasure.by.as_ref()) {
        Some(by) => format!("by {} from the model {}", by.strategy, by.parent),
        None => "as --forgotten or the lineage says".to_string(),
    };
    let what = format!(
        "--forget: {subject}: expected a subject the model still knows, found that it was made to forget them already, \
         {how}; fix: --again to do it once more, or audit the model that is there"
    );
    CliError::Config { what }
}

fn horizons(arguments: &Arguments) -> Vec<usize> {
    arguments.epochs.clone().unwrap_or_else(|| vec![20, 50])
}

/// A named strategy or a recipe file, with single keys replaced.
///
/// # Errors
/// An unknown name, or a recipe that cannot be run.
pub fn variant(arguments: &Arguments) -> Result<Variant, CliError> {
    let mut keys = match &arguments.recipe {
        Some(path) => read_table(path)?,
        None => Table::new(),
    };
    for assignment in &arguments.set {
        apply(&mut keys, assignment)?;
    }
    let name = match (&arguments.strategy, &arguments.recipe) {
        (Some(name), _) => name.clone(),
        (None, Some(path)) => {
            // A recipe of the user's own is complete: its error is not that its name is unknown.
            let recipe = typed::<Recipe>(keys.clone(), &path.display().to_string())?;
            recipe.check().map_err(|error| CliError::Config { what: format!("{}: {error}", path.display()) })?;
            path.file_stem().unwrap_or_default().to_string_lossy().into_owned()
        }
        (None, None) => {
            let what = "--strategy: expected a strategy, found nothing; fix: --strategy atlas-matching (aims at a model retrained \
                 without the subject), another of `lacuna unlearn --help`, or --recipe FILE.toml";
            return Err(CliError::Config { what: what.to_string() });
        }
    };
    Variant::new(&name, &keys, &horizons(arguments))
        .map_err(|error| CliError::Config { what: with_suggestion(&error.to_string()) })
}
