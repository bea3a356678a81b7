//! Atomic writing of files, and bounded reading.
//!
//! Every write goes to a new file in the target's own folder, is flushed to the disk, and is then renamed over the
//! target; the folder is flushed after it. A reader therefore sees either the old bytes or the new ones, and a crash
//! leaves at most a `*.tmp` file.
//!
//! Deliberately absent: appending, and any write in place. (A ledger is an SQLite file, which uses both.)

mod boundary;
mod leftovers;
pub mod manifest;
mod read;

pub use boundary::boundary;
pub use leftovers::{make_folder, remove_abandoned, remove_unfinished, remove_unfinished_below};
pub use read::{read_bytes, read_text};

use std::fs::{self, File, OpenOptions};
use std::hash::{BuildHasher, Hasher, RandomState};
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};

/// A file operation that failed, with the path.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DiskError {
    /// An error of the operating system.
    #[error("{path}: cannot {action}: {source}{}", fix(source.kind()))]
    Io {
        /// The path of the file or folder.
        path: PathBuf,
        /// The action that failed: "read", "write", "create".
        action: &'static str,
        /// The error of the operating system.
        source: io::Error,
    },
    /// The file is larger than the caller's limit.
    #[error("{path}: {found_bytes} bytes, more than the {limit_bytes} bytes expected at most of such a file")]
    TooLarge {
        /// The path of the file.
        path: PathBuf,
        /// The size of the file in bytes.
        found_bytes: u64,
        /// The caller's limit in bytes.
        limit_bytes: u64,
    },
    /// A text file that is not UTF-8.
    #[error("{path}: expected text in UTF-8, found {found}; fix: save the file as UTF-8, in Excel as \"CSV UTF-8\"")]
    NotUtf8 {
        /// The path of the file.
        path: PathBuf,
        /// A description of the bytes that are not UTF-8.
        found: String,
    },
    /// A line of a manifest that is not `DIGEST  FILE`.
    #[error("{path}: expected lines `DIGEST  FILE`, found `{found}`")]
    Manifest {
        /// The path of the manifest.
        path: PathBuf,
        /// The text of the line.
        found: String,
    },
}

/// Returns the fix to append to an error, for kinds of errors that a user can correct.
fn fix(kind: io::ErrorKind) -> &'static str {
    match kind {
        io::ErrorKind::NotFound => "; fix: check the path",
        io::ErrorKind::PermissionDenied | io::ErrorKind::ReadOnlyFilesystem => {
            "; fix: choose another place, or get the right to this one"
        }
        io::ErrorKind::IsADirectory => "; fix: name a file, not a folder",
        io::ErrorKind::NotADirectory | io::ErrorKind::AlreadyExists => {
            "; fix: name a folder, or one that is not there yet"
        }
        io::ErrorKind::FileTooLarge => "; fix: raise the limit of file sizes (ulimit -f), then try again",
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => "; fix: free some space, then try again",
        _ => "",
    }
}

impl DiskError {
    fn io(path: &Path, action: &'static str) -> impl FnOnce(io::Error) -> DiskError {
        let path = path.to_path_buf();
        move |source| DiskError::Io { path, action, source }
    }
}

/// The hidden folder for lacuna's own data about the files beside it: registers, and a site's key. It is not part of a
/// data set or of a run's files.
pub const OWN_FOLDER: &str = ".lacuna";

/// Replaces `path` atomically by the bytes that `fill` writes.
///
/// Folders above `path` are created. If `fill` fails, the old file is unchanged and the temporary file is removed.
pub fn write_atomic(path: &Path, fill: impl FnOnce(&mut BufWriter<File>) -> io::Result<()>) -> Result<(), DiskError> {
    let folder = folder_of(path);
    fs::create_dir_all(folder).map_err(DiskError::io(folder, "create"))?;
    let temporary = temporary_name(path);
    let outcome = write_and_rename(&temporary, path, fill);
    if outcome.is_err() {
        // The error of the write matters more than a leftover file.
        let _ = fs::remove_file(&temporary);
    }
    outcome.map_err(DiskError::io(path, "write"))?;
    boundary("flushing the folder of a new file")
        .and_then(|()| sync_folder(folder))
        .map_err(DiskError::io(folder, "flush"))
}

/// Replaces `path` atomically by `bytes`.
pub fn write_bytes(path: &Path, bytes: &[u8]) -> Result<(), DiskError> {
    write_atomic(path, |file| file.write_all(bytes))
}

/// Creates a file that only its owner can read, unless there is one of that name: for keys.
///
/// Of several processes that try at once one succeeds, and all see its complete file.
///
/// # Errors
/// [`io::ErrorKind::AlreadyExists`] if the file exists, and other errors of the file system.
pub fn write_private_new(path: &Path, bytes: &[u8]) -> Result<(), DiskError> {
    let folder = folder_of(path);
    fs::create_dir_all(folder).map_err(DiskError::io(folder, "create"))?;
    let temporary = temporary_name(path);
    // A link, unlike a rename, does not replace an existing file.
    let outcome = boundary("making a key's temporary file")
        .and_then(|()| write_private(&temporary, bytes))
        .and_then(|()| boundary("linking a key to its name"))
        .and_then(|()| fs::hard_link(&temporary, path));
    // Until here the key has two names; after a kill, removing unfinished files removes the second.
    let _ = boundary("deleting a key's temporary name").and_then(|()| fs::remove_file(&temporary));
    outcome.map_err(DiskError::io(path, "create"))?;
    boundary("flushing the folder of a new key")
        .and_then(|()| sync_folder(folder))
        .map_err(DiskError::io(folder, "flush"))
}

/// Creates a file unless there is one of that name; returns whether it was created.
///
/// Of several processes that try at once, on one machine or on several that mount the folder, one succeeds, and all see
/// its complete file. The folder's file system must support hard links.
pub fn write_new(path: &Path, bytes: &[u8]) -> Result<bool, DiskError> {
    let folder = folder_of(path);
    fs::create_dir_all(folder).map_err(DiskError::io(folder, "create"))?;
    let temporary = temporary_name(path);
    let written = write_and(&temporary, |file| file.write_all(bytes));
    let link = || boundary("linking a file to its name").and_then(|()| fs::hard_link(&temporary, path));
    let linked = written.as_ref().map(|()| link());
    let _ = fs::remove_file(&temporary);
    match linked {
        Ok(Err(error)) if error.kind() == io::ErrorKind::AlreadyExists => return Ok(false),
        Ok(linked) => linked.map_err(DiskError::io(path, "create"))?,
        Err(_) => written.map_err(DiskError::io(path, "create"))?,
    }
    sync_folder(folder).map_err(DiskError::io(folder, "flush")).map(|()| true)
}

/// Makes the current bytes of `from` available at `to`, which must not exist; returns whether `from` exists.
///
/// Files are replaced and never changed, so a hard link keeps the bytes; where the file system has none, the bytes are
/// copied.
pub fn share(from: &Path, to: &Path) -> Result<bool, DiskError> {
    let folder = folder_of(to);
    fs::create_dir_all(folder).map_err(DiskError::io(folder, "create"))?;
    match fs::hard_link(from, to) {
        Ok(()) => return sync_folder(folder).map_err(DiskError::io(folder, "flush")).map(|()| true),
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(false),
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => return Err(DiskError::io(to, "create")(error)),
        Err(_) => {}
    }
    let mut source = match File::open(from) {
        Ok(source) => source,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(false),
        Err(error) => return Err(DiskError::io(from, "read")(error)),
    };
    write_atomic(to, |file| io::copy(&mut source, file).map(drop)).map(|()| true)
}

/// Moves a file to another name and replaces an existing file; copies it if the two are on different file systems.
pub fn move_over(from: &Path, to: &Path) -> Result<(), DiskError> {
    let folder = folder_of(to);
    fs::create_dir_all(folder).map_err(DiskError::io(folder, "create"))?;
    match fs::rename(from, to) {
        Ok(()) => sync_folder(folder).map_err(DiskError::io(folder, "flush")),
        Err(error) if error.kind() == io::ErrorKind::CrossesDevices => {
            let mut source = File::open(from).map_err(DiskError::io(from, "read"))?;
            write_atomic(to, |file| io::copy(&mut source, file).map(drop))?;
            remove_file(from).map(drop)
        }
        Err(error) => Err(DiskError::io(from, "move")(error)),
    }
}

/// Deletes a file and flushes its folder, so that the file does not reappear after a crash; returns whether it existed.
pub fn remove_file(path: &Path) -> Result<bool, DiskError> {
    match boundary("deleting a file").and_then(|()| fs::remove_file(path)) {
        Ok(()) => {}
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(false),
        Err(error) => return Err(DiskError::io(path, "delete")(error)),
    }
    let folder = folder_of(path);
    let flushed = boundary("flushing the folder of a deleted file").and_then(|()| sync_folder(folder));
    flushed.map_err(DiskError::io(folder, "flush")).map(|()| true)
}

/// Creates a folder, and those above it, unless it exists.
pub fn empty_folder(path: &Path) -> Result<(), DiskError> {
    fs::create_dir_all(path).map_err(DiskError::io(path, "create"))
}

/// Returns the BLAKE3 digest of a file's content, in hexadecimal.
pub fn digest_file(path: &Path) -> Result<String, DiskError> {
    let mut file = File::open(path).map_err(DiskError::io(path, "read"))?;
    let mut hasher = blake3::Hasher::new();
    io::copy(&mut file, &mut hasher).map_err(DiskError::io(path, "read"))?;
    Ok(hasher.finalize().to_hex().to_string())
}

/// Returns the BLAKE3 digest of bytes, in hexadecimal.
pub fn digest(bytes: &[u8]) -> String {
    blake3::hash(bytes).to_hex().to_string()
}

fn write_and_rename(
    temporary: &Path,
    path: &Path,
    fill: impl FnOnce(&mut BufWriter<File>) -> io::Result<()>,
) -> io::Result<()> {
    write_and(temporary, fill)?;
    boundary("renaming it over its target")?;
    fs::rename(temporary, path)
}

/// Writes a new file and flushes it to the disk.
fn write_and(temporary: &Path, fill: impl FnOnce(&mut BufWriter<File>) -> io::Result<()>) -> io::Result<()> {
    boundary("making a temporary file")?;
    let mut file = BufWriter::new(OpenOptions::new().write(true).create_new(true).open(temporary)?);
    fill(&mut file)?;
    boundary("flushing a temporary file")?;
    file.flush()?;
    file.get_ref().sync_all()
}

fn write_private(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut file = options.open(path)?;
    file.write_all(bytes)?;
    file.sync_all()
}

fn folder_of(path: &Path) -> &Path {
    match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    }
}

/// Returns a name that no other writer uses: the target's name, the process number, a counter and a random number,
/// since processes of two machines can have the same number and write to the same folder.
fn temporary_name(path: &Path) -> PathBuf {
    static WRITES: AtomicU64 = AtomicU64::new(0);
    static CHANCE: OnceLock<u64> = OnceLock::new();
    let write = WRITES.fetch_add(1, Ordering::Relaxed);
    // A random number of the standard library; only this name depends on it.
    let chance = CHANCE.get_or_init(|| RandomState::new().build_hasher().finish());
    let mut name = path.file_name().unwrap_or_default().to_os_string();
    name.push(format!(".{}-{write}-{chance:016x}.tmp", std::process::id()));
    path.with_file_name(name)
}

/// Returns the target's path if `path` is an unfinished file, which a killed process leaves behind; `None` for other
/// names.
pub fn unfinished(path: &Path) -> Option<PathBuf> {
    let (target, mark) = path.file_name()?.to_str()?.strip_suffix(".tmp")?.rsplit_once('.')?;
    let [process, write, chance] = mark.split('-').collect::<Vec<_>>()[..] else { return None };
    let is_ours = process.parse::<u32>().is_ok()
        && write.parse::<u64>().is_ok()
        && chance.len() == 16
        && u64::from_str_radix(chance, 16).is_ok();
    (is_ours && !target.is_empty()).then(|| path.with_file_name(target))
}

/// Flushes a folder: a rename is durable only after its folder is flushed.
fn sync_folder(folder: &Path) -> io::Result<()> {
    if cfg!(unix) { File::open(folder)?.sync_all() } else { Ok(()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_killed_write_left_is_known_by_the_name_it_was_to_get_and_removed() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("model.safetensors");
        let left = temporary_name(&path);
        assert_eq!(unfinished(&left), Some(path.clone()));
        for other in ["model.safetensors", "notes.tmp", "a.1-2-3.tmp", "a.b-2-0123456789abcdef.tmp"] {
            assert_eq!(unfinished(Path::new(other)), None, "{other}");
        }
        fs::write(&path, "x").unwrap();
        fs::write(&left, "half").unwrap();
        remove_unfinished(folder.path()).unwrap();
        assert!(path.exists() && !left.exists());
        remove_unfinished(&folder.path().join("none")).unwrap();
    }

    #[test]
    fn a_written_file_reads_back() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("new/folder/x.bin");
        write_bytes(&path, b"abc").unwrap();
        assert_eq!(read_bytes(&path, 3).unwrap(), b"abc");
        assert_eq!(digest_file(&path).unwrap(), digest(b"abc"));
    }

    #[test]
    fn a_failed_write_keeps_the_old_file_and_leaves_nothing_else() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("x.bin");
        write_bytes(&path, b"old").unwrap();
        let failed = write_atomic(&path, |file| {
            file.write_all(b"half of the new")?;
            Err(io::Error::other("disk on fire"))
        });
        assert!(failed.unwrap_err().to_string().contains("disk on fire"));
        assert_eq!(read_bytes(&path, 10).unwrap(), b"old");
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
    }

    #[test]
    fn a_private_file_is_made_once_and_can_be_taken_away() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("keys/x.key");
        write_private_new(&path, b"first").unwrap();
        let second = write_private_new(&path, b"second").unwrap_err();
        assert!(matches!(second, DiskError::Io { source, .. } if source.kind() == io::ErrorKind::AlreadyExists));
        assert_eq!(read_bytes(&path, 10).unwrap(), b"first");
        assert_eq!(fs::read_dir(path.parent().unwrap()).unwrap().count(), 1, "no temporary file stays");
        assert!(remove_file(&path).unwrap() && !remove_file(&path).unwrap());
    }

    #[test]
    fn of_many_who_make_a_file_at_once_one_does_and_nothing_else_stays() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("new/result");
        let made: Vec<bool> = std::thread::scope(|scope| {
            let makers: Vec<_> = (0..8u8)
                .map(|maker| {
                    let path = &path;
                    scope.spawn(move || write_new(path, &[maker; 100]).unwrap())
                })
                .collect();
            makers.into_iter().map(|maker| maker.join().unwrap()).collect()
        });
        assert_eq!(made.iter().filter(|&&made| made).count(), 1);
        let winner = made.iter().position(|&made| made).unwrap() as u8;
        assert_eq!(read_bytes(&path, 100).unwrap(), [winner; 100]);
        assert_eq!(fs::read_dir(path.parent().unwrap()).unwrap().count(), 1);
    }

    #[test]
    fn shared_bytes_stay_when_the_first_name_gets_others() {
        let folder = tempfile::tempdir().unwrap();
        let [from, to] = ["from", "to"].map(|name| folder.path().join(name));
        assert!(!share(&from, &to).unwrap(), "there is nothing to share");
        write_bytes(&from, b"then").unwrap();
        assert!(share(&from, &to).unwrap());
        write_bytes(&from, b"now").unwrap();
        assert_eq!((read_bytes(&from, 9).unwrap(), read_bytes(&to, 9).unwrap()), (b"now".to_vec(), b"then".to_vec()));
        assert!(share(&from, &to).is_err(), "what is there is kept");
        move_over(&from, &to).unwrap();
        assert!(!from.exists() && read_bytes(&to, 9).unwrap() == b"now");
    }
}
