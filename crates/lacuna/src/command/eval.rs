//! `lacuna eval`: how well a model segments the subjects of a data set.

use crate::arguments::{CaseArguments, Model, ModelArguments, PassArguments, ReadArguments, RunArguments};
use crate::cli::Global;
use crate::config::{Settings, subjects};
use crate::context::Context;
use crate::error::CliError;
use crate::interrupt;
use crate::lineage::{self, Lineage};
use crate::notes::Notes;
use crate::output::Outcome;
use crate::progress::Progress;
use crate::run_folder::{People, RunFolder, RunRecord};
use crate::scores::{self, Scored, Side};
use clap::Args;
use lacuna_cohort::{Case, Cohort, CohortError, LabelTable, Preparation, SubjectId, prepare};
use lacuna_inference::{Axis, Inferer, predict_with, score_subject};
use lacuna_metrics::{SURFACE_TOLERANCE_MM, SurfaceScorer};
use lacuna_nn::Network;
use lacuna_seed::Seed;
use lacuna_study::DataConfig;
use lacuna_volume::Preprocessing;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

/// Score a model on every subject and class, on the volume's grid and on the network's
///
/// Dice and MAE on both grids; on the volume's also the 95 % Hausdorff distance in mm, as usual and as MRBrainS18 has
/// it, volume similarity and surface Dice, by boundary voxels and by area (docs/metrics.md defines each). With --labels
/// mrbrains this is MRBrainS18's own scoring: labels 1 to 8, voxels whose truth is 9 or 10 taken out of both maps.
///
/// Each subject's scores are kept as they come; --resume scores the remaining subjects.
#[derive(Args)]
#[command(after_help = "Examples:\n  lacuna eval --model model.safetensors --data heads\n  \
                  lacuna eval --model model.safetensors --data heads --window 96x96x96 --flips w\n  \
                  lacuna eval --model model.safetensors --resume runs/eval/20261123-154210-resnet10")]
pub struct Arguments {
    #[command(flatten)]
    model: ModelArguments,
    #[command(flatten)]
    cases: CaseArguments,
    /// Only these subjects, separated by commas
    #[arg(long, value_name = "SUBJECTS", value_delimiter = ',', conflicts_with = "resume")]
    subjects: Option<Vec<String>>,
    /// How far surfaces may lie apart and count as one in surface Dice, in mm
    #[arg(long, value_name = "MM", default_value_t = SURFACE_TOLERANCE_MM)]
    tolerance: f64,
    #[command(flatten)]
    passes: PassArguments,
    #[command(flatten)]
    run: RunArguments,
}

impl Arguments {
    /// Beneath which folders something is written: a run folder, and prepared scans.
    pub fn may_write(&self, global: &Global) -> Vec<PathBuf> {
        let run = self.run.folder().unwrap_or(&global.runs);
        std::iter::once(run).chain(&global.cache).cloned().collect()
    }
}

/// Everything that decides the scores, beside the model.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct EvalRun {
    /// What the run folder is called.
    name: String,
    /// What the background noise of MedicalNet's preprocessing follows from.
    seed: u64,
    /// The subjects that are scored; all if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    subjects: Option<Vec<SubjectId>>,
    /// The scans and what their labels mean.
    data: DataConfig,
    /// What is done to the images.
    preprocess: Preprocessing,
    /// How files are read, in runs that were begun before it stood with the data.
    #[serde(default, skip_serializing_if = "is_unsaid")]
    read: ReadArguments,
    /// The tolerance of surface Dice in mm.
    #[serde(default = "tolerance_of_before")]
    tolerance_mm: f64,
    /// The sliding window and the mirrored axes; the whole input at once, not mirrored, if not given.
    #[serde(default, skip_serializing_if = "Passes::are_plain")]
    passes: Passes,
}

/// How a scan goes through the network.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct Passes {
    /// Voxels of a window along D, H and W.
    window: Option<[usize; 3]>,
    /// The share of a window that the next one covers too.
    overlap: f64,
    /// The mirrored axes.
    flips: Vec<Axis>,
}

impl Passes {
    fn of(arguments: &PassArguments) -> Passes {
        let PassArguments { window, overlap, ref flips } = *arguments;
        Passes { window, overlap: window.map_or(0.0, |_| overlap), flips: flips.clone() }
    }

    fn are_plain(&self) -> bool {
        *self == Passes::default()
    }

    fn inferer(&self) -> Result<Inferer, CliError> {
        Ok(Inferer::new(self.window, self.overlap, &self.flips)?)
    }
}

fn is_unsaid(read: &ReadArguments) -> bool {
    !read.is_stated()
}

/// Of runs that were begun before there was a choice.
fn tolerance_of_before() -> f64 {
    SURFACE_TOLERANCE_MM
}

#[derive(Serialize)]
struct Record {
    run: PathBuf,
    model: String,
    network: String,
    labels: String,
    scores: Vec<Scored>,
}

/// The scores so far, to every digit, in the run folder.
const SCORES: &str = "scores.json";
/// Scores of thousands of subjects.
const SCORES_BYTES_MAX: u64 = 1 << 30;

/// Score subject after subject; only one is in memory.
pub fn run(arguments: &Arguments, context: &Context) -> Result<Outcome, CliError> {
    let model = arguments.model.open(&context.device)?;
    context.remark(&model.remarks);
    let resumed = arguments.run.resumed(&arguments.cases)?;
    let run = match resumed {
        Some(folder) => EvalRun::of_folder(folder)?,
        None => EvalRun::from_arguments(arguments, &model)?,
    };
    let cohort = Cohort::open(&run.data.root, &run.data.options)?;
    crate::redact::hide_cohort(&cohort);
    let table = run.data.labels.table(&cohort)?;
    model.check_fit(&table, &cohort)?;
    model.note_of_labels(&table).iter().for_each(|note| context.note(note));
    let subjects = chosen(&cohort, run.subjects.as_deref())?;
    context.remember_cache()?;
    let folder = RunFolder::open(context, resumed, &run.name, &run.record(context, &model), &run)?;
    let people = People { scored: subjects.iter().cloned().collect(), ..People::default() };
    let registered = folder.register(context, &people);
    let lineage = lineage::beside(&model.path, &model.digest())?;
    let work = Work {
        inferer: run.passes.inferer()?,
        run: &run,
        context,
        model: &model,
        cohort: &cohort,
        table: &table,
        folder: &folder,
        lineage,
        notes: Notes::default(),
    };
    let scores = registered.and_then(|()| work.score(&subjects));
    work.notes.print(context);
    let outcome = scores.map(|scores| {
        let record = Record {
            run: folder.path().to_path_buf(),
            model: model.digest(),
            network: model.network.architecture().to_string(),
            labels: table.name().to_string(),
            scores,
        };
        // Subjects of one role stand together in the table.
        let mut by_role = record.scores.clone();
        by_role.sort_by_key(|scored| scored.role);
        Outcome::new("eval", &record, scores::text(&by_role)).with_next(&work.next())
    });
    folder.close(outcome)
}

impl EvalRun {
    fn from_arguments(arguments: &Arguments, model: &Model) -> Result<EvalRun, CliError> {
        let chosen = arguments.subjects.as_deref().map(subjects).transpose()?;
        let network = || model.network.architecture().to_string();
        let run = EvalRun {
            name: arguments.run.name.clone().unwrap_or_else(network),
            seed: arguments.run.seed.unwrap_or(0),
            subjects: chosen,
            preprocess: model.preprocessing(arguments.cases.preprocess.stated()?)?,
            data: arguments.cases.data_for(model)?,
            read: ReadArguments::default(),
            tolerance_mm: arguments.tolerance,
            passes: Passes::of(&arguments.passes),
        };
        arguments.passes.inferer()?;
        run.checked()
    }

    fn record(&self, context: &Context, model: &Model) -> RunRecord {
        let parents = BTreeMap::from([("model".to_string(), model.digest())]);
        RunRecord::new(context, "eval", BTreeMap::from([("noise".to_string(), self.seed)]), parents)
    }
}

impl Settings for EvalRun {
    fn checked(self) -> Result<EvalRun, CliError> {
        self.read.options()?;
        // An invalid length is refused before any subject is scored.
        SurfaceScorer::new(2, self.tolerance_mm)?;
        Ok(self)
    }
}

fn chosen(cohort: &Cohort, wanted: Option<&[SubjectId]>) -> Result<Vec<SubjectId>, CliError> {
    let known = cohort.subjects();
    let Some(wanted) = wanted else { return Ok(known) };
    let wanted: BTreeSet<&SubjectId> = wanted.iter().collect();
    let in_words =
        |ids: &mut dyn Iterator<Item = &SubjectId>| ids.map(SubjectId::as_str).collect::<Vec<_>>().join(", ");
    let strangers = in_words(&mut wanted.iter().copied().filter(|subject| !known.contains(subject)));
    if !strangers.is_empty() {
        return Err(CohortError::UnknownSubject { subjects: strangers, known: in_words(&mut known.iter()) }.into());
    }
    Ok(known.into_iter().filter(|subject| wanted.contains(subject)).collect())
}

/// What holds for every subject.
struct Work<'a> {
    run: &'a EvalRun,
    inferer: Inferer,
    context: &'a Context,
    model: &'a Model,
    cohort: &'a Cohort,
    table: &'a LabelTable,
    folder: &'a RunFolder,
    /// Whom the model was trained on and made to forget, where its run folder says so.
    lineage: Option<Lineage>,
    notes: Notes,
}

impl Work<'_> {
    /// The command that people give next: an unlearned model is audited, another one made to forget.
    fn next(&self) -> String {
        let (model, data) = (self.model.path.display(), self.run.data.root.display());
        match &self.lineage {
            Some(lineage) if !lineage.forgotten().is_empty() => format!("lacuna audit AUDIT.toml --model {model}"),
            _ => {
                let strategy = if self.model.network_count() > 1 { "exact" } else { "atlas-matching" };
                format!("lacuna unlearn --model {model} --data {data} --forget SUBJECT --strategy {strategy}")
            }
        }
    }

    /// What the model knows of a subject, by the lineage beside it.
    fn side_of(&self, subject: &SubjectId) -> Side {
        match &self.lineage {
            None => Side::Scored,
            Some(lineage) if lineage.forgotten().contains(subject) => Side::Forget,
            Some(lineage) if lineage.trained.contains(subject) => Side::Train,
            Some(_) => Side::HeldOut,
        }
    }

    fn score(&self, subjects: &[SubjectId]) -> Result<Vec<Scored>, CliError> {
        let mut scored = self.scored_before()?;
        let total = subjects.len();
        let mut progress = Progress::begin(self.context, "eval", "subject", total, scored.len());
        let left = subjects.iter().filter(|subject| !scored.iter().any(|one| one.subject == subject.as_str()));
        for subject in left.collect::<Vec<_>>() {
            if interrupt::requested() {
                return Err(self.interrupted(scored.len(), total));
            }
            progress.advance(scored.len(), "");
            scored.push(self.score_one(subject)?);
            self.keep(&scored)?;
        }
        progress.advance(total, "");
        Ok(scored)
    }

    fn score_one(&self, subject: &SubjectId) -> Result<Scored, CliError> {
        let output_shape = |input| self.model.network.architecture().output_size(input);
        let how = Preparation {
            preprocessing: &self.run.preprocess,
            labels: self.table,
            output_shape: &output_shape,
            seed: Seed(self.run.seed),
            read: if self.run.read.is_stated() { self.run.read.options()? } else { self.cohort.read },
            cache: self.context.loading.cache.as_ref(),
        };
        let scans = self.cohort.scans_of(subject).iter();
        let cases: Vec<Case> = scans.map(|scan| prepare(&how, scan)).collect::<Result<_, _>>()?;
        for (path, notice) in cases.iter().flat_map(|case| &case.notices) {
            self.notes.take("files", path.display().to_string(), notice.to_string());
        }
        let cases: Vec<&Case> = cases.iter().collect();
        let device = &self.context.device;
        let mut predict =
            |network: &Network| cases.iter().map(|case| predict_with(&self.inferer, network, case, device)).collect();
        let mut predictions = self.model.predict(device, &mut predict)?.into_iter();
        let surfaces = SurfaceScorer::new(self.table.classes().len(), self.run.tolerance_mm)?;
        let next = &mut |_: &Case| Ok::<_, CliError>(predictions.next().expect("one prediction per scan"));
        let scores = score_subject(&cases, self.table.classes(), Some(surfaces), next)?;
        if scores.collapsed {
            self.notes.take("subjects", subject.to_string(), "the network predicts one class everywhere");
        }
        Ok(Scored::new(subject.to_string(), self.side_of(subject), scores))
    }

    /// What an earlier process of this run has scored.
    fn scored_before(&self) -> Result<Vec<Scored>, CliError> {
        let path = self.folder.file(SCORES);
        if !path.exists() {
            return Ok(Vec::new());
        }
        let text = lacuna_disk::read_text(&path, SCORES_BYTES_MAX)?;
        serde_json::from_str(&text).map_err(|error| CliError::Data {
            what: format!("{}: {error}; fix: delete it to have all subjects scored again", path.display()),
        })
    }

    fn keep(&self, scored: &[Scored]) -> Result<(), CliError> {
        self.folder.write_json(SCORES, &scored)?;
        self.folder.write("subjects.csv", &scores::csv(scored))
    }

    fn interrupted(&self, done: usize, total: usize) -> CliError {
        let (folder, model) = (self.folder.path().display(), self.model.path.display());
        let again = format!("lacuna eval --model {model} --resume {folder}");
        CliError::Interrupted { kept: format!("{done} of {total} subjects are kept in {folder}; fix: {again}") }
    }
}
