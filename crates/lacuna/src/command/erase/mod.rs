//! `lacuna erase --request ID`: a request carried out, step by step, with evidence at the end.
//!
//! Each step is written down when it is done, so that the same command goes on where it was:
//!
//! 1. for each model what is to be run, and what will be measured of it, is registered in the ledger;
//! 2. `lacuna unlearn` runs on one model after the other;
//! 3. with `--audit`, each model that came of it is audited;
//! 4. models, membership, runs, measurements and verdicts are written down, in one transaction;
//! 5. with `--purge`, what lacuna made of the subject is removed;
//! 6. the evidence is signed and written.
//!
//! What the runs came to is kept between steps in [`progress`], in the operator's zone, and removed at the end.

mod audit;
mod evidence;
mod forget;
mod models;
mod progress;
mod write_down;

use super::ledger::{day_or_today, find_subject};
use crate::context::Context;
use crate::error::CliError;
use crate::output::Outcome;
use crate::text_table::named;
use crate::trace::{Person, Places, Plan, Scope, find, named_buckets, purge, roots};
use clap::Args;
use lacuna_artefacts::Site;
use lacuna_cohort::{Cohort, LayoutOptions, Named, SubjectId};
use lacuna_ledger::{Digest, Ledger, RequestState, Status, random_hex, sha256_file};
use progress::{Progress, Run};
use serde::Serialize;
use std::path::{Path, PathBuf};

/// Carry out an accepted request: forget the subject, measure, purge, write the evidence
///
/// The subject is found in the data by the request's pseudonym. Without --model every model in the folder of runs that
/// saw the subject is made to forget. What stands behind `--` goes to `lacuna unlearn` as it is. The same command goes on
/// where it was interrupted.
#[derive(Args)]
#[command(
    after_help = "Examples:\n  lacuna erase --request req-1f0c --ledger requests.db --data heads \\\n    --strategy \
                        atlas-matching --epochs 20 --audit audits/heads.toml --purge\n  lacuna erase --request req-1f0c \
                        --ledger requests.db --model runs/train/…/model.safetensors \\\n    --data heads --recipe \
                        mine.toml -- --held-out phantom-005"
)]
pub struct Arguments {
    /// The request; its name may be cut short
    #[arg(long, value_name = "REQUEST")]
    request: String,
    #[command(flatten)]
    ledger: super::ledger::LedgerArguments,
    /// A model that has seen the subject; may be repeated [default: all below the folder of runs]
    #[arg(long, value_name = "FILE")]
    model: Vec<PathBuf>,
    /// The data set that they were trained on
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
    /// Audit each model that comes of it by this audit file, whose bank `lacuna audit` made
    #[arg(long, value_name = "FILE.toml")]
    audit: Option<PathBuf>,
    /// Train the models of the bank that are missing
    #[arg(long, requires = "audit")]
    build_bank: bool,
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

#[derive(Serialize)]
struct Erased {
    #[serde(flatten)]
    state: RequestState,
    /// The first model that came of it; `models` has all.
    model: PathBuf,
    models: Vec<Delivered>,
    evidence_folder: PathBuf,
    verdict: String,
    removed: usize,
}

/// A model that is to be used from now on.
#[derive(Serialize)]
struct Delivered {
    model: PathBuf,
    verdict: String,
}

/// Carry it out, or what is left of it.
pub fn run(arguments: &Arguments, context: &Context) -> Result<Outcome, CliError> {
    let mut ledger = Ledger::open(&arguments.ledger.ledger)?;
    let state = ledger.find_request(&arguments.request)?;
    let request = state.request.clone();
    if ![Status::Accepted, Status::Extended, Status::Executed, Status::Verified].contains(&state.status) {
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
    crate::redact::hide_cohort(&cohort);
    let subject = find_subject(&ledger, &state, &cohort.subjects())?;
    let whose = (&state, &subject);
    let audited_by = audit::read(arguments, &subject)?;
    let strategy = arguments.strategy.clone().unwrap_or_else(|| "recipe".to_string());
    let protocol =
        evidence::protocol(&strategy, &forget::recipe(arguments, &subject)?, audited_by.as_ref().map(audit::settled));
    let kept = context.runs.join("erase").join(&request);
    let mut progress = match planned(&kept, arguments, &protocol)? {
        Some(progress) => progress,
        None => plan(arguments, context, &ledger, &subject, &protocol)?,
    };
    progress.write(&kept)?;
    write_down::register(&mut ledger, &request, &progress)?;
    forget::forget(arguments, context, whose, (&mut progress, &kept))?;
    if let Some(config) = &audited_by {
        audit::audit(config, arguments, context, whose, (&mut progress, &kept))?;
    }
    write_down::write_down(&mut ledger, &state, &progress)?;
    if arguments.purge {
        clear(arguments, context, &mut ledger, &state, &subject)?;
    }
    evidence::write(&mut ledger, &state, &progress, &protocol, &out)?;
    Progress::remove(&kept)?;
    let state = ledger.find_request(&request)?;
    let removed = evidence::deletions(&ledger, &request)?.len();
    let delivered = progress
        .made()
        .map(|(run, made)| Delivered { model: made.model.clone(), verdict: evidence::verdict_of(run).to_string() });
    let models: Vec<Delivered> = delivered.collect();
    let erased = Erased {
        state,
        model: models.first().map(|first| first.model.clone()).unwrap_or_default(),
        models,
        evidence_folder: out,
        verdict: evidence::verdict(&progress).to_string(),
        removed,
    };
    Ok(Outcome::new("erase", &erased, erased.text()))
}

/// What an earlier call registered, if this one asks for the same.
///
/// # Errors
/// Something else, of which a part is done.
fn planned(kept: &Path, arguments: &Arguments, protocol: &[u8]) -> Result<Option<Progress>, CliError> {
    let Some(progress) = Progress::read(kept)? else { return Ok(None) };
    let named = |model: &PathBuf| progress.runs.iter().any(|run| run.from == *model);
    if progress.protocol == Digest::of(&[protocol]) && arguments.model.iter().all(named) {
        return Ok(Some(progress));
    }
    if progress.made().next().is_none() {
        return Ok(None);
    }
    Err(CliError::Config {
        what: format!(
            "{}: expected the strategy, settings, audit and models that were registered before, found others; fix: the \
             command as it was given first, or delete this folder and all runs are done again",
            kept.display()
        ),
    })
}

/// A run for each model, once it is sure that it can run.
fn plan(
    arguments: &Arguments,
    context: &Context,
    ledger: &Ledger,
    subject: &SubjectId,
    protocol: &[u8],
) -> Result<Progress, CliError> {
    let models = models::affected(arguments, context, ledger, subject)?;
    let mut runs = Vec::new();
    for from in models {
        forget::check(arguments, &from, subject, context)?;
        let (run, before) = (random_hex::<16>(), sha256_file(&from)?);
        runs.push(Run { run, from, before, made: None, audited: None });
    }
    let strategy = arguments.strategy.clone().unwrap_or_else(|| "recipe".to_string());
    Ok(Progress::new(strategy, forget::recipe(arguments, subject)?, Digest::of(&[protocol]), runs))
}

/// The same with the pseudonym where the id stands.
fn nameless(value: &serde_json::Value, subject: &SubjectId, state: &RequestState) -> serde_json::Value {
    let text = Named::joined(subject.as_str()).replaced(&value.to_string(), state.subject.as_str());
    serde_json::from_str(&text).expect("a word in place of another leaves JSON as it was")
}

/// Remove what lacuna made of the subject. Its images stay: an audit may need them.
fn clear(
    arguments: &Arguments,
    context: &Context,
    ledger: &mut Ledger,
    state: &RequestState,
    subject: &SubjectId,
) -> Result<(), CliError> {
    let site = Site::open(&context.runs)?;
    let (roots, data) = (roots(&context.runs, site.as_ref(), [])?, [arguments.data.clone()]);
    let cache = context.loading.cache.as_ref().map(|cache| cache.folder());
    let person = Person::of(subject, &data, Some(&*ledger), site.as_ref())?;
    let places = Places { roots: &roots, data: &data, cache, ledger: Some(&*ledger) };
    let trace = find(&person, &places)?;
    for bucket in named_buckets(&places)? {
        context.note(&format!("note     {bucket}: a plan or run names it; `lacuna trace` says what to delete there"));
    }
    let plan = Plan::of(&trace, &person, state.subject.to_string(), Scope::default())?;
    let receipt = purge(&context.runs, &plan, Some((&mut *ledger, state.request.as_str())))?;
    context.note(&format!("purged   {} files on {}", receipt.steps.len(), day_or_today(None)));
    Ok(())
}

impl Erased {
    fn text(&self) -> String {
        let mut lines = vec![("request", self.state.request.clone()), ("status", self.state.status.name().to_string())];
        for Delivered { model, verdict } in &self.models {
            lines.push(("model", format!("{}: {verdict}", model.display())));
        }
        if self.verdict == evidence::NOT_ASSESSABLE {
            let next =
                "no audit could judge it; one that can is asked by --audit FILE or recorded by `lacuna ledger audit`";
            lines.push(("verdict", format!("{}: {next}", self.verdict)));
        } else {
            lines.push(("verdict", self.verdict.clone()));
        }
        lines.push(("removed", format!("{} files", self.removed)));
        lines.push(("evidence", self.evidence_folder.display().to_string()));
        named(&lines)
    }
}
