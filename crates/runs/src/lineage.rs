//! Whom a model was trained on and whom it was made to forget since: `lineage.json` beside the model.
//!
//! Without it a second request would hold on to the first one's subject as if it were to be kept, and teach it again.
//! The file names people, so it lies in the run folder, with the operator's other files; the model file names no subject.

use crate::RunsError;
use lacuna_cohort::SubjectId;
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

/// The file's name, in the folder of the model.
pub const LINEAGE: &str = "lineage.json";
const SCHEMA: &str = "lacuna.lineage/1";
/// Thousands of subjects and erasures.
const BYTES_MAX: u64 = 64 << 20;

/// What a model has seen, and what became of it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Lineage {
    schema: String,
    /// The digest of the model beside which this lies.
    pub model: String,
    /// All subjects that it or an ancestor was trained on, the forgotten included.
    pub trained: BTreeSet<SubjectId>,
    /// What it was made to forget, the first request first.
    pub erasures: Vec<Erasure>,
    /// The file with weights that its training began from, if it began from one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub init: Option<Init>,
}

/// A file with weights that a training began from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Init {
    /// BLAKE3 of the file.
    pub file: String,
    /// Whom its weights had seen; none if nothing says.
    pub saw: Option<BTreeSet<SubjectId>>,
    /// Whether only the user's statement says so, and no lineage beside the file.
    pub stated: bool,
}

/// One request that was carried out.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Erasure {
    /// Who was forgotten.
    pub subjects: BTreeSet<SubjectId>,
    /// How, unless only the user's word says that they were.
    pub by: Option<ErasedBy>,
}

/// The run that made a model forget.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ErasedBy {
    /// The named strategy.
    pub strategy: String,
    /// How its recipe differed.
    pub variant: String,
    /// For how many epochs.
    pub epochs: usize,
    /// The digest of the model that knew them.
    pub parent: String,
    /// The digest of the model that came of it.
    pub model: String,
    /// Whether the run left the model's answers on them as they were, so that the model still holds them.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub no_effect: bool,
}

impl Lineage {
    /// The lineage of a model that was trained on these subjects and has forgotten none of them.
    pub fn of_training(model: String, trained: BTreeSet<SubjectId>) -> Lineage {
        Lineage { schema: SCHEMA.to_string(), model, trained, erasures: Vec::new(), init: None }
    }

    /// Of a model of which only the user's word says whom it was trained on and has forgotten.
    pub fn told(model: String, trained: BTreeSet<SubjectId>, forgotten: &BTreeSet<SubjectId>) -> Lineage {
        let told = (!forgotten.is_empty()).then(|| Erasure { subjects: forgotten.clone(), by: None });
        Lineage { erasures: told.into_iter().collect(), ..Lineage::of_training(model, trained) }
    }

    /// The same of a model that began from another's weights: what the other had seen, it has seen.
    ///
    /// A subject that was forgotten and is trained on again is known again.
    pub fn descending_from(mut self, ancestor: Lineage) -> Lineage {
        let Lineage { trained, erasures, .. } = ancestor;
        let still = |erasure: Erasure| {
            let subjects: BTreeSet<_> = erasure.subjects.difference(&self.trained).cloned().collect();
            (!subjects.is_empty()).then_some(Erasure { subjects, ..erasure })
        };
        let erasures = erasures.into_iter().filter_map(still).collect();
        self.trained.extend(trained);
        Lineage { erasures, ..self }
    }

    /// The same of a model that began from the weights of a file: whom those had seen, it has seen.
    pub fn begun_from(mut self, init: Init) -> Lineage {
        self.trained.extend(init.saw.iter().flatten().cloned());
        Lineage { init: Some(init), ..self }
    }

    /// What is known of whom the model has seen: none where it began from weights of which nothing says that.
    pub fn seen(&self) -> Option<BTreeSet<SubjectId>> {
        let is_known = self.init.as_ref().is_none_or(|init| init.saw.is_some());
        is_known.then(|| self.trained.clone())
    }

    /// Whether this is the lineage of the model with that digest; one that lies beside it may be of another.
    pub fn speaks_for(&self, digest: &str) -> bool {
        self.model == digest
    }

    /// That of a part of the model, which was trained on some of the subjects.
    pub fn narrowed(&self, digest: &str, trained: BTreeSet<SubjectId>) -> Lineage {
        let part = Lineage { init: None, ..Lineage::of_training(digest.to_string(), trained) };
        match &self.init {
            Some(init) => part.begun_from(init.clone()),
            None => part,
        }
    }

    /// That of a file, if there is one.
    ///
    /// # Errors
    /// A file that cannot be read.
    pub fn read(path: &Path) -> Result<Option<Lineage>, RunsError> {
        if !path.exists() {
            return Ok(None);
        }
        Lineage::of_bytes(&lacuna_disk::read_bytes(path, BYTES_MAX)?, path).map(Some)
    }

    /// The bytes of a file as a lineage; `path` is named in errors.
    ///
    /// # Errors
    /// Bytes that are no lineage, or are of another format.
    pub fn of_bytes(text: &[u8], path: &Path) -> Result<Lineage, RunsError> {
        let refuse = |what: String| RunsError::Unfit { path: path.to_path_buf(), what };
        let lineage: Lineage = serde_json::from_slice(text)
            .map_err(|error| refuse(format!("{error}; fix: restore it, or take the model alone to another folder")))?;
        if lineage.schema != SCHEMA {
            return Err(refuse(format!("schema: expected {SCHEMA}, found {}", lineage.schema)));
        }
        Ok(lineage)
    }

    /// The same after one more request, which made the model that is named in it.
    pub fn after(&self, subjects: BTreeSet<SubjectId>, by: ErasedBy) -> Lineage {
        let mut erasures = self.erasures.clone();
        let model = by.model.clone();
        erasures.push(Erasure { subjects, by: Some(by) });
        Lineage { model, erasures, ..self.clone() }
    }

    /// All subjects that it was made to forget.
    pub fn forgotten(&self) -> BTreeSet<SubjectId> {
        self.erasures.iter().flat_map(|erasure| erasure.subjects.clone()).collect()
    }

    /// The latest request for a subject.
    pub fn erasure_of(&self, subject: &SubjectId) -> Option<&Erasure> {
        self.erasures.iter().rev().find(|erasure| erasure.subjects.contains(subject))
    }
}

/// Refuses a file that is not as the manifest of its run folder says.
///
/// # Errors
/// A file with other bytes than the manifest promises, and one that cannot be read.
pub fn check_file(model: &Path) -> Result<(), RunsError> {
    let Some(file) = model.file_name() else { return Ok(()) };
    if !model.is_file() {
        return Ok(());
    }
    // A shard's model lies in a folder of its own below the run.
    let folder = model.parent().unwrap_or(Path::new(""));
    let above = folder.parent().zip(folder.file_name()).map(|(run, shard)| (run, Path::new(shard).join(file)));
    for (run, name) in [Some((folder, PathBuf::from(file))), above].into_iter().flatten() {
        let run = if run.as_os_str().is_empty() { Path::new(".") } else { run };
        let name = name.to_string_lossy();
        let Some(promised) = lacuna_disk::manifest::promised(run, &name)? else { continue };
        let found = lacuna_disk::digest_file(model)?;
        if found != promised {
            let what = format!(
                "expected the bytes {promised}, as MANIFEST of its run folder says, found {found}: the file was changed; \
                 fix: restore it from a copy, or take it alone to another folder"
            );
            return Err(RunsError::Unfit { path: model.to_path_buf(), what });
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn set(names: &[&str]) -> BTreeSet<SubjectId> {
        names.iter().map(|name| SubjectId::new(*name).unwrap()).collect()
    }

    fn by(parent: &str, model: &str) -> ErasedBy {
        let (parent, model) = (parent.to_string(), model.to_string());
        ErasedBy {
            strategy: "atlas-matching".to_string(),
            variant: String::new(),
            epochs: 7,
            parent,
            model,
            no_effect: false,
        }
    }

    #[test]
    fn a_lineage_is_read_as_it_was_written_and_the_latest_request_counts() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(LINEAGE);
        assert_eq!(Lineage::read(&path).unwrap(), None);
        let lineage = Lineage::of_training("m0".to_string(), set(&["a", "b", "c"]))
            .after(set(&["a"]), by("m0", "m1"))
            .after(set(&["b", "a"]), by("m1", "m2"));
        std::fs::write(&path, serde_json::to_vec(&lineage).unwrap()).unwrap();
        assert_eq!(Lineage::read(&path).unwrap(), Some(lineage.clone()));
        assert_eq!(lineage.forgotten(), set(&["a", "b"]));
        let latest = lineage.erasure_of(&SubjectId::new("a").unwrap()).unwrap();
        assert_eq!(latest.by.as_ref().unwrap().model, "m2");
    }

    #[test]
    fn a_lineage_of_another_format_or_damaged_names_its_file() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(LINEAGE);
        let other = r#"{"schema": "lacuna.lineage/9", "model": "m", "trained": [], "erasures": []}"#;
        for (text, named) in [("{", "fix:"), (other, "expected lacuna.lineage/1, found lacuna.lineage/9")] {
            std::fs::write(&path, text).unwrap();
            let message = Lineage::read(&path).unwrap_err().to_string();
            assert!(message.contains(LINEAGE) && message.contains(named), "{message}");
        }
    }

    #[test]
    fn what_only_the_user_says_is_kept_as_such() {
        let told = Lineage::told("m".to_string(), set(&["a", "b"]), &set(&["b"]));
        assert_eq!(told.erasures, [Erasure { subjects: set(&["b"]), by: None }]);
        assert!(Lineage::told("m".to_string(), set(&["a"]), &set(&[])).erasures.is_empty());
    }

    #[test]
    fn a_model_has_seen_what_its_ancestor_saw_and_knows_again_whom_it_is_trained_on_again() {
        let ancestor =
            Lineage::of_training("m0".to_string(), set(&["a", "b", "c"])).after(set(&["a", "b"]), by("m0", "m1"));
        let child = Lineage::of_training("m2".to_string(), set(&["b", "d"])).descending_from(ancestor);
        assert_eq!((child.model.as_str(), &child.trained), ("m2", &set(&["a", "b", "c", "d"])));
        assert_eq!(child.forgotten(), set(&["a"]));
    }

    #[test]
    fn weights_that_a_training_began_from_hand_on_whom_they_saw_or_that_nobody_knows() {
        let begun = |saw: Option<&[&str]>| {
            let init = Init { file: "f".to_string(), saw: saw.map(set), stated: false };
            Lineage::of_training("m".to_string(), set(&["a"])).begun_from(init)
        };
        assert_eq!(begun(Some(&["b"])).seen(), Some(set(&["a", "b"])));
        assert_eq!(begun(None).seen(), None);
        assert_eq!(Lineage::of_training("m".to_string(), set(&["a"])).seen(), Some(set(&["a"])));
        let part = begun(Some(&["b"])).narrowed("part", set(&["c"]));
        assert_eq!((part.trained.clone(), part.speaks_for("part")), (set(&["b", "c"]), true));
        assert!(!part.speaks_for("m"));
    }

    #[test]
    fn a_file_that_is_not_as_its_manifest_says_is_refused_and_alone_elsewhere_it_is_not() {
        let run = tempfile::tempdir().unwrap();
        let files = [run.path().join("model.safetensors"), run.path().join("shard-1/model.safetensors")];
        files.iter().for_each(|file| lacuna_disk::write_bytes(file, b"weights").unwrap());
        lacuna_disk::manifest::write(run.path()).unwrap();
        for file in &files {
            assert!(check_file(file).is_ok());
            std::fs::write(file, b"weightz").unwrap();
            let message = check_file(file).unwrap_err().to_string();
            assert!(message.contains("as MANIFEST of its run folder says") && message.contains("fix:"), "{message}");
            let alone = tempfile::tempdir().unwrap();
            std::fs::copy(file, alone.path().join("model.safetensors")).unwrap();
            assert!(check_file(&alone.path().join("model.safetensors")).is_ok());
        }
        let unlisted = run.path().join("later.safetensors");
        std::fs::write(&unlisted, b"x").unwrap();
        assert!(check_file(&unlisted).is_ok(), "the manifest says nothing of it");
    }

    #[test]
    fn a_run_without_effect_is_marked_and_lineages_written_before_are_read() {
        let of = |no_effect| serde_json::to_value(ErasedBy { no_effect, ..by("m0", "m1") }).unwrap();
        assert!(of(false).get("no_effect").is_none());
        assert_eq!(of(true)["no_effect"], true);
        for no_effect in [true, false] {
            assert_eq!(serde_json::from_value::<ErasedBy>(of(no_effect)).unwrap().no_effect, no_effect);
        }
    }
}
