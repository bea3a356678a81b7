//! Words of the command line are any bytes: no verb panics over one, and none is printed with `--redact`.
#![cfg(unix)]

use crate::support::Workspace;
use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::PathBuf;
use std::process::Command;

/// What stands for [`odd`] in a line.
const ODD: &str = "@";
const NAME: &str = "quistanna";

/// A name that is not UTF-8.
fn odd(ending: &str) -> OsString {
    OsString::from_vec([NAME.as_bytes(), b"\xff", ending.as_bytes()].concat())
}

fn path(workspace: &Workspace, ending: &str) -> PathBuf {
    workspace.path("").join(odd(ending))
}

/// The words of a line, with the odd name in place of each `@`.
fn words(line: &str) -> Vec<OsString> {
    let word = |word: &str| {
        let parts: Vec<&[u8]> = word.split(ODD).map(str::as_bytes).collect();
        OsString::from_vec(parts.join(odd("").as_bytes()))
    };
    line.split_whitespace().map(word).collect()
}

struct Ran {
    code: i32,
    said: String,
}

fn run(workspace: &Workspace, line: &str) -> Ran {
    let mut command = Command::new(env!("CARGO_BIN_EXE_lacuna"));
    command.current_dir(workspace.path("")).args(words(line)).env("LACUNA_PROGRESS", "none").env("LACUNA_THREADS", "1");
    for name in ["RUNS", "RECORDS", "MODELS", "CACHE", "LEDGER", "REDACT"] {
        command.env_remove(format!("LACUNA_{name}"));
    }
    let output = command.stdin(std::process::Stdio::null()).output().unwrap();
    let said = [output.stdout, output.stderr].concat();
    Ran { code: output.status.code().unwrap_or(-1), said: String::from_utf8_lossy(&said).into_owned() }
}

/// Neither a panic nor an internal error; with `--redact` and `--json` neither, and then nothing of the name is printed.
#[track_caller]
fn check(workspace: &Workspace, line: &str, codes: &[i32]) {
    let plain = run(workspace, line);
    assert!(
        codes.contains(&plain.code) && !plain.said.contains("error: internal"),
        "{line}: {}: {}",
        plain.code,
        plain.said
    );
    for more in ["--redact", "--redact --json"] {
        let hidden = run(workspace, &format!("{line} {more}"));
        assert!(![1, 101, -1].contains(&hidden.code), "{line} {more}: {}: {}", hidden.code, hidden.said);
        assert!(!hidden.said.contains(NAME), "{line} {more}: {}", hidden.said);
        assert!(!hidden.said.contains("71756973"), "{line} {more}, in hexadecimal digits: {}", hidden.said);
    }
}

/// The verbs that `lacuna help WORDS…` lists.
fn verbs(workspace: &Workspace, above: &str) -> Vec<String> {
    let help = run(workspace, &format!("{above} --help")).said;
    let Some(listed) = help.split("Commands:\n").nth(1) else { return Vec::new() };
    let lines = listed.lines().take_while(|line| !line.trim().is_empty());
    // Longer descriptions go on further to the right.
    let names = lines.filter(|line| line.starts_with("  ") && !line.starts_with("   "));
    let names = names.filter_map(|line| line.split_whitespace().next()).filter(|name| *name != "help");
    names.map(|name| format!("{above} {name}").trim().to_string()).collect()
}

/// The long options of a verb that take a value.
fn options(workspace: &Workspace, verb: &str) -> Vec<String> {
    let help = run(workspace, &format!("{verb} --help")).said;
    let words = help.split_whitespace().collect::<Vec<_>>();
    let takes = |pair: &[&str]| pair[0].starts_with("--") && pair[1].starts_with('<');
    let mut found: Vec<String> = words.windows(2).filter(|pair| takes(pair)).map(|pair| pair[0].to_string()).collect();
    found.sort();
    found.dedup();
    found
}

#[test]
fn no_verb_panics_over_a_word_of_any_bytes_in_any_place() {
    let workspace = Workspace::new();
    let mut all = verbs(&workspace, "");
    let below: Vec<String> = all.iter().flat_map(|verb| verbs(&workspace, verb)).collect();
    all.extend(below);
    assert!(all.len() > 35 && all.contains(&"study plan".to_string()), "{all:?}");
    for verb in &all {
        let mut lines = vec![format!("{verb} @"), format!("{verb} @ @ @"), format!("{verb} --@")];
        for option in options(&workspace, verb) {
            lines.extend([format!("{verb} {option} @"), format!("{verb} x {option}=@")]);
        }
        for line in lines {
            let ran = run(&workspace, &format!("{line} --redact"));
            assert!(![1, 101, -1].contains(&ran.code), "{line}: {}: {}", ran.code, ran.said);
            assert!(!ran.said.contains(NAME) && !ran.said.contains("error: internal"), "{line}: {}", ran.said);
        }
    }
}

#[test]
fn verbs_work_on_files_of_any_name_and_those_that_keep_settings_refuse_them() {
    let workspace = Workspace::new();
    workspace.heads("heads", "");
    workspace.ok(
        "train --data heads --labels tissue --preprocess canonical --size 16x16x16 --depth 10 --epochs 1 --name base \
         --held-out phantom-002 --progress none",
    );
    let trained = std::fs::read_dir(workspace.path("runs/train")).unwrap().next().unwrap().unwrap().path();
    std::fs::copy(trained.join("model.safetensors"), path(&workspace, ".safetensors")).unwrap();
    std::fs::create_dir(path(&workspace, "-scans")).unwrap();
    for (number, ending) in [".nii.gz", "-2.nii.gz"].iter().enumerate() {
        let image = workspace.path(&format!("heads/images/phantom-00{number}.nii.gz"));
        std::fs::copy(image, path(&workspace, "-scans").join(odd(ending))).unwrap();
    }
    check(&workspace, "inspect @.safetensors", &[0]);
    check(&workspace, "inspect @-scans/@.nii.gz", &[0]);
    check(&workspace, "predict @-scans --model @.safetensors --out @-out --continue --probabilities", &[0]);
    let written = std::fs::read_dir(path(&workspace, "-out")).unwrap().count();
    assert!(written > 8, "label maps and probabilities of two scans, and the register: {written}");
    check(&workspace, "predict @-scans/@.nii.gz --model @.safetensors --logits @-logits.safetensors", &[0]);
    check(&workspace, "convert @.safetensors --out @.pth", &[0]);
    std::fs::rename(workspace.path("heads"), path(&workspace, "-heads")).unwrap();
    check(&workspace, "data check @-heads", &[0]);
    check(&workspace, "data show @-heads --png @.png", &[0]);
    check(&workspace, "data split @-heads --held-out 1 --seed 0", &[0]);
    check(&workspace, "data export @-heads --to plain --out @-new", &[0, 3]);
    check(&workspace, "phantom --out @-phantoms --subjects 1 --dims 16x18x12", &[0, 3]);
    check(&workspace, "man --out @-man", &[0]);
    check(&workspace, "schema --out @-schema", &[0]);
    check(&workspace, "ledger request --subject someone --ledger @.db", &[0, 3]);
    check(&workspace, "ledger export --ledger @.db --out @-export", &[0, 3]);
    check(&workspace, "trace phantom-001 --data @-heads", &[0, 6]);
    std::fs::rename(&trained, path(&workspace, "-run")).unwrap();
    check(&workspace, "inspect @-run", &[0]);
    check(&workspace, "watch @-run --once", &[0]);
    let results = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/results/ixi7-goals/results.csv");
    std::fs::create_dir(path(&workspace, "-results")).unwrap();
    std::fs::copy(results, path(&workspace, "-results").join("results.csv")).unwrap();
    check(&workspace, "report @-results --out @.html --figures @-figures", &[0]);
    check(&workspace, "compare @-results @-results --out @-compared.html", &[0]);
    for line in [
        "train --data @-heads --labels tissue --depth 10 --epochs 1",
        "unlearn --model @.safetensors --data @-heads --forget phantom-001 --strategy noisy-label --epochs 1",
        "eval --model @.safetensors --data @-heads",
        "study @.toml",
        "audit @.toml",
        "demo --runs @-runs",
    ] {
        check(&workspace, line, &[2]);
    }
    let ran = run(&workspace, "train --data @-heads --labels tissue --depth 10 --epochs 1");
    assert!(ran.said.contains("UTF-8") && ran.said.contains("fix:"), "{}", ran.said);
    assert!(!workspace.path("").join(OsStr::new("runs/eval")).exists());
}
