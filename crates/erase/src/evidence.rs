//! What goes into the evidence of a request.
//!
//! Without an audit a delivered model is measured before and after and with no retrained model beside it, which shows what
//! changed and nothing of what a model without the subject would be: then the outcome is `not_assessable`.

use crate::progress::{Audited, Cost, How, Made, Progress, Run, ScoreLine, ScoreTable};
use crate::{EraseError, outcome_of, weakest_outcome};
use lacuna_ledger::evidence::{
    Account, Bundle, Change, Claim, Course, Left, ModelAccount, ModelDigests, Outcome, Predicate, Statement,
    removed_files,
};
use lacuna_ledger::{Digest, Ledger, Record, RequestState};
use lacuna_report::{ORIGINAL, ScoreGrid};
use lacuna_runs::timestamp;
use serde::Serialize;
use std::collections::BTreeMap;
use std::path::Path;

const NO_RETRAINED: &str =
    "whether a model retrained without the subject would be told apart from this one: none was compared";
const ONE_DRAW: &str =
    "that other statistics than those of the protocol would not tell the model from retrained ones: it is one draw";
const LIMITS: &[&str] = &[
    "that nothing of the subject can be found in the weights by other means than those of protocol.json",
    "copies, backups and exports that lacuna was not told of",
    "blocks that a disk keeps after a file was deleted",
];

/// What will be measured, settled before anything runs: its digest is in the ledger by then, and the file is in the
/// evidence.
pub fn protocol(strategy: &str, recipe: &str, audit: Option<serde_json::Value>) -> Vec<u8> {
    json(&serde_json::json!({
        "schema": "lacuna.erase-protocol/2",
        "strategy": strategy,
        "recipe": recipe,
        "compared": "scores of each delivered model before and after its run",
        "statistics": ["Dice and MAE per role and class", "probability and labels moved on the subject"],
        "audit": audit,
    }))
}

/// The content of `metrics.json`.
#[derive(Serialize)]
struct Metrics<'a> {
    schema: &'static str,
    outcome: Outcome,
    warnings: Vec<&'static str>,
    runs: Vec<RunMetrics<'a>>,
}

/// What was measured of one model: averages by role, no row of a subject.
#[derive(Serialize)]
struct RunMetrics<'a> {
    run: &'a str,
    outcome: Outcome,
    how: &'a How,
    tables: &'a [ScoreTable],
    cost: Cost,
    audit: Option<&'a Audited>,
}

/// What was measured of each model.
pub fn metrics(progress: &Progress) -> Vec<u8> {
    let mut warnings: Vec<&'static str> = progress.made().filter_map(|(run, _)| outcome_of(run).warning()).collect();
    warnings.sort_unstable();
    warnings.dedup();
    let runs = progress.made().map(|(run, made)| RunMetrics {
        run: &run.run,
        outcome: outcome_of(run),
        how: &made.how,
        tables: &made.tables,
        cost: made.cost,
        audit: run.audited.as_ref(),
    });
    json(&Metrics {
        schema: "lacuna.erase-metrics/3",
        outcome: weakest_outcome(progress),
        warnings,
        runs: runs.collect(),
    })
}

/// All that the evidence is made of.
pub struct Parts<'a> {
    /// The request as it stands.
    pub state: &'a RequestState,
    /// What came of its runs.
    pub progress: &'a Progress,
    /// The bytes whose digest is in the ledger.
    pub protocol: &'a [u8],
    /// What is still there.
    pub left: Left,
    /// Whether a removal was asked for and made.
    pub purged: bool,
    /// What the strategy does to a model, in a sentence.
    pub strategy_does: String,
    /// The program and the machine.
    pub environment: &'a Environment,
}

/// The program and the machine that carried a request out.
#[derive(Clone, Debug)]
pub struct Environment {
    /// The version of lacuna.
    pub lacuna: String,
    /// SHA-256 of the program's file, if it can be read.
    pub program: Option<Digest>,
    /// The version of the tensor library.
    pub burn: String,
    /// The number of threads.
    pub threads: usize,
}

/// Signs the evidence of a request and writes it to a folder.
///
/// # Errors
/// A ledger that cannot be read or signs nothing, or a file that cannot be written.
pub fn sign(ledger: &mut Ledger, parts: Parts, out: &Path) -> Result<Statement, EraseError> {
    let Parts { state, progress, protocol, .. } = parts;
    let records = ledger.view().records_of(&state.request)?;
    let is_removal = |record: &&Record| matches!(record, Record::Deletion { .. } | Record::Removal { .. });
    let removals: Vec<&Record> = records.iter().filter(is_removal).collect();
    let removals = serde_json::json!({"schema": "lacuna.removals/1", "files": removals});
    let files = [
        ("protocol.json", protocol.to_vec()),
        ("metrics.json", metrics(progress)),
        ("environment.json", environment(parts.environment)),
        ("removals.json", json(&removals)),
    ];
    let models = progress.made().map(|(run, made)| ModelDigests { before: run.before, after: made.after }).collect();
    let predicate = Predicate {
        request: state.request.clone(),
        subject: state.subject.to_string(),
        strategy: progress.strategy.clone(),
        claim: claim(progress),
        at: timestamp(),
        files: BTreeMap::new(),
        account: Some(account(parts, &records)),
    };
    let files = files.map(|(name, bytes)| (name.to_string(), bytes)).into();
    Ok(Bundle { models, predicate, files }.write(ledger, out)?)
}

fn account(parts: Parts, records: &[Record]) -> Account {
    let Parts { state, progress, left, purged, strategy_does, .. } = parts;
    let RequestState { ground, received, due, .. } = state;
    Account {
        outcome: weakest_outcome(progress),
        warnings: Vec::new(),
        course: Course { ground: *ground, received: *received, due: due.day, executed: None },
        strategy_does,
        models: progress.made().map(|(run, made)| model(run, made)).collect(),
        removed: removed_files(records),
        purged,
        left,
        earlier: Vec::new(),
        other_runs: Vec::new(),
        signed_by: String::new(),
    }
}

fn model(run: &Run, made: &Made) -> ModelAccount {
    let dice = |of: fn(&ScoreLine) -> Option<f64>| {
        let (before, after) = before_and_after(made);
        Change { before: before.and_then(of), after: after.and_then(of) }
    };
    ModelAccount {
        run: run.run.clone(),
        outcome: outcome_of(run),
        audited: run.audited.as_ref().is_some_and(|audited| audited.verdict.is_some() && audited.statistics.models > 0),
        forgotten_dice: dice(|line| line.scores.forget.dice.mean),
        retained_dice: dice(|line| line.scores.retain.dice.mean),
        held_out_dice: dice(|line| line.scores.held_out.dice.mean),
    }
}

/// The lines of the model before and of the new one at its last horizon, on the network's own grid, where memory shows.
fn before_and_after(made: &Made) -> (Option<&ScoreLine>, Option<&ScoreLine>) {
    let lines = made.tables.iter().find(|table| table.grid == ScoreGrid::Output).map_or(&[][..], |table| &table.lines);
    let (before, after): (Vec<&ScoreLine>, Vec<&ScoreLine>) = lines.iter().partition(|line| line.strategy == ORIGINAL);
    (before.last().copied(), after.into_iter().max_by_key(|line| line.epochs))
}

fn claim(progress: &Progress) -> Claim {
    let audits: Vec<_> = progress.runs.iter().filter_map(|run| run.audited.as_ref()).collect();
    let (compared, first) = match audits.is_empty() {
        true => ("scores of each model before and after its run", NO_RETRAINED),
        false => {
            ("each delivered model with models retrained without the subject, by the protocol's statistics", ONE_DRAW)
        }
    };
    let power = audits.iter().find_map(|audited| audited.power).map(|power| {
        format!(
            "with {} models of each kind a shift of {:.2} deviations of one model is found with 80 %, and models that are \
             alike are shown to be with {:.0} %",
            power.seeds,
            power.detectable_delivered,
            100.0 * power.of_equivalence
        )
    });
    Claim {
        verdict: weakest_outcome(progress).name().to_string(),
        compared: format!("{compared}, on the subject, on those who stay and on those never seen"),
        margin: audits.first().map(|_| "that of protocol.json".to_string()),
        power,
        does_not_show: [first].iter().chain(LIMITS).map(ToString::to_string).collect(),
    }
}

fn environment(of: &Environment) -> Vec<u8> {
    json(&serde_json::json!({
        "schema": "lacuna.environment/1",
        "lacuna": of.lacuna,
        "program_sha256": of.program,
        "burn": of.burn,
        "platform": format!("{}-{}", std::env::consts::ARCH, std::env::consts::OS),
        "threads": of.threads,
        "random_streams": "ChaCha keyed by seed, purpose, subject and epoch",
    }))
}

fn json(value: &impl Serialize) -> Vec<u8> {
    let mut text = serde_json::to_vec_pretty(value).expect("plain data is JSON");
    text.push(b'\n');
    text
}
