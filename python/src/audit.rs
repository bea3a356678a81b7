//! Judges the scores of models: JSON in, an assessment as JSON out.

use crate::refused;
use lacuna_audit::{Arm, Arms, Assessment, Measured, Protocol, Statistics, Verdict, delivered_model, procedure};
use lacuna_seed::Seed;
use pyo3::prelude::*;
use serde::{Deserialize, Serialize};

/// The scores of the original, unlearned and retrained models of one subject.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Scores {
    original: Vec<Measured>,
    unlearned: Unlearned,
    retrained: Vec<Measured>,
}

/// The unlearned models: one per seed, if the procedure is judged, or one delivered model.
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

/// Judges scores by the rules of a protocol; `scores`, `protocol` and the result are JSON.
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
