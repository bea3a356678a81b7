//! Which model files hold a subject: by `lineage.json`, by `run.json` of what was made from them, by study records.

use super::{Remedy, TEXT_BYTES_MAX};
use crate::error::CliError;
use lacuna_cohort::{Named, SubjectId};
use lacuna_ledger::Holds;
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

/// What is known of a file.
pub enum Saw {
    /// It holds the subject.
    Subject(Holds, Remedy),
    /// Others, and not the subject.
    Others,
    /// Nothing says whom it saw.
    Unknown,
    /// It is no model.
    NoModel,
}

/// What is known of the models below some folders.
pub struct Models {
    /// Of the models and checkpoints in a folder.
    folders: BTreeMap<PathBuf, Option<Holds>>,
    /// Keys of study tasks, by whether their record names the subject.
    tasks: BTreeMap<String, bool>,
}

impl Models {
    /// Gather it.
    pub fn read(files: &[PathBuf], subject: &SubjectId, named: &Named) -> Result<Models, CliError> {
        let mut folders = BTreeMap::new();
        let mut tasks = BTreeMap::new();
        // Digests of models that hold the subject, and run folders with the digest of what they began from.
        let mut tainted = BTreeSet::new();
        let mut descended = Vec::new();
        for path in files {
            let Some(folder) = path.parent() else { continue };
            match path.file_name().and_then(|name| name.to_str()) {
                Some("lineage.json") => {
                    let Some(json) = json_of(path)? else { continue };
                    let (holds, digests) = of_lineage(&json, subject);
                    tainted.extend(digests);
                    folders.insert(folder.to_path_buf(), holds);
                }
                Some("run.json") => {
                    let parent =
                        json_of(path)?.and_then(|json| Some(json.get("parents")?.get("model")?.as_str()?.to_string()));
                    descended.extend(parent.map(|parent| (folder.to_path_buf(), parent)));
                }
                Some(name) if name.ends_with(".json") => {
                    let Some(key) = json_of(path)?.as_ref().and_then(key_of_record) else { continue };
                    tasks.insert(key, named.is_in(&lacuna_disk::read_bytes(path, TEXT_BYTES_MAX)?));
                }
                _ => {}
            }
        }
        for (folder, parent) in descended {
            if tainted.contains(&parent) {
                folders.entry(folder).or_insert(Some(Holds::Weights));
            }
        }
        Ok(Models { folders, tasks })
    }

    /// Whether the record of the study task that a model's name begins with names the subject, if there is such a
    /// record.
    pub fn of_task(&self, name: &str) -> Option<bool> {
        self.tasks.iter().find(|(key, _)| name.starts_with(key.as_str())).map(|(_, named)| *named)
    }

    /// What is known of a file; one that a killed process left half written is what it was to be.
    pub fn of(&self, path: &Path) -> Saw {
        let meant = lacuna_disk::unfinished(path);
        let path = meant.as_deref().unwrap_or(path);
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        if !name.ends_with(".safetensors") {
            return Saw::NoModel;
        }
        let task = self.of_task(&name);
        let checkpoint = name.contains("checkpoint");
        let known = path.ancestors().skip(1).find_map(|folder| self.folders.get(folder));
        match (known, task) {
            // While it is being made to forget, a network still knows.
            (Some(Some(Holds::Forgotten)), _) if checkpoint => Saw::Subject(Holds::Checkpoint, Remedy::Delete),
            (Some(Some(Holds::Forgotten)), _) => Saw::Subject(Holds::Forgotten, Remedy::Keep),
            (Some(Some(_)), _) if checkpoint => Saw::Subject(Holds::Checkpoint, Remedy::Delete),
            (Some(Some(holds)), _) => Saw::Subject(*holds, Remedy::Delete),
            (Some(None), _) => Saw::Others,
            // A study's record names everybody it scored; its models can be made again, so all of them go.
            (None, Some(true)) => Saw::Subject(Holds::Weights, Remedy::Delete),
            (None, Some(false)) => Saw::Others,
            (None, None) => Saw::Unknown,
        }
    }
}

/// What the model beside a lineage is to the subject, and the digests of models that knew the subject.
fn of_lineage(json: &serde_json::Value, subject: &SubjectId) -> (Option<Holds>, Vec<String>) {
    let lists = |value: Option<&serde_json::Value>| {
        value.and_then(|list| list.as_array()).is_some_and(|list| list.iter().any(|id| id == subject.as_str()))
    };
    let text = |value: Option<&serde_json::Value>| value.and_then(|text| text.as_str()).map(str::to_string);
    if !lists(json.get("trained")) {
        return (None, Vec::new());
    }
    let erasures = json.get("erasures").and_then(|list| list.as_array()).map_or(&[][..], Vec::as_slice);
    let mut knew = Vec::new();
    for erasure in erasures {
        knew.extend(erasure.get("by").and_then(|by| text(by.get("parent"))));
        if lists(erasure.get("subjects")) {
            return (Some(Holds::Forgotten), knew);
        }
    }
    knew.extend(text(json.get("model")));
    (Some(Holds::Weights), knew)
}

/// The key of a study task, if this is its record.
pub fn key_of_record(json: &serde_json::Value) -> Option<String> {
    let is_record = json.get("schema")?.as_str()?.starts_with("lacuna-record");
    is_record.then(|| json.get("key")?.as_str().map(str::to_string))?
}

/// A file as JSON, if it is that and small.
fn json_of(path: &Path) -> Result<Option<serde_json::Value>, CliError> {
    if std::fs::metadata(path).is_ok_and(|metadata| metadata.len() > TEXT_BYTES_MAX) {
        return Ok(None);
    }
    Ok(serde_json::from_slice(&lacuna_disk::read_bytes(path, TEXT_BYTES_MAX)?).ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_model_knows_whom_it_was_trained_on_until_it_was_made_to_forget() {
        let id = |text: &str| SubjectId::new(text).unwrap();
        let by = |parent: &str| serde_json::json!({"parent": parent, "model": "next"});
        let lineage = serde_json::json!({"model": "m2", "trained": ["a", "b", "c"], "erasures": [
            {"subjects": ["a"], "by": by("m0")}, {"subjects": ["b"], "by": by("m1")}]});
        let check = |subject: &str, holds: Option<Holds>, knew: &[&str]| {
            let (found, digests) = of_lineage(&lineage, &id(subject));
            assert_eq!((found, digests.iter().map(String::as_str).collect::<Vec<_>>()), (holds, knew.to_vec()));
        };
        check("a", Some(Holds::Forgotten), &["m0"]);
        check("b", Some(Holds::Forgotten), &["m0", "m1"]);
        check("c", Some(Holds::Weights), &["m0", "m1", "m2"]);
        check("d", None, &[]);
    }
}
