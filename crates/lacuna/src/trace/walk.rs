//! The files below the places that are looked at: each once, whatever names lead to it.
//!
//! Links are not followed. One that leads to a file or folder within the places is passed over, since that is visited
//! where it lies; one that leads elsewhere is listed as unknown, as is what cannot be read.

use super::Unknown;
use crate::error::CliError;
use crate::run_folder::refused;
use lacuna_artefacts::FOLDER;
use lacuna_ledger::{Keyring, Ledger};
use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

/// What a site keeps in its hidden folders: its key, registers, and the quarantine.
const OF_SITE: [&str; 4] = ["site.key", "artefacts", "places", "quarantine"];

/// What lies below some folders.
#[derive(Debug, Default)]
pub struct Walked {
    /// The folders that were asked for, once each, none of them below another.
    pub roots: Vec<PathBuf>,
    /// Every file once, in order.
    pub files: BTreeSet<PathBuf>,
    /// Every folder, the roots included.
    pub folders: BTreeSet<PathBuf>,
    /// Folders of single files that registers name.
    pub beside: BTreeSet<PathBuf>,
    /// Links that lead out of the places.
    pub links: Vec<Unknown>,
    /// What cannot be read.
    pub unread: Vec<Unknown>,
}

impl Walked {
    /// The same with single files elsewhere, and the registers of their folders.
    pub fn with(mut self, files: &[PathBuf]) -> Walked {
        for file in files.iter().filter(|file| file.is_file()).map(|file| shown(file)) {
            let folder = file.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
            if !self.folders.contains(folder) {
                self.beside.insert(folder.to_path_buf());
            }
            self.files.insert(file);
        }
        self.folders.extend(self.beside.iter().cloned());
        self
    }
}

/// The folders with registers at and below a place: a folder without any in it is not gone through.
pub fn folders_with_registers(root: &Path) -> Vec<PathBuf> {
    let has_register = |folder: &Path| folder.join(FOLDER).join("artefacts").is_dir();
    if !has_register(root) {
        return Vec::new();
    }
    // Only a data set that was exported has registers in the folders below it, and a list of subjects.
    let mut folders = vec![root.to_path_buf()];
    let mut open = if root.join("subjects.tsv").is_file() { vec![root.to_path_buf()] } else { Vec::new() };
    while let Some(folder) = open.pop() {
        for entry in fs::read_dir(&folder).into_iter().flatten().filter_map(Result::ok) {
            let path = entry.path();
            if entry.file_type().is_ok_and(|kind| kind.is_dir()) && path.file_name().is_some_and(|name| name != FOLDER)
            {
                folders.extend(has_register(&path).then(|| path.clone()));
                open.push(path);
            }
        }
    }
    folders
}

/// Walk folders; those that are not there hold nothing.
///
/// # Errors
/// A root itself that cannot be read.
pub fn walk(roots: &[PathBuf], ledger: Option<&Ledger>) -> Result<Walked, CliError> {
    let mut walked = Walked { roots: distinct(roots)?, ..Walked::default() };
    let mut folders = walked.roots.clone();
    let mut links = Vec::new();
    while let Some(folder) = folders.pop() {
        if ledger.is_some_and(|ledger| same(&Keyring::folder_of(ledger.path()), &folder)) {
            continue;
        }
        if folder.is_file() {
            walked.files.insert(folder);
            continue;
        }
        walked.folders.insert(folder.clone());
        let entries = match fs::read_dir(&folder) {
            Err(error) if walked.roots.contains(&folder) => return Err(refused(&folder, "list")(error)),
            Err(error) => {
                walked.unread.push(Unknown::new(&folder, format!("the folder cannot be read: {error}")));
                continue;
            }
            Ok(entries) => entries,
        };
        for entry in entries {
            let entry = entry.map_err(refused(&folder, "list"))?;
            let path = if folder == Path::new(".") { PathBuf::from(entry.file_name()) } else { entry.path() };
            let kind = entry.file_type().map_err(refused(&folder, "list"))?;
            if is_of_site(&path) || ledger.is_some_and(|ledger| is_of_ledger(&path, ledger)) {
                continue;
            }
            if kind.is_symlink() {
                links.push(path);
            } else if kind.is_dir() {
                folders.push(path);
            } else if kind.is_file() {
                walked.files.insert(path);
            }
        }
    }
    for link in links {
        walked.links.extend(leading_out(&link, &walked.roots));
    }
    Ok(walked)
}

/// Folders under one name each: `runs` and `./runs` are one, and a folder below another is visited with it.
fn distinct(roots: &[PathBuf]) -> Result<Vec<PathBuf>, CliError> {
    let mut seen: Vec<(PathBuf, PathBuf)> = Vec::new();
    for root in roots.iter().filter(|root| root.exists()) {
        let real = fs::canonicalize(root).map_err(refused(root, "find"))?;
        if seen.iter().any(|(_, known)| real.starts_with(known)) {
            continue;
        }
        seen.retain(|(_, known)| !known.starts_with(&real));
        seen.push((shown(root), real));
    }
    Ok(seen.into_iter().map(|(shown, _)| shown).collect())
}

/// A path under its one name: without links in its folders, and as seen from here where it lies below. The file itself
/// may be a link.
pub fn shown(path: &Path) -> PathBuf {
    let real = match (path.is_dir(), path.parent(), path.file_name()) {
        (false, Some(folder), Some(name)) => {
            let folder = if folder.as_os_str().is_empty() { Path::new(".") } else { folder };
            fs::canonicalize(folder).map(|folder| folder.join(name))
        }
        _ => fs::canonicalize(path),
    };
    shortened(&real.unwrap_or_else(|_| std::path::absolute(path).unwrap_or_else(|_| path.to_path_buf())))
}

/// An absolute path as seen from here, where it lies below.
fn shortened(path: &Path) -> PathBuf {
    let here = std::env::current_dir().and_then(fs::canonicalize).ok();
    let below = here.and_then(|here| path.strip_prefix(here).ok().map(Path::to_path_buf));
    match below {
        Some(below) if below.as_os_str().is_empty() => PathBuf::from("."),
        Some(below) => below,
        None => path.to_path_buf(),
    }
}

/// Whether two paths lead to one place.
fn same(one: &Path, other: &Path) -> bool {
    one == other || matches!((fs::canonicalize(one), fs::canonicalize(other)), (Ok(one), Ok(other)) if one == other)
}

fn leading_out(link: &Path, roots: &[PathBuf]) -> Option<Unknown> {
    let Ok(target) = fs::canonicalize(link) else { return None };
    let inside = roots.iter().any(|root| fs::canonicalize(root).is_ok_and(|root| target.starts_with(root)));
    let why = || format!("a link to {}, which was not looked at; fix: --root names that folder", target.display());
    (!inside).then(|| Unknown::new(link, why()))
}

/// Whether a path is a site's own bookkeeping, which is read as such and is no artefact.
fn is_of_site(path: &Path) -> bool {
    let name = |path: &Path| path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    path.parent().is_some_and(|folder| name(folder) == FOLDER) && OF_SITE.contains(&name(path).as_str())
}

fn is_of_ledger(path: &Path, ledger: &Ledger) -> bool {
    let name = |path: &Path| path.file_name().unwrap_or_default().to_os_string();
    let folder = |path: &Path| {
        path.parent().map(|folder| if folder == Path::new("") { PathBuf::from(".") } else { folder.to_path_buf() })
    };
    let beside = matches!((folder(path), folder(ledger.path())), (Some(one), Some(other)) if same(&one, &other));
    beside
        && ["", "-wal", "-shm"].iter().any(|end| {
            let mut own = name(ledger.path());
            own.push(end);
            own == name(path)
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_under_several_names_is_walked_once_and_links_out_are_listed() {
        let root = tempfile::tempdir().unwrap();
        let (runs, elsewhere) = (root.path().join("runs"), root.path().join("elsewhere"));
        for folder in [&runs.join("a"), &elsewhere] {
            fs::create_dir_all(folder).unwrap();
            fs::write(folder.join("file"), "x").unwrap();
        }
        std::os::unix::fs::symlink(&elsewhere, runs.join("out")).unwrap();
        std::os::unix::fs::symlink(runs.join("a"), runs.join("in")).unwrap();
        let roots = [runs.clone(), runs.join("."), runs.join("a"), root.path().join("gone")];
        let walked = walk(&roots, None).unwrap();
        assert_eq!(walked.files, BTreeSet::from([runs.join("a/file")]));
        assert_eq!(walked.links.len(), 1);
        assert!(walked.links[0].why.contains("elsewhere") && walked.links[0].path.as_path() == runs.join("out"));
    }

    #[test]
    fn a_sites_own_files_are_no_artefacts_and_what_else_lies_hidden_is_one() {
        let root = tempfile::tempdir().unwrap();
        for name in
            [".lacuna/artefacts/x.json", ".lacuna/quarantine/q/files/1", ".lacuna/site.key", ".lacuna/hidden.bin"]
        {
            let path = root.path().join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, "x").unwrap();
        }
        let walked = walk(&[root.path().to_path_buf()], None).unwrap();
        assert_eq!(walked.files, BTreeSet::from([root.path().join(".lacuna/hidden.bin")]));
    }
}
