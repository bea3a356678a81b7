//! A process that only reads what others sent gives away the right to do anything else.
//!
//! Readers are safe Rust with limits of their own. Behind them, on Linux, the kernel is asked for two things before any
//! thread or file is opened: by Landlock, that nothing is written, made, moved, deleted or executed anywhere and no
//! connection opened; and that no more memory is used than the machine has, and no core is dumped, which would hold
//! images. Where the kernel offers neither, the verb runs as it would have. `lacuna doctor` says which it is.

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
    /// For people.
    pub fn in_words(self) -> &'static str {
        match self {
            Confinement::Full => "Landlock: verbs that only read can write, execute and connect to nothing",
            Confinement::Partial => "Landlock in part: verbs that only read can write and execute nothing",
            Confinement::None => "none: this kernel offers no Landlock; readers have their own limits alone",
        }
    }
}

/// Confine this thread and all that it will start.
pub fn confine() -> Confinement {
    system::limit();
    system::confine()
}

/// What [`confine`] would come to, found out on a thread that ends.
pub fn offered() -> Confinement {
    std::thread::spawn(system::confine).join().unwrap_or(Confinement::None)
}

#[cfg(target_os = "linux")]
mod system {
    use super::Confinement;
    use landlock::{ABI, Access, AccessFs, AccessNet, Ruleset, RulesetAttr, RulesetError, RulesetStatus};
    use rustix::process::{Resource, Rlimit, setrlimit};

    /// The newest of which something is asked: from the fourth on connections are refused too.
    const ABI_ASKED: ABI = ABI::V4;

    /// A rule for nothing: what is handled and has no rule is refused. Files that are open already, standard output
    /// among them, stay as they are.
    pub fn confine() -> Confinement {
        let asked = || -> Result<RulesetStatus, RulesetError> {
            let ruleset = Ruleset::default()
                .handle_access(AccessFs::from_write(ABI_ASKED) | AccessFs::Execute)?
                .handle_access(AccessNet::from_all(ABI_ASKED))?;
            Ok(ruleset.create()?.restrict_self()?.ruleset)
        };
        match asked() {
            Ok(RulesetStatus::FullyEnforced) => Confinement::Full,
            Ok(RulesetStatus::PartiallyEnforced) => Confinement::Partial,
            Ok(RulesetStatus::NotEnforced) | Err(_) => Confinement::None,
        }
    }

    /// Limits that are lower already stay; one that cannot be set is no reason to read nothing.
    pub fn limit() {
        let set = |resource, most| {
            let _ = setrlimit(resource, Rlimit { current: Some(most), maximum: Some(most) });
        };
        set(Resource::Core, 0);
        if let Some(bytes) = crate::command::memory_in_all() {
            set(Resource::Data, bytes);
        }
    }
}

#[cfg(not(target_os = "linux"))]
mod system {
    use super::Confinement;

    pub fn confine() -> Confinement {
        Confinement::None
    }

    pub fn limit() {}
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
                let confinement = system::confine();
                let read = std::fs::read(&there).is_ok();
                (confinement, read, std::fs::write(&new, "x").is_ok(), std::fs::remove_file(&there).is_ok())
            })
        };
        let (confinement, read, written, removed) = confined.join().unwrap();
        assert_eq!(confinement, offered);
        let is_free = confinement == Confinement::None;
        assert_eq!((read, written, removed), (true, is_free, is_free), "{confinement:?}");
    }
}
