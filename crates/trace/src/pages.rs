//! Reports that hold somebody's slices. People are numbered in a page, so a file beside it says whose they are.

use crate::error::TraceError;
use crate::person::Person;
use lacuna_runs::Shown;
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

/// The pages that hold slices of a person.
///
/// # Errors
/// A file that cannot be read.
pub fn pages_with(person: &Person, files: &BTreeSet<PathBuf>) -> Result<Vec<PathBuf>, TraceError> {
    let mut pages = Vec::new();
    for file in files.iter().filter(|file| Shown::is_beside_a_page(file)) {
        let holds = Shown::read(file).is_ok_and(|shown| person.is_among(shown.subjects.iter().map(String::as_str)));
        let page = file.parent().unwrap_or(Path::new("")).join(Shown::page_of(file));
        if holds && files.contains(&page) {
            pages.push(page);
        }
    }
    Ok(pages)
}
