//! What goes into the evidence of a request, and what may be said of it.
//!
//! Without an audit a delivered model is measured before and after and with no retrained model beside it, which shows what
//! changed and nothing of what a model without the subject would be: then the verdict is `not_assessable`.

use super::progress::{Progress, Run};
use crate::command::BURN_VERSION;
use crate::command::ledger::VERDICTS;
use crate::error::CliError;
use crate::progress::timestamp;
use lacuna_ledger::evidence::{Bundle, Claim, ModelDigests, Predicate, Statement};
use lacuna_ledger::{Ledger, Record, RequestState};
use std::collections::BTreeMap;
use std::path::Path;

/// What a run without retrained models beside it amounts to.
pub const NOT_ASSESSABLE: &str = "not_assessable";

const NO_RETRAINED: &str =
    "whether a model retrained without the subject would be told apart from this one: none was compared";
const ONE_DRAW: &str =
    "that other statistics than those of the protocol would not tell the model from retrained ones: it is one draw";
const LIMITS: &[&str] = &[
    "that nothing of the subject can be found in the weights by other means than those listed",
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

/// What was measured of each model: averages by role, no row of a subject.
pub fn metrics(progress: &Progress) -> Vec<u8> {
    let of_run = |run: &Run| {
        let made = run.made.as_ref()?;
        Some(serde_json::json!({
            "run": run.run,
            "effect": made.effect,
            "tables": made.tables,
            "cost": made.cost,
            "verdict": verdict_of(run),
            "audit": run.audited.as_ref().map(|audited| &audited.found),
        }))
    };
    let runs: Vec<_> = progress.runs.iter().filter_map(of_run).collect();
    json(&serde_json::json!({"schema": "lacuna.erase-metrics/2", "runs": runs}))
}

/// What an audit found of a run's model, or that there was none.
pub fn verdict_of(run: &Run) -> &str {
    run.audited.as_ref().map_or(NOT_ASSESSABLE, |audited| &audited.verdict)
}

/// The weakest verdict of all models.
pub fn verdict(progress: &Progress) -> &str {
    let strength = |verdict: &&str| VERDICTS.iter().position(|known| known == verdict).unwrap_or(VERDICTS.len());
    progress.runs.iter().map(verdict_of).max_by_key(strength).unwrap_or(NOT_ASSESSABLE)
}

/// What the ledger says was deleted for a request: digests under its key, and no name.
pub fn deletions(ledger: &Ledger, request: &str) -> Result<Vec<Record>, CliError> {
    let mut records = ledger.view().records_of(request)?;
    records.retain(|record| matches!(record, Record::Deletion { .. }));
    Ok(records)
}

/// Sign and write it.
pub fn write(
    ledger: &mut Ledger,
    state: &RequestState,
    progress: &Progress,
    protocol: &[u8],
    out: &Path,
) -> Result<Statement, CliError> {
    let files = deletions(ledger, &state.request)?;
    let deletions = serde_json::json!({"schema": "lacuna.deletions/1", "files": files});
    let claim = claim(progress);
    let limits: String = claim.does_not_show.iter().map(|limit| format!("- {limit}\n")).collect();
    let files = [
        ("protocol.json", protocol.to_vec()),
        ("metrics.json", metrics(progress)),
        ("environment.json", environment()?),
        ("deletions.json", json(&deletions)),
        ("limits.md", format!("# What this does not show\n\n{limits}").into_bytes()),
        ("model-card.md", card(progress).into_bytes()),
    ];
    let predicate = Predicate {
        request: state.request.clone(),
        subject: state.subject.to_string(),
        strategy: progress.strategy.clone(),
        claim,
        at: timestamp(),
        files: BTreeMap::new(),
    };
    let models = progress.made().map(|(run, made)| ModelDigests { before: run.before, after: made.after }).collect();
    let files = files.map(|(name, bytes)| (name.to_string(), bytes)).into();
    Ok(Bundle { models, predicate, files }.write(ledger, out)?)
}

fn claim(progress: &Progress) -> Claim {
    let audits: Vec<_> = progress.runs.iter().filter_map(|run| run.audited.as_ref()).collect();
    let (compared, first) = match audits.is_empty() {
        true => ("scores of each model before and after its run", NO_RETRAINED),
        false => {
            ("each delivered model with models retrained without the subject, by the protocol's statistics", ONE_DRAW)
        }
    };
    let said = |value: &serde_json::Value| (!value.is_null()).then(|| value.to_string());
    Claim {
        verdict: verdict(progress).to_string(),
        compared: format!("{compared}, on the subject, on those who stay and on those never seen"),
        margin: audits.first().map(|_| "that of protocol.json".to_string()),
        power: audits.first().and_then(|audited| said(&audited.found["power"])),
        does_not_show: [first].iter().chain(LIMITS).map(ToString::to_string).collect(),
    }
}

fn card(progress: &Progress) -> String {
    let models = progress.made().map(|(_, made)| {
        let [before, after] = &made.digests;
        format!(
            "A segmentation network, made by the strategy `{}` from the model with the digest {before}.\nIts own digest \
             is {after}. It names nobody.\n",
            progress.strategy
        )
    });
    format!("# Model\n\n{}", models.collect::<Vec<_>>().join("\n"))
}

/// With what it was made.
fn environment() -> Result<Vec<u8>, CliError> {
    let program = std::env::current_exe().ok().map(|path| lacuna_ledger::sha256_file(&path)).transpose()?;
    Ok(json(&serde_json::json!({
        "schema": "lacuna.environment/1",
        "lacuna": env!("CARGO_PKG_VERSION"),
        "program_sha256": program,
        "burn": BURN_VERSION,
        "platform": format!("{}-{}", std::env::consts::ARCH, std::env::consts::OS),
        "threads": rayon::current_num_threads(),
        "random_streams": "ChaCha keyed by seed, purpose, subject and epoch",
    })))
}

fn json(value: &serde_json::Value) -> Vec<u8> {
    let mut text = serde_json::to_vec_pretty(value).expect("plain data is JSON");
    text.push(b'\n');
    text
}
