//! An unlearning run, from its settings to its model.

use super::Arguments;
use super::classes;
use super::config::UnlearnRun;
use super::diagnostics::{Curves, Diagnostics};
use super::earlier::measured_again;
use super::record::Record;
use super::sides::Sides;
use crate::arguments::{ImageArguments, Model};
use crate::computing::Clock;
use crate::context::Context;
use crate::error::CliError;
use crate::lineage::{self, ErasedBy, Lineage};
use crate::live::{LiveSubject, ProgressFile};
use crate::output::Outcome;
use crate::plan::Plan;
use crate::preparing::prepare;
use crate::progress::Progress;
use crate::reporting::Report;
use crate::run_folder::{People, RunFolder, RunRecord};
use crate::viewing::{self, Asked};
use crate::watch::{self, Watch};
use lacuna_cohort::{Cohort, SubjectId};
use lacuna_inference::ModelNotes;
use lacuna_metrics::MEAN;
use lacuna_nn::{Network, device_identity, kernels_digest, write_model};
use lacuna_report::html::{Images, ModelKind, Pictures};
use lacuna_report::{Cost, ORIGINAL, ResultRow, ScoreGrid, results, tables};
use lacuna_seed::Seed;
use lacuna_study::Data;
use lacuna_train::{State, TrainError};
use lacuna_unlearn::{
    Conflicts, Effect, ForgetRetain, UnlearnError, Unlearned, effect, epoch_cost, preparation_passes, unlearn,
};
use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};

/// An unlearning run that has been checked and whose data are in memory.
pub(super) struct Job<'a> {
    pub(super) run: UnlearnRun,
    model: &'a Model,
    pub(super) data: Data,
    pub(super) sides: Sides,
    /// Classes that only the subjects to forget show.
    orphaned: Vec<String>,
    /// The digest of everything that decides how the run goes on.
    digest: String,
}

impl<'a> Job<'a> {
    pub(super) fn prepare(run: UnlearnRun, model: &'a Model, context: &Context) -> Result<Job<'a>, CliError> {
        let study = run.as_study(model);
        let (cohort, labels, _) = Data::open(&study)?;
        crate::redact::hide_cohort(&cohort);
        model.check_fit(&labels, &cohort)?;
        model.note_of_labels(&labels).iter().for_each(|note| context.note(note));
        let sides = Sides::divide(&cohort.subjects(), &run)?;
        let data = prepare(&study, &sides.everybody(), context)?;
        let split = &sides.split;
        if split.retain().is_empty() {
            let what = "--forget: expected a subject left to keep, found none; fix: delete the model instead";
            return Err(CliError::Config { what: what.to_string() });
        }
        let orphaned = classes::without_a_subject(&data.of(split.forget()), &data.of(&split.retain()), &labels)?;
        let digest = digest(&run, &data, &sides, &model.network, context);
        Ok(Job { run, model, data, sides, orphaned, digest })
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

    /// Do something with the run as the unlearning crate knows it.
    pub(super) fn with_unlearned<T>(
        &self,
        context: &Context,
        act: impl FnOnce(&Unlearned) -> Result<T, CliError>,
    ) -> Result<T, CliError> {
        let cases = self.data.of(self.sides.split.train());
        let sets = ForgetRetain::of(&cases, self.sides.split.forget())?;
        act(&Unlearned {
            original: &self.model.network,
            recipe: &self.run.recipe,
            sets: &sets,
            epochs: self.longest_horizon(),
            loss: self.run.loss,
            seed: Seed(self.run.seed),
            device: context.device.clone(),
            activations: context.activations,
        })
    }

    pub(super) fn diagnostics<'l>(
        &'l self,
        arguments: &'l Arguments,
        run: &'l Unlearned<'l>,
        context: &Context,
        folder: &'l RunFolder,
    ) -> Result<Diagnostics<'l>, CliError> {
        let curves = || Curves { data: &self.data, sides: self.sides.by_role(), device: context.device.clone() };
        let gradients = if arguments.gradients { Some(Conflicts::of(run)?) } else { None };
        Ok(Diagnostics { folder, curves: arguments.curve.then(curves), gradients, images: &arguments.images })
    }

    pub(super) fn unlearn(
        &self,
        run: &Unlearned,
        diagnostics: &Diagnostics,
        context: &Context,
        folder: &RunFolder,
    ) -> Result<Outcome, CliError> {
        let mut state = run.fresh_state()?;
        if !watch::resume(context, folder, &mut state, &self.digest, run.epochs)? {
            self.score(&self.model.network, ORIGINAL, (0, Cost::default()), context, folder)?;
            diagnostics.look(run.original, &state.network, &[])?;
        }
        let outcome = self.go_on(run, &mut state, diagnostics, context, folder);
        if let Err(CliError::Train(TrainError::Diverged { .. })) = &outcome {
            self.record_divergence(folder)?;
        }
        outcome?;
        self.finish(run, &state, diagnostics, context, folder)
    }

    fn go_on(
        &self,
        run: &Unlearned,
        state: &mut State,
        diagnostics: &Diagnostics,
        context: &Context,
        folder: &RunFolder,
    ) -> Result<(), CliError> {
        let progress = Progress::begin(context, "unlearn", "epoch", run.epochs, state.epochs_done);
        let mut live = ProgressFile::new(folder);
        let forgotten = self.sides.split.forget().len();
        let what = format!("{} forgets {forgotten} subject(s)", self.run.strategy);
        live.task([1, 1], &what, [state.epochs_done, run.epochs])?;
        let live = &RefCell::new(live);
        self.tell_scores(&mut live.borrow_mut(), folder)?;
        let clock = &Clock::running(folder.path(), state.epochs_done);
        let after_epoch = |state: &State| {
            let result = state.result();
            if self.run.epochs.contains(&state.epochs_done) {
                let reached = (state.epochs_done, self.cost(run, state, clock.seconds())?);
                self.score(&result, &self.run.strategy, reached, context, folder)?;
                self.tell_scores(&mut live.borrow_mut(), folder)?;
            }
            diagnostics.look(&result, &state.network, &state.history)
        };
        let (digest, checkpoint_epochs) = (self.digest.as_str(), self.run.checkpoint_epochs);
        let (run_digest, clock) = (digest, Some(clock));
        let mut watch =
            Watch { folder, progress, live, run: run_digest, clock, checkpoint_epochs, after_epoch: &after_epoch };
        let outcome = unlearn(run, state, &mut watch).map_err(|error| match error {
            UnlearnError::Train(error) => CliError::Train(error),
            error => error.into(),
        });
        let again = format!("lacuna unlearn --model {} --resume", self.model.path.display());
        watch.ended(outcome, state, run.epochs, &again)
    }

    /// Another process that watches the run sees the subjects as last scored.
    fn tell_scores(&self, live: &mut ProgressFile<'_>, folder: &RunFolder) -> Result<(), CliError> {
        let rows = self.all_rows(folder)?;
        let Some(last) = rows.iter().map(|row| row.run.epochs).max() else { return Ok(()) };
        let here = rows.iter().filter(|row| row.run.epochs == last).filter_map(|row| row.scored());
        let means = here.filter(|scored| scored.grid == ScoreGrid::Output && scored.score.name == MEAN);
        let subjects = means.map(|scored| LiveSubject {
            name: scored.subject.clone(),
            role: scored.role.name().to_string(),
            dice: scored.score.dice,
        });
        live.scored(format!("after {last} epochs"), subjects.collect())
    }

    /// Whether the forget subjects noticed anything; nothing is worth a warning.
    fn effect(
        &self,
        run: &Unlearned,
        network: &Network,
        context: &Context,
        folder: &RunFolder,
    ) -> Result<Effect, CliError> {
        let effect = effect(run.original, network, run.sets, &run.device)?;
        if effect.is_nothing {
            context.note(&format!(
                "warning  no effect: {:.2} % of the probability and {:.2} % of the labels moved on the subjects to forget; \
                 try --find-learning-rate",
                100.0 * effect.moved,
                100.0 * effect.relabelled
            ));
        }
        folder.write_json("effect.json", &effect)?;
        Ok(effect)
    }

    fn finish(
        &self,
        run: &Unlearned,
        state: &State,
        diagnostics: &Diagnostics,
        context: &Context,
        folder: &RunFolder,
    ) -> Result<Outcome, CliError> {
        let model = folder.file("model.safetensors");
        let parent = self.model.network.digest();
        let before = preparation_passes(run.recipe, run.sets)?;
        // What the model came from stands in its lineage: the model itself leads to none that knew the person.
        let notes = ModelNotes::new(&self.data.labels, &self.run.preprocess, None);
        let notes = ModelNotes { loss: Some(self.run.loss), ..notes };
        write_model(&model, &state.network, &notes.to_metadata())?;
        let effect = self.effect(run, &state.network, context, folder)?;
        let mut looking_passes = diagnostics.passes()?;
        looking_passes += effect.passes;
        folder.write_json(lineage::FILE, &self.lineage(state, &effect)?)?;
        let rows = self.all_rows(folder)?;
        results::write(&folder.file("results.csv"), &rows)?;
        watch::remove_checkpoint(folder)?;
        let earlier = measured_again(&rows, run.epochs);
        for moved in earlier.iter().filter(|earlier| earlier.moved) {
            context.note(&format!("warning  {}", moved.line()));
        }
        let pictures = self.pictures(&state.network, diagnostics.images, context)?;
        self.report(&rows, pictures, folder)?;
        let tables = [ScoreGrid::Volume, ScoreGrid::Output].map(|grid| tables(&rows, grid));
        let tables = tables.into_iter().collect::<Result<Vec<_>, _>>()?.concat();
        let record = Record {
            run: folder.path().to_path_buf(),
            model,
            digest: state.network.digest(),
            parent,
            strategy: self.run.strategy.clone(),
            variant: self.run.differences.clone(),
            training_passes: state.passes.training,
            teacher_passes: state.passes.teacher,
            preparation_passes: before.teacher,
            preparation_training_passes: before.training,
            looking_passes,
            returned_epoch: state.best.as_ref().map(|best| best.epoch),
            effect,
            earlier,
            orphaned_classes: self.orphaned.clone(),
            tables,
        };
        Ok(Outcome::new("unlearn", &record, record.text()).with_next(&record.next()))
    }

    /// The page of this one run; without a retrained model it can place nothing, and says so.
    fn report(&self, rows: &[ResultRow], pictures: Pictures, folder: &RunFolder) -> Result<(), CliError> {
        let (title, rows) = (self.run.strategy.clone(), rows.to_vec());
        Report { title, rows, pictures: Some(pictures), ..Report::default() }.write(folder)
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
            let cohort = Cohort::open(&self.run.data.root, &self.run.data.options)?;
            crate::redact::hide_cohort(&cohort);
            viewing::seen(&cohort, &self.data, &context.device, &people, &models)?
        };
        let classes = self.data.labels.classes().to_vec();
        let notes = vec!["No model was retrained without the subject, so none is beside the two.".to_string()];
        Ok(Pictures { images, classes, scans, bytes_max: arguments.bytes_max(), notes })
    }

    /// That of the model this began from, and this request; a run without effect is marked, since its model still holds
    /// them.
    fn lineage(&self, state: &State, effect: &Effect) -> Result<Lineage, CliError> {
        let parent = self.model.network.digest();
        let split = &self.sides.split;
        let told = || {
            let trained = split.train().union(&self.sides.earlier).cloned().collect();
            Lineage::told(parent.clone(), trained, &self.run.earlier.iter().cloned().collect())
        };
        let before = Lineage::beside(&self.model.path, &parent)?.unwrap_or_else(told);
        let by = ErasedBy {
            strategy: self.run.strategy.clone(),
            variant: self.run.differences.clone(),
            epochs: state.epochs_done,
            parent,
            model: state.network.digest(),
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

/// Two runs of one digest end in the same bytes.
fn digest(run: &UnlearnRun, data: &Data, sides: &Sides, original: &Network, context: &Context) -> String {
    let split = &sides.split;
    let decides = (
        env!("CARGO_PKG_VERSION"),
        (device_identity(&context.device), kernels_digest()),
        original.digest(),
        run.seed,
        data.digest_of(split.train()),
        split.forget(),
        &run.recipe,
        run.loss,
        run.epochs.iter().max(),
    );
    lacuna_disk::digest(&serde_json::to_vec(&decides).expect("plain data is JSON"))
}
