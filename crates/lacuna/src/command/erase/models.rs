//! Which models a request is about.

use super::Arguments;
use crate::context::Context;
use crate::error::CliError;
use crate::lineage::Lineage;
use crate::trace::{Person, Places, find, roots};
use lacuna_artefacts::Site;
use lacuna_cohort::SubjectId;
use lacuna_ledger::{Holds, Ledger};
use std::path::PathBuf;

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
    if !arguments.model.is_empty() {
        return Ok(arguments.model.clone());
    }
    let site = Site::open(&context.runs)?;
    let roots = roots(&context.runs, site.as_ref(), [])?;
    let person = Person::of(subject, &[], Some(ledger), site.as_ref())?;
    let trace = find(&person, &Places { roots: &roots, data: &[], cache: None, ledger: Some(ledger) })?;
    let weights = trace.files.into_iter().filter(|held| held.holds == Holds::Weights && !held.returned);
    let (models, others): (Vec<PathBuf>, Vec<PathBuf>) = weights.map(|held| held.path.0).partition(|path| {
        let is_exact = path.parent().is_some_and(|folder| folder.join(lacuna_exact::MANIFEST).is_file());
        path.file_name().is_some_and(|name| name == "model.safetensors") && Lineage::is_beside(path) && !is_exact
    });
    for path in &others {
        context.note(&format!("note     {} saw the subject too, and is for --model or --purge", path.display()));
    }
    if models.is_empty() {
        let runs = context.runs.display();
        let what = format!("{runs}: expected a model that saw the subject, found none; fix: --model names it");
        return Err(CliError::Config { what });
    }
    Ok(models)
}
