//! `lacuna erase --request ID`: a request carried out, step by step, with evidence at the end.
//!
//! Each step is written down when it is done, so that the same command goes on where it was:
//!
//! 1. what is to be run is registered in the ledger, before it runs;
//! 2. `lacuna unlearn` runs;
//! 3. models, membership, run, measurement and verdict are written down, in one transaction;
//! 4. with `--purge`, what lacuna made of the subject is removed;
//! 5. the evidence is signed and written.
//!
//! What the run came to is kept between steps in `PROGRESS`, in the operator's zone, and removed at the end.

mod evidence;

use super::ledger::{day_or_today, find_subject};
use super::unlearn;
use crate::context::Context;
use crate::error::CliError;
use crate::output::Outcome;
use crate::text_table::named;
use crate::trace::{Places, Purge, find, purge, replaced, sources};
use clap::{Args, Parser};
use lacuna_cohort::{Cohort, LayoutOptions, SubjectId};
use lacuna_ledger::{Holds, Ledger, Record, RequestState, Status, random_hex, sha256_file};
use serde::{Deserialize, Serialize};
use std::path::{Path, PathBuf};

const PROGRESS: &str = "progress.json";
const PROGRESS_BYTES_MAX: u64 = 64 << 20;

/// Carry out an accepted request: forget the subject, measure, purge, write the evidence
///
/// The subject is found in the data by the request's pseudonym. What stands behind `--` goes to `lacuna unlearn` as it
/// is. The same command goes on where it was interrupted.
#[derive(Args)]
#[command(after_help = "Examples:\n  lacuna erase --request req-1f0c --ledger requests.db --model \
                        runs/train/…/model.safetensors \\\n    --data heads --strategy atlas-matching --epochs 20\n  lacuna \
                        erase --request req-1f0c --ledger requests.db --model model.safetensors --data heads \\\n    \
                        --recipe mine.toml --purge -- --held-out phantom-005")]
pub struct Arguments {
    /// The request; its name may be cut short
    #[arg(long, value_name = "REQUEST")]
    request: String,
    #[command(flatten)]
    ledger: super::ledger::LedgerArguments,
    /// The model that has seen the subject
    #[arg(long, value_name = "FILE")]
    model: PathBuf,
    /// The data set that it was trained on
    #[arg(long, value_name = "DIR")]
    data: PathBuf,
    /// A named strategy (see `lacuna unlearn --help`)
    #[arg(long, value_name = "NAME")]
    strategy: Option<String>,
    /// A recipe of your own
    #[arg(long, value_name = "FILE.toml", required_unless_present = "strategy")]
    recipe: Option<PathBuf>,
    /// Horizons: after how many epochs to score; the longest is how long it runs
    #[arg(long, value_name = "N,…")]
    epochs: Option<String>,
    /// Remove what lacuna made of the subject, as `lacuna trace --purge` does, before the evidence is written
    #[arg(long)]
    purge: bool,
    /// Where the evidence is written [default: RUNS/evidence/REQUEST]
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
    /// Further arguments of `lacuna unlearn`
    #[arg(last = true, value_name = "ARGUMENTS")]
    more: Vec<String>,
}

/// `lacuna unlearn` as a parser of its own.
#[derive(Parser)]
struct Unlearn {
    #[command(flatten)]
    arguments: unlearn::Arguments,
}

/// What a run came to, as much as the steps after it need.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Progress {
    schema: String,
    request: String,
    run: String,
    recipe: String,
    model: PathBuf,
    before: String,
    after: String,
    sha256_before: lacuna_ledger::Digest,
    sha256_after: lacuna_ledger::Digest,
    strategy: String,
    tables: serde_json::Value,
    effect: serde_json::Value,
    cost: serde_json::Value,
}

#[derive(Serialize)]
struct Erased {
    #[serde(flatten)]
    state: RequestState,
    model: PathBuf,
    evidence_folder: PathBuf,
    verdict: &'static str,
    removed: usize,
}

/// Carry it out, or what is left of it.
pub fn run(arguments: &Arguments, context: &Context) -> Result<Outcome, CliError> {
    let mut ledger = Ledger::open(&arguments.ledger.ledger)?;
    let state = ledger.find_request(&arguments.request)?;
    let request = state.request.clone();
    if ![Status::Accepted, Status::Extended, Status::Executed].contains(&state.status) {
        let found = state.status.name();
        let what = format!("request {request}: expected one that is accepted, found it {found}");
        return Err(CliError::Config { what });
    }
    let out = arguments.out.clone().unwrap_or_else(|| context.runs.join("evidence").join(&request));
    if out.join("evidence.dsse.json").exists() {
        let what = format!("{}: expected no evidence yet, found some; fix: --out names another folder", out.display());
        return Err(CliError::Config { what });
    }
    let cohort = Cohort::open(&arguments.data, &LayoutOptions::default())?;
    let subject = find_subject(&ledger, &state, &cohort.subjects())?;
    let kept = context.runs.join("erase").join(&request).join(PROGRESS);
    let progress = match Progress::read(&kept)? {
        Some(progress) => progress,
        None => {
            let progress = forget(arguments, context, &mut ledger, &state, &subject)?;
            progress.write(&kept)?;
            progress
        }
    };
    write_down(&mut ledger, &state, &progress)?;
    if arguments.purge {
        clear(arguments, context, &mut ledger, &state, &subject)?;
    }
    evidence::write(&mut ledger, &state, &progress, &out)?;
    lacuna_disk::remove_file(&kept)?;
    let state = ledger.find_request(&request)?;
    let (model, removed) = (progress.model, evidence::deletions(&ledger, &request)?.len());
    let erased = Erased { state, model, evidence_folder: out, verdict: evidence::VERDICT, removed };
    Ok(Outcome::new("erase", &erased, erased.text()))
}

/// Steps 1 and 2: register the run, then run it.
fn forget(
    arguments: &Arguments,
    context: &Context,
    ledger: &mut Ledger,
    state: &RequestState,
    subject: &SubjectId,
) -> Result<Progress, CliError> {
    let words = words(arguments, subject);
    let parsed = Unlearn::try_parse_from(&words);
    let parsed = parsed.map_err(|error| CliError::Usage { what: error.to_string().trim_end().to_string() })?;
    // The subject is no part of what decides a recipe, and a digest of its id could be tried out.
    let settings = lacuna_disk::digest(without(&words, subject).as_bytes());
    let recipe = match &arguments.recipe {
        Some(path) => lacuna_disk::digest(format!("{settings} {}", lacuna_disk::digest_file(path)?).as_bytes()),
        None => settings,
    };
    let (run, sha256_before) = (random_hex::<16>(), sha256_file(&arguments.model)?);
    let strategy = arguments.strategy.clone().unwrap_or_else(|| "recipe".to_string());
    let record = |after: Option<String>| Record::Run {
        request: state.request.clone(),
        run: run.clone(),
        strategy: strategy.clone(),
        recipe: recipe.clone(),
        before: sha256_before.to_string(),
        after,
    };
    ledger.step(&state.request, &[record(None)])?;
    let outcome = unlearn::run(&parsed.arguments, context)?;
    let json = outcome.json();
    let text = |key: &str| json[key].as_str().unwrap_or_default().to_string();
    let model = PathBuf::from(text("model"));
    Ok(Progress {
        schema: "lacuna.erase-progress/1".to_string(),
        request: state.request.clone(),
        run,
        recipe,
        before: text("parent"),
        after: text("digest"),
        sha256_before,
        sha256_after: sha256_file(&model)?,
        model,
        strategy,
        tables: nameless(&json["tables"], subject, state),
        effect: nameless(&json["effect"], subject, state),
        cost: serde_json::json!({"training_passes": json["training_passes"], "teacher_passes": json["teacher_passes"]}),
    })
}

/// The same with the pseudonym where the id stands.
fn nameless(value: &serde_json::Value, subject: &SubjectId, state: &RequestState) -> serde_json::Value {
    let text = replaced(&value.to_string(), subject, state.subject.as_str());
    serde_json::from_str(&text).expect("a word in place of another leaves JSON as it was")
}

/// Step 3: models, membership, run, measurement and verdict, unless they are there.
fn write_down(ledger: &mut Ledger, state: &RequestState, progress: &Progress) -> Result<(), CliError> {
    let request = state.request.clone();
    let (before, after) = (progress.sha256_before.to_string(), progress.sha256_after.to_string());
    let run = Record::Run {
        request: request.clone(),
        run: progress.run.clone(),
        strategy: progress.strategy.clone(),
        recipe: progress.recipe.clone(),
        before: before.clone(),
        after: Some(after.clone()),
    };
    if ledger.view().records_of(&request)?.contains(&run) {
        return Ok(());
    }
    let membership =
        |model: &str, holds| Record::Membership { model: model.to_string(), subject: state.subject.clone(), holds };
    let digest = |bytes: Vec<u8>| lacuna_ledger::Digest::of(&[&bytes]).to_string();
    let model = |model: &str, parent, config| Record::Model { model: model.to_string(), parent, config };
    let records = [
        model(&before, None, None),
        membership(&before, Holds::Weights),
        model(&after, Some(before.clone()), Some(progress.recipe.clone())),
        membership(&after, Holds::Forgotten),
        run,
        Record::Audit {
            request: request.clone(),
            run: progress.run.clone(),
            protocol: digest(evidence::protocol(progress)),
            metrics: digest(evidence::metrics(progress)),
        },
        Record::Verdict { request: request.clone(), run: progress.run.clone(), verdict: evidence::VERDICT.to_string() },
        Record::Status { request: request.clone(), status: Status::Executed, refusal: None },
    ];
    ledger.step(&request, &records)?;
    Ok(())
}

/// Step 4: remove what lacuna made of the subject. Its images stay: an audit may need them.
fn clear(
    arguments: &Arguments,
    context: &Context,
    ledger: &mut Ledger,
    state: &RequestState,
    subject: &SubjectId,
) -> Result<(), CliError> {
    let (roots, data) = ([context.runs.clone()], [arguments.data.clone()]);
    let cache = context.loading.cache.as_ref().map(|cache| cache.folder());
    let listed = sources(subject, &data)?;
    let places = Places { roots: &roots, data: &data, sources: &listed, cache, ledger: Some(&*ledger) };
    let trace = find(subject, &places)?;
    let what = Purge { subject, pseudonym: state.subject.to_string(), include_sources: false };
    let receipt = purge(&trace, &what, Some((&mut *ledger, state.request.as_str())))?;
    context.note(&format!("purged   {} files on {}", receipt.removed.len(), day_or_today(None)));
    Ok(())
}

/// The words of `lacuna unlearn`.
fn words(arguments: &Arguments, subject: &SubjectId) -> Vec<String> {
    let path = |path: &Path| path.display().to_string();
    let mut words = vec!["lacuna unlearn".to_string()];
    let mut add = |flag: &str, value: String| words.extend([flag.to_string(), value]);
    add("--model", path(&arguments.model));
    add("--data", path(&arguments.data));
    add("--forget", subject.to_string());
    if let Some(strategy) = &arguments.strategy {
        add("--strategy", strategy.clone());
    }
    if let Some(recipe) = &arguments.recipe {
        add("--recipe", path(recipe));
    }
    if let Some(epochs) = &arguments.epochs {
        add("--epochs", epochs.clone());
    }
    words.extend(arguments.more.iter().cloned());
    words
}

/// The settings among the words: neither who nor where.
fn without(words: &[String], subject: &SubjectId) -> String {
    let hidden = ["--model", "--data", "--forget", "--recipe"];
    let mut kept = Vec::new();
    let mut words = words.iter();
    while let Some(word) = words.next() {
        if hidden.contains(&word.as_str()) {
            words.next();
        } else if word != subject.as_str() {
            kept.push(word.as_str());
        }
    }
    kept.join(" ")
}

impl Progress {
    fn read(path: &Path) -> Result<Option<Progress>, CliError> {
        if !path.exists() {
            return Ok(None);
        }
        let text = lacuna_disk::read_text(path, PROGRESS_BYTES_MAX)?;
        serde_json::from_str(&text).map(Some).map_err(|error| CliError::Data {
            what: format!("{}: {error}; fix: delete it, and the run is done again", path.display()),
        })
    }

    fn write(&self, path: &Path) -> Result<(), CliError> {
        Ok(lacuna_disk::write_bytes(path, &serde_json::to_vec(self).expect("plain data is JSON"))?)
    }
}

impl Erased {
    fn text(&self) -> String {
        let lines = [
            ("request", self.state.request.clone()),
            ("status", self.state.status.name().to_string()),
            ("model", self.model.display().to_string()),
            (
                "verdict",
                format!("{}: no retrained model was compared; `lacuna ledger audit` when one was", self.verdict),
            ),
            ("removed", format!("{} files", self.removed)),
            ("evidence", self.evidence_folder.display().to_string()),
        ];
        named(&lines)
    }
}
