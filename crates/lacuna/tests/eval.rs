//! Evaluation: what is kept when it stops half way, and how it goes on.

use crate::support::Place;
use crate::train::{SETTINGS, cohort, read, run_folder};
use std::time::{Duration, Instant};

#[test]
fn an_evaluation_that_stopped_half_way_goes_on_with_who_is_left() {
    let place = cohort();
    let trained = place.json(&format!("{SETTINGS} --epochs 1"), "lacuna.train/1");
    let model = trained["model"].as_str().unwrap();
    let whole = place.json(&format!("eval --model {model} --data heads --runs whole"), "lacuna.eval/1");

    // The last subject's image breaks, so the first two are scored and kept.
    let image = place.path("heads/images/phantom-002.nii.gz");
    let bytes = std::fs::read(&image).unwrap();
    std::fs::write(&image, &bytes[..bytes.len() / 2]).unwrap();
    place.fails(&format!("eval --model {model} --data heads"), 4, &["phantom-002.nii.gz"]);
    let run = run_folder(&place, "eval");
    // A head, then 2 subjects on 2 grids with 4 classes and their mean.
    assert_eq!(read(&run.join("subjects.csv")).lines().count(), 1 + 2 * 2 * 5);
    std::fs::write(&image, &bytes).unwrap();

    let resume = format!("eval --model {model} --resume {}", run.display());
    place.fails(&format!("{resume} --labels brain"), 2, &["own settings hold", "fix:"]);
    // Who was scored is not scored again: without the first image the run still goes on.
    let first = place.path("heads/images/phantom-000.nii.gz");
    let kept = std::fs::read(&first).unwrap();
    std::fs::write(&first, b"broken").unwrap();
    let resumed = place.json(&resume, "lacuna.eval/1");
    std::fs::write(&first, kept).unwrap();
    assert_eq!(resumed["scores"], whole["scores"]);
    let whole = place.path(whole["run"].as_str().unwrap());
    assert_eq!(read(&run.join("subjects.csv")), read(&whole.join("subjects.csv")));
    place.fails(&resume, 3, &["is done"]);
}

#[cfg(unix)]
#[test]
fn an_interrupted_evaluation_says_how_to_go_on() {
    let place = cohort();
    let trained = place.json(&format!("{SETTINGS} --epochs 1"), "lacuna.train/1");
    let model = trained["model"].as_str().unwrap();
    place.ok("phantom --out many --subjects 40 --dims 16x18x12 --progress none");
    let mut child = place.spawn(&format!("eval --model {model} --data many"));
    let scores = |place: &Place| {
        let folders = std::fs::read_dir(place.path("runs/eval")).into_iter().flatten().filter_map(Result::ok);
        folders.map(|folder| folder.path().join("scores.json")).find(|path| path.exists())
    };
    let began = Instant::now();
    while scores(&place).is_none() {
        assert!(began.elapsed() < Duration::from_secs(60) && child.try_wait().unwrap().is_none(), "no score appears");
        std::thread::sleep(Duration::from_millis(2));
    }
    assert!(std::process::Command::new("kill").args(["-INT", &child.id().to_string()]).status().unwrap().success());
    let ran = place.wait(child);
    assert_eq!(ran.code, 130, "{}", ran.stderr);
    assert!(
        ran.stderr.contains("of 40 subjects are kept") && ran.stderr.contains("lacuna eval --model"),
        "{}",
        ran.stderr
    );
    let run = run_folder(&place, "eval");
    let resumed = place.json(&format!("eval --model {model} --resume {}", run.display()), "lacuna.eval/1");
    assert_eq!(resumed["scores"].as_array().unwrap().len(), 40);
}
