//! An unlearning run, from its settings to its model.

use super::Arguments;
use super::classes;
use super::config::UnlearnRun;
use super::earlier::measured_again;
use super::gradients::{self, Gradients};
use super::record::Record;
use super::sides::Sides;
use crate::arguments::{ImageArguments, Model};
use crate::context::Context;
use crate::error::CliError;
use crate::lineage::{self, ErasedBy, Lineage};
use crate::output::Outcome;
use crate::plan::Plan;
use crate::preparing;
use crate::reporting::Report;
use crate::run_folder::{People, RunFolder, RunRecord};
use crate::single_run::SingleRun;
use crate::viewing::{self, Asked};
use lacuna_cohort::SubjectId;
use lacuna_nn::Network;
use lacuna_report::html::{Images, ModelKind, Pictures};
use lacuna_report::{CurveRow, ResultRow, ScoreGrid, curves, results, tables};
use lacuna_study::{
    Data, Executor, ExecutorConfig, KeepModels, NetworkConfig, Original, Store, Task, UnlearnTask, Unwatched,
};
use lacuna_train::{Passes, State, TrainConfig};
use lacuna_unlearn::{Effect, ForgetRetain, Unlearned, effect, epoch_cost, preparation_passes};
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::Arc;

/// An unlearning run that has been checked and whose data are in memory.
pub(super) struct Job<'a> {
    pub(super) run: UnlearnRun,
    model: &'a Model,
    data: Arc<Data>,
    sides: Sides,
    /// Classes that only the subjects to forget show.
    orphaned: Vec<String>,
}

impl<'a> Job<'a> {
    pub(super) fn prepare(run: UnlearnRun, model: &'a Model, context: &Context) -> Result<Job<'a>, CliError> {
        let network = NetworkConfig::of(model.network.architecture());
        let opened = preparing::open(&run.data, &run.preprocess, &network, run.seed, context)?;
        let labels = opened.labels.clone();
        model.check_fit(&labels, &opened.cohort)?;
        model.note_of_labels(&labels).iter().for_each(|note| context.note(note));
        let sides = Sides::divide(&opened.cohort.subjects(), &run)?;
        let data = preparing::prepare(opened, &sides.everybody(), context)?;
        let split = &sides.split;
        if split.retain().is_empty() {
            let what = "--forget: expected a subject left to keep, found none; fix: delete the model instead";
            return Err(CliError::Config { what: what.to_string() });
        }
        let orphaned = classes::without_a_subject(&data.of(split.forget()), &data.of(&split.retain()), &labels)?;
        Ok(Job { run, model, data, sides, orphaned })
    }

    pub(super) fn plan(&self, context: &Context) -> Result<Plan, CliError> {
        let cases = self.data.of(self.sides.split.train());
        let sets = ForgetRetain::of(&cases, self.sides.split.forget())?;
        let epoch = epoch_cost(&self.run.recipe, &sets);
        let plan = Plan::new(context, &self.run.name, &self.data, self.longest_horizon(), epoch)?;
        let subjects = self.sides.by_role().into_iter().map(|(role, subjects)| (role.name(), subjects)).collect();
        let before = preparation_passes(&self.run.recipe, &sets)?;
        Ok(Plan { subjects, preparation_passes: before.teacher, preparation_training_passes: before.training, ..plan })
    }

    /// Whose data the run's files will hold.
    pub(super) fn people(&self) -> People {
        let Sides { split, earlier, .. } = &self.sides;
        let forgotten: BTreeSet<SubjectId> = split.forget().union(earlier).cloned().collect();
        let trained = split.train().difference(&forgotten).cloned().collect();
        let scored = self.sides.by_role().into_iter().flat_map(|(_, subjects)| subjects).collect();
        People { trained, forgotten, scored }
    }

    pub(super) fn record(&self, context: &Context) -> RunRecord {
        let parents = BTreeMap::from([
            ("model".to_string(), self.model.network.digest()),
            ("data".to_string(), self.data.digest_of(self.sides.split.train())),
        ]);
        RunRecord::new(context, "unlearn", BTreeMap::from([("unlearn".to_string(), self.run.seed)]), parents)
    }

    /// The executor of this run, which keeps its files in a run folder.
    fn executor(&self, folder: &Path, context: &Context) -> Executor {
        let train = TrainConfig {
            loss: self.run.loss,
            activations: context.activations,
            checkpoint_epochs: self.run.checkpoint_epochs,
            ..TrainConfig::default()
        };
        let config = ExecutorConfig {
            train,
            preprocess: self.run.preprocess.clone(),
            init: None,
            pseudonyms: None,
            score_every: self.run.score_every,
            keep_models: KeepModels::All,
        };
        let store = Store::run_folder(folder, false);
        Executor::new(config, self.data.clone(), store, context.device.clone()).given(self.model.network.clone())
    }

    fn task(&self, executor: &Executor) -> UnlearnTask {
        let Sides { split, earlier } = &self.sides;
        let (train, held_out) = (split.train().clone(), split.held_out());
        let given = executor.given_model(&self.model.network, train, held_out, earlier.clone(), self.run.seed);
        executor.unlearn_task(Original::Given(given), split.forget().clone(), &self.run.variant(), Vec::new())
    }

    /// Acts with the run as the unlearning crate takes it; nothing is written.
    pub(super) fn with_unlearning<T>(
        &self,
        context: &Context,
        act: impl FnOnce(&Unlearned) -> Result<T, CliError>,
    ) -> Result<T, CliError> {
        let executor = self.executor(&context.runs, context);
        executor.with_unlearning(&self.task(&executor), &self.model.network, act)
    }

    /// Runs the recipe in a run folder, or goes on with it.
    pub(super) fn unlearn(
        &self,
        arguments: &Arguments,
        context: &Context,
        folder: &RunFolder,
    ) -> Result<Outcome, CliError> {
        let executor = self.executor(folder.path(), context);
        let task = self.task(&executor);
        let again = format!("lacuna unlearn --model {} --resume", self.model.path.display());
        let record = executor.with_unlearning(&task, &self.model.network, |run| {
            let gradients = arguments.gradients.then(|| Gradients::of(run, folder)).transpose()?;
            let mut after_epoch = |state: &State| match &gradients {
                Some(gradients) => gradients.add(&state.network, &state.history),
                None => Ok(()),
            };
            let sides: Vec<_> = task.sides().into_iter().map(|(role, subjects)| (role.name(), subjects)).collect();
            let watch = SingleRun::new("unlearn", folder, &sides, context, &mut after_epoch);
            watch.run(&executor, Task::Unlearn(Box::new(task.clone())), &again)
        })?;
        self.finish(&executor, &task, record, arguments, context, folder)
    }

    /// Whether the outputs on the forget subjects moved; no effect is worth a warning.
    fn effect(&self, run: &Unlearned, network: &Network, context: &Context) -> Result<Effect, CliError> {
        let effect = effect(run.original, network, run.sets, &run.device)?;
        if effect.is_nothing {
            context.note(&format!(
                "warning  no effect: {:.2} % of the probability and {:.2} % of the labels moved on the subjects to forget; \
                 try --find-learning-rate",
                100.0 * effect.moved,
                100.0 * effect.relabelled
            ));
        }
        Ok(effect)
    }

    fn finish(
        &self,
        executor: &Executor,
        task: &UnlearnTask,
        record: lacuna_study::Record,
        arguments: &Arguments,
        context: &Context,
        folder: &RunFolder,
    ) -> Result<Outcome, CliError> {
        let rows = executor.unlearned_rows(task, &record, None)?;
        results::write(&folder.file("results.csv"), &rows)?;
        let curves = executor.unlearned_curve(task, &record);
        if self.run.score_every.is_some() {
            curves::write(&folder.file("curves.csv"), &curves)?;
        }
        let Some(digest) = record.model.clone() else {
            return Err(CliError::Config { what: record.diverged.unwrap_or_default() });
        };
        let network = executor.model(&Task::Unlearn(Box::new(task.clone())), &mut Unwatched)?;
        let effect = executor.with_unlearning(task, &self.model.network, |run| self.effect(run, &network, context))?;
        folder.write_json("effect.json", &effect)?;
        let mut looking_passes = self.curve_passes(&curves);
        looking_passes += gradients::passes(folder)?;
        looking_passes += effect.passes;
        folder.write_json(lineage::FILE, &self.lineage(digest.clone(), &effect)?)?;
        let earlier = measured_again(&rows, self.longest_horizon());
        for moved in earlier.iter().filter(|earlier| earlier.moved) {
            context.note(&format!("warning  {}", moved.line()));
        }
        let pictures = self.pictures(&network, &arguments.images, context)?;
        self.report(&rows, curves, pictures, folder)?;
        let tables = [ScoreGrid::Volume, ScoreGrid::Output].map(|grid| tables(&rows, grid));
        let tables = tables.into_iter().collect::<Result<Vec<_>, _>>()?.concat();
        let record = Record {
            run: folder.path().to_path_buf(),
            model: folder.file("model.safetensors"),
            digest,
            parent: self.model.network.digest(),
            strategy: self.run.strategy.clone(),
            variant: self.run.differences.clone(),
            training_passes: record.passes.training,
            teacher_passes: record.passes.teacher,
            preparation_passes: record.preparation.teacher,
            preparation_training_passes: record.preparation.training,
            looking_passes,
            returned_epoch: record.returned_epoch,
            effect,
            earlier,
            orphaned_classes: self.orphaned.clone(),
            tables,
        };
        Ok(Outcome::new("unlearn", &record, record.text()).with_next(&record.next()))
    }

    /// The cost of a curve: each point passes every scan of its roles forward.
    fn curve_passes(&self, curves: &[CurveRow]) -> Passes {
        let scored = self.sides.split.train().union(self.sides.split.held_out()).cloned().collect();
        Passes { training: 0, teacher: (curves.len() * self.data.of(&scored).len()) as u64 }
    }

    /// The page of this one run; without a retrained model it can place nothing, and says so.
    fn report(
        &self,
        rows: &[ResultRow],
        curves: Vec<CurveRow>,
        pictures: Pictures,
        folder: &RunFolder,
    ) -> Result<(), CliError> {
        let (title, rows) = (self.run.strategy.clone(), rows.to_vec());
        Report { title, rows, curves, pictures: Some(pictures), ..Report::default() }.write(folder)
    }

    /// Scans as the original and the unlearned model have them; there is no retrained one.
    pub(super) fn pictures(
        &self,
        unlearned: &Network,
        arguments: &ImageArguments,
        context: &Context,
    ) -> Result<Pictures, CliError> {
        let images = arguments.images(false);
        let forgotten = self.sides.split.forget().union(&self.sides.earlier).cloned().collect();
        let people = viewing::chosen(images, &self.sides.by_role(), &forgotten);
        let name = format!("{}, {} epochs", self.run.strategy, self.longest_horizon());
        let models = [
            Asked { kind: ModelKind::Original, name: String::new(), network: &self.model.network },
            Asked { kind: ModelKind::Unlearned, name, network: unlearned },
        ];
        let scans = if images == Images::None {
            Vec::new()
        } else {
            viewing::seen(&self.data, &context.device, &people, &models)?
        };
        let classes = self.data.labels.classes().to_vec();
        let notes = vec!["No model was retrained without the subject, so none is beside the two.".to_string()];
        Ok(Pictures { images, classes, scans, bytes_max: arguments.bytes_max(), notes })
    }

    /// That of the model this began from, and this request; a run without effect is marked, since its model still holds
    /// them.
    fn lineage(&self, model: String, effect: &Effect) -> Result<Lineage, CliError> {
        let parent = self.model.network.digest();
        let split = &self.sides.split;
        let told = || {
            let trained = split.train().union(&self.sides.earlier).cloned().collect();
            Lineage::told(parent.clone(), trained, &self.run.earlier.iter().cloned().collect())
        };
        let before = lineage::beside(&self.model.path, &parent)?.unwrap_or_else(told);
        let by = ErasedBy {
            strategy: self.run.strategy.clone(),
            variant: self.run.differences.clone(),
            epochs: self.longest_horizon(),
            parent,
            model,
            no_effect: effect.is_nothing,
        };
        Ok(before.after(split.forget().clone(), by))
    }

    /// What a person should know before the work begins.
    pub(super) fn note(&self, context: &Context) {
        for class in &self.orphaned {
            context.note(&format!(
                "warning  class `{class}` occurs only in the subjects being forgotten: a model retrained without them would \
                 not know the class, and no strategy takes it from the model; after this request, train without the class"
            ));
        }
    }

    fn longest_horizon(&self) -> usize {
        self.run.epochs.iter().copied().max().expect("checked: a run has a horizon")
    }
}
