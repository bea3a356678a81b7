//! Names of files: what counts as a volume, what a scan is called, what stays inside.

use crate::CohortError;
use std::collections::BTreeSet;
use std::fs;
use std::path::{Component, Path, PathBuf};

/// One thing in a folder.
pub(super) struct Entry {
    pub name: String,
    pub path: PathBuf,
    pub kind: Kind,
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    File,
    Folder,
}

/// What lies in a folder, by name; hidden files are left out, since archives made on a Mac are
/// full of `._scan.nii.gz` that are no volumes.
pub(super) fn entries(folder: &Path) -> Result<Vec<Entry>, CohortError> {
    let refused = |source| CohortError::Folder { path: folder.to_path_buf(), source };
    let mut entries = Vec::new();
    for entry in fs::read_dir(folder).map_err(refused)? {
        let path = entry.map_err(refused)?.path();
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        if name.starts_with('.') {
            continue;
        }
        match path.metadata() {
            Ok(found) if found.is_dir() => entries.push(Entry { name, path, kind: Kind::Folder }),
            // Reading a pipe or a device could wait for ever.
            Ok(found) if !found.is_file() => {}
            // A link to nowhere is a file that is missing, and is reported as such when opened.
            _ => entries.push(Entry { name, path, kind: Kind::File }),
        }
    }
    entries.sort_by(|a, b| a.name.cmp(&b.name));
    Ok(entries)
}

/// A NIfTI file's name without its extension, in capitals or not; `None` for other files.
pub(super) fn volume_stem(name: &str) -> Option<&str> {
    let without = |ending: &str| {
        let (stem, found) = name.split_at_checked(name.len().checked_sub(ending.len())?)?;
        (found.eq_ignore_ascii_case(ending) && !stem.is_empty()).then_some(stem)
    };
    without(".nii.gz").or_else(|| without(".nii"))
}

/// A path as a list or an index writes it, with `/` between its parts, which Windows writes as `\`.
pub(super) fn portable(entry: &str) -> String {
    entry.replace('\\', "/")
}

/// The path that `entry`, as written in the file `named_in`, means below `root`.
///
/// A list can come from anywhere, so it must not make lacuna open files elsewhere: absolute
/// paths, `..` and links that leave `root` are refused. A path that does not exist is returned
/// as it is; opening it fails with its name.
pub(super) fn inside(root: &Path, named_in: &Path, entry: &str) -> Result<PathBuf, CohortError> {
    let portable = portable(entry);
    let entry = || entry.to_string();
    let stays = |part| matches!(part, Component::Normal(_) | Component::CurDir);
    let has_drive = portable.as_bytes().get(1) == Some(&b':');
    if has_drive || !Path::new(&portable).components().all(stays) {
        let (path, root) = (named_in.to_path_buf(), root.to_path_buf());
        return Err(CohortError::LeavesRoot { path, entry: entry(), root });
    }
    let parts = Path::new(&portable).components().filter(|part| matches!(part, Component::Normal(_)));
    let path = root.join(parts.collect::<PathBuf>());
    match (fs::canonicalize(root), fs::canonicalize(&path)) {
        (Ok(real_root), Ok(target)) if !target.starts_with(&real_root) => {
            let (path, root) = (named_in.to_path_buf(), root.to_path_buf());
            Err(CohortError::LinkLeavesRoot { path, entry: entry(), target, root })
        }
        _ => Ok(path),
    }
}

/// One distinct name per path: the shortest tail of its parts that tells all of them apart,
/// joined by `-`.
///
/// `1/pre/reg_T1` and `4/pre/reg_T1` become `1-pre-reg_T1` and `4-pre-reg_T1`; `images/1` and
/// `images/4` become `1` and `4`.
pub(super) fn distinct_names(paths: &[PathBuf]) -> Vec<String> {
    let parts: Vec<Vec<String>> = paths.iter().map(|path| normal_parts(path)).collect();
    let longest = parts.iter().map(Vec::len).max().unwrap_or(0);
    let tails = |length: usize| -> Vec<String> {
        parts.iter().map(|parts| parts[parts.len().saturating_sub(length)..].join("-")).collect()
    };
    let all_differ = |names: &Vec<String>| names.iter().collect::<BTreeSet<_>>().len() == names.len();
    (1..longest).map(tails).find(all_differ).unwrap_or_else(|| tails(longest))
}

fn normal_parts(path: &Path) -> Vec<String> {
    let normal = path.components().filter(|part| matches!(part, Component::Normal(_)));
    normal.map(|part| part.as_os_str().to_string_lossy().into_owned()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn only_nifti_files_are_volumes() {
        let stems = ["a.nii.gz", "a.b.nii", "a.NII.GZ", "a.gz", ".nii", "a.nii.gz.tmp", "é.gz"].map(volume_stem);
        assert_eq!(stems, [Some("a"), Some("a.b"), Some("a"), None, None, None, None]);
    }

    #[track_caller]
    fn check_names(paths: &[&str], expected: &[&str]) {
        assert_eq!(distinct_names(&paths.iter().map(PathBuf::from).collect::<Vec<_>>()), expected);
    }

    #[test]
    fn file_names_suffice_where_they_differ() {
        check_names(&["images/1", "./images/4"], &["1", "4"]);
    }
    #[test]
    fn folders_tell_equal_file_names_apart() {
        check_names(&["1/pre/t1", "4/pre/t1"], &["1-pre-t1", "4-pre-t1"]);
    }
    #[test]
    fn the_same_path_twice_keeps_one_name() {
        check_names(&["a/1", "a/1"], &["a-1", "a-1"]);
    }

    #[test]
    fn a_path_written_on_windows_is_the_same_path() {
        let root = Path::new("/nowhere/root");
        assert_eq!(inside(root, Path::new("list.txt"), ".\\a\\x.nii").unwrap(), root.join("a/x.nii"));
    }

    proptest! {
        #[test]
        fn whatever_a_list_names_lies_below_the_root(entry in "(\\.|\\.\\.|/|[a-z]{1,3}){0,6}") {
            let root = Path::new("/nowhere/root");
            if let Ok(path) = inside(root, Path::new("list.txt"), &entry) {
                prop_assert!(path.starts_with(root));
                prop_assert!(!path.components().any(|part| part == Component::ParentDir));
            }
        }
    }

    #[test]
    fn paths_that_leave_the_root_are_refused_by_name() {
        let root = tempfile::tempdir().unwrap();
        for entry in ["../x.nii", "a/../../x.nii", "/etc/passwd", "..\\x.nii", "a\\..\\..\\x.nii", "C:\\x.nii"] {
            let message = inside(root.path(), Path::new("list.txt"), entry).unwrap_err().to_string();
            assert!(message.starts_with(&format!("list.txt: `{entry}` leads outside")), "{message}");
        }
    }

    #[cfg(unix)]
    #[test]
    fn a_link_is_followed_inside_the_root_and_refused_outside() {
        let (root, elsewhere) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        fs::write(root.path().join("real.nii"), b"").unwrap();
        fs::write(elsewhere.path().join("secret.nii"), b"").unwrap();
        let link = |to: &Path, name: &str| std::os::unix::fs::symlink(to, root.path().join(name)).unwrap();
        link(&root.path().join("real.nii"), "good.nii");
        link(&elsewhere.path().join("secret.nii"), "bad.nii");
        link(elsewhere.path(), "folder");
        let opened = |entry| inside(root.path(), Path::new("list.txt"), entry);
        assert!(opened("good.nii").is_ok());
        for outside in ["bad.nii", "folder/secret.nii", "folder\\secret.nii"] {
            let message = opened(outside).unwrap_err().to_string();
            assert!(message.contains(&format!("`{outside}` is a link that leads to")), "{message}");
        }
    }
}
