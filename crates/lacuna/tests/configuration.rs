//! Which of several values wins, and what the environment may say.

use crate::support::Workspace;
use serde_json::json;
use std::path::Path;

#[test]
fn a_later_word_wins_and_a_dry_run_says_whose_it_is() {
    let workspace = Workspace::new();
    workspace.heads("heads", "");
    let file = "data = { root = \"heads\", labels = \"tissue\" }\nnetwork = { depth = 10 }\n\
                preprocess = { kind = \"none\" }\ntrain = { epochs = 5, batch_size = 1 }\n";
    std::fs::write(workspace.path("train.toml"), file).unwrap();
    let setting = |more: &str, key: &str| {
        let plan = workspace.json(&format!("train --config train.toml {more} --dry-run"), "lacuna.train/1");
        let settings = plan["settings"].as_array().unwrap().clone();
        let found = settings.into_iter().find(|setting| setting["key"] == key).unwrap();
        (found["value"].as_str().unwrap().to_string(), found["origin"].as_str().unwrap().to_string())
    };
    let said = |value: &str, origin: &str| (value.to_string(), origin.to_string());
    assert_eq!(setting("", "train.epochs"), said("5", "file"));
    assert_eq!(setting("--epochs 3", "train.epochs"), said("3", "flag"));
    assert_eq!(setting("--epochs 3 --set train.epochs=2", "train.epochs"), said("2", "set"));
    assert_eq!(setting("", "train.learning_rate"), said("0.001", "default"));
    assert!(workspace.ok("train --config train.toml --epochs 3 --dry-run").contains("a flag"));
}

#[test]
fn the_environment_says_where_files_lie_and_never_what_is_computed() {
    let mut workspace = Workspace::new();
    workspace.heads("heads", "");
    workspace.settings = vec![
        ("LACUNA_RUNS", "elsewhere".into()),
        ("LACUNA_THREADS", "1".into()),
        // No settings of lacuna's, despite the name.
        ("LACUNA_SEED", "7".into()),
        ("LACUNA_TRAIN_EPOCHS", "9".into()),
        ("LACUNA_DEVICE", "nowhere".into()),
    ];
    let words = "train --data heads --labels tissue --preprocess canonical --size 16x16x16 --depth 10 --epochs 1";
    let there = workspace.json(&format!("{words} --quiet"), "lacuna.train/1");
    assert!(there["run"].as_str().unwrap().starts_with("elsewhere/"), "{}", there["run"]);
    let flagged = workspace.json(&format!("{words} --quiet --runs flagged"), "lacuna.train/1");
    assert!(flagged["run"].as_str().unwrap().starts_with("flagged/"), "a flag wins over the environment");
    workspace.settings.clear();
    let usual = workspace.json(&format!("{words} --quiet"), "lacuna.train/1");
    assert!(usual["run"].as_str().unwrap().starts_with("runs/"));
    assert_eq!([&there["digest"], &flagged["digest"]], [&usual["digest"]; 2]);
}

#[test]
fn there_is_a_manual_page_for_each_verb() {
    let workspace = Workspace::new();
    let record = workspace.json("man --out man1", "lacuna.man/1");
    let pages = record["pages"].as_array().unwrap();
    for page in ["lacuna", "lacuna-predict", "lacuna-data-check", "lacuna-man"] {
        assert!(pages.contains(&json!(page)), "{pages:?}");
        let text = std::fs::read_to_string(workspace.path(&format!("man1/{page}.1"))).unwrap();
        assert!(text.contains(".TH") && text.contains(".SH SYNOPSIS"), "{page}: {text}");
    }
}

#[test]
fn the_published_schemas_are_those_of_this_version() {
    let workspace = Workspace::new();
    workspace.ok("schema --out schemas");
    let published = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/schemas");
    for name in ["study", "audit", "train", "recipe", "labels"] {
        let now = std::fs::read_to_string(workspace.path(&format!("schemas/{name}.json"))).unwrap();
        assert_eq!(workspace.ok(&format!("schema {name}")), now, "{name}");
        let before = std::fs::read_to_string(published.join(format!("{name}.json"))).unwrap_or_default();
        assert!(now == before, "docs/schemas/{name}.json is old; fix: lacuna schema --out docs/schemas");
    }
}

#[test]
fn a_schema_names_every_key_with_its_meaning_and_no_other() {
    let workspace = Workspace::new();
    let schema = |name: &str| workspace.json(&format!("schema {name}"), "lacuna.schema/1")["json_schema"].clone();
    let recipe = schema("recipe");
    assert_eq!(recipe["additionalProperties"], false);
    assert_eq!(recipe["properties"]["learn_noise"]["default"], false);
    for (key, about) in recipe["properties"].as_object().unwrap() {
        assert!(about.get("description").is_some(), "{key}: {about}");
    }
    // The recipe that lacuna writes out has no key that the schema lacks.
    workspace.heads("heads", "");
    let train =
        "train --data heads --labels tissue --preprocess canonical --size 16x16x16 --depth 10 --epochs 1 --quiet";
    let model = workspace.json(train, "lacuna.train/1")["model"].as_str().unwrap().to_string();
    let words =
        format!("unlearn --model {model} --data heads --forget phantom-001 --strategy atlas-matching --epochs 1");
    let run = workspace.json(&format!("{words} --quiet"), "lacuna.unlearn/1")["run"].as_str().unwrap().to_string();
    let written: toml::Table =
        std::fs::read_to_string(workspace.path(&run).join("config.toml")).unwrap().parse().unwrap();
    for key in written["recipe"].as_table().unwrap().keys() {
        assert!(recipe["properties"].get(key).is_some(), "{key}");
    }
    assert!(schema("study")["properties"].get("references").is_some());
    assert!(schema("audit")["properties"].get("references").is_none(), "an audit refuses it");
    assert_eq!(schema("train").get("required"), None, "flags may say what the file does not");
}
