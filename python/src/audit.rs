//! Scores of models, as JSON, to an assessment, as JSON.

use crate::refused;
use lacuna_audit::{Arm, Arms, Assessment, Measured, Protocol, Statistics, Verdict, delivered_model, procedure};
use lacuna_seed::Seed;
use pyo3::prelude::*;
use serde::{Deserialize, Serialize};

/// The three arms of one subject.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Scores {
    original: Vec<Measured>,
    unlearned: Unlearned,
    retrained: Vec<Measured>,
}

/// What is judged: a procedure by its models, one per seed, or one delivered model.
#[derive(Deserialize)]
#[serde(untagged)]
enum Unlearned {
    Models(Vec<Measured>),
    Delivered(Box<Measured>),
}

/// The verdict and what led to it, in one table.
#[derive(Serialize)]
struct Judged {
    verdict: Verdict,
    #[serde(flatten)]
    statistics: Statistics,
}

/// Judge scores by a protocol.
#[pyfunction]
pub fn audit(py: Python<'_>, scores: &str, protocol: &str, seed: u64) -> PyResult<String> {
    py.detach(|| judge(scores, protocol, seed)).map_err(refused)
}

fn judge(scores: &str, protocol: &str, seed: u64) -> Result<String, String> {
    let scores: Scores = serde_json::from_str(scores).map_err(|error| format!("scores: {error}"))?;
    let protocol: Protocol = serde_json::from_str(protocol).map_err(|error| format!("protocol: {error}"))?;
    let protocol = protocol.checked().map_err(|error| error.to_string())?;
    let (original, retrained) = (Arm::new("original", scores.original), Arm::new("retrained", scores.retrained));
    let found = match scores.unlearned {
        Unlearned::Delivered(model) => delivered_model(&model, &original, &retrained, &protocol),
        Unlearned::Models(models) => {
            let unlearned = Arm::new("unlearned", models);
            let arms = Arms { original: &original, unlearned: &unlearned, retrained: &retrained };
            procedure(arms, &protocol, &Seed(seed).stream("audit"))
        }
    };
    let Assessment { verdict, statistics } = found.map_err(|error| error.to_string())?;
    Ok(serde_json::to_string(&Judged { verdict, statistics }).expect("an assessment is JSON"))
}
