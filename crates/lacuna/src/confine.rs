//! A process that reads what others sent gives away the right to do anything but what it was started for.
//!
//! Readers are safe Rust with limits of their own. Behind them, on Linux, the kernel is asked before any thread or file
//! is opened: by Landlock, that nothing is written, made, moved or deleted but beneath the folders that the command
//! line names, nothing executed and no connection opened; and that no core is dumped, which would hold images. A verb
//! that only reads may use no more memory than the machine has. Where the kernel offers none of this, the verb runs as
//! it would have. `lacuna doctor` says which it is. Which verb may write where stands in [`crate::command`].

use std::path::{Path, PathBuf};

/// How far the kernel went along.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Confinement {
    /// All that was asked for.
    Full,
    /// Writing, and not all else that newer kernels refuse.
    Partial,
    /// Nothing: an older kernel, one without Landlock, or another system.
    None,
}

impl Confinement {
    pub fn in_words(self) -> &'static str {
        match self {
            Confinement::Full => {
                "Landlock: verbs that read files of others write only to the given folders, execute and connect to nothing"
            }
            Confinement::Partial => {
                "Landlock in part: verbs that read files of others write only to the given folders, and execute nothing"
            }
            Confinement::None => "none: this kernel offers no Landlock; readers have their own limits alone",
        }
    }
}

/// Confine this thread and all that it will start to writing beneath these folders, which are made where they are
/// missing.
pub fn confine(folders: &[PathBuf]) -> Confinement {
    system::dump_no_core();
    if folders.is_empty() {
        system::limit_memory();
    }
    system::confine(&folders.iter().map(|folder| opened(folder)).collect::<Vec<_>>())
}

/// The folder in which a file is written.
pub fn folder_of(file: &Path) -> PathBuf {
    match file.parent() {
        Some(folder) if folder != Path::new("") => folder.to_path_buf(),
        _ => PathBuf::from("."),
    }
}

/// The folder, or the nearest above it if it cannot be made: the verb will say so with more words.
fn opened(folder: &Path) -> PathBuf {
    // What went wrong shows in what is there.
    let _ = std::fs::create_dir_all(folder);
    folder.ancestors().find(|folder| folder.is_dir()).map_or_else(|| PathBuf::from("."), Path::to_path_buf)
}

/// What [`confine`] would come to, found out on a thread that ends.
pub fn offered() -> Confinement {
    std::thread::spawn(|| system::confine(&[])).join().unwrap_or(Confinement::None)
}

#[cfg(target_os = "linux")]
mod system {
    use super::Confinement;
    use landlock::{
        ABI, Access, AccessFs, AccessNet, BitFlags, Ruleset, RulesetAttr, RulesetCreatedAttr, RulesetError,
        RulesetStatus, path_beneath_rules,
    };
    use rustix::process::{Resource, Rlimit, setrlimit};
    use std::path::PathBuf;

    /// The newest of which something is asked: from the fourth on connections are refused too.
    const ABI_ASKED: ABI = ABI::V4;

    /// What is handled and has no rule is refused. Files that are open already, standard output among them, stay as
    /// they are.
    pub fn confine(folders: &[PathBuf]) -> Confinement {
        let asked = || -> Result<RulesetStatus, RulesetError> {
            let ruleset = Ruleset::default()
                .handle_access(AccessFs::from_write(ABI_ASKED) | AccessFs::Execute)?
                .handle_access(AccessNet::from_all(ABI_ASKED))?
                .create()?
                .add_rules(path_beneath_rules(folders, files_and_folders()))?;
            Ok(ruleset.restrict_self()?.ruleset)
        };
        match asked() {
            Ok(RulesetStatus::FullyEnforced) => Confinement::Full,
            Ok(RulesetStatus::PartiallyEnforced) => Confinement::Partial,
            Ok(RulesetStatus::NotEnforced) | Err(_) => Confinement::None,
        }
    }

    /// Files and folders are made, filled and removed; no links, pipes or devices.
    fn files_and_folders() -> BitFlags<AccessFs> {
        AccessFs::WriteFile
            | AccessFs::Truncate
            | AccessFs::MakeReg
            | AccessFs::MakeDir
            | AccessFs::RemoveFile
            | AccessFs::RemoveDir
    }

    pub fn dump_no_core() {
        set(Resource::Core, 0);
    }

    pub fn limit_memory() {
        if let Some(bytes) = crate::command::memory_in_all() {
            set(Resource::Data, bytes);
        }
    }

    /// Limits that are lower already stay; one that cannot be set is no reason to read nothing.
    fn set(resource: Resource, most: u64) {
        let _ = setrlimit(resource, Rlimit { current: Some(most), maximum: Some(most) });
    }
}

#[cfg(not(target_os = "linux"))]
mod system {
    use super::Confinement;

    pub fn confine(_folders: &[std::path::PathBuf]) -> Confinement {
        Confinement::None
    }

    pub fn dump_no_core() {}

    pub fn limit_memory() {}
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_confined_reads_and_writes_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let (there, new) = (folder.path().join("there"), folder.path().join("new"));
        std::fs::write(&there, "x").unwrap();
        let offered = offered();
        std::fs::write(folder.path().join("still"), "x").expect("only the thread that asked is confined");
        let confined = {
            let (there, new) = (there.clone(), new.clone());
            std::thread::spawn(move || {
                let confinement = system::confine(&[]);
                let read = std::fs::read(&there).is_ok();
                (confinement, read, std::fs::write(&new, "x").is_ok(), std::fs::remove_file(&there).is_ok())
            })
        };
        let (confinement, read, written, removed) = confined.join().unwrap();
        assert_eq!(confinement, offered);
        let is_free = confinement == Confinement::None;
        assert_eq!((read, written, removed), (true, is_free, is_free), "{confinement:?}");
    }

    #[test]
    fn what_may_write_beneath_a_folder_writes_nowhere_else_and_executes_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let (mine, beside) = (folder.path().join("mine"), folder.path().join("beside"));
        std::fs::write(&beside, "x").unwrap();
        let confined = {
            let (mine, beside) = (mine.clone(), beside.clone());
            std::thread::spawn(move || {
                let confinement = system::confine(&[opened(&mine)]);
                let inside = lacuna_disk::write_bytes(&mine.join("deeper/file"), b"x").is_ok()
                    && std::fs::remove_file(mine.join("deeper/file")).is_ok();
                let outside = std::fs::write(&beside, "y").is_ok() || std::fs::remove_file(&beside).is_ok();
                let executed = std::process::Command::new("true").status().is_ok();
                let linked = std::os::unix::fs::symlink("/", mine.join("link")).is_ok();
                (confinement, inside, outside, executed, linked)
            })
        };
        let (confinement, inside, outside, executed, linked) = confined.join().unwrap();
        let is_free = confinement == Confinement::None;
        assert!(inside, "{confinement:?}");
        assert_eq!((outside, executed, linked), (is_free, is_free, is_free), "{confinement:?}");
        assert!(mine.is_dir(), "it was made before");
    }

    #[test]
    fn a_file_without_a_folder_is_written_here() {
        assert_eq!(folder_of(Path::new("page.html")), PathBuf::from("."));
        assert_eq!(folder_of(Path::new("a/page.html")), PathBuf::from("a"));
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("file");
        std::fs::write(&file, "x").unwrap();
        assert_eq!(opened(&file.join("below")), folder.path(), "beneath a file nothing can be made");
    }
}
