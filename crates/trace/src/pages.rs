//! Reports that show slices of a subject. People are numbered in a page, so a file beside it holds their ids.

use crate::person::Person;
use crate::report::Unknown;
use lacuna_runs::Shown;
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

/// The pages with slices.
#[derive(Debug, Default)]
pub struct Pages {
    /// Those that show the person.
    pub with_person: Vec<PathBuf>,
    /// Those of which the file beside them cannot be read.
    pub damaged: Vec<Unknown>,
}

impl Pages {
    /// Reads the list of people beside each page among `files`.
    pub fn read(person: &Person, files: &BTreeSet<PathBuf>) -> Pages {
        let mut pages = Pages::default();
        for file in files.iter().filter(|file| Shown::is_beside_a_page(file)) {
            let page = file.parent().unwrap_or(Path::new("")).join(Shown::page_of(file));
            if !files.contains(&page) {
                continue;
            }
            match Shown::read(file) {
                Ok(shown) if person.is_among(shown.subjects.iter().map(String::as_str)) => pages.with_person.push(page),
                Ok(_) => {}
                Err(error) => {
                    let why = format!("nothing says whose slices this page shows: {error}");
                    pages.damaged.push(Unknown::new(&page, why));
                }
            }
        }
        pages
    }
}
