//! Removal of unfinished files of killed processes, and atomic creation of folders.

use crate::{DiskError, boundary, remove_file, sync_folder, temporary_name, unfinished};
use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

/// The age from which an unfinished file is abandoned: no write of one file takes as long.
const ABANDONED_AFTER: Duration = Duration::from_secs(24 * 3600);

/// Removes the unfinished files of a folder; does nothing if there is no such folder.
///
/// For folders that only one process writes: the unfinished file of another process would be removed while it is
/// written.
///
/// # Errors
/// If the folder cannot be listed, or a file in it cannot be removed.
pub fn remove_unfinished(folder: &Path) -> Result<(), DiskError> {
    if !folder.is_dir() {
        return Ok(());
    }
    for entry in fs::read_dir(folder).map_err(DiskError::io(folder, "list"))? {
        let path = entry.map_err(DiskError::io(folder, "list"))?.path();
        if unfinished(&path).is_some() {
            remove_file(&path)?;
        }
    }
    Ok(())
}

/// Removes the unfinished files of a folder and of all folders below it.
///
/// For folders that only one process writes: the unfinished file of another process would be removed while it is
/// written.
///
/// # Errors
/// If a folder cannot be listed, or a file cannot be removed.
pub fn remove_unfinished_below(folder: &Path) -> Result<(), DiskError> {
    remove_unfinished(folder)?;
    for path in entries(folder)? {
        if path.is_dir() && !path.is_symlink() {
            remove_unfinished_below(&path)?;
        }
    }
    Ok(())
}

/// Removes unfinished files and folders that are more than a day old; does nothing if there is no such folder.
///
/// For folders that several processes write, perhaps on several machines: whether another process still runs is not
/// known, but its write takes minutes.
///
/// # Errors
/// If the folder cannot be listed, or an entry cannot be removed.
pub fn remove_abandoned(folder: &Path) -> Result<(), DiskError> {
    if !folder.is_dir() {
        return Ok(());
    }
    for path in entries(folder)?.into_iter().filter(|path| unfinished(path).is_some() && is_abandoned(path)) {
        if path.is_dir() && !path.is_symlink() {
            fs::remove_dir_all(&path).map_err(DiskError::io(&path, "delete"))?;
        } else {
            remove_file(&path)?;
        }
    }
    Ok(())
}

/// Returns whether a file is older than [`ABANDONED_AFTER`]; false if its time is unknown or in the future.
fn is_abandoned(path: &Path) -> bool {
    let written = fs::symlink_metadata(path).and_then(|metadata| metadata.modified());
    written.is_ok_and(|at| SystemTime::now().duration_since(at).is_ok_and(|age| age > ABANDONED_AFTER))
}

/// Creates a folder with its first files, under the first free name of `name`, `name-2`, `name-3`, …, and returns its
/// path.
///
/// It appears complete: it is filled under a temporary name, which remains if the process is killed and is removed by
/// [`remove_abandoned`].
///
/// # Errors
/// Errors of the file system and of `fill`.
pub fn make_folder<E: From<DiskError>>(
    parent: &Path,
    name: &str,
    fill: impl FnOnce(&Path) -> Result<(), E>,
) -> Result<PathBuf, E> {
    fs::create_dir_all(parent).map_err(DiskError::io(parent, "create"))?;
    let temporary = temporary_name(&parent.join(format!(".{name}")));
    fs::create_dir(&temporary).map_err(DiskError::io(&temporary, "create"))?;
    let made = fill(&temporary).and_then(|()| Ok(rename_to_free(&temporary, parent, name)?));
    if made.is_err() {
        // The error itself matters more than a leftover folder.
        let _ = fs::remove_dir_all(&temporary);
    }
    made
}

fn rename_to_free(temporary: &Path, parent: &Path, name: &str) -> Result<PathBuf, DiskError> {
    for attempt in 1.. {
        let path = match attempt {
            1 => parent.join(name),
            _ => parent.join(format!("{name}-{attempt}")),
        };
        // Checked first, since a rename would replace an empty folder.
        if path.symlink_metadata().is_ok() {
            continue;
        }
        match boundary("making a folder").and_then(|()| fs::rename(temporary, &path)) {
            Ok(()) => return sync_folder(parent).map_err(DiskError::io(parent, "flush")).map(|()| path),
            // Another process has created it in the meantime.
            Err(error) if matches!(error.kind(), ErrorKind::AlreadyExists | ErrorKind::DirectoryNotEmpty) => {}
            Err(error) => return Err(DiskError::io(&path, "create")(error)),
        }
    }
    unreachable!("the loop ends with a name or an error")
}

fn entries(folder: &Path) -> Result<Vec<PathBuf>, DiskError> {
    let listed = fs::read_dir(folder).map_err(DiskError::io(folder, "list"))?;
    listed.map(|entry| Ok(entry.map_err(DiskError::io(folder, "list"))?.path())).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn made(parent: &Path, name: &str) -> PathBuf {
        make_folder::<DiskError>(parent, name, |folder| crate::write_bytes(&folder.join("first"), b"1")).unwrap()
    }

    #[test]
    fn a_folder_appears_whole_and_under_a_name_of_its_own() {
        let parent = tempfile::tempdir().unwrap();
        let paths: Vec<PathBuf> = (0..3).map(|_| made(parent.path(), "same")).collect();
        let names: Vec<_> = paths.iter().map(|path| path.file_name().unwrap().to_string_lossy()).collect();
        assert_eq!(names, ["same", "same-2", "same-3"]);
        assert!(paths.iter().all(|path| path.join("first").is_file()));
        let failed = make_folder(parent.path(), "other", |folder| {
            Err::<(), _>(DiskError::io(folder, "write")(ErrorKind::StorageFull.into()))
        });
        assert!(failed.is_err());
        assert_eq!(entries(parent.path()).unwrap().len(), 3, "nothing is left of a folder that could not be filled");
    }

    #[test]
    fn what_is_left_of_killed_writes_is_removed_from_a_folder_of_ones_own_and_of_a_shared_one_after_a_day() {
        let folder = tempfile::tempdir().unwrap();
        let below = folder.path().join("shard-1");
        fs::create_dir(&below).unwrap();
        let left = |folder: &Path| {
            let path = temporary_name(&folder.join("model.safetensors"));
            fs::write(&path, "half").unwrap();
            path
        };
        let own = [left(folder.path()), left(&below)];
        fs::write(below.join("model.safetensors"), "whole").unwrap();
        remove_unfinished_below(folder.path()).unwrap();
        assert!(own.iter().all(|path| !path.exists()) && below.join("model.safetensors").exists());

        let (young, old, kept) = (left(folder.path()), left(folder.path()), folder.path().join("record.json"));
        let half_made = temporary_name(&folder.path().join(".run"));
        fs::create_dir(&half_made).unwrap();
        fs::write(&kept, "whole").unwrap();
        let before = SystemTime::now() - 2 * ABANDONED_AFTER;
        for path in [&old, &kept, &half_made] {
            fs::File::open(path).unwrap().set_modified(before).unwrap();
        }
        remove_abandoned(folder.path()).unwrap();
        assert!(young.exists() && kept.exists(), "another process may be writing the one; the other is whole");
        assert!(!old.exists() && !half_made.exists());
        remove_abandoned(&folder.path().join("none")).unwrap();
    }
}
