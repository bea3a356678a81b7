//! What a model file says beside its weights, so that nobody has to remember it.
//!
//! Three keys of the file's metadata, each optional: `labels` (the label table), `preprocessing`
//! (how images became its input), `parent` (the digest of the model it was made from).

use crate::error::CliError;
use lacuna_cohort::{LabelTable, Target};
use lacuna_volume::Preprocessing;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::path::Path;

/// What a model file says beside its weights.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ModelNotes {
    /// What its classes are and which label values they were made of.
    pub labels: Option<LabelTable>,
    /// How images became its input.
    pub preprocessing: Option<Preprocessing>,
    /// The digest of the model it was made from.
    pub parent: Option<String>,
}

/// A label table as it is written: `null` is an ignored value.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct WrittenTable {
    table: String,
    classes: Vec<String>,
    values: BTreeMap<u16, Option<u8>>,
}

impl ModelNotes {
    /// As a model file's metadata.
    pub fn to_metadata(&self) -> BTreeMap<String, String> {
        let json = |value: serde_json::Value| value.to_string();
        let labels = self.labels.as_ref().map(|table| json(serde_json::json!(written(table))));
        let preprocessing = self.preprocessing.as_ref().map(|choice| json(serde_json::json!(choice)));
        let entries = [("labels", labels), ("preprocessing", preprocessing), ("parent", self.parent.clone())];
        entries.into_iter().filter_map(|(key, value)| Some((key.to_string(), value?))).collect()
    }

    /// From a model file's metadata; `path` is named in errors.
    ///
    /// # Errors
    /// A key that cannot be understood.
    pub fn from_metadata(path: &Path, metadata: &BTreeMap<String, String>) -> Result<ModelNotes, CliError> {
        let refuse = |key: &str, why: String| CliError::Data {
            what: format!(
                "{}: metadata `{key}`: {why}; fix: state it by flags, or save the model again",
                path.display()
            ),
        };
        let mut notes = ModelNotes { parent: metadata.get("parent").cloned(), ..ModelNotes::default() };
        if let Some(text) = metadata.get("labels") {
            let written = serde_json::from_str(text).map_err(|error| refuse("labels", error.to_string()))?;
            notes.labels = Some(table(written).map_err(|error| refuse("labels", error.to_string()))?);
        }
        if let Some(text) = metadata.get("preprocessing") {
            let choice = serde_json::from_str(text).map_err(|error| refuse("preprocessing", error.to_string()))?;
            notes.preprocessing = Some(choice);
        }
        Ok(notes)
    }
}

fn written(table: &LabelTable) -> WrittenTable {
    let class = |target| match target {
        Target::Class(class) => Some(class),
        Target::Ignored => None,
    };
    let values = (0..=u16::MAX).filter_map(|value| Some((value, class(table.target(value)?))));
    WrittenTable { table: table.name().to_string(), classes: table.classes().to_vec(), values: values.collect() }
}

fn table(written: WrittenTable) -> Result<LabelTable, lacuna_cohort::CohortError> {
    let target = |class: Option<u8>| class.map_or(Target::Ignored, Target::Class);
    let targets = written.values.into_iter().map(|(value, class)| (value, target(class))).collect();
    LabelTable::new(written.table, written.classes, targets)
}

#[cfg(test)]
mod tests {
    use super::*;
    use lacuna_cohort::BUILT_IN;
    use lacuna_volume::Medicalnet;

    #[test]
    fn notes_survive_a_round_trip() {
        for built_in in BUILT_IN {
            let notes = ModelNotes {
                labels: Some(built_in.table()),
                preprocessing: Some(Preprocessing::Medicalnet(Medicalnet::published())),
                parent: Some("ab12".to_string()),
            };
            assert_eq!(ModelNotes::from_metadata(Path::new("x"), &notes.to_metadata()).unwrap(), notes);
        }
        assert_eq!(ModelNotes::from_metadata(Path::new("x"), &BTreeMap::new()).unwrap(), ModelNotes::default());
    }

    #[test]
    fn a_damaged_note_is_named_with_its_file() {
        let metadata = BTreeMap::from([("labels".to_string(), "{".to_string())]);
        let message = ModelNotes::from_metadata(Path::new("w.safetensors"), &metadata).unwrap_err().to_string();
        assert!(message.starts_with("w.safetensors: metadata `labels`"), "{message}");
    }
}
