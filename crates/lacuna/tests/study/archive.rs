//! Records in an archive: complete ones are a study's results, and none is added to them.

use super::{SMALL, last_run, results, workspace, write};
use crate::layouts::real_data;
use crate::support::Workspace;
use std::collections::BTreeSet;
use std::io::Write;
use std::path::Path;

/// A folder as a `.tar.xz`.
fn pack(folder: &Path, archive: &Path) {
    let mut packed = tar::Builder::new(Vec::new());
    packed.append_dir_all(".", folder).unwrap();
    let file = std::fs::File::create(archive).unwrap();
    let mut writer = lzma_rust2::XzWriter::new(file, lzma_rust2::XzOptions::default()).unwrap();
    writer.write_all(&packed.into_inner().unwrap()).unwrap();
    writer.finish().unwrap();
}

#[test]
fn an_archive_of_all_records_gives_the_same_rows_and_is_not_written_to() {
    let workspace = workspace();
    workspace.ok("study small.toml --progress none");
    let before = results(&last_run(&workspace, "runs"));
    pack(&workspace.path("runs/store/records"), &workspace.path("records.tar.xz"));
    let packed = std::fs::read(workspace.path("records.tar.xz")).unwrap();
    let study = "study small.toml --records records.tar.xz --models models --images none --progress none --runs again";
    workspace.ok(study);
    assert_eq!(results(&last_run(&workspace, "again")), before);

    // One more strategy is one more record, which has no place to be written to.
    write(&workspace, "more.toml", SMALL, &[("unlearn.strategies", "['noisy-label', 'max-loss']")]);
    let more = study.replace("small.toml", "more.toml");
    workspace.fails(&more, 3, &["records.tar.xz", "expected: a folder", "an archive", "unpack it"]);
    assert!(!workspace.path("models").exists(), "it was refused before anything was computed");
    assert!(std::fs::read(workspace.path("records.tar.xz")).unwrap() == packed);

    std::fs::write(workspace.path("cut.tar.xz"), &packed[..packed.len() / 2]).unwrap();
    workspace.fails(&study.replace("records.tar.xz", "cut.tar.xz"), 3, &["cut.tar.xz", "damage", "fix:"]);
}

#[test]
fn the_committed_rows_of_the_goals_are_those_of_their_archive() {
    if real_data().is_none() {
        return;
    }
    let workspace = Workspace::new();
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let (study, folder) = (root.join("studies/ixi7-goals.toml"), root.join("docs/results/ixi7-goals"));
    let (study, archive) = (study.display(), folder.join("records.tar.xz"));
    workspace.ok(&format!("study {study} --records {} --images none --progress none", archive.display()));
    let made = std::fs::read_to_string(last_run(&workspace, "runs").join("results.csv")).unwrap();
    let made: BTreeSet<&str> = made.lines().collect();
    let committed = std::fs::read_to_string(folder.join("results.csv")).unwrap();
    // The committed file has the means over classes alone.
    let means = made.iter().filter(|line| line.contains(",mean,")).count();
    assert_eq!(committed.lines().count(), 1 + means);
    assert!(committed.lines().all(|line| made.contains(line)), "a committed row is not made again");
    let probes = std::fs::read(last_run(&workspace, "runs").join("probes.csv")).unwrap();
    assert!(probes == std::fs::read(folder.join("probes.csv")).unwrap());
}
