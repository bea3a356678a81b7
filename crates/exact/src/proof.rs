//! The comparison, file by file, of an erased model with training without the subject.

use crate::{ExactError, Manifest};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

/// The file name of a proof, in the run folder of an erase.
pub const PROOF: &str = "proof.json";

/// The largest proof that is read, in bytes; it has a line per state and model.
const BYTES_MAX: u64 = 64 << 20;

/// One file of the erased model, compared with the file of the same name from training without the subject.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Compared {
    /// The path below the run folder.
    pub file: String,
    /// The BLAKE3 digest of the file after erasing; `None` if there is no such file.
    pub erased: Option<String>,
    /// The BLAKE3 digest of the file trained from the beginning; `None` if there is no such file.
    pub from_scratch: Option<String>,
}

/// The result of comparing an erased model with one that was never trained on the subjects.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Proof {
    /// Whether all files are the same, byte for byte.
    pub equal: bool,
    /// The files of both models, compared.
    pub files: Vec<Compared>,
    /// The passes of the training from the beginning.
    pub scratch_passes: u64,
    /// The seconds of that training; of its last piece if it was interrupted.
    pub seconds: f64,
}

impl Proof {
    /// Reads the proof in a run folder; `None` if there is none.
    ///
    /// # Errors
    /// If the file cannot be read or is no proof.
    pub fn read(folder: &Path) -> Result<Option<Proof>, ExactError> {
        let path = folder.join(PROOF);
        if !path.is_file() {
            return Ok(None);
        }
        let text = lacuna_disk::read_text(&path, BYTES_MAX)?;
        serde_json::from_str(&text).map(Some).map_err(|error| ExactError::Unfit {
            path,
            field: "proof".to_string(),
            expected: "the comparison that --prove writes".to_string(),
            found: error.to_string(),
            fix: "restore it from a copy, or erase again with --prove",
        })
    }

    /// Whether the proof shows that a model's files are those of training from the beginning: it lists exactly these
    /// files, and found each of them equal.
    pub fn shows(&self, model: &Manifest) -> bool {
        let compared = |pair: &Compared| Some((pair.file.clone(), pair.erased.clone()?));
        let erased: Option<BTreeMap<String, String>> = self.files.iter().map(compared).collect();
        self.equal && differences(&self.files).is_empty() && erased.is_some_and(|erased| erased == files(model))
    }
}

/// Compares all states and models of both manifests.
pub fn compare(erased: &Manifest, from_scratch: &Manifest) -> Vec<Compared> {
    let (mut erased, mut from_scratch) = (files(erased), files(from_scratch));
    let names: BTreeSet<String> = erased.keys().chain(from_scratch.keys()).cloned().collect();
    let pair = |file: String| {
        let (erased, from_scratch) = (erased.remove(&file), from_scratch.remove(&file));
        Compared { file, erased, from_scratch }
    };
    names.into_iter().map(pair).collect()
}

/// The files that are not the same, byte for byte.
pub fn differences(compared: &[Compared]) -> Vec<&Compared> {
    compared.iter().filter(|pair| pair.erased.is_none() || pair.erased != pair.from_scratch).collect()
}

/// The digest of every state and model, by file name.
fn files(manifest: &Manifest) -> BTreeMap<String, String> {
    let start = manifest.start.iter().map(|kept| ("start.safetensors".to_string(), kept.file.clone()));
    let shards = manifest.shards.iter().enumerate().flat_map(|(shard, files)| {
        let shard = shard + 1;
        let states = files.states.iter();
        let states = states
            .map(move |(slice, kept)| (format!("shard-{shard}/before-slice-{slice}.safetensors"), kept.file.clone()));
        let model = files.model.iter().map(move |kept| (format!("shard-{shard}/model.safetensors"), kept.file.clone()));
        states.chain(model)
    });
    start.chain(shards).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_proof_is_of_the_very_files_that_it_compared() {
        let manifest = crate::manifest::tests::manifest_with_files(["start", "model"]);
        let files = compare(&manifest, &manifest);
        let proof = Proof { equal: true, files, scratch_passes: 0, seconds: 0.0 };
        assert!(proof.shows(&manifest) && proof.files.len() == 2);
        assert!(!proof.shows(&crate::manifest::tests::manifest_with_files(["start", "another"])));
        assert!(!Proof { equal: false, ..proof.clone() }.shows(&manifest));
        assert!(!Proof { files: Vec::new(), ..proof.clone() }.shows(&manifest));
        let mut edited = proof;
        edited.files[0].from_scratch = Some("other".to_string());
        assert!(!edited.shows(&manifest), "what it lists counts, not only what it says");
    }

    #[test]
    fn a_file_that_differs_or_that_one_side_lacks_is_a_difference() {
        let pair = |erased: Option<&str>, from_scratch: Option<&str>| Compared {
            file: "shard-1/model.safetensors".to_string(),
            erased: erased.map(str::to_string),
            from_scratch: from_scratch.map(str::to_string),
        };
        let compared = [
            pair(Some("a"), Some("a")),
            pair(Some("a"), Some("b")),
            pair(Some("a"), None),
            pair(None, Some("a")),
            pair(None, None),
        ];
        assert_eq!(differences(&compared), compared[1..].iter().collect::<Vec<_>>());
    }
}
