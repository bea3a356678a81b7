//! The audit of the models that were made, against the bank of an audit file.

use super::progress::{Audited, Progress};
use super::{Arguments, nameless};
use crate::audit::{AuditConfig, Bank, run_delivered};
use crate::context::Context;
use crate::error::CliError;
use crate::studying::Folders;
use lacuna_cohort::SubjectId;
use lacuna_ledger::RequestState;
use lacuna_study::Forget;
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
    (state, subject): (&RequestState, &SubjectId),
    (progress, kept): (&mut Progress, &Path),
) -> Result<(), CliError> {
    let folders = Folders::or_below_runs(&None, &None, context);
    let bank = if arguments.build_bank { Bank::Build } else { Bank::AsFound };
    for at in 0..progress.runs.len() {
        let run = &progress.runs[at];
        let Some(made) = run.made.as_ref().filter(|_| run.audited.is_none()) else { continue };
        let outcome = run_delivered(config, &made.model, bank, &folders, context)?;
        progress.runs[at].audited = Some(found(outcome.json(), subject, state)?);
        progress.write(kept)?;
    }
    Ok(())
}

/// The row of the subject. A void audit gives no verdict, which is to say that nothing could be assessed.
fn found(json: &serde_json::Value, subject: &SubjectId, state: &RequestState) -> Result<Audited, CliError> {
    let rows = json["results"].as_array().map_or(&[][..], Vec::as_slice);
    let own = rows.iter().find(|row| row["subject"] == subject.as_str());
    // With pseudonyms an audit of one subject still tells whose row it is.
    let row = own.or(match rows {
        [only] => Some(only),
        _ => None,
    });
    let row = row.ok_or_else(|| CliError::Config {
        what: "the audit file: expected a row of the subject, found several under pseudonyms; fix: pseudonyms = false"
            .to_string(),
    })?;
    let verdict = row["verdict"].as_str().unwrap_or(super::evidence::NOT_ASSESSABLE).to_string();
    let found = serde_json::json!({
        "void": json["void"],
        "statistics": row["statistics"],
        "controls": json["controls"],
        "power": json["power"],
    });
    Ok(Audited { verdict, found: nameless(&found, subject, state) })
}
