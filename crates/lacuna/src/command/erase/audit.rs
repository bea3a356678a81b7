//! The audit of the models that were made, against the reference models of an audit file.

use super::Arguments;
use super::progress::{Audited, ControlFound, PowerFound, Progress};
use crate::audit::{Delivery, of_model};
use crate::context::Context;
use crate::error::CliError;
use crate::studying::Folders;
use lacuna_audit::{Report, Row};
use lacuna_cohort::SubjectId;
use lacuna_study::Forget;
use lacuna_study::audit::{AuditConfig, Bank};
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
        let report = of_model(config, &Delivery { model: &made.model, bank }, &folders, context)?;
        progress.runs[at].audited = Some(found(report, subject)?);
        progress.write(kept)?;
    }
    Ok(())
}

/// The row of the subject, controls without their subjects. A void audit gives no verdict, which is to say that nothing
/// could be assessed.
fn found(report: Report, subject: &SubjectId) -> Result<Audited, CliError> {
    let Report { void, mut results, controls, power, .. } = report;
    let own = results.iter().position(|row| row.subject == subject.as_str());
    // With pseudonyms an audit of one subject still tells whose row it is.
    let own = own.or((results.len() == 1).then_some(0));
    let own = own.ok_or_else(|| CliError::Config {
        what: "the audit file: expected a row of the subject, found several under pseudonyms; fix: pseudonyms = false"
            .to_string(),
    })?;
    let Row { verdict, statistics, .. } = results.swap_remove(own);
    let (statistics, controls) = (statistics.into(), controls.into_iter().map(ControlFound::from).collect());
    Ok(Audited { void, verdict, statistics, controls, power: power.map(PowerFound::from) })
}

#[cfg(test)]
mod tests {
    use super::*;
    use lacuna_audit::control::ControlName;
    use lacuna_audit::report::{AuditRun, Conclusion, Found};
    use lacuna_audit::{Assessment, Control, Gate, Protocol, Verdict};

    /// Two subjects, the first over-forgotten, and a control.
    fn report(behaved: Option<bool>) -> Report {
        let row = |subject: &str, verdict| {
            let assessment = Assessment { verdict, ..Assessment::without_bank("because") };
            Conclusion::of_delivered(subject.to_string(), assessment)
        };
        let (subject, expected, observed) = (Some("sub-2".to_string()), "e".to_string(), "o".to_string());
        let controls = vec![Control { name: ControlName::Sham, subject, expected, observed, behaved }];
        let results = vec![row("sub-1", Verdict::OverForgotten), row("sub-2", Verdict::Exact)];
        let audit_run = AuditRun { name: "a".to_string(), run: "runs".into(), models: "models".to_string() };
        let found = Found { held: None, seeds: 5, results, controls, identification: Vec::new() };
        Report::new(audit_run, &Protocol::default(), &Gate::default(), found)
    }

    #[test]
    fn the_row_of_the_subject_counts_and_nobody_is_named() {
        let found = found(report(None), &SubjectId::new("sub-1").unwrap()).unwrap();
        assert_eq!((found.verdict, found.void, found.power.unwrap().seeds), (Some(Verdict::OverForgotten), false, 5));
        assert!(!serde_json::to_string(&found).unwrap().contains("sub-"));
    }

    #[test]
    fn a_void_audit_has_no_verdict_and_a_report_without_the_subject_is_an_error() {
        let void = found(report(Some(false)), &SubjectId::new("sub-1").unwrap()).unwrap();
        assert_eq!((void.verdict, void.void), (None, true));
        let other = SubjectId::new("sub-3").unwrap();
        assert!(found(report(None), &other).is_err(), "two rows and none of them is its own");
    }
}
