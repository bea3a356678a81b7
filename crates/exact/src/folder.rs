//! The paths of an exact model's files in its folder.
//!
//! File names follow from shard and slice, both counted from 1 in names. No name is read from a file, so no manifest
//! can point outside its folder.

use std::path::{Path, PathBuf};

/// The manifest's file name.
pub const MANIFEST: &str = "exact.json";

/// The file of the state that every shard begins from.
pub(crate) fn start_file(folder: &Path) -> PathBuf {
    folder.join("start.safetensors")
}

/// The file of a shard's model; here shards are counted from 0.
pub fn model_file(folder: &Path, shard: usize) -> PathBuf {
    in_shard(folder, shard, "model.safetensors")
}

/// The file of a shard's state before a slice; here both are counted from 0.
pub fn state_file(folder: &Path, shard: usize, slice: usize) -> PathBuf {
    in_shard(folder, shard, &format!("before-slice-{}.safetensors", slice + 1))
}

/// The file of the checkpoint of a running stage.
pub(crate) fn during_file(folder: &Path, shard: usize, slice: usize) -> PathBuf {
    in_shard(folder, shard, &format!("during-slice-{}.safetensors", slice + 1))
}

/// The file with one line of metrics per epoch of a shard.
pub(crate) fn metrics_file(folder: &Path, shard: usize) -> PathBuf {
    in_shard(folder, shard, "metrics.jsonl")
}

fn in_shard(folder: &Path, shard: usize, name: &str) -> PathBuf {
    folder.join(format!("shard-{}", shard + 1)).join(name)
}
