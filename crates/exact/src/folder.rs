//! Where the files of an exact model lie in its folder.
//!
//! Names follow from shard and slice, both counted from 1 in names; none is ever read from a file, so no
//! manifest can point out of its folder.

use std::path::{Path, PathBuf};

/// The manifest.
pub const MANIFEST: &str = "exact.json";

/// The state that every shard begins from.
pub(crate) fn start_file(folder: &Path) -> PathBuf {
    folder.join("start.safetensors")
}

/// The model of a shard; shards are counted from 0 here.
pub fn model_file(folder: &Path, shard: usize) -> PathBuf {
    in_shard(folder, shard, "model.safetensors")
}

/// The state of a shard before a slice, both counted from 0 here.
pub fn state_file(folder: &Path, shard: usize, slice: usize) -> PathBuf {
    in_shard(folder, shard, &format!("before-slice-{}.safetensors", slice + 1))
}

/// The checkpoint of a stage that is under way.
pub(crate) fn during_file(folder: &Path, shard: usize, slice: usize) -> PathBuf {
    in_shard(folder, shard, &format!("during-slice-{}.safetensors", slice + 1))
}

/// A line per epoch of a shard.
pub(crate) fn metrics_file(folder: &Path, shard: usize) -> PathBuf {
    in_shard(folder, shard, "metrics.jsonl")
}

fn in_shard(folder: &Path, shard: usize, name: &str) -> PathBuf {
    folder.join(format!("shard-{}", shard + 1)).join(name)
}
