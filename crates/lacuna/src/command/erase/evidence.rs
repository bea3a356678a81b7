//! What goes into the evidence of a run, and what may be said of it.
//!
//! One delivered model, measured before and after and with no retrained model beside it, shows what changed and nothing
//! of what a model without the subject would be. So the verdict here is always `not_assessable`; an audit against
//! retrained models is another step, with a verdict of its own.

use super::Progress;
use crate::command::BURN_VERSION;
use crate::error::CliError;
use crate::progress::timestamp;
use lacuna_ledger::evidence::{Bundle, Claim, ModelDigests, Predicate, Statement};
use lacuna_ledger::{Ledger, Record, RequestState};
use std::collections::BTreeMap;
use std::path::Path;

/// What a run without retrained models beside it amounts to.
pub const VERDICT: &str = "not_assessable";

const LIMITS: &[&str] = &[
    "whether a model retrained without the subject would be told apart from this one: none was compared",
    "that nothing of the subject can be found in the weights by other means than those listed",
    "copies, backups and exports that lacuna was not told of",
    "blocks that a disk keeps after a file was deleted",
];

/// What is measured of an erase: the same for every run of a recipe, so the recipe that the ledger holds from before the
/// run decides it. Its own digest is written with the measurement, after.
pub fn protocol(progress: &Progress) -> Vec<u8> {
    json(&serde_json::json!({
        "schema": "lacuna.erase-protocol/1",
        "strategy": progress.strategy,
        "recipe": progress.recipe,
        "compared": "scores of the delivered model before and after the run",
        "statistics": ["Dice and MAE per role and class", "probability and labels moved on the subject"],
        "retrained_models": 0,
    }))
}

/// What was measured: averages by role, no row of a subject.
pub fn metrics(progress: &Progress) -> Vec<u8> {
    json(&serde_json::json!({
        "schema": "lacuna.erase-metrics/1",
        "effect": progress.effect,
        "tables": progress.tables,
        "cost": progress.cost,
    }))
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
    out: &Path,
) -> Result<Statement, CliError> {
    let files = deletions(ledger, &state.request)?;
    let deletions = serde_json::json!({"schema": "lacuna.deletions/1", "files": files});
    let limits: String = LIMITS.iter().map(|limit| format!("- {limit}\n")).collect();
    let card = format!(
        "# Model\n\nA segmentation network, made by the strategy `{}` from the model with the digest {}.\nIts own \
         digest is {}. It names nobody.\n",
        progress.strategy, progress.before, progress.after
    );
    let files = [
        ("protocol.json", protocol(progress)),
        ("metrics.json", metrics(progress)),
        ("environment.json", environment()?),
        ("deletions.json", json(&deletions)),
        ("limits.md", format!("# What this does not show\n\n{limits}").into_bytes()),
        ("model-card.md", card.into_bytes()),
    ];
    let claim = Claim {
        verdict: VERDICT.to_string(),
        compared: "scores of the model before and after the run, on the subject, on those who stay and on those never \
                   seen"
            .to_string(),
        margin: None,
        power: None,
        does_not_show: LIMITS.iter().map(ToString::to_string).collect(),
    };
    let predicate = Predicate {
        request: state.request.clone(),
        subject: state.subject.to_string(),
        strategy: progress.strategy.clone(),
        claim,
        at: timestamp(),
        files: BTreeMap::new(),
    };
    let models = ModelDigests { before: progress.sha256_before, after: progress.sha256_after };
    let files = files.map(|(name, bytes)| (name.to_string(), bytes)).into();
    Ok(Bundle { models, predicate, files }.write(ledger, out)?)
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
