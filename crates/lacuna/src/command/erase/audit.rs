//! The audit of the models that were made, against the reference models of an audit file.

use super::Arguments;
use crate::audit::{Delivery, of_model};
use crate::context::Context;
use crate::error::CliError;
use crate::studying::Folders;
use lacuna_cohort::SubjectId;
use lacuna_erase::{Audited, Progress};
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
        progress.runs[at].audited = Some(Audited::of(report, subject)?);
        progress.write(kept)?;
    }
    Ok(())
}
