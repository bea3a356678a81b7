//! A data set that lies in a bucket, on this machine: copied into the cache before a study reads it.
//!
//! It lies in `CACHE/data-sets/DIGEST`, named by the digest of its list of files, so that two data sets never mix, and a
//! bucket's other content makes another copy. Every file is compared with the list each time, as a study reads them all
//! anyway, so a copy that was cut or changed is put right.

use crate::context::Context;
use crate::error::CliError;
use crate::progress::Files;
use lacuna_objects::{FileSet, Location};
use lacuna_study::StudyConfig;
use std::path::{Path, PathBuf};

const FOLDER: &str = "data-sets";

/// Have the study's data in a folder, and let it read that.
///
/// # Errors
/// No cache to put it in, a bucket that does not answer, files that are not those of the list.
pub fn stage(verb: &'static str, config: &mut StudyConfig, context: &Context) -> Result<(), CliError> {
    let Some(address) = config.data.bucket() else { return Ok(()) };
    let Some(cache) = &context.loading.cache else {
        let what = format!(
            "data.root: expected a cache to copy {address} into, found none; fix: --cache DIR or LACUNA_CACHE says where \
             people's scans may lie on this machine"
        );
        return Err(CliError::Config { what });
    };
    let set = FileSet::find(&Location::open(&address)?)?;
    let folder = cache.folder().join(FOLDER).join(set.digest());
    let mut progress = Files::new(verb, context);
    let fetched = set.fetch(&folder, &mut |done, total| progress.advance(done, total))?;
    if fetched > 0 {
        context.note(&format!("fetched  {fetched} of {} files of {address}", set.names().len()));
    }
    config.data.root = folder;
    Ok(())
}

/// The data sets that were copied into a cache; none in another folder.
pub fn staged(cache: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(cache.join(FOLDER)).into_iter().flatten();
    entries.filter_map(|entry| Some(entry.ok()?.path())).collect()
}
