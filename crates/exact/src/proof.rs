//! Whether an erased model is the one that training without the subject makes, file by file.

use crate::Manifest;
use serde::Serialize;
use std::collections::{BTreeMap, BTreeSet};

/// One file of both sides.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Compared {
    /// Below the run folder.
    pub file: String,
    /// BLAKE3 of the file after erasing; none if there is no such file.
    pub erased: Option<String>,
    /// BLAKE3 of the file trained from the beginning.
    pub from_scratch: Option<String>,
}

/// Every state and model of both sides.
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

/// Every file by name, with its digest.
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
