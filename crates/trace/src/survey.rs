//! What lacuna's own files say: registers, lineages, runs and their parents, records of studies, exact trainings.

use crate::error::TraceError;
use crate::person::Person;
use crate::report::Unknown;
use crate::walk::Walked;
use crate::{TEXT_BYTES_MAX, ours};
use lacuna_artefacts::{Entered, Register};
use lacuna_ledger::Holds;
use lacuna_runs::{LINEAGE, Lineage, RUN, RunRecord, RunsError};
use serde::Deserialize;
use serde::de::IgnoredAny;
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

/// All of it, read once.
#[derive(Debug, Default)]
pub struct Survey {
    /// Entries of registers, by the folder that they speak of.
    pub registers: BTreeMap<PathBuf, Vec<Entered>>,
    /// Whom the model of a folder saw.
    pub lineages: BTreeMap<PathBuf, Lineage>,
    /// Run folders, each with the digests of what its run began from.
    pub runs: BTreeMap<PathBuf, BTreeSet<String>>,
    /// Tasks of studies, by whether their record names the person.
    pub tasks: BTreeMap<String, Recorded>,
    /// Folders of exact trainings.
    pub exact: Vec<PathBuf>,
    /// Files of ours that cannot be read as what they are.
    pub damaged: Vec<Unknown>,
}

/// What a record says of a person.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Recorded {
    /// The person is among those it scored.
    Person,
    /// The subjects that it scored are others.
    Others,
    /// It calls people by pseudonyms that this site cannot compute.
    Pseudonyms,
}

impl Survey {
    /// Read what was walked.
    ///
    /// # Errors
    /// A file that the system does not let be read.
    pub fn read(walked: &Walked, person: &Person) -> Result<Survey, TraceError> {
        let mut survey = Survey::default();
        for folder in &walked.folders {
            match Register::of(folder).entries() {
                Ok(entries) if entries.is_empty() => {}
                Ok(entries) => drop(survey.registers.insert(folder.clone(), entries)),
                Err(error) => survey.damaged.push(Unknown::new(folder, format!("its register: {error}"))),
            }
        }
        for path in &walked.files {
            survey.read_file(path, person)?;
        }
        Ok(survey)
    }

    fn read_file(&mut self, path: &Path, person: &Person) -> Result<(), TraceError> {
        let folder = path.parent().unwrap_or(Path::new("")).to_path_buf();
        let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
        if !name.ends_with(".json") || !is_small(path) {
            return Ok(());
        }
        let Ok(text) = lacuna_disk::read_bytes(path, TEXT_BYTES_MAX) else { return Ok(()) };
        match name {
            LINEAGE => match Lineage::of_bytes(&text, path) {
                Ok(lineage) => drop(self.lineages.insert(folder, lineage)),
                Err(error) => self.add_damaged(path, "no lineage that can be read", &reason(error)),
            },
            RUN => match RunRecord::of_bytes(&text, path) {
                Ok(record) => {
                    drop(self.runs.insert(folder, record.began_from().map(str::to_string).collect()));
                }
                Err(error) => {
                    self.runs.insert(folder, BTreeSet::new());
                    self.add_damaged(path, "no record that says what the run began from", &reason(error));
                }
            },
            lacuna_exact::MANIFEST => self.exact.push(folder),
            _ => match study_record(&text) {
                None => {}
                Some(Ok(record)) => drop(self.tasks.insert(record.key.clone(), record.on(&text, person))),
                Some(Err(error)) => self.add_damaged(path, "no record of a study that can be read", &error.to_string()),
            },
        }
        Ok(())
    }

    fn add_damaged(&mut self, path: &Path, what: &str, error: &str) {
        self.damaged.push(Unknown::new(path, format!("{what}: {error}")));
    }

    /// The entry of a register that speaks of a file, if one does; the most exact first.
    pub fn entry_of(&self, path: &Path) -> Option<&Entered> {
        let name = path.file_name()?;
        let entries = self.registers.get(path.parent()?)?;
        let rank = |entered: &&Entered| entered.artefact.covers as u8;
        let of_files = entries.iter().filter(|entered| entered.artefact.covers != lacuna_artefacts::Covers::Folder);
        of_files.filter(|entered| entered.artefact.speaks_of(name)).min_by_key(rank)
    }

    /// The record of the task whose key a model's name begins with.
    pub fn task_of(&self, name: &str) -> Option<Recorded> {
        self.tasks.iter().find(|(key, _)| name.starts_with(key.as_str())).map(|(_, recorded)| *recorded)
    }

    /// The run folder that a path lies in.
    pub fn run_of(&self, path: &Path) -> Option<&Path> {
        path.ancestors().skip(1).find_map(|folder| self.runs.get_key_value(folder)).map(|(folder, _)| folder.as_path())
    }
}

/// What the model of a lineage is to a person, and the digests of models that knew the person.
pub fn of_lineage(lineage: &Lineage, person: &Person) -> (Option<Holds>, Vec<String>) {
    let is_among =
        |subjects: &BTreeSet<lacuna_cohort::SubjectId>| person.is_among(subjects.iter().map(|id| id.as_str()));
    if !is_among(&lineage.trained) {
        return (None, Vec::new());
    }
    let mut knew = Vec::new();
    for erasure in &lineage.erasures {
        knew.extend(erasure.by.iter().map(|by| by.parent.clone()));
        // A run without effect has made the model forget no subject.
        let has_effect = erasure.by.as_ref().is_none_or(|by| !by.no_effect);
        if is_among(&erasure.subjects) && has_effect {
            return (Some(Holds::Forgotten), knew);
        }
    }
    knew.push(lineage.model.clone());
    (Some(Holds::Weights), knew)
}

/// What a search needs of the record of a study's task; the fields by which it names people are searched as those of
/// every other document.
#[derive(Debug, Deserialize)]
pub struct StudyRecord {
    /// The key of the task, with which the names of its models begin.
    pub key: String,
    horizons: Option<Vec<Horizon>>,
}

#[derive(Debug, Deserialize)]
struct Horizon {
    volume: Option<BTreeMap<String, IgnoredAny>>,
}

/// The record of a study's task, if the document says that it is one.
pub fn study_record(text: &[u8]) -> Option<Result<StudyRecord, serde_json::Error>> {
    #[derive(Deserialize)]
    struct Format {
        schema: String,
    }
    let format: Format = serde_json::from_slice(text).ok()?;
    format.schema.starts_with("lacuna-record").then(|| serde_json::from_slice(text))
}

impl StudyRecord {
    /// What the record, whose text this is, says of a person.
    fn on(&self, text: &[u8], person: &Person) -> Recorded {
        match ours::names(ours::Form::Sealed, text, person) {
            true => Recorded::Person,
            false if self.calls_people_by_number() => Recorded::Pseudonyms,
            false => Recorded::Others,
        }
    }

    /// Whether it names subjects `person-01` and so on, as studies with pseudonyms did without a secret key.
    fn calls_people_by_number(&self) -> bool {
        let is_number = |name: &String| {
            name.strip_prefix("person-").is_some_and(|rest| {
                !rest.is_empty() && rest.len() < 12 && rest.bytes().all(|byte| byte.is_ascii_digit())
            })
        };
        let scored = self.horizons.iter().flatten().next().and_then(|horizon| horizon.volume.as_ref());
        scored.is_some_and(|scored| !scored.is_empty() && scored.keys().all(is_number))
    }
}

/// The words of an error without its path, which is listed beside them.
fn reason(error: RunsError) -> String {
    match error {
        RunsError::Unfit { what, .. } => what,
        other => other.to_string(),
    }
}

fn is_small(path: &Path) -> bool {
    std::fs::metadata(path).is_ok_and(|metadata| metadata.len() <= TEXT_BYTES_MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_model_knows_whom_it_was_trained_on_until_it_was_made_to_forget() {
        let by = |parent: &str| serde_json::json!({"strategy": "s", "variant": "", "epochs": 1, "parent": parent, "model": "next"});
        let lineage = serde_json::json!({"schema": "lacuna.lineage/1", "model": "m2", "trained": ["a", "b", "c"], "erasures": [
            {"subjects": ["a"], "by": by("m0")}, {"subjects": ["b"], "by": by("m1")}]});
        let lineage: Lineage = serde_json::from_value(lineage).unwrap();
        let check = |subject: &str, holds: Option<Holds>, knew: &[&str]| {
            let (found, digests) = of_lineage(&lineage, &Person::named(subject));
            assert_eq!((found, digests.iter().map(String::as_str).collect::<Vec<_>>()), (holds, knew.to_vec()));
        };
        check("a", Some(Holds::Forgotten), &["m0"]);
        check("b", Some(Holds::Forgotten), &["m0", "m1"]);
        check("c", Some(Holds::Weights), &["m0", "m1", "m2"]);
        check("d", None, &[]);
        let mut without_effect = lineage.clone();
        without_effect.erasures.iter_mut().flat_map(|erasure| &mut erasure.by).for_each(|by| by.no_effect = true);
        assert_eq!(of_lineage(&without_effect, &Person::named("a")).0, Some(Holds::Weights));
    }

    #[test]
    fn a_record_that_cannot_be_read_as_its_type_is_damaged_and_never_empty() {
        let folder = tempfile::tempdir().unwrap();
        let damaged = |name: &str, text: &str| {
            std::fs::write(folder.path().join(name), text).unwrap();
            let walked = crate::walk::walk(&[folder.path().to_path_buf()], None).unwrap();
            let survey = Survey::read(&walked, &Person::named("sub-1")).unwrap();
            std::fs::remove_file(folder.path().join(name)).unwrap();
            survey.damaged.iter().any(|unknown| unknown.path.as_path() == folder.path().join(name))
        };
        for (name, text) in [
            ("run.json", "{}"),
            ("run.json", r#"{"schema": "lacuna.run/9"}"#),
            ("run.json", "cut"),
            ("lineage.json", r#"{"schema": "lacuna.lineage/9", "model": "m", "trained": [], "erasures": []}"#),
            ("lineage.json", "[]"),
            ("ab.json", r#"{"schema": "lacuna-record-9", "horizons": []}"#),
        ] {
            assert!(damaged(name, text), "{name}: {text}");
        }
        assert!(!damaged("other.json", r#"{"schema": "theirs"}"#) && !damaged("notes.json", "cut"));
    }

    #[test]
    fn records_of_studies_with_numbered_pseudonyms_are_told_apart() {
        let is_numbered = |name: &str| {
            let json =
                serde_json::json!({"schema": "lacuna-record-9", "key": "k", "horizons": [{"volume": {name: {}}}]});
            study_record(json.to_string().as_bytes()).unwrap().unwrap().calls_people_by_number()
        };
        assert!(is_numbered("person-02"));
        assert!(!is_numbered("person-0123456789ab") && !is_numbered("sub-1"));
    }
}
