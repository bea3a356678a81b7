//! Training: what a run leaves behind, how it is resumed, what it refuses.

use crate::support::{Ran, Workspace};
use lacuna_nn::{Architecture, Device, Network};
use lacuna_seed::Seed;
use safetensors::tensor::{Dtype, TensorView};
use serde_json::Value;
use std::path::{Path, PathBuf};
use std::process::Child;
use std::time::{Duration, Instant};

pub const SETTINGS: &str = "train --data heads --labels tissue --preprocess canonical --size 16x16x16 --depth 10 \
                        --held-out phantom-002 --progress none";

/// Three heads in a fresh folder.
pub fn cohort() -> Workspace {
    let workspace = Workspace::new();
    workspace.heads("heads", "");
    workspace
}

/// The only run of a verb.
pub fn run_folder(workspace: &Workspace, verb: &str) -> PathBuf {
    let folders: Vec<PathBuf> =
        std::fs::read_dir(workspace.path("runs").join(verb)).unwrap().map(|entry| entry.unwrap().path()).collect();
    assert_eq!(folders.len(), 1, "{folders:?}");
    folders[0].clone()
}

pub fn read(path: &Path) -> String {
    std::fs::read_to_string(path).unwrap()
}

#[test]
fn a_run_leaves_what_it_was_told_and_made() {
    let workspace = cohort();
    let record = workspace.json(&format!("{SETTINGS} --epochs 2 --seed 3"), "lacuna.train/1");
    let run = workspace.path(record["run"].as_str().unwrap());
    let mut files: Vec<String> =
        std::fs::read_dir(&run).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    files.sort();
    let expected = ".lacuna MANIFEST config.toml lineage.json metrics.jsonl model.safetensors progress.json run.json status.json subjects.csv";
    let expected: Vec<&str> = expected.split(' ').collect();
    assert_eq!(files, expected);

    let config: toml::Table = read(&run.join("config.toml")).parse().unwrap();
    assert_eq!(config["seed"].as_integer(), Some(3));
    assert_eq!(config["train"]["schedule"]["factor"].as_float(), Some(0.99), "defaults are written down too");
    assert_eq!(read(&run.join("metrics.jsonl")).lines().count(), 2);
    let status: Value = serde_json::from_str(&read(&run.join("status.json"))).unwrap();
    assert_eq!((&status["status"], &status["exit_code"]), (&Value::from("done"), &Value::from(0)));
    assert_eq!(record["scores"].as_array().unwrap().len(), 3);
    assert_eq!(record["scores"][2]["role"], "held_out");

    let inspected = workspace.json(&format!("inspect {}", run.display()), "lacuna.inspect/1");
    assert_eq!(inspected["altered"], serde_json::json!({}));
    std::fs::write(run.join("subjects.csv"), b"better").unwrap();
    let ran = workspace.run(&format!("inspect {}", run.display()));
    assert_eq!(ran.code, 4);
    assert!(ran.stdout.contains("subjects.csv changed"), "{}", ran.stdout);
}

#[test]
fn first_and_last_line_name_the_run_folder() {
    let workspace = cohort();
    let ran = workspace.run(&format!("{SETTINGS} --epochs 1"));
    let lines: Vec<&str> = ran.stderr.lines().collect();
    assert!(lines[0].starts_with("run      runs/train/"), "{}", ran.stderr);
    assert_eq!(lines[0], lines[lines.len() - 1]);
}

#[test]
fn the_model_needs_no_flags_to_be_scored_and_scores_as_in_training() {
    let workspace = cohort();
    let trained = workspace.json(&format!("{SETTINGS} --epochs 2"), "lacuna.train/1");
    let model = trained["model"].as_str().unwrap();
    let scored = workspace.json(&format!("eval --model {model} --data heads --progress none"), "lacuna.eval/1");
    assert_eq!(scored["model"], trained["digest"]);
    for (a, b) in trained["scores"].as_array().unwrap().iter().zip(scored["scores"].as_array().unwrap()) {
        let volume = without_surfaces(&b["volume"]);
        assert_eq!((&a["subject"], &a["volume"], &a["output"]), (&b["subject"], &volume, &b["output"]));
    }
    let rows = read(&run_folder(&workspace, "eval").join("subjects.csv"));
    // A head, then 3 subjects on 2 grids with 4 classes and their mean.
    assert_eq!(rows.lines().count(), 1 + 3 * 2 * 5);
    workspace.ok(&format!("predict heads/images/phantom-000.nii.gz --model {model} --out out"));
    workspace.fails(
        &format!("eval --model {model} --data heads --labels brain"),
        3,
        &["4 classes", "`brain`", "--labels"],
    );
    workspace.fails(&format!("eval --model {model} --data heads --subjects sub-7"), 3, &["sub-7", "phantom-000"]);
}

#[test]
fn an_event_file_is_kept_if_asked_for_and_changes_no_model() {
    let workspace = cohort();
    let plain = workspace.json(&format!("{SETTINGS} --epochs 2 --name plain"), "lacuna.train/1");
    let told = workspace.json(&format!("{SETTINGS} --epochs 2 --name told --tensorboard"), "lacuna.train/1");
    assert_eq!(plain["digest"], told["digest"]);
    let events = |record: &Value| workspace.path(record["run"].as_str().unwrap()).join("events.out.tfevents.0.lacuna");
    assert!(!events(&plain).exists());
    let bytes = std::fs::read(events(&told)).unwrap();
    for tag in ["brain.Event:2", "loss", "learning_rate", "gradient_norm"] {
        assert!(bytes.windows(tag.len()).any(|window| window == tag.as_bytes()), "{tag}");
    }
    workspace.fails(&format!("{SETTINGS} --epochs 1 --exact --tensorboard"), 2, &["--tensorboard"]);
}

/// What only `eval` computes.
fn without_surfaces(scores: &Value) -> Value {
    let mut scores = scores.clone();
    let (classes, mean) = (scores["classes"].as_array().unwrap().len(), "mean");
    for class in 1..classes {
        assert!(scores["classes"][class].as_object_mut().unwrap().remove("surface").is_some());
    }
    assert!(scores[mean].as_object_mut().unwrap().remove("surface").is_some());
    scores
}

#[test]
fn training_twice_gives_the_same_bytes() {
    let workspace = cohort();
    let bytes = |name: &str| {
        let record = workspace.json(&format!("{SETTINGS} --epochs 1 --name {name}"), "lacuna.train/1");
        std::fs::read(workspace.path(record["model"].as_str().unwrap())).unwrap()
    };
    assert!(bytes("one") == bytes("two"));
}

/// A run under way, stopped as soon as it has a checkpoint.
fn stopped_after_a_checkpoint(workspace: &Workspace, epochs: usize, stop: impl Fn(&mut Child)) -> Ran {
    let mut child = workspace.spawn(&format!("{SETTINGS} --epochs {epochs} --set train.checkpoint_epochs=2"));
    let began = Instant::now();
    let checkpoint = loop {
        let found = workspace.path("runs/train");
        let folders = std::fs::read_dir(found).into_iter().flatten().filter_map(Result::ok);
        let mut checkpoints = folders.map(|folder| folder.path().join("checkpoint.safetensors"));
        match checkpoints.find(|path| path.exists()) {
            Some(path) => break path,
            None => assert!(began.elapsed() < Duration::from_secs(60), "no checkpoint appears"),
        }
        std::thread::sleep(Duration::from_millis(5));
    };
    stop(&mut child);
    let ran = workspace.wait(child);
    assert!(checkpoint.exists(), "it was stopped too late to tell anything");
    ran
}

#[test]
fn a_killed_run_resumes_to_the_same_bytes() {
    let workspace = cohort();
    let whole = cohort();
    let expected = whole.json(&format!("{SETTINGS} --epochs 8"), "lacuna.train/1");
    stopped_after_a_checkpoint(&workspace, 8, |child| child.kill().unwrap());
    let run = run_folder(&workspace, "train");
    assert!(read(&run.join("status.json")).contains("running"), "a killed run cannot say more");
    let resumed = workspace.json(&format!("train --resume {} --progress none", run.display()), "lacuna.train/1");
    assert_eq!(resumed["digest"], expected["digest"]);
    let bytes = |workspace: &Workspace, record: &Value| {
        std::fs::read(workspace.path(record["model"].as_str().unwrap())).unwrap()
    };
    assert!(bytes(&workspace, &resumed) == bytes(&whole, &expected));
    workspace.fails(&format!("train --resume {}", run.display()), 3, &["is done"]);
}

#[test]
fn a_finished_training_is_lengthened_to_the_bytes_of_a_longer_one() {
    let workspace = cohort();
    let words =
        |epochs: usize| format!("{SETTINGS} --epochs {epochs} --set train.checkpoint_epochs=3 --keep-checkpoint");
    let short = workspace.json(&format!("{} --name short", words(2)), "lacuna.train/1");
    let whole = workspace.json(&format!("{} --name whole", words(5)), "lacuna.train/1");
    let run = |record: &Value| workspace.path(record["run"].as_str().unwrap());
    let files = |record: &Value| {
        ["model.safetensors", "checkpoint.safetensors", "subjects.csv", "lineage.json"]
            .map(|name| std::fs::read(run(record).join(name)).unwrap())
    };
    let before = files(&short);
    let resume = format!("train --resume {} --progress none --keep-checkpoint", run(&short).display());
    let longer = workspace.json(&format!("{resume} --epochs 5"), "lacuna.train/1");
    assert_ne!(run(&longer), run(&short), "a finished run is never changed");
    assert!(files(&longer) == files(&whole));
    assert!(files(&short) == before);
    let history = |record: &Value| read(&run(record).join("metrics.jsonl"));
    assert_eq!(history(&longer), history(&whole));
    // Lengthened once more, after an epoch at which no checkpoint was due.
    let twice = workspace
        .json(&format!("train --resume {} --progress none --epochs 6", run(&longer).display()), "lacuna.train/1");
    let six = workspace.json(&format!("{} --name six", words(6)), "lacuna.train/1");
    assert_eq!(twice["digest"], six["digest"]);
    for epochs in [1, 2] {
        workspace.fails(&format!("{resume} --epochs {epochs}"), 3, &["more than the 2 epochs", "fix:"]);
    }
    let plan =
        workspace.json(&format!("{resume} --epochs 5 --dry-run").replace(" --keep-checkpoint", ""), "lacuna.train/1");
    assert_eq!(plan["epochs"], 5);
    std::fs::remove_file(run(&short).join("checkpoint.safetensors")).unwrap();
    workspace.fails(
        &format!("{resume} --epochs 5"),
        3,
        &["checkpoint.safetensors, which", "--keep-checkpoint", "--init"],
    );
    let plain =
        workspace.json(&format!("{} --name plain", words(2)).replace(" --keep-checkpoint", ""), "lacuna.train/1");
    assert!(!run(&plain).join("checkpoint.safetensors").exists(), "a file that holds people is kept on request alone");
}

#[test]
fn a_training_whose_rate_follows_from_its_length_is_not_lengthened() {
    let workspace = cohort();
    for schedule in ["{kind=\"cosine\"}", "{kind=\"polynomial\",power=0.9}"] {
        let record = workspace.json(
            &format!("{SETTINGS} --epochs 2 --keep-checkpoint --set train.schedule={schedule}"),
            "lacuna.train/1",
        );
        let run = record["run"].as_str().unwrap();
        assert!(!workspace.path(run).join("checkpoint.safetensors").exists(), "nothing can go on from it");
        workspace.fails(&format!("train --resume {run} --epochs 3"), 3, &["does not follow from the number", "--init"]);
    }
    let exact = workspace.json(&format!("{SETTINGS} --epochs 2 --exact"), "lacuna.train/1");
    workspace.fails(&format!("train --resume {} --epochs 3", exact["run"].as_str().unwrap()), 3, &["in shards"]);
}

/// The folder of a run that was killed as soon as it had a checkpoint.
fn killed(workspace: &Workspace) -> PathBuf {
    stopped_after_a_checkpoint(workspace, 400, |child| child.kill().unwrap());
    run_folder(workspace, "train")
}

/// Change a text in the record of a run.
fn edit_record(run: &Path, from: &str, to: &str) {
    let file = run.join("run.json");
    let text = read(&file);
    assert!(text.contains(from), "{from} is not in {text}");
    std::fs::write(&file, text.replacen(from, to, 1)).unwrap();
}

#[test]
fn a_run_goes_on_only_with_the_program_the_instruction_set_and_the_kernels_that_began_it() {
    let workspace = cohort();
    let run = killed(&workspace);
    let record: Value = serde_json::from_str(&read(&run.join("run.json"))).unwrap();
    let resume = format!("train --resume {} --progress none", run.display());
    let begun = |key: &str| record[key].as_str().unwrap().to_string();
    let (device, kernels, version) = (begun("device"), begun("kernels"), begun("lacuna"));
    assert!(device.starts_with("cpu/") && kernels.len() == 64, "{record}");
    if device.ends_with("/avx2") {
        workspace.fails(&format!("--isa portable {resume}"), 3, &[&device, "portable", "fix:", "--isa avx2"]);
    }
    let other = kernels.chars().rev().collect::<String>();
    for (code, from, to, said) in [
        (3, format!("\"{kernels}\""), format!("\"{other}\""), "build of lacuna that began it"),
        (3, format!("\"lacuna\": \"{version}\""), "\"lacuna\": \"0.0.1\"".to_string(), "go on with lacuna 0.0.1"),
        (4, "lacuna.run/1".to_string(), "lacuna.run/9".to_string(), "lacuna.run/9"),
        (3, format!("\"{device}\""), "\"cpu/pdp-11/avx2\"".to_string(), "pdp-11"),
    ] {
        edit_record(&run, &from, &to);
        workspace.fails(&resume, code, &["expected", said, "fix:"]);
        edit_record(&run, &to, &from);
    }
}

#[test]
fn a_folder_in_which_nothing_was_begun_is_told_from_a_run_and_what_killed_writes_left_is_swept() {
    let workspace = cohort();
    let run = killed(&workspace);
    let left = run.join("model.safetensors.1-0-0123456789abcdef.tmp");
    std::fs::write(&left, b"half").unwrap();
    let resume = format!("train --resume {} --progress none", run.display());
    for file in ["config.toml", "run.json"] {
        let (path, aside) = (run.join(file), workspace.path("aside"));
        std::fs::rename(&path, &aside).unwrap();
        workspace.fails(&resume, 3, &["nothing was begun", "fix:", "without --resume"]);
        std::fs::rename(&aside, &path).unwrap();
    }
    let mut child = workspace.spawn(&resume);
    let began = Instant::now();
    while left.exists() {
        assert!(began.elapsed() < Duration::from_secs(60) && child.try_wait().unwrap().is_none(), "it stays");
        std::thread::sleep(Duration::from_millis(5));
    }
    child.kill().unwrap();
    workspace.wait(child);
}

#[test]
fn a_run_folder_has_its_record_status_and_settings_from_the_moment_that_it_is_there() {
    let workspace = cohort();
    // Killed as early as its folder can be seen, a few times over.
    for attempt in 0..8 {
        let mut child = workspace.spawn(&format!("{SETTINGS} --epochs 400 --name attempt-{attempt}"));
        let began = Instant::now();
        let runs = workspace.path("runs/train");
        let name = format!("attempt-{attempt}");
        let find = || {
            let folders = std::fs::read_dir(&runs).into_iter().flatten().filter_map(Result::ok);
            folders.map(|entry| entry.path()).find(|path| {
                let file = path.file_name().unwrap().to_string_lossy().into_owned();
                file.ends_with(&name) && !file.starts_with('.')
            })
        };
        let run = loop {
            match find() {
                Some(run) => break run,
                None => assert!(began.elapsed() < Duration::from_secs(60), "no run folder appears"),
            }
        };
        child.kill().unwrap();
        workspace.wait(child);
        for file in ["run.json", "status.json", "config.toml"] {
            assert!(run.join(file).is_file(), "{file}");
        }
    }
}

#[cfg(unix)]
#[test]
fn an_interrupted_run_keeps_its_epochs_and_says_how_to_go_on() {
    let workspace = cohort();
    let ran = stopped_after_a_checkpoint(&workspace, 200, |child| {
        // Two signals at once, as `timeout` sends them, are one wish to stop.
        for _ in 0..2 {
            let sent = std::process::Command::new("kill").args(["-INT", &child.id().to_string()]).status().unwrap();
            assert!(sent.success());
        }
    });
    assert_eq!(ran.code, 130, "{}", ran.stderr);
    assert!(ran.stderr.contains("of 200 epochs are kept") && ran.stderr.contains("--resume"), "{}", ran.stderr);
    let run = run_folder(&workspace, "train");
    let status: Value = serde_json::from_str(&read(&run.join("status.json"))).unwrap();
    assert_eq!((&status["status"], &status["exit_code"]), (&Value::from("interrupted"), &Value::from(130)));
    let checkpoint = run.join("checkpoint.safetensors");
    let inspected = workspace.json(&format!("inspect {}", checkpoint.display()), "lacuna.inspect/1");
    assert_eq!(inspected["kind"], "checkpoint");
    assert!(inspected["checkpoint"]["epochs_done"].as_u64().unwrap() >= 2);
}

#[test]
fn a_dry_run_says_who_is_trained_on_and_what_it_takes_and_writes_nothing() {
    let workspace = cohort();
    let plan = workspace.json(&format!("{SETTINGS} --epochs 5 --set train.batch_size=2 --dry-run"), "lacuna.train/1");
    assert_eq!(plan["subjects"]["train"], serde_json::json!(["phantom-000", "phantom-001"]));
    assert_eq!(plan["subjects"]["held_out"], serde_json::json!(["phantom-002"]));
    assert_eq!((&plan["epochs"], &plan["steps_per_epoch"]), (&Value::from(5), &Value::from(1)));
    assert_eq!(plan["estimate"]["training_passes"], 10);
    assert!(plan["estimate"]["seconds"].as_f64().unwrap() > 0.0 && plan["estimate"]["gib"].as_f64().unwrap() > 0.0);
    assert_eq!(plan["input"], serde_json::json!([16, 16, 16]));
    assert!(workspace.ok(&format!("{SETTINGS} --dry-run")).contains("nothing was done"));
    assert!(!workspace.path("runs").exists());
    // A batch that no machine holds is refused with a size that fits, before anything is made.
    let huge = "train --data heads --labels tissue --preprocess canonical --size 4096x4096x8 --depth 200 --dry-run";
    let ran = workspace.run(huge);
    assert!(ran.code == 5 && ran.stderr.contains("preprocess.size"), "{}", ran.stderr);
    // And before a scan is read.
    std::fs::write(workspace.path("heads/images/phantom-000.nii.gz"), b"no image").unwrap();
    let ran = workspace.run(huge);
    assert!(ran.code == 5 && ran.stderr.contains("preprocess.size"), "{}", ran.stderr);
    assert_eq!(workspace.run(&format!("{SETTINGS} --dry-run")).code, 4, "with a size that fits the scan is read");
}

#[test]
fn settings_come_from_a_file_and_are_changed_by_set() {
    let workspace = cohort();
    let file = r#"
        seed = 1
        held_out = ["phantom-001"]
        data = { root = "heads", labels = "brain" }
        preprocess = { kind = "canonical", size = [16, 16, 16], crop = "none", foreground = "all-voxels" }
        network = { depth = 10 }
        train = { epochs = 9, schedule = { kind = "cosine" } }
    "#;
    std::fs::write(workspace.path("t.toml"), file).unwrap();
    workspace.ok("train --config t.toml --set train.epochs=1 --set train.optimiser.kind=adamw --set train.optimiser.weight_decay=0");
    let config: toml::Table = read(&run_folder(&workspace, "train").join("config.toml")).parse().unwrap();
    assert_eq!(config["train"]["epochs"].as_integer(), Some(1));
    assert_eq!(config["train"]["optimiser"]["kind"].as_str(), Some("adamw"));
    assert_eq!(config["train"]["schedule"]["kind"].as_str(), Some("cosine"));
}

#[test]
fn what_cannot_be_trained_is_refused_before_any_work() {
    let workspace = cohort();
    workspace.fails(
        &format!("{SETTINGS} --set train.epoch=3"),
        3,
        &["unknown field `epoch`", "did you mean `epochs`?"],
    );
    workspace.fails(&format!("{SETTINGS} --set trian.epochs=3"), 3, &["did you mean `train`?"]);
    workspace.fails(&format!("{SETTINGS} --set train.loss=dise"), 3, &["did you mean"]);
    workspace.fails(&format!("{SETTINGS} --epochs 0"), 3, &["epochs is 0"]);
    workspace.fails(&format!("{SETTINGS} --set network.depth=11"), 3, &["depth 11"]);
    workspace.fails(&format!("{SETTINGS} --held-out phantom-000,phantom-001"), 3, &["needs at least 4 subjects"]);
    workspace.fails("train --data heads --labels tissue --depth 10", 3, &["preprocess.kind", "--preprocess"]);
    workspace.fails("train --data nowhere --labels tissue --depth 10 --preprocess none", 4, &["nowhere"]);
    std::fs::remove_file(workspace.path("heads/labels/phantom-000.nii.gz")).unwrap();
    workspace.fails(SETTINGS, 4, &["phantom-000", "fix:"]);
    assert!(!workspace.path("runs").exists(), "nothing was begun");
}

#[test]
fn training_begins_from_a_backbone_of_the_same_names_and_refuses_another() {
    let workspace = cohort();
    for (file, depth) in [("10.safetensors", 10), ("18.safetensors", 18)] {
        let network = Network::new(Architecture::medicalnet(depth, 1, 2).unwrap(), Seed(9), &Device::flex());
        save_backbone(&workspace.path(file), &network);
    }
    let ran = workspace.run(&format!("{SETTINGS} --epochs 1 --init 10.safetensors"));
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    assert!(ran.stderr.contains("init     ") && ran.stderr.contains("missing"), "{}", ran.stderr);
    let record = read(&run_folder(&workspace, "train").join("run.json"));
    assert!(record.contains("\"init\""), "{record}");
    workspace.fails(
        &format!("{SETTINGS} --epochs 1 --init 18.safetensors"),
        3,
        &["18.safetensors", "the whole encoder", "fix:"],
    );
}

/// What MedicalNet publishes: no head, names as PyTorch's DataParallel leaves them.
fn save_backbone(path: &Path, network: &Network) {
    let encoder = network.parameters.iter().filter(|(name, _)| !Network::is_head(name));
    let arrays: Vec<(String, Vec<usize>, Vec<u8>)> = encoder
        .map(|(name, parameter)| {
            let bytes = parameter.to_vec().iter().flat_map(|value| value.to_le_bytes()).collect();
            (format!("module.{name}"), parameter.shape.clone(), bytes)
        })
        .collect();
    let views =
        arrays.iter().map(|(name, shape, bytes)| (name, TensorView::new(Dtype::F32, shape.clone(), bytes).unwrap()));
    std::fs::write(path, safetensors::serialize(views, None).unwrap()).unwrap();
}
