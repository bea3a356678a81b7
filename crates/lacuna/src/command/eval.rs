//! `lacuna eval`: how well a model segments the subjects of a data set.

use crate::arguments::{LabelArguments, LayoutArguments, Model, ModelArguments, PreprocessArguments, ReadArguments};
use crate::context::Context;
use crate::error::CliError;
use crate::interrupt;
use crate::output::Outcome;
use crate::progress::Progress;
use crate::run_folder::{RunFolder, RunRecord};
use crate::scores::{self, Scored};
use clap::Args;
use lacuna_cohort::{Case, Cohort, CohortError, LabelTable, Preparation, SubjectId, prepare};
use lacuna_seed::Seed;
use lacuna_train::score_subject;
use lacuna_volume::Preprocessing;
use serde::Serialize;
use std::collections::BTreeMap;
use std::path::PathBuf;

/// Score a model on every subject and class, on the volume's grid and on the network's
#[derive(Args)]
#[command(after_help = "Example:\n  lacuna eval --model model.safetensors --data heads")]
pub struct Arguments {
    #[command(flatten)]
    model: ModelArguments,
    /// The data set: a folder or a list file
    #[arg(long, value_name = "DATA")]
    data: PathBuf,
    #[command(flatten)]
    layout: LayoutArguments,
    #[command(flatten)]
    labels: LabelArguments,
    #[command(flatten)]
    preprocess: PreprocessArguments,
    /// Only these subjects, separated by commas
    #[arg(long, value_name = "SUBJECTS", value_delimiter = ',')]
    subjects: Option<Vec<String>>,
    /// What the background noise of MedicalNet's preprocessing follows from
    #[arg(long, default_value_t = 0, value_name = "N")]
    seed: u64,
    #[command(flatten)]
    read: ReadArguments,
}

#[derive(Serialize)]
struct Record {
    run: PathBuf,
    model: String,
    network: String,
    labels: String,
    scores: Vec<Scored>,
}

/// Score subject after subject; only one is in memory.
pub fn run(arguments: &Arguments, context: &Context) -> Result<Outcome, CliError> {
    let stated = arguments.preprocess.stated()?;
    let model = arguments.model.open(&context.device)?;
    let preprocessing = model.preprocessing(stated)?;
    let cohort = Cohort::open(&arguments.data, &arguments.layout.options()?)?;
    let table = table(arguments, &model, &cohort)?;
    model.check_fit(&table, &cohort)?;
    let subjects = chosen(&cohort, arguments.subjects.as_deref())?;

    let digest = model.network.digest();
    let parents = BTreeMap::from([("model".to_string(), digest.clone())]);
    let record = RunRecord::new("eval", BTreeMap::from([("noise".to_string(), arguments.seed)]), parents);
    let folder = RunFolder::create(context, &model.network.architecture().to_string(), &record)?;
    let scored = score(
        &Work { arguments, context, model: &model, cohort: &cohort, table: &table, preprocessing: &preprocessing },
        &subjects,
    );
    let outcome = scored.and_then(|scores| {
        folder.write("subjects.csv", &scores::csv(&scores))?;
        let record = Record {
            run: folder.path().to_path_buf(),
            model: digest,
            network: model.network.architecture().to_string(),
            labels: table.name().to_string(),
            scores,
        };
        Ok(Outcome::new("eval", &record, scores::text(&record.scores)))
    });
    folder.close(outcome)
}

/// The table named, else the one the model was trained with.
fn table(arguments: &Arguments, model: &Model, cohort: &Cohort) -> Result<LabelTable, CliError> {
    match (arguments.labels.table(cohort)?, &model.notes.label_table) {
        (Some(table), _) => Ok(table),
        (None, Some(name)) => Ok(LabelTable::built_in(name, cohort.classes_in_file.as_ref())?),
        (None, None) => Err(CliError::Config {
            what: format!(
                "{}: metadata `label_table`: expected a value, found nothing; fix: say it with --labels TABLE",
                model.path.display()
            ),
        }),
    }
}

fn chosen(cohort: &Cohort, names: Option<&[String]>) -> Result<Vec<SubjectId>, CliError> {
    let known = cohort.subjects();
    let Some(names) = names else { return Ok(known) };
    let strangers: Vec<&str> = names
        .iter()
        .map(String::as_str)
        .filter(|name| !known.iter().any(|subject| subject.as_str() == *name))
        .collect();
    if !strangers.is_empty() {
        let known = known.iter().map(SubjectId::to_string).collect::<Vec<_>>().join(", ");
        return Err(CohortError::UnknownSubject { subjects: strangers.join(", "), known }.into());
    }
    Ok(known.into_iter().filter(|subject| names.iter().any(|name| name == subject.as_str())).collect())
}

/// What holds for every subject.
struct Work<'a> {
    arguments: &'a Arguments,
    context: &'a Context,
    model: &'a Model,
    cohort: &'a Cohort,
    table: &'a LabelTable,
    preprocessing: &'a Preprocessing,
}

fn score(work: &Work, subjects: &[SubjectId]) -> Result<Vec<Scored>, CliError> {
    let architecture = *work.model.network.architecture();
    let output_shape = |input| architecture.output_size(input);
    let how = Preparation {
        preprocessing: work.preprocessing,
        labels: work.table,
        output_shape: &output_shape,
        seed: Seed(work.arguments.seed),
        read: work.arguments.read.options()?,
        cache: work.context.loading.cache.as_ref(),
    };
    let mut progress = Progress::begin(work.context, "eval", "subject", subjects.len(), 0);
    let mut scored = Vec::new();
    for (index, subject) in subjects.iter().enumerate() {
        if interrupt::requested() {
            return Err(CliError::Interrupted { kept: format!("{index} subjects were scored, none is kept") });
        }
        progress.advance(index, "");
        let cases: Vec<Case> =
            work.cohort.scans_of(subject).iter().map(|scan| prepare(&how, scan)).collect::<Result<_, _>>()?;
        for (path, notice) in cases.iter().flat_map(|case| &case.notices) {
            progress.note(work.context, &format!("note: {}: {notice}", path.display()));
        }
        let cases: Vec<&Case> = cases.iter().collect();
        let scores = score_subject(&work.model.network, &cases, work.table.classes(), &work.context.device)?;
        scored.push(Scored::new(subject.to_string(), "scored", scores));
    }
    progress.advance(subjects.len(), "");
    Ok(scored)
}
