//! What is written down, with its digest, before anything is unlearned.
//!
//! The declaration lies beside the records, under its own digest, and is never written twice. It says how many of the
//! audit's unlearned models existed already: of those, it is unknown here whether their scores were known.

use super::AuditConfig;
use super::config::Controls;
use super::tasks::Tasks;
use crate::{Study, StudyError, Task};
use lacuna_audit::{Declared, Gate, Held, Protocol};
use serde::{Deserialize, Serialize};
use std::path::Path;

/// The format of a declaration's file.
const SCHEMA: &str = "lacuna.audit-protocol/1";
const BYTES_MAX: u64 = 16 << 20;

#[derive(Serialize)]
struct Declaration<'a> {
    protocol: &'a Protocol,
    gate: &'a Gate,
    controls: Controls,
    seeds: &'a [u64],
    subjects: Vec<String>,
    strategies: Vec<Strategy<'a>>,
    /// The digests that name every training of the bank: data, network, settings and seed.
    bank: Vec<String>,
}

#[derive(Serialize)]
struct Strategy<'a> {
    strategy: &'a str,
    variant: &'a str,
    epochs: usize,
    recipe: &'a lacuna_unlearn::Recipe,
}

/// The file of a declaration.
#[derive(Serialize, Deserialize)]
struct Written {
    schema: String,
    digest: String,
    unlearned_before: usize,
    declaration: serde_json::Value,
}

/// Declare the audit, or find that it was declared before.
///
/// # Errors
/// A file that cannot be written, or that is not what its name says.
pub fn declare(study: &Study, config: &AuditConfig, tasks: &[Task], records: &Path) -> Result<Held, StudyError> {
    let Declared { digest, declaration } = declared(study, config, tasks)?;
    let file = records.join("audits").join(format!("{digest}.json"));
    if file.is_file() {
        let text = lacuna_disk::read_text(&file, BYTES_MAX)?;
        let found: Option<Written> = serde_json::from_str(&text).ok();
        return match found.filter(|found| found.declaration == declaration) {
            Some(found) => Ok(Held { digest, file, unlearned_before: found.unlearned_before }),
            None => Err(StudyError::Declaration { path: file }),
        };
    }
    let unlearned_before = already_unlearned(study, tasks)?;
    let written = Written { schema: SCHEMA.to_string(), digest: digest.clone(), unlearned_before, declaration };
    let mut text = serde_json::to_string_pretty(&written).expect("a declaration is JSON");
    text.push('\n');
    lacuna_disk::write_bytes(&file, text.as_bytes())?;
    Ok(Held { digest, file, unlearned_before })
}

fn declared(study: &Study, config: &AuditConfig, tasks: &[Task]) -> Result<Declared, StudyError> {
    let of = Tasks::new(study, config);
    let strategies = study.variants().iter().map(|variant| Strategy {
        strategy: &variant.strategy,
        variant: &variant.differences,
        epochs: variant.longest_horizon(),
        recipe: &variant.recipe,
    });
    let bank = tasks.iter().filter(|task| matches!(task, Task::Train(_))).map(|task| task.key().to_string());
    Ok(Declared::new(&Declaration {
        protocol: &config.protocol,
        gate: &config.gate,
        controls: config.controls_shown(study),
        seeds: of.seeds(),
        subjects: of.audited().map(|(subject, _)| study.shown(subject)).collect(),
        strategies: strategies.collect(),
        bank: bank.collect(),
    })?)
}

/// How many unlearned models have a record.
fn already_unlearned(study: &Study, tasks: &[Task]) -> Result<usize, StudyError> {
    let mut found = 0;
    for task in tasks.iter().filter(|task| matches!(task, Task::Unlearn(_))) {
        found += usize::from(study.store().record(task.key())?.is_some());
    }
    Ok(found)
}
