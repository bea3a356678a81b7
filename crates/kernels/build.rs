//! Computes a digest of the crate's own sources, which distinguishes two builds of the same version whose kernels
//! differ.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

fn main() -> io::Result<()> {
    println!("cargo:rerun-if-changed=src");
    println!("cargo:rerun-if-changed=build.rs");
    let mut files = Vec::new();
    collect(Path::new("src"), &mut files)?;
    // Sorted by the text of the name, with the same separator on all systems: the order changes the digest.
    let name = |path: &PathBuf| path.to_string_lossy().replace('\\', "/");
    files.sort_by_key(name);
    let mut hasher = blake3::Hasher::new();
    for path in &files {
        // A checkout may have other line ends; the compiled code is the same.
        let text = fs::read_to_string(path)?.replace("\r\n", "\n");
        for part in [name(path).as_str(), &text] {
            hasher.update(&(part.len() as u64).to_le_bytes());
            hasher.update(part.as_bytes());
        }
    }
    println!("cargo:rustc-env=LACUNA_KERNELS_DIGEST={}", hasher.finalize().to_hex());
    Ok(())
}

fn collect(folder: &Path, files: &mut Vec<PathBuf>) -> io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_dir() {
            collect(&path, files)?;
        } else if path.extension().is_some_and(|ending| ending == "rs") {
            files.push(path);
        }
    }
    Ok(())
}
