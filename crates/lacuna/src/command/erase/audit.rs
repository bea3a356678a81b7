//! The audit of the models that were made, against the bank of an audit file.

use super::Arguments;
use super::progress::{Audited, ControlFound, PowerFound, Progress, Statistics, present};
use crate::audit::{AuditConfig, Bank, run_delivered};
use crate::context::Context;
use crate::error::CliError;
use crate::studying::Folders;
use lacuna_audit::Verdict;
use lacuna_cohort::SubjectId;
use lacuna_study::Forget;
use serde::Deserialize;
use std::path::Path;

/// The file, if one was given, refused where it does not audit the subject.
pub fn read(arguments: &Arguments, subject: &SubjectId) -> Result<Option<AuditConfig>, CliError> {
    let Some(path) = &arguments.audit else { return Ok(None) };
    let config = AuditConfig::read(path)?;
    let is_audited = match &config.study.split.forget {
        Forget::Each => true,
        Forget::Only(subjects) => subjects.contains(subject),
    };
    if !is_audited {
        let path = path.display();
        let what = format!("{path}: split.forget: expected the subject of the request among them, found others");
        return Err(CliError::Config { what });
    }
    Ok(Some(config))
}

/// What the file settles before anything is unlearned: neither who nor where.
pub fn settled(config: &AuditConfig) -> serde_json::Value {
    serde_json::json!({"protocol": config.protocol, "gate": config.gate, "seeds": config.study.seeds})
}

/// Audit each model that was not audited yet, and keep what was found after each.
pub fn audit(
    config: &AuditConfig,
    arguments: &Arguments,
    context: &Context,
    subject: &SubjectId,
    (progress, kept): (&mut Progress, &Path),
) -> Result<(), CliError> {
    let folders = Folders::or_below_runs(&None, &None, context);
    let bank = if arguments.build_bank { Bank::Build } else { Bank::AsFound };
    for at in 0..progress.runs.len() {
        let run = &progress.runs[at];
        let Some(made) = run.made.as_ref().filter(|_| run.audited.is_none()) else { continue };
        let outcome = run_delivered(config, &made.model, bank, &folders, context)?;
        progress.runs[at].audited = Some(found(outcome.json(), subject)?);
        progress.write(kept)?;
    }
    Ok(())
}

/// What `lacuna audit` reported, as far as the evidence needs it: controls without their subjects, one row without its own.
#[derive(Deserialize)]
struct Reported {
    void: bool,
    results: Vec<Row>,
    controls: Vec<ControlFound>,
    #[serde(deserialize_with = "present")]
    power: Option<PowerFound>,
}

#[derive(Deserialize)]
struct Row {
    subject: String,
    #[serde(deserialize_with = "present")]
    verdict: Option<Verdict>,
    statistics: Statistics,
}

/// The row of the subject. A void audit gives no verdict, which is to say that nothing could be assessed.
fn found(json: &serde_json::Value, subject: &SubjectId) -> Result<Audited, CliError> {
    let Reported { void, mut results, controls, power } =
        Reported::deserialize(json).map_err(|error| CliError::Data {
            what: format!(
                "the report of `lacuna audit`: {error}; fix: this is a fault of lacuna's own, please report it"
            ),
        })?;
    let own = results.iter().position(|row| row.subject == subject.as_str());
    // With pseudonyms an audit of one subject still tells whose row it is.
    let own = own.or((results.len() == 1).then_some(0));
    let own = own.ok_or_else(|| CliError::Config {
        what: "the audit file: expected a row of the subject, found several under pseudonyms; fix: pseudonyms = false"
            .to_string(),
    })?;
    let Row { verdict, statistics, .. } = results.swap_remove(own);
    Ok(Audited { void, verdict: verdict.filter(|_| !void), statistics, controls, power })
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn report() -> serde_json::Value {
        let row = |subject: &str, verdict: &str| {
            json!({"subject": subject, "verdict": verdict, "strategy": "delivered", "statistics": {
                "reasons": ["because"], "models": 5, "memory": {"deviations": 3.0, "detectable": true},
                "delivered": {"t": 0.1, "p": 0.9, "rank_p": 0.5, "interval": {}}, "seeds_needed": null}})
        };
        let control = json!({"name": "sham", "subject": "sub-2", "expected": "e", "observed": "o", "behaved": null});
        json!({"void": false, "results": [row("sub-1", "over_forgotten"), row("sub-2", "exact")], "power": null,
            "controls": [control]})
    }

    #[test]
    fn the_row_of_the_subject_counts_and_nobody_is_named() {
        let found = found(&report(), &SubjectId::new("sub-1").unwrap()).unwrap();
        assert_eq!(found.verdict, Some(Verdict::OverForgotten));
        assert!(!serde_json::to_string(&found).unwrap().contains("sub-"));
    }

    #[test]
    fn a_void_audit_has_no_verdict_and_a_report_without_one_is_an_error() {
        let subject = SubjectId::new("sub-1").unwrap();
        let mut void = report();
        void["void"] = json!(true);
        assert_eq!(found(&void, &subject).unwrap().verdict, None);
        for field in ["void", "results", "controls", "power"] {
            let mut less = report();
            less.as_object_mut().unwrap().remove(field);
            assert!(found(&less, &subject).is_err(), "{field}");
        }
        let mut less = report();
        less["results"][0].as_object_mut().unwrap().remove("verdict");
        assert!(found(&less, &subject).is_err());
        assert!(found(&report(), &SubjectId::new("sub-3").unwrap()).is_err(), "two rows and none of them is its own");
    }
}
