//! `studies/paper.toml` on synthetic heads laid out as MRBrainS18, with a backbone of its names.

use super::{last_run, records, results, rows, set};
use crate::predict::save_foreign;
use crate::support::Workspace;
use lacuna_nn::{Architecture, Device, Network};
use lacuna_seed::Seed;
use std::collections::{BTreeMap, BTreeSet};
use toml::{Table, Value};

const PAPER: &str = include_str!("../../../../studies/paper.toml");

const HEADER: &str = "strategy,goal,epochs,forgotten,seed,subject,role,class,grid,dice,mae,variant,network,labels,\
                      mae_probability,empty,status,steps,training_passes,teacher_passes,\
                      preparation_training_passes,preparation_teacher_passes,seconds,peak_mib,retraining_fraction,\
                      cross_entropy";

const STRATEGIES: [&str; 7] =
    ["fix-decoder", "max-loss", "noisy-label", "original", "random-encoder", "retain-label", "retrain"];

/// The data set, the backbone alone under names with `module.` in front, and the study at a size for tests.
fn workspace() -> Workspace {
    let workspace = Workspace::new();
    workspace.ok("phantom --out mrbrains18/training --layout mrbrains --subjects 3 --dims 24x24x16 --progress none");
    let network = Network::new(Architecture::medicalnet(10, 1, 2).unwrap(), Seed(7), &Device::flex());
    save_foreign(&workspace.path("resnet_10.safetensors"), &network, |name| !Network::is_head(name));
    let mut study: Table = PAPER.parse().unwrap();
    let small: [(&str, Value); 5] = [
        ("network.init", "resnet_10.safetensors".into()),
        ("network.depth", 10.into()),
        ("preprocess.size", vec![16, 16, 16].into()),
        ("train.epochs", 2.into()),
        ("unlearn.epochs", vec![1, 2].into()),
    ];
    for (key, value) in small {
        assert!(set(&mut study, key, value).is_some(), "the study spells out {key}");
    }
    std::fs::write(workspace.path("paper.toml"), toml::to_string(&study).unwrap()).unwrap();
    workspace
}

fn distinct<'a>(rows: &'a [BTreeMap<String, String>], column: &str) -> BTreeSet<&'a str> {
    rows.iter().map(|row| row[column].as_str()).collect()
}

#[test]
fn the_papers_study_ends_in_its_table_and_is_found_again() {
    let workspace = workspace();
    let table = workspace.ok("study paper.toml --progress none --quiet");
    for strategy in STRATEGIES {
        assert!(table.contains(strategy), "{strategy} is not in:\n{table}");
    }
    let run = last_run(&workspace, "runs");
    check_rows(&rows(&run));
    let text = std::fs::read_to_string(run.join("results.csv")).unwrap();
    assert_eq!(text.lines().next(), Some(HEADER));
    let markdown = std::fs::read_to_string(run.join("table.md")).unwrap();
    assert!(markdown.contains("| noisy-label"), "{markdown}");
    let page = std::fs::read_to_string(run.join("report.html")).unwrap();
    for strategy in STRATEGIES {
        assert!(page.contains(strategy), "{strategy} is not on the page");
    }
    let tables: serde_json::Value = serde_json::from_slice(&std::fs::read(run.join("table.json")).unwrap()).unwrap();
    // One per grid: two references and five strategies at two horizons.
    assert_eq!(tables.as_array().unwrap().iter().map(|t| t["lines"].as_array().unwrap().len()).sum::<usize>(), 2 * 12);
    // Each of three folds trains once with and once without the forgotten subject, and runs five strategies.
    let epochs = std::fs::read_to_string(run.join("metrics.jsonl")).unwrap();
    assert_eq!(epochs.lines().count(), 3 * (2 + 5) * 2);

    let store = workspace.path("runs/store/records");
    let first = records(&store);
    assert_eq!(first.len(), 3 * (2 + 5));
    let again = workspace.run("study paper.toml --progress none --json");
    assert_eq!((again.code, again.stderr.matches("found its record").count()), (0, 21), "{}", again.stderr);
    let json: serde_json::Value = serde_json::from_str(&again.stdout).unwrap();
    assert_eq!((&json["schema"], &json["name"]), (&"lacuna.study/1".into(), &"paper".into()));
    assert_eq!(json["tables"], tables);
    let second = last_run(&workspace, "runs");
    assert_ne!(second, run);
    assert_eq!(std::fs::read_to_string(second.join("metrics.jsonl")).unwrap(), "", "nothing is trained again");
    assert_eq!(std::fs::read_to_string(second.join("results.csv")).unwrap(), text, "time and memory included");

    let unlearned = first.values().find(|record| record["parent"].is_string()).unwrap();
    std::fs::remove_file(store.join(format!("{}.json", unlearned["key"].as_str().unwrap()))).unwrap();
    let redone = workspace.run("study paper.toml --progress none");
    assert_eq!((redone.code, redone.stderr.matches("found its record").count()), (0, 20), "{}", redone.stderr);
    assert_eq!(records(&store), first);
    assert_eq!(results(&last_run(&workspace, "runs")), results(&run));
}

fn check_rows(rows: &[BTreeMap<String, String>]) {
    let subjects: BTreeSet<&str> = ["phantom-000", "phantom-001", "phantom-002"].into();
    assert_eq!(distinct(rows, "strategy"), STRATEGIES.into());
    assert_eq!((distinct(rows, "forgotten"), distinct(rows, "subject")), (subjects.clone(), subjects));
    assert_eq!(distinct(rows, "role"), ["forget", "held_out", "retain"].into());
    assert_eq!(distinct(rows, "grid"), ["output", "volume"].into());
    assert_eq!(distinct(rows, "class"), ["background", "brain", "mean"].into());
    for (column, only) in [("network", "resnet10"), ("labels", "brain"), ("variant", ""), ("seed", "0")] {
        assert_eq!(distinct(rows, column), [only].into(), "{column}");
    }
    // After an epoch or two some models say nothing but background, which is a result with numbers too.
    assert!(distinct(rows, "status").is_subset(&["ok", "collapsed"].into()));
    let mut per_model: BTreeMap<[&str; 4], usize> = BTreeMap::new();
    for row in rows {
        let is_reference = ["original", "retrain"].contains(&row["strategy"].as_str());
        assert_eq!(row["goal"] == "reference", is_reference, "{row:?}");
        assert!(row["epochs"] == "2" || row["epochs"] == "1" && !is_reference, "{row:?}");
        assert_eq!(row["subject"] == row["forgotten"], row["role"] == "forget", "{row:?}");
        assert_eq!(row["dice"].is_empty(), row["empty"] == "both", "{row:?}");
        assert!(row["mae"].parse::<f64>().is_ok() && row["mae_probability"].parse::<f64>().is_ok(), "{row:?}");
        *per_model.entry(["strategy", "goal", "epochs", "forgotten"].map(|column| &*row[column])).or_default() += 1;
    }
    check_costs(rows);
    // Three forgotten subjects; two references at one horizon and five strategies at two.
    assert_eq!(per_model.len(), 3 * (2 + 5 * 2));
    // Three subjects, two grids, two classes and their mean.
    assert!(per_model.values().all(|&count| count == 3 * 2 * 3), "{per_model:?}");
}

/// Two subjects trained on for two epochs, one without the forgotten; preparation is a third of a pass for each case
/// that the frozen original is asked of.
fn check_costs(rows: &[BTreeMap<String, String>]) {
    for row in rows {
        let number = |column: &str| row[column].parse::<f64>().unwrap();
        let epochs = number("epochs");
        let (passes, preparation, teacher) = match row["strategy"].as_str() {
            "retrain" => (epochs, 0.0, 0.0),
            "random-encoder" => (2.0 * epochs, 2.0, 0.0),
            // The retain subject's output is prepared; the forget subject is shown the retain subject's, prepared too.
            "retain-label" | "fix-decoder" => (2.0 * epochs, 1.0, number("teacher_passes")),
            _ => (2.0 * epochs, 0.0, 0.0),
        };
        assert_eq!((number("training_passes"), number("preparation_teacher_passes")), (passes, preparation), "{row:?}");
        assert_eq!((number("steps"), number("preparation_training_passes")), (passes, 0.0), "{row:?}");
        let fraction = (passes + (preparation + teacher) / 3.0) / 2.0;
        assert!((number("retraining_fraction") - fraction).abs() < 1e-12, "{row:?}");
        assert!(number("seconds") > 0.0, "{row:?}");
        let is_scored = row["class"] == "mean" && row["grid"] == "output";
        assert_eq!(!row["cross_entropy"].is_empty(), is_scored, "{row:?}");
    }
}
