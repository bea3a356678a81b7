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
use serde::Deserialize;
use std::borrow::Cow;
use std::collections::BTreeMap;
use std::path::Path;

const TABLE_BYTES_MAX: u64 = 1 << 20;

/// The target that is no class.
const IGNORED_NAME: &str = "ignored";

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Written {
    /// What the table is called.
    name: String,
    /// The classes, the background first.
    classes: Vec<String>,
    /// The class of each label value, or `ignored`.
    map: BTreeMap<String, String>,
}

/// That of the file a table is read from.
impl JsonSchema for LabelTable {
    fn schema_name() -> Cow<'static, str> {
        "LabelTable".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        Written::json_schema(generator)
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
        let written: Written = toml::from_str(text).map_err(|error| CohortError::Table {
            table: "of your own".into(),
            field: "TOML".into(),
            expected: "the keys name, classes and map".into(),
            found: error.to_string(),
        })?;
        let targets =
            written.map.iter().map(|(value, class)| Ok((label_value(&written, value)?, target(&written, class)?)));
        let targets = targets.collect::<Result<_, CohortError>>()?;
        LabelTable::new(written.name, written.classes, targets)
    }
}

fn label_value(written: &Written, text: &str) -> Result<u16, CohortError> {
    text.parse().map_err(|_| refuse(written, "whole numbers from 0 to 65535 as keys".into(), text))
}

fn target(written: &Written, class: &str) -> Result<Target, CohortError> {
    let number = written.classes.iter().position(|name| name == class);
    match (number, class) {
        (Some(_), IGNORED_NAME) => Err(refuse(written, "no class of the reserved name `ignored`".into(), class)),
        (None, IGNORED_NAME) => Ok(Target::Ignored),
        (None, _) => Err(refuse(written, format!("{IGNORED_NAME} or one of {}", all_of(&written.classes)), class)),
        // Beyond 255 classes the number wraps, and `new` refuses the table for its class count.
        (Some(number), _) => Ok(Target::Class(number as u8)),
    }
}

fn refuse(written: &Written, expected: String, found: &str) -> CohortError {
    CohortError::Table { table: written.name.clone(), field: "map".into(), expected, found: format!("`{found}`") }
}

#[cfg(test)]
mod tests {
    use super::*;

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
    fn a_broken_file_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("mine.toml");
        lacuna_disk::write_bytes(&path, b"name = 3").unwrap();
        assert!(LabelTable::from_toml_file(&path).unwrap_err().to_string().contains("mine.toml"));
    }
}
