//! Instruction sets and kernels: what was made with others is neither gone on from nor erased from.

use crate::changed::{small, trained};
use crate::exact::text;
use crate::train::read;
use serde_json::Value;

#[test]
fn another_instruction_set_neither_erases_nor_goes_on() {
    if !avx2() {
        eprintln!("skipped: this processor has one instruction set");
        return;
    }
    let workspace = small(2);
    let run = trained(&workspace, "--exact --slices 3", "run");
    let erase = format!("unlearn --model {run} --forget phantom-001 --strategy exact --quiet");
    for words in [format!("--isa portable {erase}"), format!("--isa portable {erase} --dry-run")] {
        workspace.fails(&words, 4, &["device", "cpu/x86-64/avx2", "cpu/x86-64/portable", "--isa", "fix:"]);
    }
    assert!(!workspace.path("runs/unlearn").exists(), "nothing was begun");
    assert_eq!(workspace.json(&format!("--isa avx2 {erase} --prove"), "lacuna.unlearn/1")["exactness"], "proved");
    // By the portable kernels throughout it is the same law, with other bytes.
    let portable = trained(&workspace, "--isa portable --exact --slices 3", "run");
    let erased = format!("unlearn --model {portable} --forget phantom-001 --strategy exact --prove --quiet");
    assert_eq!(workspace.json(&format!("--isa portable {erased}"), "lacuna.unlearn/1")["exactness"], "proved");
    workspace.fails(&erased, 4, &["cpu/x86-64/portable", "fix:"]);
}

#[test]
fn a_model_of_other_kernels_is_not_erased_from() {
    let workspace = small(1);
    let run = trained(&workspace, "--exact --slices 3", "run");
    let record: Value = serde_json::from_str(&read(&workspace.path(&run).join("run.json"))).unwrap();
    let kernels = text(&record, "kernels");
    let manifest = workspace.path(&run).join("exact.json");
    let other = kernels.chars().rev().collect::<String>();
    std::fs::write(&manifest, resealed(&read(&manifest), kernels, &other)).unwrap();
    let erase = format!("unlearn --model {run} --forget phantom-001 --strategy exact");
    workspace.fails(&erase, 4, &["kernels", &other, "build of lacuna that trained it"]);
}

/// A manifest with a text replaced, sealed as lacuna seals it: by a digest of the rest.
fn resealed(manifest: &str, from: &str, to: &str) -> String {
    let edited = manifest.replace(from, to);
    let seal = serde_json::from_str::<Value>(manifest).unwrap()["seal"].as_str().unwrap().to_string();
    let unsealed = compact(&edited).replace(&format!("\"{seal}\""), "null");
    edited.replace(&seal, &lacuna_disk::digest(unsealed.as_bytes()))
}

/// JSON without its white space; no text of a manifest holds any.
fn compact(json: &str) -> String {
    json.split_whitespace().collect()
}

fn avx2() -> bool {
    #[cfg(target_arch = "x86_64")]
    return is_x86_feature_detected!("avx2") && is_x86_feature_detected!("fma");
    #[cfg(not(target_arch = "x86_64"))]
    false
}
