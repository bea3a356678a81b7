//! Each place where a person may be: found, or listed as unknown with code 6, and gone after a purge.

use crate::support::Workspace;
use serde_json::Value;
use std::fs;
use std::path::{Path, PathBuf};

/// Two channels of four and eight features: a training takes a tenth of a second.
pub const SETTINGS: &str = r#"
[data]
root = "heads"
labels = "tissue"
[preprocess]
kind = "canonical"
size = [16, 8, 8]
crop = "none"
foreground = "above-zero"
[network.unet]
features_per_stage = [4, 8]
kernel_sizes = [[3, 3, 3], [3, 3, 3]]
strides = [[1, 1, 1], [2, 2, 2]]
n_conv_per_stage = [1, 1]
n_conv_per_stage_decoder = [1]
[train]
epochs = 2
learning_rate = 1e-2
head_multiplier = 1.0
checkpoint_epochs = 1
"#;

/// The person who asks.
pub const WHO: &str = "phantom-001";

/// Four heads and settings.
pub fn workspace() -> Workspace {
    let workspace = Workspace::new();
    workspace.ok("phantom --out heads --subjects 4 --dims 16x18x12 --progress none --memorable phantom-001=1");
    fs::write(workspace.path("t.toml"), SETTINGS).unwrap();
    let study = "name = \"s\"\n".to_string()
        + SETTINGS
        + "[split]\nheld_out_subjects = [\"phantom-003\"]\nforget = { only = [\"phantom-001\"] }\n\
           [unlearn]\nepochs = [1]\nstrategies = [\"noisy-label\"]\n";
    fs::write(workspace.path("s.toml"), study).unwrap();
    workspace
}

/// A model that was trained on the person.
pub fn trained(workspace: &Workspace, more: &str) -> PathBuf {
    let held_out = if more.contains("--held-out") { "" } else { "--held-out phantom-003" };
    let record = workspace.json(&format!("train --config t.toml --progress none {held_out} {more}"), "lacuna.train/1");
    PathBuf::from(record["model"].as_str().unwrap())
}

/// What a trace came to, and its code.
pub fn traced(workspace: &Workspace, words: &str) -> (Value, i32) {
    let ran = workspace.run(&format!("trace {words} --json"));
    (serde_json::from_str(&ran.stdout).unwrap_or_else(|_| panic!("{words}: {}", ran.stderr)), ran.code)
}

/// The paths of what was found, but for what the data set itself holds.
pub fn found(traced: &Value) -> Vec<String> {
    let files = traced["files"].as_array().unwrap().iter().map(|held| held["path"].as_str().unwrap().to_string());
    files.filter(|path| !path.starts_with("heads")).collect()
}

/// The paths of what is unknown.
pub fn unknown(traced: &Value) -> Vec<String> {
    traced["unattributed"].as_array().unwrap().iter().map(|one| one["path"].as_str().unwrap().to_string()).collect()
}

/// Every file below a folder, but for quarantines.
pub fn files_below(folder: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    let mut folders = vec![folder.to_path_buf()];
    while let Some(here) = folders.pop() {
        for path in fs::read_dir(here).unwrap().map(|entry| entry.unwrap().path()) {
            if path.is_dir() && !path.is_symlink() {
                folders.push(path);
            } else if !path.to_string_lossy().contains(".lacuna/quarantine") {
                files.push(path);
            }
        }
    }
    files
}

/// Whether a name or the bytes of any file below a folder hold a word.
pub fn holds(folder: &Path, word: &str) -> Vec<String> {
    let is_in = |file: &PathBuf| {
        let name = file.strip_prefix(folder).unwrap().to_string_lossy().into_owned();
        let bytes = fs::read(file).unwrap_or_default();
        name.contains(word) || bytes.windows(word.len()).any(|window| window == word.as_bytes())
    };
    files_below(folder).into_iter().filter(is_in).map(|file| file.display().to_string()).collect()
}

#[test]
fn people_who_are_called_by_numbers_are_traced_by_fields_and_nothing_else_changes() {
    let workspace = Workspace::new();
    workspace.ok("phantom --out scans --subjects 7 --dims 16x18x12 --progress none");
    // MRBrainS18's own ids.
    for (number, id) in ["1", "4", "5", "7", "14", "070", "148"].iter().enumerate() {
        for kind in ["images", "labels"] {
            let folder = workspace.path("scans").join(kind);
            fs::rename(folder.join(format!("phantom-{number:03}.nii.gz")), folder.join(format!("{id}.nii.gz")))
                .unwrap();
        }
    }
    fs::remove_file(workspace.path("scans/subjects.tsv")).unwrap();
    fs::write(workspace.path("t.toml"), SETTINGS.replace("heads", "scans").replace("epochs = 2", "epochs = 1"))
        .unwrap();
    let model = trained(&workspace, "--held-out 1,148 --name run-1");
    let run = model.parent().unwrap().to_path_buf();
    let before = fs::read(workspace.path(&run.join("config.toml").display().to_string())).unwrap();
    let (found_of_stranger, _) = traced(&workspace, "2 --purge");
    assert_eq!(found_of_stranger["receipt"]["steps"], serde_json::json!([]));
    assert_eq!(fs::read(workspace.path(&run.join("config.toml").display().to_string())).unwrap(), before);
    let (found, code) = traced(&workspace, "1 --data scans --purge --include-sources");
    assert_eq!(code, 0, "{found}");
    let renamed =
        fs::read_dir(workspace.path("runs/train")).unwrap().map(|entry| entry.unwrap().path()).next().unwrap();
    assert!(renamed.join("model.safetensors").exists(), "it was never trained on 1");
    let config: toml_like::Table = toml_like::parse(&fs::read_to_string(renamed.join("config.toml")).unwrap());
    assert_eq!(config.get("epochs"), Some("1"));
    let subjects = fs::read_to_string(renamed.join("subjects.csv")).unwrap();
    assert!(
        !subjects.lines().any(|line| line.starts_with("1,")) && subjects.lines().any(|line| line.starts_with("14,"))
    );
    for file in files_below(&renamed).iter().filter(|file| file.extension().is_some_and(|ending| ending == "json")) {
        let json: Value = serde_json::from_slice(&fs::read(file).unwrap()).unwrap_or_else(|_| panic!("{file:?}"));
        assert!(json["schema"].as_str().is_none_or(|schema| schema.starts_with("lacuna.")), "{file:?}");
    }
    assert_eq!(workspace.run(&format!("inspect {}", renamed.display())).code, 0, "its manifest still holds");
    let (again, code) = traced(&workspace, "1 --data scans");
    assert_eq!((again["files"].as_array().unwrap().len(), code), (0, 0), "{again}");
}

#[test]
fn a_file_that_dcm2niix_made_beside_a_scan_is_its_persons() {
    let workspace = Workspace::new();
    workspace.ok("phantom --out heads --subjects 3 --dims 16x18x12 --progress none");
    fs::remove_file(workspace.path("heads/subjects.tsv")).unwrap();
    let of = |name: &str| workspace.path("heads/images").join(format!("{name}.nii.gz"));
    // Other bytes than those of the images, so that the name alone says whose they are.
    workspace.ok("phantom --out others --subjects 2 --dims 16x18x10 --progress none");
    let made = ["phantom-001_Eq_1", "phantom-001_Tilt_1"];
    for (number, name) in made.iter().enumerate() {
        fs::copy(workspace.path(&format!("others/images/phantom-{number:03}.nii.gz")), of(name)).unwrap();
    }
    let (found, code) = traced(&workspace, "phantom-001 --data heads --purge --include-sources");
    assert_eq!(code, 0, "{found}");
    assert!(["phantom-001"].iter().chain(&made).all(|name| !of(name).exists()), "{found}");
    assert!(of("phantom-000").exists() && of("phantom-002").exists(), "{found}");
}

/// Just enough of settings for a test: the last value of each key.
mod toml_like {
    use std::collections::BTreeMap;

    pub struct Table(BTreeMap<String, String>);

    impl Table {
        pub fn get(&self, key: &str) -> Option<&str> {
            self.0.get(key).map(String::as_str)
        }
    }

    pub fn parse(text: &str) -> Table {
        let pairs = text.lines().filter_map(|line| line.split_once(" = "));
        Table(pairs.map(|(key, value)| (key.to_string(), value.to_string())).collect())
    }
}

#[test]
fn a_model_whose_weights_spell_an_id_by_chance_is_nobodys() {
    let workspace = workspace();
    let model = trained(&workspace, "--name base");
    // An id of three letters stands in the bytes, between bytes that are no letters.
    let file = workspace.path(&model.display().to_string());
    let bytes = fs::read(&file).unwrap();
    let ids: Vec<String> = bytes
        .windows(4)
        .filter(|window| {
            window[1..3].iter().all(u8::is_ascii_alphanumeric)
                && !window[0].is_ascii_alphanumeric()
                && !window[3].is_ascii_alphanumeric()
        })
        .map(|window| String::from_utf8(window[1..3].to_vec()).unwrap())
        .take(3)
        .collect();
    assert!(!ids.is_empty());
    for id in ids {
        let (trace, _) = traced(&workspace, &format!("{id} --purge"));
        assert_eq!(trace["files"], serde_json::json!([]), "{id}");
    }
    assert_eq!(fs::read(&file).unwrap(), bytes);
}

#[test]
fn models_that_began_from_weights_that_saw_the_person_and_copies_are_found() {
    let workspace = workspace();
    let base = trained(&workspace, "--name base");
    fs::copy(workspace.path(&base.display().to_string()), workspace.path("bare.safetensors")).unwrap();
    // Bare weights: nothing beside them says whom they saw, and the digest of the file does.
    let heir = trained(&workspace, "--held-out phantom-001,phantom-003 --init bare.safetensors --name heir");
    let without = trained(&workspace, "--held-out phantom-001,phantom-003 --name without");
    let copy = without.with_file_name("best.safetensors");
    fs::copy(workspace.path(&base.display().to_string()), workspace.path(&copy.display().to_string())).unwrap();
    let (trace, code) = traced(&workspace, &format!("{WHO} --data heads"));
    let weights: Vec<String> = found(&trace).into_iter().filter(|path| path.ends_with("safetensors")).collect();
    let mut expected: Vec<String> = [&base, &heir, &copy].map(|path| path.display().to_string()).to_vec();
    expected.sort();
    assert_eq!((weights, code), (expected, 0), "{trace}");
}

#[test]
fn what_nothing_speaks_of_is_unknown_with_code_6_and_is_kept() {
    let workspace = workspace();
    let base = trained(&workspace, "--name base");
    let file = workspace.path(&base.display().to_string());
    let weights = fs::read(&file).unwrap();
    let spoilt: Vec<u8> = weights.iter().rev().copied().collect();
    for name in ["a.pth", "a.onnx", "a.ckpt", "a.SAFETENSORS", "b.st"] {
        fs::write(workspace.path("runs").join(name), &spoilt).unwrap();
    }
    fs::write(workspace.path("runs/backup"), [b"PK\x03\x04".as_slice(), &spoilt].concat()).unwrap();
    fs::create_dir_all(workspace.path("scratch/linked")).unwrap();
    std::os::unix::fs::symlink(workspace.path("scratch/linked"), workspace.path("runs/link")).unwrap();
    // The same bytes are a copy whatever it is called.
    fs::write(workspace.path("runs/copy.bak"), &weights).unwrap();
    let (trace, code) = traced(&workspace, &format!("{WHO} --data heads --purge"));
    let expected =
        ["a.SAFETENSORS", "a.ckpt", "a.onnx", "a.pth", "b.st", "backup", "link"].map(|name| format!("runs/{name}"));
    assert_eq!((unknown(&trace), code), (expected.to_vec(), 6), "{trace}");
    assert!(!workspace.path("runs/copy.bak").exists() && !file.exists());
    assert!(
        expected.iter().all(|path| workspace.path(path).symlink_metadata().is_ok()),
        "what is unknown is never removed"
    );
}

#[test]
fn a_folder_under_several_names_is_purged_once_and_a_run_called_after_the_person_is_renamed() {
    let workspace = workspace();
    trained(&workspace, "--name for-phantom-001");
    let (trace, code) = traced(&workspace, &format!("{WHO} --data heads --root . --root ./runs --purge"));
    assert_eq!(code, 0, "{trace}");
    let mut paths = found(&trace);
    let all = paths.len();
    paths.dedup();
    assert_eq!(paths.len(), all);
    assert!(holds(&workspace.path("runs"), WHO).is_empty());
    let name = trace["receipt"]["quarantine"].as_str().unwrap();
    workspace.ok(&format!("quarantine restore {name}"));
    assert!(
        fs::read_dir(workspace.path("runs/train"))
            .unwrap()
            .any(|entry| { entry.unwrap().file_name().to_string_lossy().ends_with("for-phantom-001") })
    );
}

#[test]
fn a_purge_is_put_back_to_the_byte_or_deleted_when_confirmed() {
    let workspace = workspace();
    trained(&workspace, "");
    workspace.ok("study s.toml --progress none");
    let snapshot = || {
        files_below(&workspace.path(""))
            .into_iter()
            .map(|file| (file.clone(), fs::read(file).unwrap()))
            .collect::<Vec<_>>()
    };
    let mut before = snapshot();
    before.sort();
    let (trace, code) = traced(&workspace, &format!("{WHO} --data heads --purge --include-sources"));
    assert_eq!(code, 0, "{trace}");
    assert!(holds(&workspace.path("runs"), WHO).is_empty() && holds(&workspace.path("heads"), WHO).is_empty());
    let name = trace["receipt"]["quarantine"].as_str().unwrap();
    workspace.fails(&format!("quarantine delete {name}"), 3, &["deleted for good", "--yes"]);
    workspace.ok(&format!("quarantine restore {name}"));
    let mut after = snapshot();
    after.sort();
    assert_eq!(
        before.iter().map(|(file, _)| file).collect::<Vec<_>>(),
        after.iter().map(|(file, _)| file).collect::<Vec<_>>()
    );
    assert!(before == after);
    let (trace, _) = traced(&workspace, &format!("{WHO} --data heads --purge"));
    let name = trace["receipt"]["quarantine"].as_str().unwrap();
    workspace.ok(&format!("quarantine delete {name} --yes"));
    assert!(workspace.ok("quarantine list").contains("nothing is in quarantine"));
}

#[test]
fn a_manifest_keeps_what_was_changed_before_a_purge_visible() {
    let workspace = workspace();
    let model = trained(&workspace, "");
    let run = model.parent().unwrap().display().to_string();
    let metrics = workspace.path(&run).join("metrics.jsonl");
    fs::write(&metrics, [fs::read(&metrics).unwrap(), b"{}\n".to_vec()].concat()).unwrap();
    workspace.fails_with_output(&format!("inspect {run}"), 4);
    traced(&workspace, &format!("{WHO} --data heads --purge"));
    workspace.fails_with_output(&format!("inspect {run}"), 4);
}

/// What `data export --to` knows, with what each asks for.
const LAYOUTS: [&str; 4] =
    ["bids --channels T1w --labels tissue", "nnunet --labels tissue", "msd --labels tissue", "plain --labels tissue"];

#[test]
fn a_data_set_that_was_exported_loses_folders_rows_and_names() {
    for layout in LAYOUTS {
        let workspace = workspace();
        let out = layout.split(' ').next().unwrap();
        if workspace.run(&format!("data export heads --to {layout} --out {out} --progress none")).code != 0 {
            panic!("{layout}");
        }
        let (trace, code) = traced(&workspace, &format!("{WHO} --data {out} --purge --include-sources"));
        assert_eq!(code, 0, "{layout}: {trace}");
        for word in ["phantom-001", "phantom001", "phantom_001"] {
            assert_eq!(holds(&workspace.path(out), word), Vec::<String>::new(), "{layout}");
        }
        assert_eq!(
            workspace.run(&format!("data check {out} --labels tissue")).code,
            0,
            "{layout}: what is left is whole"
        );
    }
}

#[test]
fn stores_that_the_environment_names_are_looked_into() {
    let mut workspace = workspace();
    workspace.settings.push(("LACUNA_RECORDS", "ext/records".to_string()));
    workspace.settings.push(("LACUNA_MODELS", "ext/models".to_string()));
    workspace.ok("study s.toml --progress none");
    let (trace, _) = traced(&workspace, &format!("{WHO} --data heads"));
    assert!(found(&trace).iter().any(|path| path.starts_with("ext/models")), "{trace}");
    assert!(found(&trace).iter().any(|path| path.starts_with("ext/records")), "{trace}");
    // Even where no option names them: the site remembers where its verbs wrote.
    workspace.settings.clear();
    let (trace, _) = traced(&workspace, &format!("{WHO} --data heads"));
    assert!(found(&trace).iter().any(|path| path.starts_with("ext/models")), "{trace}");
}

#[test]
fn names_that_are_no_text_survive_in_lists_and_receipts() {
    use std::os::unix::ffi::OsStrExt;
    let workspace = workspace();
    let model = trained(&workspace, "");
    let name = std::ffi::OsStr::from_bytes(b"copy \xff.safetensors");
    fs::copy(workspace.path(&model.display().to_string()), workspace.path("runs").join(name)).unwrap();
    let (trace, code) = traced(&workspace, &format!("{WHO} --data heads --purge"));
    assert_eq!(code, 0, "{trace}");
    assert!(!workspace.path("runs").join(name).exists());
    let steps = trace["receipt"]["steps"].as_array().unwrap();
    assert!(steps.iter().any(|step| step["path"]["hex"].is_string()), "{steps:?}");
    workspace.ok(&format!("quarantine restore {}", trace["receipt"]["quarantine"].as_str().unwrap()));
    assert!(workspace.path("runs").join(name).exists());
}

#[test]
fn a_folder_that_cannot_be_read_is_unknown_and_the_rest_is_listed() {
    use std::os::unix::fs::PermissionsExt;
    let workspace = workspace();
    trained(&workspace, "");
    let closed = workspace.path("runs/closed");
    fs::create_dir_all(&closed).unwrap();
    fs::set_permissions(&closed, fs::Permissions::from_mode(0o000)).unwrap();
    if fs::read_dir(&closed).is_ok() {
        return; // Whoever runs this may read everything.
    }
    let (trace, code) = traced(&workspace, &format!("{WHO} --data heads"));
    assert_eq!((unknown(&trace), code), (vec!["runs/closed".to_string()], 6));
    assert!(!found(&trace).is_empty());
}

/// Run it until a file below a folder has an ending, then kill it without warning.
fn killed(workspace: &Workspace, words: &str, folder: &str, ending: &str) {
    let mut child = workspace.spawn(&format!("{words} --progress none --quiet"));
    let there = || {
        workspace.path(folder).exists()
            && files_below(&workspace.path(folder)).iter().any(|file| file.to_string_lossy().ends_with(ending))
    };
    while !there() && child.try_wait().unwrap().is_none() {
        std::thread::sleep(std::time::Duration::from_millis(2));
    }
    child.kill().unwrap();
    child.wait().unwrap();
}

#[test]
fn checkpoints_of_killed_trainings_studies_and_tasks_of_plans_are_found_and_set_aside() {
    let workspace = workspace();
    let long = |file: &str| {
        let text = fs::read_to_string(workspace.path(file)).unwrap().replace("epochs = 2", "epochs = 4000");
        fs::write(workspace.path(file), text).unwrap();
    };
    long("s.toml");
    workspace.ok("study plan s.toml --out plan --records records --models models --quiet");
    killed(&workspace, "study s.toml", "runs/store", ".checkpoint");
    killed(&workspace, "study run-task plan --index 0", "plan/scratch", ".checkpoint");
    // A write that was killed half way.
    let checkpoint = files_below(&workspace.path("runs/store/models"))
        .into_iter()
        .find(|file| file.to_string_lossy().ends_with(".checkpoint"))
        .unwrap();
    let half = checkpoint
        .with_file_name(format!("{}.7-1-0123456789abcdef.tmp", checkpoint.file_name().unwrap().to_string_lossy()));
    fs::write(half, "half").unwrap();
    let (trace, code) = traced(&workspace, &format!("{WHO} --data heads --root plan --purge"));
    let checkpoints: Vec<String> = found(&trace).into_iter().filter(|path| path.contains(".checkpoint")).collect();
    assert_eq!((checkpoints.len(), code), (3, 0), "{trace}");
    for folder in ["runs", "plan"] {
        assert!(files_below(&workspace.path(folder)).iter().all(|file| !file.to_string_lossy().contains("checkpoint")));
        assert_eq!(holds(&workspace.path(folder), WHO), Vec::<String>::new());
    }
}

#[test]
fn a_studys_models_that_never_saw_the_person_stay_and_the_others_are_set_aside() {
    let workspace = workspace();
    workspace.ok("study s.toml --progress none --quiet");
    let models = files_below(&workspace.path("runs/store/models")).len();
    let (trace, code) = traced(&workspace, &format!("{WHO} --data heads --purge"));
    assert_eq!(code, 0, "{trace}");
    let weights = found(&trace).into_iter().filter(|path| path.ends_with(".safetensors")).count();
    // Of original, retrained and unlearned: the original knows the person.
    assert_eq!(weights, 1, "{models}: {trace}");
    let (held_out, _) = traced(&workspace, "phantom-003 --data heads");
    assert_eq!(found(&held_out).into_iter().filter(|path| path.ends_with(".safetensors")).count(), 0, "{held_out}");
}

#[test]
fn a_prediction_of_the_person_does_not_taint_the_model_that_never_saw_them() {
    let workspace = workspace();
    let model = trained(&workspace, "--held-out phantom-001,phantom-003");
    workspace.ok(&format!("predict heads/images --model {} --out out --quiet", model.display()));
    let (trace, code) = traced(&workspace, &format!("{WHO} --data heads --purge"));
    assert_eq!(code, 0, "{trace}");
    assert!(workspace.path(&model.display().to_string()).exists(), "{trace}");
    assert_eq!(holds(&workspace.path("out"), WHO), Vec::<String>::new());
    assert!(workspace.path("out/phantom-000_labels.nii.gz").exists());
}
