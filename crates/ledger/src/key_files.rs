//! The files of a folder of keys: private to their owner, locked, and searchable.

use crate::LedgerError;
use crate::waiting::{PATIENCE, pause};
use lacuna_disk::DiskError;
use std::fs::{File, TryLockError};
use std::io::{ErrorKind, Read};
use std::path::{Path, PathBuf};
use std::time::Instant;

/// A lock on a folder of keys; it is released when this is dropped or the process ends.
pub struct Locked {
    /// The locked folder; `None` where the system cannot lock folders.
    _folder: Option<File>,
}

impl Locked {
    /// Waits up to a minute for the lock.
    ///
    /// # Errors
    /// If other processes keep the lock, or the folder cannot be opened.
    pub fn wait(folder: &Path) -> Result<Locked, LedgerError> {
        let began = Instant::now();
        loop {
            if let Some(locked) = Locked::at_once(folder)? {
                return Ok(locked);
            }
            if began.elapsed() > PATIENCE {
                return Err(LedgerError::Busy { path: folder.to_path_buf(), seconds: began.elapsed().as_secs() });
            }
            std::thread::sleep(pause());
        }
    }

    /// Takes the lock; `None` if another process has it.
    ///
    /// # Errors
    /// If the folder cannot be opened.
    pub fn at_once(folder: &Path) -> Result<Option<Locked>, LedgerError> {
        // Only Unix opens a folder as a file.
        if !cfg!(unix) {
            return Ok(Some(Locked { _folder: None }));
        }
        let refused = |source| DiskError::Io { path: folder.to_path_buf(), action: "lock", source };
        let file = File::open(folder).map_err(refused)?;
        match file.try_lock() {
            Ok(()) => Ok(Some(Locked { _folder: Some(file) })),
            Err(TryLockError::WouldBlock) => Ok(None),
            Err(TryLockError::Error(error)) if error.kind() == ErrorKind::Unsupported => {
                Ok(Some(Locked { _folder: None }))
            }
            Err(TryLockError::Error(error)) => Err(refused(error).into()),
        }
    }
}

/// Creates a folder that only its owner can access, whatever the umask; an existing folder is left unchanged.
pub fn make_private_folder(folder: &Path) -> Result<(), DiskError> {
    let refused = |source| DiskError::Io { path: folder.to_path_buf(), action: "create", source };
    let mut builder = std::fs::DirBuilder::new();
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    match builder.create(folder) {
        Err(error) if error.kind() == ErrorKind::AlreadyExists && folder.is_dir() => return Ok(()),
        made => made.map_err(refused)?,
    }
    // A umask can take rights from the requested ones, even the owner's.
    #[cfg(unix)]
    std::fs::set_permissions(folder, std::os::unix::fs::PermissionsExt::from_mode(0o700)).map_err(refused)?;
    Ok(())
}

/// Lists every file below a folder, links to files included; links to folders are not followed.
pub fn files_below(folder: &Path) -> Result<Vec<PathBuf>, DiskError> {
    let mut files = Vec::new();
    let mut folders = vec![folder.to_path_buf()];
    while let Some(here) = folders.pop() {
        let refused = |source| DiskError::Io { path: here.clone(), action: "list", source };
        for entry in std::fs::read_dir(&here).map_err(refused)? {
            let entry = entry.map_err(refused)?;
            match entry.file_type().map_err(refused)? {
                kind if kind.is_dir() => folders.push(entry.path()),
                kind if kind.is_file() || (kind.is_symlink() && entry.path().is_file()) => files.push(entry.path()),
                _ => {}
            }
        }
    }
    files.sort();
    Ok(files)
}

/// Whether a file contains these bytes; `bytes` is short.
pub fn holds(path: &Path, bytes: &[u8]) -> Result<bool, DiskError> {
    let refused = |source| DiskError::Io { path: path.to_path_buf(), action: "read", source };
    let mut file = match File::open(path) {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(false),
        opened => opened.map_err(refused)?,
    };
    let mut window = Vec::new();
    let mut part = vec![0; 1 << 20];
    loop {
        let read = file.read(&mut part).map_err(refused)?;
        if read == 0 {
            return Ok(false);
        }
        window.extend_from_slice(&part[..read]);
        if window.windows(bytes.len()).any(|found| found == bytes) {
            return Ok(true);
        }
        // The end of this part may be the beginning of the searched bytes, so it is kept for the next part.
        window.drain(..window.len().saturating_sub(bytes.len() - 1));
    }
}
