//! Where a search looks.

use crate::error::TraceError;
use crate::paths::folders_with_registers;
use lacuna_artefacts::{Register, Site};
use lacuna_cohort::CaseCache;
use lacuna_objects::Address;
use std::path::{Path, PathBuf};

/// The folders, files and buckets that a search looks into.
#[derive(Clone, Debug, Default)]
pub struct Folders {
    /// Folders of runs, records and models.
    pub roots: Vec<PathBuf>,
    /// Files outside them that registers name; what lies beside such a file is not looked at.
    pub registered: Vec<PathBuf>,
    /// The folders of data sets.
    pub data: Vec<PathBuf>,
    /// A cache of prepared scans.
    pub cache: Option<PathBuf>,
    /// Addresses of buckets, besides those that plans and runs name.
    pub buckets: Vec<String>,
}

impl Folders {
    /// The folder of runs with all folders and files that its site remembers, some data sets, a cache, and further folders
    /// or buckets.
    ///
    /// # Errors
    /// A list of folders or a register that cannot be read.
    pub fn of<'a>(
        runs: &Path,
        site: Option<&Site>,
        data: &[PathBuf],
        cache: Option<&Path>,
        stores: impl IntoIterator<Item = &'a Address>,
    ) -> Result<Folders, TraceError> {
        let mut folders = Folders {
            roots: vec![runs.to_path_buf()],
            registered: site.map(registered).transpose()?.unwrap_or_default(),
            data: data.to_vec(),
            cache: cache.map(Path::to_path_buf),
            buckets: Vec::new(),
        };
        folders.roots.extend(site.map(Site::stores).transpose()?.into_iter().flatten());
        for store in stores {
            match store.folder() {
                Some(folder) => folders.roots.push(folder.to_path_buf()),
                None => folders.buckets.push(store.to_string()),
            }
        }
        Ok(folders)
    }

    /// Whether a cache is among them: a folder with prepared scans, or with copies of data sets.
    pub fn have_cache(&self) -> bool {
        self.cache.is_some() || self.roots.iter().any(|root| is_cache(root))
    }
}

/// The files outside the folder of runs that registers of this site name.
fn registered(site: &Site) -> Result<Vec<PathBuf>, TraceError> {
    let mut files = Vec::new();
    for remembered in site.locations()? {
        for folder in folders_with_registers(&remembered) {
            let entries = Register::of(&folder).entries()?;
            let own = entries.into_iter().filter(|entered| entered.site == site.fingerprint());
            files.extend(own.map(|entered| folder.join(entered.artefact.file.as_path())));
        }
    }
    Ok(files)
}

fn is_cache(folder: &Path) -> bool {
    let cache = CaseCache::at(folder);
    !cache.data_sets().is_empty() || cache.usage().is_ok_and(|usage| usage.entries > 0)
}
