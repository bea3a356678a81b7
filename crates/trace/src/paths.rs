//! One name for each path, and folders with registers.

use lacuna_artefacts::FOLDER;
use std::fs;
use std::path::{Path, PathBuf};

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
pub fn same(one: &Path, other: &Path) -> bool {
    one == other || matches!((fs::canonicalize(one), fs::canonicalize(other)), (Ok(one), Ok(other)) if one == other)
}

/// The folders with registers at and below a place: a folder without any in it is not gone through.
pub fn folders_with_registers(index: &Path) -> Vec<PathBuf> {
    let has_register = |folder: &Path| folder.join(FOLDER).join("artefacts").is_dir();
    if !has_register(index) {
        return Vec::new();
    }
    // Only a data set that was exported has registers in the folders below it, and a list of subjects.
    let mut folders = vec![index.to_path_buf()];
    let mut open = if index.join("subjects.tsv").is_file() { vec![index.to_path_buf()] } else { Vec::new() };
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
