//! `unsafe` is in the crate `kernels` and nowhere else. The compiler refuses it where the workspace's lints hold, so
//! what is looked for here is a crate without them and a line that lifts them.

use std::path::{Path, PathBuf};

const KERNELS: &str = "crates/kernels";

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).ancestors().nth(2).unwrap().to_path_buf()
}

fn below(folder: &Path, files: &mut Vec<PathBuf>) {
    for path in std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()) {
        if path.is_dir() {
            below(&path, files);
        } else if path.extension().is_some_and(|ending| ending == "rs") {
            files.push(path);
        }
    }
}

#[test]
fn every_crate_but_one_has_the_lints_that_refuse_it() {
    let mut manifests = vec![root().join("xtask/Cargo.toml")];
    for entry in std::fs::read_dir(root().join("crates")).unwrap() {
        manifests.push(entry.unwrap().path().join("Cargo.toml"));
    }
    assert!(manifests.len() > 15, "{manifests:?}");
    let workspace = std::fs::read_to_string(root().join("Cargo.toml")).unwrap();
    assert!(workspace.contains("[workspace.lints.rust]\nunsafe_code = \"deny\""));
    for manifest in manifests.iter().filter(|manifest| manifest.is_file()) {
        let text = std::fs::read_to_string(manifest).unwrap();
        let lints = ["[lints]\nworkspace = true", "[lints.rust]\nunsafe_code = \"deny\""];
        let refuses = lints.iter().any(|lint| text.contains(lint));
        assert_eq!(refuses, !manifest.starts_with(root().join(KERNELS)), "{}", manifest.display());
    }
}

#[test]
fn no_line_lifts_them() {
    let mut files = Vec::new();
    for folder in ["crates", "xtask"] {
        below(&root().join(folder), &mut files);
    }
    // In two pieces, so that this line is not what is looked for.
    let lifted = ["allow(", "unsafe_code", ")"].concat();
    let (mut seen, mut outside) = (0, Vec::new());
    for file in files {
        seen += 1;
        let is_kernels = file.starts_with(root().join(KERNELS));
        if !is_kernels && std::fs::read_to_string(&file).unwrap().contains(&lifted) {
            outside.push(file);
        }
    }
    assert!(seen > 300 && outside.is_empty(), "{seen} files, of which {outside:?} lift the refusal");
}
