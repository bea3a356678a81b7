//! Label tables of one's own, and the table that goes with a model.

use crate::support::Workspace;
use serde_json::Value;
use std::path::Path;

/// Background and head; what else MRBrainS18 numbers counts for nothing.
const OWN: &str = "name = 'own'\nclasses = ['background', 'head']\n\n[map]\n0 = 'background'\n1 = 'head'\n2 = 'head'\n\
                   3 = 'head'\n4 = 'head'\n5 = 'head'\n6 = 'head'\n7 = 'head'\n8 = 'head'\n9 = 'ignored'\n10 = 'ignored'\n";

const TRAIN: &str = "train --data heads --preprocess canonical --size 16x16x16 --depth 10 --epochs 1 --progress none";

fn cohort() -> Workspace {
    let workspace = Workspace::new();
    workspace.heads("heads", "");
    std::fs::write(workspace.path("own.toml"), OWN).unwrap();
    workspace
}

/// A value of a verb's record.
fn text(record: &Value, key: &str) -> String {
    record[key].as_str().unwrap().to_string()
}

/// The label map in a model's metadata.
fn map_in(workspace: &Workspace, model: &str) -> Value {
    workspace.json(&format!("inspect {model}"), "lacuna.inspect/1")["metadata"]["label_map"].clone()
}

#[test]
fn ones_own_table_goes_with_the_model_through_every_verb() {
    let workspace = cohort();
    let trained = text(&workspace.json(&format!("{TRAIN} --labels own.toml"), "lacuna.train/1"), "model");
    let exact =
        text(&workspace.json(&format!("{TRAIN} --labels own.toml --exact --name exact"), "lacuna.train/1"), "run");
    let study = "name = 'small'\ndata = { root = 'heads', labels = 'own.toml' }\nnetwork = { depth = 10 }\n\
                 preprocess = { kind = 'canonical', size = [16, 16, 16], crop = 'none', foreground = 'above-zero' }\n\
                 split = { held_out_subjects = ['phantom-002'], forget = { only = ['phantom-000'] } }\n\
                 train = { epochs = 1 }\nunlearn = { epochs = [1], strategies = ['noisy-label'] }\n";
    std::fs::write(workspace.path("study.toml"), study).unwrap();
    workspace.ok("study study.toml --models kept --progress none");
    // From here on the model is all there is.
    std::fs::remove_file(workspace.path("own.toml")).unwrap();
    let map = map_in(&workspace, &trained);
    assert_eq!((&map["8"], &map["9"], map.as_object().unwrap().len()), (&"head".into(), &"ignored".into(), 11));

    let forget = "--data heads --forget phantom-000 --progress none";
    let words = format!("unlearn --model {trained} {forget} --strategy noisy-label --epochs 1");
    let unlearned = text(&workspace.json(&words, "lacuna.unlearn/1"), "model");
    workspace.ok(&format!("convert {unlearned} --out converted.safetensors"));
    let erased = format!("unlearn --model {exact} {forget} --strategy exact --name erased");
    let erased = text(&workspace.json(&erased, "lacuna.unlearn/1"), "run");
    let kept = std::fs::read_dir(workspace.path("kept/models"))
        .or_else(|_| std::fs::read_dir(workspace.path("kept")))
        .unwrap();
    let kept: Vec<String> = kept
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|ending| ending == "safetensors"))
        .map(|path| path.display().to_string())
        .collect();
    assert!(!kept.is_empty(), "the study keeps its originals");
    for model in [&unlearned, &"converted.safetensors".to_string(), &kept[0]] {
        assert_eq!(map_in(&workspace, model), map, "{model}");
    }
    for model in [&trained, &unlearned, &"converted.safetensors".to_string(), &kept[0], &erased] {
        let scored = workspace.json(&format!("eval --model {model} --data heads --progress none"), "lacuna.eval/1");
        assert_eq!(scored["labels"], "own", "{model}");
    }
    let checked = workspace.json(&format!("data check heads --labels {trained}"), "lacuna.data.check/1");
    assert_eq!(checked["table"], "own");
    workspace.ok(&format!("data export heads --labels {trained} --to nnunet --out Dataset001_Heads --progress none"));
}

#[test]
fn another_table_of_the_same_classes_is_noted_and_one_of_others_is_refused() {
    let workspace = cohort();
    let trained = text(&workspace.json(&format!("{TRAIN} --labels own.toml"), "lacuna.train/1"), "run");
    let eval = format!("eval --model {trained} --data heads --progress none");
    assert!(!workspace.run(&eval).stderr.contains("label table"));
    std::fs::write(
        workspace.path("other.toml"),
        OWN.replace("'own'", "'other'").replace("9 = 'ignored'", "9 = 'head'"),
    )
    .unwrap();
    let ran = workspace.run(&format!("{eval} --labels other.toml"));
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    assert!(
        ran.stderr.contains("`other` counts the label values 9 otherwise than the model's own, `own`"),
        "{}",
        ran.stderr
    );
    workspace.fails(&format!("{eval} --labels tissue"), 3, &["2 classes", "--labels"]);
    std::fs::write(workspace.path("named.toml"), OWN.replace("'head'", "'skull'")).unwrap();
    workspace.fails(&format!("{eval} --labels named.toml"), 3, &["background, head", "background, skull"]);
}

/// A model as it was written before files held the map.
fn without_map(model: &Path, older: &Path) {
    let mut file = lacuna_nn::read_model(model, &lacuna_nn::Device::flex()).unwrap();
    file.metadata.remove("label_map").unwrap();
    lacuna_nn::write_model(older, &file.network, &file.metadata).unwrap();
}

#[test]
fn a_model_from_before_the_table_stood_in_it_is_read_and_asks_for_the_file() {
    let workspace = cohort();
    let trained = text(&workspace.json(&format!("{TRAIN} --labels own.toml"), "lacuna.train/1"), "model");
    without_map(&workspace.path(&trained), &workspace.path("older.safetensors"));
    let eval = "eval --model older.safetensors --data heads --progress none";
    workspace.fails(eval, 3, &["only its name, `own`", "--labels FILE.toml"]);
    workspace.ok(&format!("{eval} --labels own.toml"));
    workspace.fails("data check heads --labels older.safetensors", 3, &["holds its label table", "TOML"]);
    let named = text(&workspace.json(&format!("{TRAIN} --labels tissue --name named"), "lacuna.train/1"), "model");
    without_map(&workspace.path(&named), &workspace.path("named.safetensors"));
    workspace.ok("eval --model named.safetensors --data heads --progress none");
}

#[test]
fn a_table_as_is_follows_the_list_of_the_data_set_and_else_the_model() {
    let workspace = cohort();
    workspace.ok("data export heads --labels tissue --to nnunet --out Dataset001_Heads --progress none");
    let words = TRAIN.replace("--data heads", "--data Dataset001_Heads");
    let trained = text(&workspace.json(&format!("{words} --labels as-is"), "lacuna.train/1"), "run");
    let eval = format!("eval --model {trained} --progress none --data");
    workspace.ok(&format!("{eval} Dataset001_Heads"));
    workspace.ok("data export Dataset001_Heads --to plain --out plain --progress none");
    let scored = workspace.json(&format!("{eval} plain"), "lacuna.eval/1");
    assert_eq!(scored["labels"], "as-is");
}
