//! The files of a folder of keys: made for their owner alone, locked, searched.

use crate::LedgerError;
use crate::store::{PATIENCE, pause};
use lacuna_disk::DiskError;
use std::fs::{File, TryLockError};
use std::io::{ErrorKind, Read};
use std::path::{Path, PathBuf};
use std::time::Instant;

/// A lock on a folder of keys; it ends when this is dropped, and with the process however it ends.
pub struct Locked {
    /// None where the system cannot lock a folder.
    _folder: Option<File>,
}

impl Locked {
    /// The lock, once no other process has it, within a minute.
    ///
    /// # Errors
    /// Others that do not let it go, or a folder that cannot be opened.
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

    /// The lock, unless another process has it.
    ///
    /// # Errors
    /// A folder that cannot be opened.
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

/// A folder that its owner alone can look into, whatever the process's mask; one that is there stays as it is.
pub fn make_private_folder(folder: &Path) -> Result<(), DiskError> {
    let refused = |source| DiskError::Io { path: folder.to_path_buf(), action: "create", source };
    let mut builder = std::fs::DirBuilder::new();
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    match builder.create(folder) {
        Err(error) if error.kind() == ErrorKind::AlreadyExists && folder.is_dir() => return Ok(()),
        made => made.map_err(refused)?,
    }
    // A mask takes rights away from those asked for, the owner's too.
    #[cfg(unix)]
    std::fs::set_permissions(folder, std::os::unix::fs::PermissionsExt::from_mode(0o700)).map_err(refused)?;
    Ok(())
}

/// Every file below a folder, links to files among them; links to folders are not followed.
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

/// Whether a file has these bytes somewhere, which are few.
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
        // What may be the beginning of it goes on into the next part.
        window.drain(..window.len().saturating_sub(bytes.len() - 1));
    }
}
