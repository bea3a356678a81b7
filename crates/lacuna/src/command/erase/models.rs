//! Which models a request is about.

use super::Arguments;
use super::purge::{Search, look};
use crate::command::unlearn;
use crate::context::Context;
use crate::error::CliError;
use crate::lineage;
use lacuna_cohort::SubjectId;
use lacuna_erase::is_part;
use lacuna_ledger::{Digest, Holds, Ledger, sha256_file};
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
    let mut models: Vec<PathBuf> = arguments.model.iter().map(|model| root_of(arguments, model)).collect();
    let mut others = Vec::new();
    for path in weights.map(|held| held.path.0) {
        let root = root_of(arguments, &path);
        match arguments.model.is_empty() && is_to_forget(arguments, &path, subject)? {
            _ if models.iter().any(|model| is_part(model, &path)) => {}
            true => models.push(root),
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

/// Whether it is a model of a run that can be made to forget the subject and was not before. A strategy trains on one
/// network; an exact erase begins from the run folder of an exact training, and from nothing else.
fn is_to_forget(arguments: &Arguments, path: &Path, subject: &SubjectId) -> Result<bool, CliError> {
    let of_exact = unlearn::exact_folder(path).is_some();
    if is_exact(arguments) {
        return Ok(of_exact);
    }
    if of_exact || path.file_name().is_none_or(|name| name != "model.safetensors") {
        return Ok(false);
    }
    let lineage = lineage::unchecked_beside(path)?;
    Ok(lineage.is_some_and(|lineage| lineage.erasure_of(subject).is_none()))
}

fn is_exact(arguments: &Arguments) -> bool {
    arguments.strategy.as_deref() == Some(unlearn::EXACT)
}

/// What an erase begins from: the file, or for an exact erase the run folder that it lies in.
pub fn root_of(arguments: &Arguments, model: &Path) -> PathBuf {
    let folder = is_exact(arguments).then(|| unlearn::exact_folder(model)).flatten();
    folder.unwrap_or_else(|| model.to_path_buf())
}

/// SHA-256 of a model: of its file, or where it is a folder of several, of the manifest that names each by digest.
///
/// # Errors
/// A file that cannot be read.
pub fn digest(model: &Path) -> Result<Digest, CliError> {
    let only = if model.is_dir() { only_file(model)? } else { Some(model.to_path_buf()) };
    Ok(sha256_file(&only.unwrap_or_else(|| model.join(lacuna_exact::MANIFEST)))?)
}

/// The file of an exact model of one shard.
fn only_file(folder: &Path) -> Result<Option<PathBuf>, CliError> {
    let shards = lacuna_exact::Ensemble::open(folder)?;
    let files: Vec<&Path> = shards.files().collect();
    Ok(if let [only] = files[..] { Some(only.to_path_buf()) } else { None })
}
