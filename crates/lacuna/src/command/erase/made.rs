//! What `lacuna unlearn` reported of a run, read by type: a field that is missing is an error, never an empty text.

use crate::command::unlearn::EXACT;
use crate::error::CliError;
use lacuna_erase::{Cost, How, Made, ScoreTable};
use lacuna_unlearn::Effect;
use serde::Deserialize;
use serde_json::Value;
use std::path::PathBuf;

/// As far as the evidence needs it.
#[derive(Deserialize)]
struct Reported {
    model: PathBuf,
    digest: String,
    parent: String,
    strategy: String,
    training_passes: u64,
    teacher_passes: Option<u64>,
    effect: Option<Effect>,
    exactness: Option<Exactness>,
    tables: Vec<ScoreTable>,
}

/// Whether an exact run's model is that of a training from the beginning.
#[derive(Deserialize)]
#[serde(rename_all = "snake_case")]
enum Exactness {
    Proved,
    Unproved,
    Refuted,
}

/// The model that a run made.
///
/// # Errors
/// A report without what the evidence needs, which is a fault of lacuna's own.
pub fn made(json: &Value) -> Result<Made, CliError> {
    let refuse = |found: String| CliError::Data {
        what: format!(
            "the report of `lacuna unlearn`: {found}; fix: this is a fault of lacuna's own, please report it"
        ),
    };
    let reported = Reported::deserialize(json).map_err(|error| refuse(error.to_string()))?;
    let how = match (reported.strategy.as_str(), reported.effect, reported.exactness) {
        (EXACT, None, Some(Exactness::Proved)) => How::Exact { proven: Some(true) },
        (EXACT, None, Some(Exactness::Refuted)) => How::Exact { proven: Some(false) },
        (EXACT, None, Some(Exactness::Unproved)) => How::Exact { proven: None },
        (strategy, Some(effect), None) if strategy != EXACT => How::Approximate { effect },
        (strategy, ..) => {
            return Err(refuse(format!("expected the effect of `{strategy}`, or the exactness of an exact run")));
        }
    };
    if reported.tables.is_empty() {
        return Err(refuse("expected a table of scores, found none".to_string()));
    }
    let (training_passes, teacher_passes) = (reported.training_passes, reported.teacher_passes);
    Ok(Made {
        after: super::models::digest(&reported.model)?,
        model: reported.model,
        digests: [reported.parent, reported.digest],
        how,
        tables: reported.tables,
        cost: Cost { training_passes, teacher_passes },
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn report(folder: &std::path::Path) -> Value {
        let model = folder.join("model.safetensors");
        std::fs::write(&model, b"weights").unwrap();
        let role = json!({"dice": {"mean": 0.5, "n": 1}, "mae": {"mean": null, "n": 0}});
        let line = json!({"strategy": "scrub", "variant": "", "epochs": 7, "n": 1,
            "scores": {"retain": role, "forget": role, "held_out": role}});
        json!({
            "model": model, "digest": "d", "parent": "p", "strategy": "scrub", "training_passes": 3,
            "teacher_passes": 1, "forgotten": ["sub-1"],
            "effect": {"moved": 0.2, "relabelled": 0.1, "is_nothing": false, "passes": {"training": 0, "teacher": 2}},
            "tables": [{"grid": "output", "network": "n", "labels": "l", "forgotten": ["sub-1"], "lines": [line]}],
        })
    }

    #[test]
    fn a_report_is_read_without_whom_it_names() {
        let folder = tempfile::tempdir().unwrap();
        let made = made(&report(folder.path())).unwrap();
        assert!(matches!(made.how, How::Approximate { effect } if effect.moved == 0.2));
        assert_eq!(made.tables[0].lines[0].scores.forget.dice.mean, Some(0.5));
        assert!(!serde_json::to_string(&made).unwrap().contains("sub-1"));
    }

    #[test]
    fn every_field_that_the_evidence_needs_has_to_be_there() {
        let folder = tempfile::tempdir().unwrap();
        let whole = report(folder.path());
        for field in ["model", "digest", "parent", "strategy", "training_passes", "effect", "tables"] {
            let mut less = whole.clone();
            less.as_object_mut().unwrap().remove(field);
            let refused = made(&less).unwrap_err().to_string();
            assert!(refused.contains("lacuna unlearn"), "{field}: {refused}");
        }
        let mut less = whole.clone();
        less["tables"][0]["lines"][0]["scores"]["forget"]["dice"].as_object_mut().unwrap().remove("mean");
        assert!(made(&less).is_err(), "a mean that is missing is not a mean that is nothing");
        let mut none = whole;
        none["tables"] = json!([]);
        assert!(made(&none).is_err());
    }

    #[test]
    fn an_exact_run_says_whether_it_was_proved_and_has_no_effect() {
        let folder = tempfile::tempdir().unwrap();
        let mut exact = report(folder.path());
        exact["strategy"] = json!("exact");
        assert!(made(&exact).is_err());
        exact.as_object_mut().unwrap().remove("effect");
        assert!(made(&exact).is_err());
        for (exactness, proven) in [("unproved", None), ("proved", Some(true)), ("refuted", Some(false))] {
            exact["exactness"] = json!(exactness);
            assert_eq!(made(&exact).unwrap().how, How::Exact { proven });
        }
    }
}
