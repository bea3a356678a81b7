//! What is printed to go on with: the next command, and names that a shell completes.

use crate::support::Workspace;

/// The command behind `next:`, as a person would type it.
#[track_caller]
fn next(stdout: &str) -> String {
    let line = stdout.lines().rev().find_map(|line| line.strip_prefix("next:")).unwrap_or_else(|| panic!("{stdout}"));
    line.trim().strip_prefix("lacuna ").unwrap_or_else(|| panic!("{line}")).to_string()
}

#[test]
fn each_step_prints_the_command_of_the_next() {
    let workspace = Workspace::new();
    workspace.heads("heads", "");
    let check = next(&workspace.ok("data check heads"));
    assert_eq!(check, "data check heads --labels TABLE");
    let train = next(&workspace.ok(&check.replace("TABLE", "tissue")));
    assert!(train.starts_with("train --data heads --labels tissue"), "{train}");
    let predict = next(&workspace.ok(&format!("{train} --size 16x16x16 --epochs 1 --progress none")));
    let model = predict.split_whitespace().find(|word| word.ends_with(".safetensors")).unwrap().to_string();
    let forget = next(&workspace.ok(&format!("eval --model {model} --data heads --progress none")));
    assert!(forget.starts_with("unlearn --model ") && forget.contains("--forget SUBJECT"), "{forget}");
    let forget = forget.replace("SUBJECT", "phantom-000");
    let audit = next(&workspace.ok(&format!("{forget} --epochs 1 --set learning_rate=0.1 --progress none")));
    let unlearned = audit.strip_prefix("audit AUDIT.toml --model ").unwrap_or_else(|| panic!("{audit}"));
    let again = next(&workspace.ok(&format!("eval --model {unlearned} --data heads --progress none")));
    assert!(again.starts_with("audit AUDIT.toml --model "), "{again}");
    for words in ["data check heads --labels tissue", &format!("eval --model {unlearned} --data heads --progress none")]
    {
        assert!(!workspace.ok(&format!("{words} --json")).contains("next"), "scripts do not get it");
    }
}

#[test]
fn data_with_an_error_has_no_next_command() {
    let workspace = Workspace::new();
    workspace.heads("heads", "");
    std::fs::write(workspace.path("heads/images/phantom-001.nii.gz"), b"damaged").unwrap();
    let ran = workspace.run("data check heads --labels tissue");
    assert!(ran.code == 4 && !ran.stdout.contains("next:"), "{}", ran.stdout);
}

#[test]
fn shells_complete_strategies_layouts_and_label_tables_and_any_other_text_is_taken() {
    let workspace = Workspace::new();
    for shell in ["bash", "zsh", "fish"] {
        let script = workspace.ok(&format!("completions {shell}"));
        for name in ["atlas-matching", "consistent-background", "nnunet", "mrbrains", "as-is"] {
            assert!(script.contains(name), "{shell}: {name}");
        }
    }
    assert!(!workspace.ok("unlearn --help").contains("possible values: noisy-label"));
    workspace.heads("heads", "");
    workspace.fails("data check heads --layout nnunt", 3, &["nnunet"]);
    workspace.fails("data check heads --labels tisue", 3, &["tissue"]);
}

#[test]
fn doctor_prints_where_files_go() {
    let mut workspace = Workspace::new();
    let folders = workspace.json("doctor", "lacuna.doctor/1")["folders"].clone();
    assert_eq!((&folders["runs"], &folders["ledger"]), (&"runs".into(), &serde_json::Value::Null));
    assert_eq!(folders["records"], "runs/store/records");
    workspace.settings = vec![("LACUNA_RECORDS", "kept".into()), ("LACUNA_LEDGER", "requests.db".into())];
    let text = workspace.ok("doctor --runs elsewhere");
    for line in ["runs      elsewhere", "records   kept", "models    elsewhere/store/models", "ledger    requests.db"] {
        let words: Vec<&str> = line.split_whitespace().collect();
        let is_line = |found: &str| found.split_whitespace().collect::<Vec<_>>() == words;
        assert!(text.lines().any(is_line), "{line} is not in {text}");
    }
}

#[test]
fn a_folder_that_is_not_there_is_called_that() {
    let workspace = Workspace::new();
    workspace.fails("data check headz", 4, &["no such file or folder"]);
}
