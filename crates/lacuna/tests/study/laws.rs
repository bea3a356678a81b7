//! What is done once, what counts as the same, and what is written down.

use super::{SMALL, last_run, passes_left, records, results, rows, workspace, write};
use crate::predict::save_foreign;
use lacuna_nn::{Architecture, Device, Network};
use lacuna_seed::Seed;
use std::path::Path;

/// Of training and of the longest horizon in the small study.
const EPOCHS: u64 = 3;

#[test]
fn a_dry_run_writes_nothing() {
    let workspace = workspace();
    let plan = workspace.json("study small.toml --dry-run --progress none", "lacuna.study/1");
    assert_eq!(plan["tasks"].as_array().unwrap().len(), 3);
    // Every epoch passes over two subjects, over one, and over two again.
    assert_eq!(plan["estimate"]["training_passes"], EPOCHS * (2 + 1 + 2));
    let left: Vec<String> = std::fs::read_dir(workspace.path("."))
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .filter(|name| !["heads", "small.toml"].contains(&name.as_str()))
        .collect();
    assert_eq!(left, [""; 0]);
}

#[test]
fn work_is_shared_by_content_between_subjects_strategies_and_studies() {
    let workspace = workspace();
    workspace.ok("study small.toml --progress none");
    assert_eq!(passes_left(&workspace, "small.toml"), 0);

    // The second forgotten subject of the fold needs a reference of its own and no other original.
    write(&workspace, "each.toml", SMALL, &[("split.forget", "'each'"), ("name", "'each'")]);
    assert_eq!(passes_left(&workspace, "each.toml"), EPOCHS * (1 + 2));
    // Another strategy needs nothing but itself.
    write(&workspace, "another.toml", SMALL, &[("unlearn.strategies", "['max-loss', 'noisy-label']")]);
    assert_eq!(passes_left(&workspace, "another.toml"), EPOCHS * 2);
    // Without a retain term it passes over the forgotten subject alone.
    write(&workspace, "alone.toml", SMALL, &[("unlearn.recipe.retain_weight", "0")]);
    assert_eq!(passes_left(&workspace, "alone.toml"), EPOCHS);
    // A strategy that passes mirrored subjects too passes every volume twice.
    write(&workspace, "twice.toml", SMALL, &[("unlearn.recipe.stranger_weight", "1.0")]);
    assert_eq!(passes_left(&workspace, "twice.toml"), EPOCHS * 2 * 2);
    // The same horizons in another order, and how often a checkpoint is written, decide nothing.
    write(&workspace, "order.toml", SMALL, &[("unlearn.epochs", "[3, 1, 3]"), ("train.checkpoint_epochs", "2")]);
    assert_eq!(passes_left(&workspace, "order.toml"), 0);
    // What decides the training makes all of it another study, and so do pseudonyms, which records hold.
    let all = EPOCHS * (2 + 1 + 2);
    write(&workspace, "rate.toml", SMALL, &[("train.learning_rate", "2e-2")]);
    write(&workspace, "seed.toml", SMALL, &[("seeds", "[1]")]);
    assert_eq!([passes_left(&workspace, "rate.toml"), passes_left(&workspace, "seed.toml")], [all; 2]);
    assert_eq!(passes_left(&workspace, "small.toml --pseudonyms"), all);

    let before = records(&workspace.path("runs/store/records"));
    workspace.ok("study another.toml --progress none");
    let after = records(&workspace.path("runs/store/records"));
    assert_eq!((before.len(), after.len()), (3, 4));
    assert!(before.iter().all(|(key, record)| after[key] == *record));
}

#[test]
fn a_model_that_is_gone_is_made_again_and_told_apart_from_the_task_that_needs_it() {
    // Its 200 epochs were shown as those of a task of 50, up to "epoch=167/50", and written among that task's.
    let workspace = workspace();
    workspace.ok("study small.toml --progress none");
    std::fs::remove_dir_all(workspace.path("runs/store/models")).unwrap();
    write(&workspace, "another.toml", SMALL, &[("unlearn.strategies", "['max-loss']"), ("unlearn.epochs", "[2]")]);
    assert_eq!(passes_left(&workspace, "another.toml"), EPOCHS * 2 + 2 * 2, "the original, and two epochs from it");

    let ran = workspace.run("study another.toml --progress plain");
    let said = ran.stderr;
    assert_eq!(ran.code, 0, "{said}");
    assert!(said.contains("makes its model again: train on 2 subjects, seed 0"), "{said}");
    assert!(said.contains("epoch=3/3 task=3/3") && !said.contains("epoch=3/2"), "{said}");
    let epochs = std::fs::read_to_string(last_run(&workspace, "runs").join("metrics.jsonl")).unwrap();
    assert_eq!(epochs.lines().count(), 2, "{epochs}");
}

#[test]
fn a_bank_of_references_is_trained_once_and_gives_rows_beside_the_studys_own() {
    let workspace = workspace();
    let short = [("train.epochs", "1"), ("unlearn.epochs", "[1]")];
    let bank = [&short[..], &[("references.seeds", "[0, 1, 2]")]].concat();
    write(&workspace, "bank.toml", SMALL, &bank);
    // The study itself, then two seeds more of an original of two subjects and a retrained model of one.
    assert_eq!(passes_left(&workspace, "bank.toml"), (2 + 1 + 2) + 2 * (2 + 1));
    workspace.ok("study bank.toml --progress none");
    let rows = rows(&last_run(&workspace, "runs"));
    let seeds = |strategy: &str| -> std::collections::BTreeSet<String> {
        rows.iter().filter(|row| row["strategy"] == strategy).map(|row| row["seed"].clone()).collect()
    };
    assert_eq!(["retrain", "original", "noisy-label"].map(|name| seeds(name).len()), [3, 3, 1]);
    let fraction = |row: &std::collections::BTreeMap<String, String>| row["retraining_fraction"].clone();
    assert!(rows.iter().filter(|row| row["strategy"] == "retrain").all(|row| fraction(row) == "1.0"));
    // Another study of the same settings finds them, whichever are its own seeds.
    let other = [&short[..], &[("references.seeds", "[0, 1]"), ("seeds", "[2]")]].concat();
    write(&workspace, "other.toml", SMALL, &other);
    assert_eq!(passes_left(&workspace, "other.toml"), 2, "the unlearning of seed 2");
    // The bank can do without originals.
    write(
        &workspace,
        "alone.toml",
        SMALL,
        &[&short[..], &[("references", "{ seeds = [3], originals = false }")]].concat(),
    );
    assert_eq!(passes_left(&workspace, "alone.toml"), 1);
}

#[test]
fn initial_weights_count_by_content_and_not_by_name() {
    let workspace = workspace();
    let backbone = |name: &str, seed| {
        let network = Network::new(Architecture::medicalnet(10, 1, 2).unwrap(), Seed(seed), &Device::flex());
        save_foreign(&workspace.path(name), &network, |name| !Network::is_head(name));
    };
    backbone("first.safetensors", 1);
    let only_original = [
        ("train.epochs", "1"),
        ("unlearn.epochs", "[1]"),
        ("unlearn.strategies", "[]"),
        ("network.init", "'first.safetensors'"),
    ];
    write(&workspace, "first.toml", SMALL, &only_original);
    workspace.ok("study first.toml --progress none");
    assert_eq!(passes_left(&workspace, "first.toml"), 0);
    std::fs::copy(workspace.path("first.safetensors"), workspace.path("copy.safetensors")).unwrap();
    write(&workspace, "copy.toml", SMALL, &[&only_original[..3], &[("network.init", "'copy.safetensors'")]].concat());
    assert_eq!(passes_left(&workspace, "copy.toml"), 0);
    backbone("first.safetensors", 2);
    assert_eq!(passes_left(&workspace, "first.toml"), 2 + 1);
}

#[test]
fn a_damaged_record_is_named_with_the_fix_and_a_damaged_model_is_made_again() {
    let workspace = workspace();
    write(&workspace, "short.toml", SMALL, &[("train.epochs", "1"), ("unlearn.epochs", "[1]")]);
    workspace.ok("study short.toml --progress none");
    let before = results(&last_run(&workspace, "runs"));
    let store = workspace.path("runs/store/records");
    let first = records(&store);
    let unlearned = first.values().find(|record| record["parent"].is_string()).unwrap();
    let others = first.keys().find(|key| unlearned["key"] != key.as_str()).unwrap();
    let name = format!("{}.json", unlearned["key"].as_str().unwrap());
    let whole = std::fs::read(store.join(&name)).unwrap();

    std::fs::write(store.join(&name), &whole[..whole.len() / 2]).unwrap();
    workspace.fails("study short.toml --progress none", 4, &[&name, "damage", "fix:      delete"]);
    std::fs::copy(store.join(format!("{others}.json")), store.join(&name)).unwrap();
    workspace.fails(
        "study short.toml --progress none",
        4,
        &[&name, "found:    that of run", others, "fix:      delete"],
    );

    // A record edited by hand is not believed.
    let text = String::from_utf8(whole.clone()).unwrap();
    std::fs::write(store.join(&name), text.replacen("\"dice\":0.", "\"dice\":0.9", 1)).unwrap();
    workspace.fails("study short.toml --progress none", 4, &[&name, "changed after it was sealed", "fix:      delete"]);

    // The record is deleted as the message says, and its run begins from a model that is not there any more.
    std::fs::remove_file(store.join(&name)).unwrap();
    let models = std::fs::read_dir(workspace.path("runs/store/models")).unwrap().map(|entry| entry.unwrap().path());
    for model in models.filter(|path| path.is_file()) {
        std::fs::write(model, b"damage").unwrap();
    }
    workspace.ok("study short.toml --progress none");
    assert_eq!(records(&store), first);
    assert_eq!(results(&last_run(&workspace, "runs")), before);
}

#[test]
fn pseudonyms_cover_notes_and_errors_too() {
    let workspace = workspace();
    // A note: the slope of one image becomes no number. An uncompressed file can be changed in place.
    let image = workspace.path("heads/images/phantom-000.nii.gz");
    let mut bytes = Vec::new();
    std::io::Read::read_to_end(&mut flate2::read::GzDecoder::new(&std::fs::read(&image).unwrap()[..]), &mut bytes)
        .unwrap();
    bytes[112..116].copy_from_slice(&f32::NAN.to_le_bytes());
    std::fs::remove_file(&image).unwrap();
    std::fs::write(image.with_extension(""), &bytes).unwrap();
    let plain = workspace.run("study small.toml --dry-run");
    assert!(plain.stderr.contains("phantom-000.nii: scl_slope is NaN"), "{}", plain.stderr);
    let hidden = workspace.run("study small.toml --dry-run --pseudonyms");
    assert!(hidden.code == 0 && hidden.stderr.contains("a file of person-"), "{}", hidden.stderr);
    assert!(!hidden.stderr.contains("phantom-"), "{}", hidden.stderr);

    // An error: the same file ends early. Then one in the study file itself.
    std::fs::write(image.with_extension(""), &bytes[..bytes.len() / 2]).unwrap();
    workspace.fails("study small.toml --dry-run", 4, &["phantom-000.nii"]);
    write(&workspace, "nobody.toml", SMALL, &[("split.forget", "{ only = ['phantom-009'] }")]);
    std::fs::write(workspace.path("broken.toml"), "held_out_subjects = ['phantom-001'\n").unwrap();
    for (study, code) in [("small", 4), ("nobody", 3), ("broken", 3)] {
        let ran = workspace.run(&format!("study {study}.toml --pseudonyms --json"));
        assert_eq!(ran.code, code, "{}", ran.stderr);
        assert!(ran.stderr.contains("which --pseudonyms hides"), "{}", ran.stderr);
        assert!(!ran.stderr.contains("phantom-") && !ran.stdout.contains("phantom-"), "{}{}", ran.stdout, ran.stderr);
    }
    // Messages that can name no person are unchanged.
    write(&workspace, "epochs.toml", SMALL, &[("train.epochs", "0")]);
    workspace.fails("study epochs.toml --pseudonyms", 3, &["train.epochs", "expected: 1 to 100000"]);
}

/// Every file below a folder.
fn files(folder: &Path) -> Vec<std::path::PathBuf> {
    let entries = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    entries.flat_map(|path| if path.is_dir() { files(&path) } else { vec![path] }).collect()
}

#[test]
fn a_divergence_is_a_result_and_pseudonyms_leave_no_id_behind() {
    let workspace = workspace();
    let variants = "[{ strategy = 'max-loss', recipe = { learning_rate = 1e9 } }, { strategy = 'max-loss' }]";
    let changes = [("unlearn.strategies", "[]"), ("unlearn.variants", variants), ("keep_models", "'all'")];
    write(&workspace, "study.toml", SMALL, &changes);
    let ran = workspace.run("study study.toml --pseudonyms");
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    assert!(ran.stderr.contains("diverged in epoch"), "{}", ran.stderr);
    let rows = rows(&last_run(&workspace, "runs"));
    let diverged: Vec<_> = rows.iter().filter(|row| row["status"] == "diverged").collect();
    let [diverged] = diverged[..] else { panic!("{diverged:?}") };
    assert_eq!((&*diverged["strategy"], &*diverged["variant"]), ("max-loss", "learning_rate=1000000000.0"));
    assert!(
        ["subject", "role", "class", "grid", "dice", "mae", "mae_probability", "empty"]
            .iter()
            .all(|column| diverged[*column].is_empty())
    );
    // The study went on: the strategy as it is has all its rows.
    let finished = rows.iter().filter(|row| row["strategy"] == "max-loss" && row["variant"].is_empty());
    assert_eq!(finished.count(), 2 * 3 * 2 * 3);

    assert!(rows.iter().all(|row| row["forgotten"].starts_with("person-")));
    assert!(!ran.stdout.contains("phantom-") && !ran.stderr.contains("phantom-"), "{}", ran.stderr);
    let written = files(&workspace.path("runs"));
    assert!(written.len() > 10);
    for path in written {
        let bytes = std::fs::read(&path).unwrap();
        assert!(!bytes.windows(8).any(|window| window == b"phantom-"), "{}", path.display());
        assert!(!path.to_string_lossy().contains("phantom-"), "{}", path.display());
    }
    // Names follow from the key of the folder of runs: the same there, others elsewhere for who has ids, file and seed.
    let tasks = |runs: &str| {
        let dry = format!("study study.toml --pseudonyms --dry-run --progress none --runs {runs}");
        workspace.json(&dry, "lacuna.study/1")["tasks"].clone()
    };
    assert_eq!(tasks("runs"), tasks("runs"));
    assert_ne!(tasks("runs"), tasks("elsewhere"));
    assert_eq!(passes_left(&workspace, "study.toml --pseudonyms"), 0);
    let records = "--records runs/store/records --models runs/store/models --runs elsewhere";
    assert!(passes_left(&workspace, &format!("study.toml --pseudonyms {records}")) > 0, "records of other names");
}
