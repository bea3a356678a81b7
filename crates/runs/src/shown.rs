//! Whose slices a page shows: people are numbered in the page, so a file beside it holds their ids.

use crate::RunsError;
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;
use std::path::Path;

/// Whose slices a page holds, beside it: `report.subjects.json` beside `report.html`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Shown {
    /// `lacuna.shown/1`.
    pub schema: String,
    /// The ids of the subjects whose slices the page shows.
    pub subjects: BTreeSet<String>,
}

/// Ids of some hundred people are far below.
const SHOWN_BYTES_MAX: u64 = 1 << 20;
const SCHEMA: &str = "lacuna.shown/1";
/// What the file's name ends in.
const SHOWN: &str = ".subjects.json";

impl Shown {
    /// A record of these people.
    pub fn of(subjects: BTreeSet<String>) -> Shown {
        Shown { schema: SCHEMA.to_string(), subjects }
    }

    /// Whether a file is such a one, by its name.
    pub fn is_beside_a_page(file: &Path) -> bool {
        file.file_name().is_some_and(|name| name.to_string_lossy().ends_with(SHOWN))
    }

    /// The name of its page.
    pub fn page_of(file: &Path) -> String {
        let name = file.file_name().unwrap_or_default().to_string_lossy().into_owned();
        format!("{}.html", name.strip_suffix(SHOWN).unwrap_or(&name))
    }

    /// The record in a file.
    ///
    /// # Errors
    /// A file that cannot be read, or is no such record.
    pub fn read(file: &Path) -> Result<Shown, RunsError> {
        let refuse = |found: String| RunsError::Unfit {
            path: file.to_path_buf(),
            what: format!(
                "expected the list of people whose slices a page shows, found {found}; fix: make the page anew"
            ),
        };
        let text = lacuna_disk::read_text(file, SHOWN_BYTES_MAX)?;
        let shown: Shown = serde_json::from_str(&text).map_err(|error| refuse(error.to_string()))?;
        if shown.schema != SCHEMA {
            return Err(refuse(format!("the format {}", shown.schema)));
        }
        Ok(shown)
    }

    /// Writes it beside a page, or removes the file there if the page shows no slices.
    ///
    /// # Errors
    /// A file that cannot be written or removed.
    pub fn write(&self, page: &Path) -> Result<(), RunsError> {
        let file = page.with_extension(&SHOWN[1..]);
        if !self.subjects.is_empty() {
            let mut text = serde_json::to_vec_pretty(self).expect("names are JSON");
            text.push(b'\n');
            return Ok(lacuna_disk::write_bytes(&file, &text)?);
        }
        Ok(lacuna_disk::remove_file(&file).map(drop)?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_people_of_a_page_are_read_as_written_and_a_damaged_list_is_no_empty_one() {
        let folder = tempfile::tempdir().unwrap();
        let (page, file) = (folder.path().join("report.html"), folder.path().join("report.subjects.json"));
        let shown = Shown::of(BTreeSet::from(["anna".to_string()]));
        shown.write(&page).unwrap();
        assert!(Shown::is_beside_a_page(&file) && Shown::page_of(&file) == "report.html");
        assert_eq!(Shown::read(&file).unwrap(), shown);
        for text in ["{}", "[", r#"{"schema": "lacuna.shown/2", "subjects": []}"#] {
            std::fs::write(&file, text).unwrap();
            assert!(Shown::read(&file).unwrap_err().to_string().contains("report.subjects.json: expected"));
        }
        Shown::of(BTreeSet::new()).write(&page).unwrap();
        assert!(!file.exists());
    }
}
