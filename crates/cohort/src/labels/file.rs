//! A user's own table, in TOML:
//!
//! ```toml
//! name = "ventricles"
//! classes = ["background", "ventricles"]
//!
//! [map]
//! 0 = "background"
//! 6 = "ventricles"
//! 9 = "ignored"
//! ```

use super::{LabelTable, Target};
use crate::CohortError;
use crate::error::all_of;
use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde::{Deserialize, Serialize};
use std::borrow::Cow;
use std::collections::BTreeMap;
use std::path::Path;

const TABLE_BYTES_MAX: u64 = 1 << 20;

/// The target that is no class.
pub(super) const IGNORED_NAME: &str = "ignored";

/// A table as it is written down: in a file of its own, in a run's settings and in a model's metadata.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct WrittenTable {
    /// What the table is called.
    pub name: String,
    /// The classes, the background first.
    pub classes: Vec<String>,
    /// The class of each label value, or `ignored`.
    pub map: BTreeMap<String, String>,
}

/// That of the file a table is read from.
impl JsonSchema for LabelTable {
    fn schema_name() -> Cow<'static, str> {
        "LabelTable".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        WrittenTable::json_schema(generator)
    }
}

impl WrittenTable {
    /// The table, checked.
    ///
    /// # Errors
    /// [`CohortError::Table`] with the key, what it must say and what it says.
    pub fn table(&self) -> Result<LabelTable, CohortError> {
        let targets = self.map.iter().map(|(value, class)| Ok((label_value(self, value)?, target(self, class)?)));
        let targets = targets.collect::<Result<_, CohortError>>()?;
        LabelTable::new(self.name.clone(), self.classes.clone(), targets)
    }
}

impl From<&LabelTable> for WrittenTable {
    fn from(table: &LabelTable) -> WrittenTable {
        let named = |target: &Target| match target {
            Target::Class(class) => table.classes[usize::from(*class)].clone(),
            Target::Ignored => IGNORED_NAME.to_string(),
        };
        let map = table.targets.iter().map(|(value, target)| (value.to_string(), named(target))).collect();
        WrittenTable { name: table.name.clone(), classes: table.classes.clone(), map }
    }
}

impl LabelTable {
    /// Read a user's own table.
    ///
    /// # Errors
    /// [`CohortError::Table`] with the key, what it must say and what it says.
    pub fn from_toml_file(path: &Path) -> Result<LabelTable, CohortError> {
        let text = lacuna_disk::read_text(path, TABLE_BYTES_MAX)?;
        LabelTable::from_toml(&text).map_err(|error| match error {
            CohortError::Table { table, field, expected, found } => {
                let table = format!("{}: {table}", path.display());
                CohortError::Table { table, field, expected, found }
            }
            other => other,
        })
    }

    /// Read a user's own table from its text.
    pub fn from_toml(text: &str) -> Result<LabelTable, CohortError> {
        let written: WrittenTable = toml::from_str(text).map_err(|error| CohortError::Table {
            table: "of your own".into(),
            field: "TOML".into(),
            expected: "the keys name, classes and map".into(),
            found: error.to_string(),
        })?;
        written.table()
    }
}

fn label_value(written: &WrittenTable, text: &str) -> Result<u16, CohortError> {
    text.parse().map_err(|_| refuse(written, "whole numbers from 0 to 65535 as keys".into(), text))
}

fn target(written: &WrittenTable, class: &str) -> Result<Target, CohortError> {
    let number = written.classes.iter().position(|name| name == class);
    match (number, class) {
        (None, IGNORED_NAME) => Ok(Target::Ignored),
        (None, _) => Err(refuse(written, format!("{IGNORED_NAME} or one of {}", all_of(&written.classes)), class)),
        // Beyond 255 classes the number wraps, and `new` refuses the table for its class count.
        (Some(number), _) => Ok(Target::Class(number as u8)),
    }
}

fn refuse(written: &WrittenTable, expected: String, found: &str) -> CohortError {
    CohortError::Table { table: written.name.clone(), field: "map".into(), expected, found: format!("`{found}`") }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::BUILT_IN;

    const EXAMPLE: &str = r#"
        name = "ventricles"
        classes = ["background", "ventricles"]
        [map]
        0 = "background"
        6 = "ventricles"
        9 = "ignored"
    "#;

    #[test]
    fn a_table_reads_as_written() {
        let table = LabelTable::from_toml(EXAMPLE).unwrap();
        assert_eq!(table.name(), "ventricles");
        assert_eq!(table.classes(), ["background", "ventricles"]);
        let targets = [0, 6, 9, 1].map(|value| table.target(value));
        assert_eq!(targets, [Some(Target::Class(0)), Some(Target::Class(1)), Some(Target::Ignored), None]);
    }

    #[track_caller]
    fn check_refused(from: &str, to: &str, expected: &str) {
        let error = LabelTable::from_toml(&EXAMPLE.replace(from, to)).unwrap_err();
        assert!(error.to_string().contains(expected) && error.is_config(), "{error}");
    }

    #[test]
    fn unknown_keys_are_refused() {
        check_refused("name =", "nmae =", "unknown field `nmae`");
    }
    #[test]
    fn labels_must_be_numbers() {
        check_refused("6 =", "six =", "found `six`");
    }
    #[test]
    fn classes_must_be_listed() {
        check_refused("6 = \"ventricles\"", "6 = \"ventricle\"", "one of background, ventricles, found `ventricle`");
    }
    #[test]
    fn one_class_is_no_segmentation() {
        check_refused(", \"ventricles\"]", "]", "one of background");
    }
    #[test]
    fn classes_must_differ() {
        check_refused(
            "\"background\", \"ventricles\"]",
            "\"background\", \"background\", \"ventricles\"]",
            "distinct names",
        );
    }
    #[test]
    fn ignored_is_no_class() {
        check_refused("\"ventricles\"]", "\"ventricles\", \"ignored\"]", "reserved name");
    }

    #[test]
    fn every_table_survives_being_written_down() {
        let own = LabelTable::from_toml(EXAMPLE).unwrap();
        for table in BUILT_IN.iter().map(|built_in| built_in.table()).chain([own]) {
            let written = WrittenTable::from(&table);
            assert_eq!(written.table().unwrap(), table);
            assert_eq!(LabelTable::from_toml(&toml::to_string(&written).unwrap()).unwrap(), table);
        }
    }

    #[test]
    fn a_broken_file_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("mine.toml");
        lacuna_disk::write_bytes(&path, b"name = 3").unwrap();
        assert!(LabelTable::from_toml_file(&path).unwrap_err().to_string().contains("mine.toml"));
    }
}
