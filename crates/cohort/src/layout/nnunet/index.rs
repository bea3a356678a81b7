//! The `dataset.json` of nnU-Net's second version, and what scripts make of it that nnU-Net reads too.

use super::super::{ListedScan, names};
use super::INDEX;
use crate::CohortError;
use crate::error::in_words;
use serde::de::Error;
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::Value;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

const INDEX_BYTES_MAX: u64 = 16 << 20;

/// Whether the folder's index is nnU-Net's rather than the Decathlon's, which has the same name.
pub(in super::super) fn has_index(folder: &Path) -> bool {
    let text = lacuna_disk::read_text(&folder.join(INDEX), INDEX_BYTES_MAX).unwrap_or_default();
    serde_json::from_str::<Value>(&text).is_ok_and(|index| index.get("channel_names").is_some())
}

/// The part of `dataset.json` that matters here; other keys are the data set's own business.
#[derive(Serialize, Deserialize)]
pub(super) struct Index {
    pub channel_names: BTreeMap<String, String>,
    pub labels: BTreeMap<String, Label>,
    #[serde(rename = "numTraining", default, deserialize_with = "count")]
    pub training_count: usize,
    #[serde(default = "usual_ending")]
    pub file_ending: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub dataset: Option<BTreeMap<String, IndexedCase>>,
}

/// A label's value, or the values that a region unites.
#[derive(Serialize)]
#[serde(untagged)]
pub(super) enum Label {
    Value(u16),
    Region(Vec<u16>),
}

/// A number, or a text of one, as some scripts write it and nnU-Net takes it.
pub(in super::super) fn count<'de, D: Deserializer<'de>>(json: D) -> Result<usize, D::Error> {
    let value = Value::deserialize(json)?;
    let number = match &value {
        Value::String(text) => text.trim().parse().ok(),
        value => value.as_u64().map(|number| number as usize),
    };
    number.ok_or_else(|| D::Error::custom(format!("expected a number of scans, found {value}")))
}

/// A case whose files the index names.
#[derive(Serialize, Deserialize)]
pub(super) struct IndexedCase {
    pub images: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub label: Option<String>,
}

fn usual_ending() -> String {
    ".nii.gz".into()
}

impl IndexedCase {
    /// All its files, those of channels that are not read too.
    pub fn named(&self, root: &Path, file: &Path) -> impl Iterator<Item = PathBuf> {
        self.images.iter().chain(&self.label).filter_map(|entry| names::inside(root, file, entry).ok())
    }

    pub fn listed(&self, root: &Path, file: &Path, name: &str, numbers: &[usize]) -> Result<ListedScan, CohortError> {
        let image = |&number: &usize| match self.images.get(number) {
            Some(image) => names::inside(root, file, image),
            None => {
                let (expected, found) = (format!("an image for channel {number}"), in_words(&self.images));
                Err(CohortError::format(
                    file,
                    "dataset",
                    &expected,
                    format!("{found} for {name}"),
                    "list one per channel",
                ))
            }
        };
        Ok(ListedScan {
            name: name.to_string(),
            subject: None,
            images: numbers.iter().map(image).collect::<Result<_, _>>()?,
            label: self.label.as_deref().map(|label| names::inside(root, file, label)).transpose()?,
        })
    }
}

impl<'de> Deserialize<'de> for Label {
    fn deserialize<D: Deserializer<'de>>(json: D) -> Result<Label, D::Error> {
        let value = Value::deserialize(json)?;
        let number = |value: &Value| match value {
            Value::String(text) => text.trim().parse().ok(),
            value => value.as_u64().and_then(|number| u16::try_from(number).ok()),
        };
        let label = match &value {
            Value::Array(values) => values.iter().map(number).collect::<Option<Vec<u16>>>().map(Label::Region),
            value => number(value).map(Label::Value),
        };
        let expected = "a label's number from 0 to 65535 or a list of such";
        label.ok_or_else(|| D::Error::custom(format!("expected {expected}, as {{name: number}}, found {value}")))
    }
}

/// An index whose labels stand the other way round, as the Decathlon's do.
fn refuse_reversed(file: &Path, text: &str) -> Result<(), CohortError> {
    let Ok(index) = serde_json::from_str::<Value>(text) else { return Ok(()) };
    let Some(labels) = index.get("labels").and_then(Value::as_object) else { return Ok(()) };
    let is_number = |text: &str| text.parse::<u16>().is_ok();
    let reversed =
        |(key, value): (&String, &Value)| is_number(key) && value.as_str().is_some_and(|name| !is_number(name));
    if labels.is_empty() || !labels.iter().all(reversed) {
        return Ok(());
    }
    let (expected, found) = ("{name: number}, such as {\"background\": 0}", "{number: name}, as the Decathlon has it");
    Err(CohortError::format(file, "labels", expected, found.into(), "exchange names and numbers"))
}

pub(super) fn read_index(file: &Path) -> Result<Index, CohortError> {
    let text = lacuna_disk::read_text(file, INDEX_BYTES_MAX)?;
    refuse_reversed(file, &text)?;
    let index: Index = serde_json::from_str(&text).map_err(|error| {
        let expected = "channel_names {\"0\": name}, labels {name: number or numbers} and file_ending";
        CohortError::format(file, "content", expected, error.to_string(), "correct the file")
    })?;
    if names::volume_stem(&format!("x{}", index.file_ending)).is_none() {
        let found = format!("`{}`", index.file_ending);
        let fix = "convert the images to .nii.gz and change file_ending";
        return Err(CohortError::format(file, "file_ending", ".nii.gz or .nii", found, fix));
    }
    Ok(index)
}
