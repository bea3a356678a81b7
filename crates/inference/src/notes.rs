//! The metadata of a model file.
//!
//! Keys of the metadata, each optional: `labels` (the class names as a JSON list), `label_table` (the name of the label
//! table that defines them), `label_map` (the class of each label value, or `ignored`, as JSON; older files lack it),
//! `preprocessing` (how images are converted into the network's input, as JSON), `loss` (the training loss, as JSON),
//! `parent` (the digest of the model that this one was made from).

use crate::InferenceError;
use lacuna_cohort::{LabelTable, WrittenTable};
use lacuna_nn::loss::SegmentationLoss;
use lacuna_volume::Preprocessing;
use serde::de::DeserializeOwned;
use std::collections::BTreeMap;
use std::path::Path;

/// The metadata of a model file.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ModelNotes {
    /// The names of the classes, the background first.
    pub classes: Option<Vec<String>>,
    /// The name of the label table that defines the classes.
    pub label_table: Option<String>,
    /// The whole label table: the class of each label value, and the values that are ignored. Older files lack it.
    pub table: Option<LabelTable>,
    /// The preprocessing that converts images into the network's input.
    pub preprocessing: Option<Preprocessing>,
    /// The loss that training minimised.
    pub loss: Option<SegmentationLoss>,
    /// The digest of the model or file that this one was made from.
    pub parent: Option<String>,
}

impl ModelNotes {
    /// Creates the metadata of a model trained with this label table and preprocessing.
    pub fn new(labels: &LabelTable, preprocessing: &Preprocessing, parent: Option<String>) -> ModelNotes {
        ModelNotes {
            classes: Some(labels.classes().to_vec()),
            label_table: Some(labels.name().to_string()),
            table: Some(labels.clone()),
            preprocessing: Some(preprocessing.clone()),
            loss: None,
            parent,
        }
    }

    /// Returns the entries of a model file's metadata.
    pub fn to_metadata(&self) -> BTreeMap<String, String> {
        let classes = self.classes.as_ref().map(|names| serde_json::json!(names).to_string());
        let map = self.table.as_ref().map(|table| serde_json::json!(WrittenTable::from(table).map).to_string());
        let preprocessing = self.preprocessing.as_ref().map(|choice| serde_json::json!(choice).to_string());
        let loss = self.loss.map(|loss| serde_json::json!(loss).to_string());
        let entries = [
            ("labels", classes),
            ("label_table", self.label_table.clone()),
            ("label_map", map),
            ("preprocessing", preprocessing),
            ("loss", loss),
            ("parent", self.parent.clone()),
        ];
        entries.into_iter().filter_map(|(key, value)| Some((key.to_string(), value?))).collect()
    }

    /// Parses a model file's metadata; `path` is named in errors.
    ///
    /// # Errors
    /// [`InferenceError::Note`] for an entry that cannot be parsed.
    pub fn from_metadata(path: &Path, metadata: &BTreeMap<String, String>) -> Result<ModelNotes, InferenceError> {
        Ok(ModelNotes {
            classes: parsed(path, metadata, "labels")?,
            label_table: metadata.get("label_table").cloned(),
            table: table(path, metadata)?,
            preprocessing: parsed(path, metadata, "preprocessing")?,
            loss: parsed(path, metadata, "loss")?,
            parent: metadata.get("parent").cloned(),
        })
    }
}

/// The label table of a file that holds its map.
fn table(path: &Path, metadata: &BTreeMap<String, String>) -> Result<Option<LabelTable>, InferenceError> {
    let Some(map) = parsed(path, metadata, "label_map")? else { return Ok(None) };
    let refuse = |reason: String| InferenceError::LabelMap { path: path.to_path_buf(), reason };
    let (Some(classes), Some(name)) = (parsed(path, metadata, "labels")?, metadata.get("label_table").cloned()) else {
        return Err(refuse("expected `labels` and `label_table` beside it, found one of them missing".to_string()));
    };
    WrittenTable { name, classes, map }.table().map(Some).map_err(|error| refuse(error.to_string()))
}

fn parsed<T: DeserializeOwned>(
    path: &Path,
    metadata: &BTreeMap<String, String>,
    key: &'static str,
) -> Result<Option<T>, InferenceError> {
    let Some(text) = metadata.get(key) else { return Ok(None) };
    let read = serde_json::from_str(text).map(Some);
    read.map_err(|source| InferenceError::Note { path: path.to_path_buf(), key, source })
}

#[cfg(test)]
mod tests {
    use super::*;
    use lacuna_cohort::BUILT_IN;
    use lacuna_volume::Medicalnet;

    #[test]
    fn notes_survive_a_round_trip() {
        let preprocessing = Preprocessing::Medicalnet(Medicalnet::published());
        let notes = ModelNotes::new(&BUILT_IN[0].table(), &preprocessing, Some("ab12".to_string()));
        let notes = ModelNotes { loss: Some(SegmentationLoss::Both), ..notes };
        assert_eq!(ModelNotes::from_metadata(Path::new("x"), &notes.to_metadata()).unwrap(), notes);
        assert_eq!(ModelNotes::from_metadata(Path::new("x"), &BTreeMap::new()).unwrap(), ModelNotes::default());
    }

    #[test]
    fn the_whole_label_table_is_kept_and_older_files_without_it_are_read() {
        let own = LabelTable::from_toml(
            "name = \"hippo\"\nclasses = [\"background\", \"head\"]\n[map]\n0 = \"background\"\n7 = \"head\"\n9 = \"ignored\"",
        )
        .unwrap();
        let tables = BUILT_IN.iter().map(|built_in| built_in.table()).chain([own]);
        for table in tables {
            let preprocessing = Preprocessing::Medicalnet(Medicalnet::published());
            let mut metadata = ModelNotes::new(&table, &preprocessing, None).to_metadata();
            let read =
                |metadata: &BTreeMap<String, String>| ModelNotes::from_metadata(Path::new("x"), metadata).unwrap();
            assert_eq!(read(&metadata).table, Some(table.clone()));
            metadata.remove("label_map");
            let older = read(&metadata);
            assert_eq!((older.table, older.label_table.as_deref()), (None, Some(table.name())));
        }
    }

    #[test]
    fn a_label_map_that_does_not_fit_its_classes_is_refused_with_the_file() {
        let preprocessing = Preprocessing::Medicalnet(Medicalnet::published());
        let whole = ModelNotes::new(&BUILT_IN[0].table(), &preprocessing, None).to_metadata();
        let spoilt = |key: &str, text: Option<&str>| {
            let mut metadata = whole.clone();
            metadata.remove(key);
            metadata.extend(text.map(|text| (key.to_string(), text.to_string())));
            ModelNotes::from_metadata(Path::new("w.safetensors"), &metadata).unwrap_err().to_string()
        };
        let cases = [
            ("labels", None),
            ("label_table", None),
            ("labels", Some("[\"background\"]")),
            ("label_map", Some("{\"0\": \"nothing known\"}")),
            ("label_map", Some("{\"-1\": \"background\"}")),
            ("label_map", Some("[]")),
        ];
        for (key, text) in cases {
            let message = spoilt(key, text);
            assert!(message.starts_with("w.safetensors: metadata `label_map`"), "{key} {text:?}: {message}");
        }
    }

    #[test]
    fn a_damaged_note_is_named_with_its_file() {
        let metadata = BTreeMap::from([("labels".to_string(), "{".to_string())]);
        let message = ModelNotes::from_metadata(Path::new("w.safetensors"), &metadata).unwrap_err().to_string();
        assert!(message.starts_with("w.safetensors: metadata `labels`"), "{message}");
    }
}
