//! `lacuna erase --request ID`: a request carried out, step by step, with evidence at the end.
//!
//! Each step is written down when it is done, so that the same command goes on where it was:
//!
//! 1. for each model what is to be run, and what will be measured of it, is registered in the ledger;
//! 2. `lacuna unlearn` runs on one model after the other;
//! 3. with `--audit`, each model that came of it is audited;
//! 4. models, membership, runs, measurements and verdicts are written down, in one transaction;
//! 5. with `--purge`, and only where the model was changed, what lacuna made of the subject is removed;
//! 6. the same search looks again, and where something holds the subject or is unknown, nothing is signed;
//! 7. the evidence is signed and written.
//!
//! So nothing is removed before the outcome is known and recorded. What the runs came to is kept between steps in
//! [`Progress`], in the operator's zone, and removed at the end.

mod audit;
mod erased;
mod forget;
mod made;
mod models;
mod purge;

use super::ledger::find_subject;
use crate::arguments::suggested;
use crate::command::BURN_VERSION;
use crate::context::Context;
use crate::error::CliError;
use crate::exit::Exit;
use crate::output::Outcome;
use clap::Args;
use erased::{Delivered, Erased};
use lacuna_cohort::{Cohort, SubjectId};
use lacuna_erase::{
    Environment, Found, Parts, Progress, Run, check_accepted, check_attempt, is_open, may_purge, may_sign, protocol,
    register, sign, verify, weakest_outcome, write_down,
};
use lacuna_ledger::{Digest, Ledger, RequestState, random_hex, sha256_file};
use lacuna_unlearn::STRATEGIES;
use purge::Search;
use std::path::{Path, PathBuf};

/// Carry out an accepted request: forget the subject, measure, purge, write the evidence
///
/// The subject is found in the data by the request's pseudonym. Without --model every model in the folder of runs that
/// saw the subject is made to forget. What stands behind `--` goes to `lacuna unlearn` as it is. The same command goes
/// on where it was interrupted.
///
/// The outcome of a model is that of its audit, `not_assessable` without one, and `no_effect` where the run left the
/// model's answers on the subject as they were: then nothing is removed, the request stays accepted, and the code is 6.
/// The code is 6 too where something that holds the subject is left, or a model of which nothing says whom it saw:
/// nothing is signed then, unless --accept-unknown is given.
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
    /// A model that has seen the subject, a file or the run folder of an exact training; may be repeated [default: all
    /// below the folder of runs, with --strategy exact all that were trained for it]
    #[arg(long, value_name = "FILE")]
    model: Vec<PathBuf>,
    /// The data set that they were trained on
    #[arg(long, value_name = "DIR")]
    data: PathBuf,
    /// How far the grids of one scan's files may lie apart, in mm [default: 0.001, and at most a tenth of a voxel]
    #[arg(long, value_name = "MM")]
    tolerance_mm: Option<f64>,
    /// Subjects, or single scans by their names, to leave out, separated by commas
    #[arg(long, value_name = "SUBJECTS")]
    exclude: Option<String>,
    /// Why they are left out; kept with the run's settings
    #[arg(long, value_name = "TEXT", requires = "exclude")]
    exclude_reason: Option<String>,
    /// A named strategy (see `lacuna unlearn --help`)
    #[arg(long, value_name = "NAME", value_parser = suggested::strategies(), hide_possible_values = true)]
    strategy: Option<String>,
    /// A recipe of your own
    #[arg(long, value_name = "FILE.toml", required_unless_present = "strategy")]
    recipe: Option<PathBuf>,
    /// Numbers of epochs after which the model is scored; the run ends after the last
    #[arg(long, value_name = "N,…")]
    epochs: Option<String>,
    /// Audit each model that comes of it by this audit file, whose reference models `lacuna audit` made
    #[arg(long, value_name = "FILE.toml")]
    audit: Option<PathBuf>,
    /// Train the reference models that are missing
    #[arg(long, requires = "audit")]
    build_bank: bool,
    /// Move what lacuna made of the subject into quarantine, as `lacuna trace --purge` does, once the outcome is
    /// recorded; it is deleted when the request is closed. Where the run had no effect nothing is moved
    #[arg(long)]
    purge: bool,
    /// Sign the evidence though something that holds the subject, or may, is left; the evidence counts it
    #[arg(long)]
    accept_unknown: bool,
    /// Try again where this request was executed before, by another strategy or the same; the evidence lists every
    /// attempt
    #[arg(long)]
    again: bool,
    #[command(flatten)]
    store: super::trace::Stores,
    /// Where the evidence is written [default: RUNS/evidence/REQUEST]
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
    /// Further arguments of `lacuna unlearn`
    #[arg(last = true, value_name = "ARGUMENTS")]
    more: Vec<String>,
}

/// Carry it out, or what is left of it.
pub fn run(arguments: &Arguments, context: &Context) -> Result<Outcome, CliError> {
    let mut ledger = Ledger::open(&arguments.ledger.ledger)?;
    let state = ledger.find_request(&arguments.request)?;
    let request = state.request.clone();
    check_accepted(&state)?;
    let out = folder_of_evidence(arguments, context, &request)?;
    let cohort = Cohort::open(&arguments.data, &forget::options(arguments)?)?;
    crate::redact::hide_cohort(&cohort);
    let subject = find_subject(&ledger, &state, &cohort.subjects())?;
    let audited_by = audit::read(arguments, &subject)?;
    let strategy = arguments.strategy.clone().unwrap_or_else(|| "recipe".to_string());
    let protocol = protocol(&strategy, &forget::recipe(arguments, &subject)?, audited_by.as_ref().map(audit::settled));
    let kept = context.runs.join("erase").join(&request);
    let planned = planned(&kept, arguments, &protocol)?;
    check_attempt(&ledger, &state, planned.as_ref(), arguments.again)?;
    let mut progress = match planned {
        Some(progress) => progress,
        None => plan(arguments, context, &ledger, &subject, &protocol)?,
    };
    progress.write(&kept)?;
    register(&mut ledger, &request, &progress)?;
    forget::forget(arguments, context, &subject, (&mut progress, &kept))?;
    if let Some(config) = &audited_by {
        audit::audit(config, arguments, context, &subject, (&mut progress, &kept))?;
    }
    write_down(&mut ledger, &state, &progress)?;
    let search = Search { arguments, context, subject: &subject };
    let work = Work { search, state: &state, progress: &progress, protocol: &protocol, out, kept: &kept };
    work.finish(&mut ledger)
}

/// A request whose runs are done and written down.
struct Work<'a> {
    search: Search<'a>,
    state: &'a RequestState,
    progress: &'a Progress,
    protocol: &'a [u8],
    out: PathBuf,
    kept: &'a Path,
}

impl Work<'_> {
    /// Remove what is to be removed, look again, and sign, unless something is left that the evidence would pass over.
    fn finish(self, ledger: &mut Ledger) -> Result<Outcome, CliError> {
        let (arguments, request) = (self.search.arguments, self.state.request.as_str());
        let outcome = weakest_outcome(self.progress);
        let purged = may_purge(arguments.purge, outcome);
        if purged {
            purge::clear(&self.search, ledger, self.state)?;
        }
        let look = purge::look(&self.search, ledger)?;
        let mut found = Found::sorted(&look, self.progress, purged, ledger.keyring());
        found.left.accepted = arguments.accept_unknown && is_open(&found.left);
        let is_signed = may_sign(&found.left, outcome, arguments.accept_unknown);
        if is_signed {
            verify(ledger, request, self.progress)?;
            let Work { state, progress, protocol, .. } = self;
            let (left, strategy_does, environment) = (found.left.clone(), strategy_does(arguments), &environment()?);
            let parts = Parts { state, progress, protocol, left, purged, strategy_does, environment };
            sign(ledger, parts, &self.out)?;
            Progress::remove(self.kept)?;
        }
        let delivered = self.progress.made().map(|(run, made)| Delivered::of(run, made)).collect();
        let evidence_folder = is_signed.then_some(self.out.into());
        let erased = Erased::new(ledger, request, delivered, evidence_folder, (outcome, purged), found)?;
        let refused = !is_signed || !outcome.replaces_the_model();
        let ended = crate::output::Outcome::new("erase", &erased, erased.text());
        Ok(if refused { ended.exiting(Exit::Gate) } else { ended })
    }
}

/// The program and the machine.
fn environment() -> Result<Environment, CliError> {
    Ok(Environment {
        lacuna: env!("CARGO_PKG_VERSION").to_string(),
        program: std::env::current_exe().ok().map(|path| sha256_file(&path)).transpose()?,
        burn: BURN_VERSION.to_string(),
        threads: rayon::current_num_threads(),
    })
}

fn strategy_does(arguments: &Arguments) -> String {
    let named = |name: &String| match name.as_str() {
        "exact" => Some("Train again, from before the person took part, without the person".to_string()),
        name => STRATEGIES.iter().find(|strategy| strategy.name == name).map(|strategy| strategy.about.to_string()),
    };
    let own = "A recipe of the operator's own, of which protocol.json holds the digest";
    arguments.strategy.as_ref().filter(|_| arguments.recipe.is_none()).and_then(named).unwrap_or(own.to_string())
}

/// The folder that was named, or one of the request's name; another attempt gets a number behind it.
fn folder_of_evidence(arguments: &Arguments, context: &Context, request: &str) -> Result<PathBuf, CliError> {
    let is_taken = |folder: &PathBuf| folder.join("evidence.dsse.json").exists();
    let default = context.runs.join("evidence").join(request);
    let numbered = |number: usize| match number {
        1 => default.clone(),
        _ => default.with_file_name(format!("{request}-{number}")),
    };
    if arguments.out.is_none() && arguments.again {
        return Ok((1..).map(numbered).find(|folder| !is_taken(folder)).expect("numbers do not end"));
    }
    let out = arguments.out.clone().unwrap_or(default);
    if is_taken(&out) {
        let fix = "--out names another folder, and --again makes another attempt";
        let what = format!("{}: expected no evidence yet, found some; fix: {fix}", out.display());
        return Err(CliError::Config { what });
    }
    Ok(out)
}

/// What an earlier call registered, if this one asks for the same.
///
/// # Errors
/// Something else, of which a part is done.
fn planned(kept: &Path, arguments: &Arguments, protocol: &[u8]) -> Result<Option<Progress>, CliError> {
    let Some(progress) = Progress::read(kept)? else { return Ok(None) };
    let named = |model: &PathBuf| {
        let model = models::root_of(arguments, model);
        progress.runs.iter().any(|run| run.from == model)
    };
    if progress.protocol == Digest::of(&[protocol]) && arguments.model.iter().all(named) {
        return Ok(Some(progress));
    }
    // The ledger keeps the runs that were registered, and the evidence lists them.
    if progress.made().next().is_none() || arguments.again {
        return Ok(None);
    }
    Err(CliError::Config {
        what: format!(
            "{}: expected the strategy, settings, audit and models that were registered before, found others; fix: the \
             command as it was given first, or --again for another attempt, which lists this one",
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
        let (run, before) = (random_hex::<16>(), models::digest(&from)?);
        runs.push(Run { run, from, before, made: None, audited: None });
    }
    let strategy = arguments.strategy.clone().unwrap_or_else(|| "recipe".to_string());
    Ok(Progress::new(strategy, forget::recipe(arguments, subject)?, Digest::of(&[protocol]), runs))
}
