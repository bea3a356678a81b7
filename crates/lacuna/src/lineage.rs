//! Whom a model was trained on and whom it was made to forget since: `lineage.json` beside the model.
//!
//! Without it a second request would hold on to the first one's subject as if it were to be kept, and teach it again.
//! The file names people, so it lies in the run folder, with the operator's other files; the model itself names nobody.

use crate::error::CliError;
use lacuna_cohort::SubjectId;
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;
use std::path::Path;

/// The file's name, in the folder of the model.
pub const FILE: &str = "lineage.json";
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
    /// Everybody that it or an ancestor was trained on, the forgotten included.
    pub trained: BTreeSet<SubjectId>,
    /// What it was made to forget, the first request first.
    pub erasures: Vec<Erasure>,
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
}

impl Lineage {
    /// Of a model that was trained on these subjects and has forgotten nobody.
    pub fn of_training(model: String, trained: BTreeSet<SubjectId>) -> Lineage {
        Lineage { schema: SCHEMA.to_string(), model, trained, erasures: Vec::new() }
    }

    /// Of a model of which only the user's word says whom it was trained on and has forgotten.
    pub fn told(model: String, trained: BTreeSet<SubjectId>, forgotten: &BTreeSet<SubjectId>) -> Lineage {
        let told = (!forgotten.is_empty()).then(|| Erasure { subjects: forgotten.clone(), by: None });
        Lineage { erasures: told.into_iter().collect(), ..Lineage::of_training(model, trained) }
    }

    /// The same of a model that began from another's weights: what the other had seen, it has seen.
    ///
    /// Whoever was forgotten and is trained on again is known again.
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

    /// What lies beside a model, if anything does.
    ///
    /// # Errors
    /// A file that cannot be read, or is of another model than that of `digest`.
    pub fn beside(model: &Path, digest: &str) -> Result<Option<Lineage>, CliError> {
        let Some(lineage) = Lineage::unchecked_beside(model)? else { return Ok(None) };
        if lineage.model != digest {
            let what = format!("expected the lineage of {digest}, found that of {}", lineage.model);
            let fix = "fix: take the model back to the run folder that it came from";
            return Err(CliError::Data { what: format!("{}: {what}; {fix}", model.with_file_name(FILE).display()) });
        }
        Ok(Some(lineage))
    }

    /// The same where nobody has read the weights yet, so that it may be of another model.
    ///
    /// # Errors
    /// A file that cannot be read.
    pub fn unchecked_beside(model: &Path) -> Result<Option<Lineage>, CliError> {
        if !Lineage::is_beside(model) {
            return Ok(None);
        }
        let path = model.with_file_name(FILE);
        let text = lacuna_disk::read_text(&path, BYTES_MAX)?;
        let refuse = |what: String| CliError::Data { what: format!("{}: {what}", path.display()) };
        let lineage: Lineage = serde_json::from_str(&text)
            .map_err(|error| refuse(format!("{error}; fix: restore it, or take the model alone to another folder")))?;
        if lineage.schema != SCHEMA {
            return Err(refuse(format!("schema: expected {SCHEMA}, found {}", lineage.schema)));
        }
        Ok(Some(lineage))
    }

    /// Whether any lies there.
    pub fn is_beside(model: &Path) -> bool {
        model.with_file_name(FILE).exists()
    }

    /// The same after one more request, which made the model that is named in it.
    pub fn after(&self, subjects: BTreeSet<SubjectId>, by: ErasedBy) -> Lineage {
        let mut erasures = self.erasures.clone();
        let model = by.model.clone();
        erasures.push(Erasure { subjects, by: Some(by) });
        Lineage { model, erasures, ..self.clone() }
    }

    /// Everybody it was made to forget.
    pub fn forgotten(&self) -> BTreeSet<SubjectId> {
        self.erasures.iter().flat_map(|erasure| erasure.subjects.clone()).collect()
    }

    /// The latest request for a subject.
    pub fn erasure_of(&self, subject: &SubjectId) -> Option<&Erasure> {
        self.erasures.iter().rev().find(|erasure| erasure.subjects.contains(subject))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn set(names: &[&str]) -> BTreeSet<SubjectId> {
        names.iter().map(|name| SubjectId::new(*name).unwrap()).collect()
    }

    fn by(parent: &str, model: &str) -> ErasedBy {
        let (parent, model) = (parent.to_string(), model.to_string());
        ErasedBy { strategy: "atlas-matching".to_string(), variant: String::new(), epochs: 7, parent, model }
    }

    #[test]
    fn a_lineage_is_found_beside_its_own_model_alone() {
        let folder = tempfile::tempdir().unwrap();
        let model = folder.path().join("model.safetensors");
        assert_eq!(Lineage::beside(&model, "m2").unwrap(), None);
        let lineage = Lineage::of_training("m0".to_string(), set(&["a", "b", "c"]))
            .after(set(&["a"]), by("m0", "m1"))
            .after(set(&["b", "a"]), by("m1", "m2"));
        std::fs::write(folder.path().join(FILE), serde_json::to_vec(&lineage).unwrap()).unwrap();
        assert_eq!(Lineage::beside(&model, "m2").unwrap(), Some(lineage.clone()));
        let refused = Lineage::beside(&model, "m1").unwrap_err().to_string();
        assert!(refused.contains("expected the lineage of m1, found that of m2"), "{refused}");
        assert_eq!(lineage.forgotten(), set(&["a", "b"]));
        let latest = lineage.erasure_of(&SubjectId::new("a").unwrap()).unwrap();
        assert_eq!(latest.by.as_ref().unwrap().model, "m2", "the latest request counts");
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
    fn a_damaged_lineage_names_its_file() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join(FILE), "{").unwrap();
        let refused = Lineage::beside(&folder.path().join("model.safetensors"), "m").unwrap_err().to_string();
        assert!(refused.contains(FILE), "{refused}");
    }
}
