//! Evaluation: what is kept when it stops half way, and how it goes on.

use crate::support::Workspace;
use crate::train::{SETTINGS, cohort, read, run_folder};
use lacuna_cohort::LabelTable;
use lacuna_volume::{IGNORED, ReadLimits, read_label_map};
use serde_json::{Value, json};
use std::time::{Duration, Instant};

#[test]
fn an_evaluation_that_stopped_half_way_goes_on_with_who_is_left() {
    let workspace = cohort();
    let trained = workspace.json(&format!("{SETTINGS} --epochs 1"), "lacuna.train/1");
    let model = trained["model"].as_str().unwrap();
    let whole = workspace.json(&format!("eval --model {model} --data heads --runs whole"), "lacuna.eval/1");

    // The last subject's image breaks, so the first two are scored and kept.
    let image = workspace.path("heads/images/phantom-002.nii.gz");
    let bytes = std::fs::read(&image).unwrap();
    std::fs::write(&image, &bytes[..bytes.len() / 2]).unwrap();
    workspace.fails(&format!("eval --model {model} --data heads"), 4, &["phantom-002.nii.gz"]);
    let run = run_folder(&workspace, "eval");
    // A head, then 2 subjects on 2 grids with 4 classes and their mean.
    assert_eq!(read(&run.join("subjects.csv")).lines().count(), 1 + 2 * 2 * 5);
    std::fs::write(&image, &bytes).unwrap();

    let resume = format!("eval --model {model} --resume {}", run.display());
    workspace.fails(&format!("{resume} --labels brain"), 2, &["own settings hold", "fix:"]);
    // Who was scored is not scored again: without the first image the run still goes on.
    let first = workspace.path("heads/images/phantom-000.nii.gz");
    let kept = std::fs::read(&first).unwrap();
    std::fs::write(&first, b"broken").unwrap();
    let resumed = workspace.json(&resume, "lacuna.eval/1");
    std::fs::write(&first, kept).unwrap();
    assert_eq!(resumed["scores"], whole["scores"]);
    let whole = workspace.path(whole["run"].as_str().unwrap());
    assert_eq!(read(&run.join("subjects.csv")), read(&whole.join("subjects.csv")));
    workspace.fails(&resume, 3, &["is done"]);
}

#[test]
fn surfaces_are_scored_in_millimetres_and_what_was_missed_is_counted() {
    let workspace = cohort();
    let trained = workspace.json(&format!("{SETTINGS} --epochs 1"), "lacuna.train/1");
    let model = trained["model"].as_str().unwrap();
    let eval = format!("eval --model {model} --data heads --progress none");
    let scored = workspace.json(&format!("{eval} --tolerance 2.5"), "lacuna.eval/1");
    // The lineage beside the model knows who was trained on; alone in another folder the model says nothing of it.
    let roles = |record: &Value| -> Vec<String> {
        record["scores"].as_array().unwrap().iter().map(|one| one["role"].as_str().unwrap().to_string()).collect()
    };
    assert_eq!(roles(&scored), ["train", "train", "held_out"]);
    std::fs::copy(workspace.path(model), workspace.path("alone.safetensors")).unwrap();
    let alone = workspace.json("eval --model alone.safetensors --data heads --progress none", "lacuna.eval/1");
    assert_eq!(roles(&alone), ["scored"; 3]);
    // 16 x 18 x 12 voxels of 1 mm, corner to corner.
    let diagonal = f64::sqrt(15.0f64.powi(2) + 17.0f64.powi(2) + 11.0f64.powi(2));
    for subject in scored["scores"].as_array().unwrap() {
        for class in &subject["volume"]["classes"].as_array().unwrap()[1..] {
            let (surface, empty) = (&class["surface"], class["empty"].as_str().unwrap());
            assert_eq!(surface["tolerance_mm"], 2.5);
            assert_eq!(surface["hd95_mm"].is_null(), empty == "both", "{class}");
            if empty == "prediction" {
                assert!((surface["hd95_mm"].as_f64().unwrap() - diagonal).abs() < 1e-9, "{class}");
                assert_eq!((&surface["hd95_mrbrains_mm"], &surface["surface_dice"]), (&Value::Null, &json!(0.0)));
            }
        }
    }
    let text = workspace.ok(&eval);
    for word in
        ["hd95_mm", "hd95_mrbrains_mm", "volume_similarity", "surface_dice", "missed/invented/absent", "at 1 mm"]
    {
        assert!(text.contains(word), "{text}");
    }
    workspace.fails(&format!("{eval} --tolerance=-1"), 3, &["millimetres from 0 on"]);
}

#[cfg(unix)]
#[test]
fn an_interrupted_evaluation_says_how_to_go_on() {
    let workspace = cohort();
    let trained = workspace.json(&format!("{SETTINGS} --epochs 1"), "lacuna.train/1");
    let model = trained["model"].as_str().unwrap();
    workspace.ok("phantom --out many --subjects 40 --dims 16x18x12 --progress none");
    let mut child = workspace.spawn(&format!("eval --model {model} --data many"));
    let scores = |workspace: &Workspace| {
        let folders = std::fs::read_dir(workspace.path("runs/eval")).into_iter().flatten().filter_map(Result::ok);
        folders.map(|folder| folder.path().join("scores.json")).find(|path| path.exists())
    };
    let began = Instant::now();
    while scores(&workspace).is_none() {
        assert!(began.elapsed() < Duration::from_secs(60) && child.try_wait().unwrap().is_none(), "no score appears");
        std::thread::sleep(Duration::from_millis(2));
    }
    crate::support::signal(&child, "-INT");
    let ran = workspace.wait(child);
    assert_eq!(ran.code, 130, "{}", ran.stderr);
    assert!(
        ran.stderr.contains("of 40 subjects are kept") && ran.stderr.contains("lacuna eval --model"),
        "{}",
        ran.stderr
    );
    let run = run_folder(&workspace, "eval");
    let resumed = workspace.json(&format!("eval --model {model} --resume {}", run.display()), "lacuna.eval/1");
    assert_eq!(resumed["scores"].as_array().unwrap().len(), 40);
}

#[test]
fn eval_scores_what_predict_delivers_with_the_same_passes() {
    let workspace = cohort();
    let trained = workspace.json(&format!("{SETTINGS} --epochs 3"), "lacuna.train/1");
    let model = trained["model"].as_str().unwrap();
    let read = |path: &str| {
        let file = read_label_map(&workspace.path(path), &ReadLimits::default()).unwrap();
        file.image
    };
    let table = LabelTable::built_in("tissue", None).unwrap();
    let truth = table.apply(&read("heads/labels/phantom-002.nii.gz")).unwrap();
    let mut all = Vec::new();
    for (folder, passes) in [("whole", ""), ("windows", "--window 8x16x8 --overlap 0.25"), ("mirrored", "--flips d,w")]
    {
        workspace.ok(&format!(
            "predict heads/images/phantom-002.nii.gz --model {model} --out {folder} --progress none {passes}"
        ));
        let predicted = read(&format!("{folder}/phantom-002_labels.nii.gz"));
        let counted = |class: u8| {
            let both = predicted.voxels().iter().zip(truth.voxels()).filter(|(_, truth)| **truth != IGNORED);
            let [mut hits, mut sum] = [0.0, 0.0];
            for (&found, &truth) in both {
                hits += f64::from(u8::from(found == u16::from(class) && truth == class));
                sum += f64::from(u8::from(found == u16::from(class))) + f64::from(u8::from(truth == class));
            }
            2.0 * hits / sum
        };
        let eval = format!("eval --model {model} --data heads --subjects phantom-002 --progress none {passes}");
        let scored = workspace.json(&eval, "lacuna.eval/1");
        let classes = scored["scores"][0]["volume"]["classes"].as_array().unwrap();
        let dice: Vec<f64> = classes.iter().map(|class| class["dice"].as_f64().unwrap()).collect();
        assert_eq!(dice, (0..4).map(counted).collect::<Vec<f64>>(), "{folder}");
        all.push(dice);
    }
    // The passes matter, so that three equal answers would prove nothing.
    assert!(all[0] != all[1] && all[0] != all[2], "{all:?}");
}
