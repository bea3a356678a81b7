//! Which models a request is about.

use super::Arguments;
use super::purge::{Search, look};
use crate::context::Context;
use crate::error::CliError;
use crate::lineage::Lineage;
use lacuna_cohort::SubjectId;
use lacuna_ledger::{Holds, Ledger};
use std::path::{Path, PathBuf};

/// The models that were named, or all in the folder of runs that saw the subject and say so beside themselves.
///
/// # Errors
/// None found.
pub fn affected(
    arguments: &Arguments,
    context: &Context,
    ledger: &Ledger,
    subject: &SubjectId,
) -> Result<Vec<PathBuf>, CliError> {
    let found = look(&Search { arguments, context, subject }, ledger)?;
    let weights = found.held.into_iter().filter(|held| held.holds == Holds::Weights && !held.returned);
    let mut models = arguments.model.clone();
    let mut others = Vec::new();
    for path in weights.map(|held| held.path.0) {
        match arguments.model.is_empty() && is_to_forget(&path, subject)? {
            true => models.push(path),
            false if models.iter().any(|model| is_same(model, &path)) => {}
            false => others.push(path),
        }
    }
    for path in &others {
        let what = "saw the subject too and is not made to forget; fix: --model names it, or --purge removes it";
        context.note(&format!("warning  {} {what}", path.display()));
    }
    if models.is_empty() {
        let runs = context.runs.display();
        let what = format!("{runs}: expected a model that saw the subject, found none; fix: --model names it");
        return Err(CliError::Config { what });
    }
    Ok(models)
}

/// Whether it is a model of a run that can be made to forget the subject and was not before.
fn is_to_forget(path: &Path, subject: &SubjectId) -> Result<bool, CliError> {
    let is_exact = path.parent().is_some_and(|folder| folder.join(lacuna_exact::MANIFEST).is_file());
    if is_exact || path.file_name().is_none_or(|name| name != "model.safetensors") {
        return Ok(false);
    }
    let lineage = Lineage::unchecked_beside(path)?;
    Ok(lineage.is_some_and(|lineage| lineage.erasure_of(subject).is_none()))
}

/// Whether two paths lead to one file.
pub fn is_same(one: &Path, other: &Path) -> bool {
    let real = |path: &Path| path.canonicalize().unwrap_or_else(|_| path.to_path_buf());
    real(one) == real(other)
}
