//! What lies beside an exact model: its run folder is the model, or a shard's file in a folder of its own below it.

use crate::error::CliError;
use crate::lineage::{self, Lineage};
use lacuna_exact::{MANIFEST, Manifest, model_file};
use std::path::{Path, PathBuf};

/// An exact model, or one of its shards, as a path names it.
pub struct Named {
    pub root: PathBuf,
    /// The shard whose file was named, counted from 0; none where the folder was.
    shard: Option<usize>,
    manifest: Manifest,
}

impl Named {
    /// What a path names, if that is an exact model.
    ///
    /// # Errors
    /// A manifest that cannot be believed.
    pub fn by(path: &Path) -> Result<Option<Named>, CliError> {
        if path.join(MANIFEST).is_file() {
            return Ok(Some(Named { manifest: Manifest::read(path)?, root: path.to_path_buf(), shard: None }));
        }
        let Some(root) = path.parent().and_then(Path::parent) else { return Ok(None) };
        let root = if root.as_os_str().is_empty() { Path::new(".") } else { root };
        if !root.join(MANIFEST).is_file() {
            return Ok(None);
        }
        let manifest = Manifest::read(root)?;
        let is_of = |shard: &usize| same_name(&model_file(root, *shard), path);
        let shard = (0..manifest.plan.shards().len()).find(is_of);
        Ok(shard.map(|shard| Named { root: root.to_path_buf(), shard: Some(shard), manifest }))
    }

    /// Refuse weights that are not those of the manifest; `digest` is of the network, or of several in order.
    ///
    /// # Errors
    /// [`CliError::Data`] with what is expected.
    pub fn check(&self, digest: &str) -> Result<(), CliError> {
        let expected = match self.shard {
            Some(shard) => self.manifest.shards[shard].model.as_ref().map(|kept| kept.network.clone()),
            None => Some(lacuna_exact::Ensemble::open(&self.root)?.digest()),
        };
        if expected.as_deref() == Some(digest) {
            return Ok(());
        }
        let (file, expected) = (self.root.join(MANIFEST), expected.unwrap_or("no model of this shard yet".to_string()));
        let what = format!(
            "{}: expected the weights {expected}, found {digest}: the model was changed; fix: restore it from a copy, \
             or take it alone to another folder",
            file.display()
        );
        Err(CliError::Data { what })
    }

    /// The lineage in the run folder; of a shard among several, what that one has seen.
    ///
    /// # Errors
    /// A file that cannot be read, or is of another model.
    pub fn lineage(&self, digest: &str) -> Result<Option<Lineage>, CliError> {
        let Some(whole) = Lineage::read(&self.root.join(lineage::FILE))? else { return Ok(None) };
        if whole.speaks_for(digest) {
            return Ok(Some(whole));
        }
        // Of a model of which a purge took a shard, the shards that never saw the person are still known by the
        // manifest.
        if self.manifest.is_finished() {
            let of_all = lacuna_exact::Ensemble::open(&self.root)?.digest();
            if !whole.speaks_for(&of_all) {
                return Err(lineage::of_another(&self.root.join(lineage::FILE), &of_all, &whole.model));
            }
        }
        let slices = |shard: usize| self.manifest.plan.shards()[shard].iter().flatten().cloned().collect();
        Ok(self.shard.map(slices).map(|trained| whole.narrowed(digest, trained)))
    }
}

/// Whether two paths end in the same folder and file.
fn same_name(a: &Path, b: &Path) -> bool {
    let last = |path: &Path| {
        let folder = path.parent().and_then(Path::file_name).map(ToOwned::to_owned);
        (folder, path.file_name().map(ToOwned::to_owned))
    };
    last(a) == last(b)
}
