//! Exit codes and words of errors.

use crate::support::Workspace;
use serde_json::Value;

#[test]
fn usage_is_2() {
    let workspace = Workspace::new();
    workspace.fails("fantom", 2, &["fantom", "phantom"]);
    workspace.fails("phantom", 2, &["--out"]);
    workspace.fails("phantom --out x --dims 4x4", 2, &["64x72x48"]);
    workspace.fails("predict a.nii --model m.safetensors", 2, &["--out"]);
    workspace.fails("predict a.nii --model m.safetensors --out o --size 4x4x4", 2, &["--size"]);
}

#[test]
fn a_request_that_cannot_be_met_is_3() {
    let workspace = Workspace::new();
    workspace.fails("phantom --out x --subjects 0", 3, &["subjects"]);
    workspace.fails("phantom --out x --memorable 9=0.5", 3, &["memorable"]);
    workspace.fails("phantom --out x --layout plane", 3, &["plain, list, msd, nnunet, bids, mrbrains"]);
    workspace.heads("heads", "");
    workspace.fails("phantom --out heads", 3, &["heads", "fix:"]);
    workspace.fails("data check heads --labels brian", 3, &["brain, tissue"]);
    workspace.fails("data split heads --held-out 3 --seed 0", 3, &["needs at least 4 subjects", "has 3"]);
    workspace.fails("data split heads --held-out 1 --forget sub-9 --seed 0", 3, &["sub-9"]);
    workspace.fails("data show heads --scan sub-9", 3, &["phantom-000", "sub-9"]);
    workspace.fails("inspect heads", 3, &["lacuna data check"]);
}

#[test]
fn broken_data_are_4_and_name_file_field_expected_found_and_fix() {
    let workspace = Workspace::new();
    workspace.fails("data check nowhere", 4, &["nowhere"]);
    workspace.fails("inspect nowhere.nii", 4, &["nowhere.nii"]);
    std::fs::write(workspace.path("text.nii"), b"not an image, but long enough to hold a header".repeat(20)).unwrap();
    workspace.fails("inspect text.nii", 4, &["text.nii", "expected", "fix:"]);
    std::fs::write(workspace.path("broken.safetensors"), [0xff; 64]).unwrap();
    workspace.fails("inspect broken.safetensors", 4, &["broken.safetensors"]);
}

#[test]
fn what_is_not_there_or_not_what_it_should_be_is_told_with_its_fix() {
    let workspace = Workspace::new();
    workspace.heads("heads", "");
    let settings = "train --data heads --labels tissue --preprocess canonical --depth 10 --size";
    for (words, code, said) in [
        ("study none.toml", 4, "none.toml"),
        ("study heads", 4, "name a file, not a folder"),
        ("train --config none.toml", 4, "check the path"),
        ("eval --model none.safetensors --data heads", 4, "check the path"),
        ("eval --model heads/images/phantom-000.nii.gz --data heads", 4, "found:    a gzip file"),
        ("predict none.nii --model none.safetensors --out o", 4, "none.safetensors"),
        ("train --resume heads", 3, "expected: a run folder"),
        // The name is looked at before the model is.
        (
            "unlearn --model none.safetensors --data heads --forget a --strategy noisylabel",
            3,
            "did you mean `noisy-label`",
        ),
        (&format!("{settings} 8x8x8"), 3, "expected: more than 8 voxels"),
    ] {
        workspace.fails(words, code, &[said, "fix:"]);
    }
    std::fs::write(workspace.path("recipe.toml"), "retain_wieght = 1").unwrap();
    workspace.ok(&format!("{settings} 16x16x16 --epochs 1 --name m"));
    let model = std::fs::read_dir(workspace.path("runs/train")).unwrap().next().unwrap().unwrap().path();
    let model = format!("--model {}", model.join("model.safetensors").display());
    let unlearn = format!("unlearn {model} --data heads --forget phantom-000");
    workspace.fails(
        &format!("{unlearn} --recipe recipe.toml"),
        3,
        &["recipe.toml: unknown field", "did you mean `retain_weight`?"],
    );
    std::fs::write(workspace.path("recipe.toml"), "retain_weight = 1").unwrap();
    workspace.fails(&format!("{unlearn} --recipe recipe.toml"), 3, &["recipe.toml", "switch on one of fix_decoder"]);
    workspace.fails(&unlearn, 3, &["--strategy", "expected: a strategy", "fix:"]);
    workspace.fails(
        &format!("predict heads/images/phantom-000.nii.gz {model} --depth 10 --classes 3 --preprocess none --out o"),
        3,
        &[
            "expected: the tensors of resnet10",
            "conv_seg.6.weight",
            "fix:      give the file's own number of classes: `conv_seg.6.weight` has 4",
        ],
    );
}

#[test]
fn a_lying_header_is_refused_before_memory_is_asked_for() {
    let workspace = Workspace::new();
    workspace.heads("heads", "");
    let small = std::fs::metadata(workspace.path("heads/images/phantom-000.nii.gz")).unwrap().len();
    assert!(small < 1 << 20);
    // The same header over a file that ends early, with dimensions that nothing here can hold.
    let mut bytes = vec![0u8; 352];
    bytes[0..4].copy_from_slice(&348i32.to_le_bytes());
    let dims: [i16; 8] = [3, 30000, 30000, 30000, 1, 1, 1, 1];
    for (n, dim) in dims.iter().enumerate() {
        bytes[40 + 2 * n..42 + 2 * n].copy_from_slice(&dim.to_le_bytes());
    }
    bytes[70..72].copy_from_slice(&16i16.to_le_bytes());
    bytes[72..74].copy_from_slice(&32i16.to_le_bytes());
    bytes[108..112].copy_from_slice(&352f32.to_le_bytes());
    bytes[344..348].copy_from_slice(b"n+1\0");
    std::fs::write(workspace.path("bomb.nii"), bytes).unwrap();
    workspace.fails("inspect bomb.nii", 4, &["bomb.nii", "dim", "30000", "fix:"]);
}

#[test]
fn a_device_that_is_not_there_is_5() {
    let workspace = Workspace::new();
    for (device, built) in
        [("vulkan", cfg!(feature = "vulkan")), ("cuda", cfg!(feature = "cuda")), ("metal", cfg!(feature = "metal"))]
    {
        if !built {
            workspace.fails(&format!("doctor --device {device}"), 5, &["CPU", "fix:", &format!("--features {device}")]);
        }
    }
    workspace.fails("doctor --device tpu", 2, &["vulkan, cuda, metal"]);
}

#[cfg(feature = "vulkan")]
#[test]
fn a_vulkan_device_without_a_driver_is_5_and_no_fault_of_ours() {
    let output = std::process::Command::new(env!("CARGO_BIN_EXE_lacuna"))
        .args(["doctor", "--device", "vulkan"])
        // The loader then finds no driver, by its new name for the variable and by its old one.
        .envs([("VK_DRIVER_FILES", "none.json"), ("VK_ICD_FILENAMES", "none.json")])
        .output()
        .unwrap();
    let said = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(5), "{said}");
    assert!(said.contains("no adapter found") && said.contains("fix:"), "{said}");
    assert!(!said.contains("internal error"), "{said}");
}

#[test]
fn errors_are_json_too() {
    let workspace = Workspace::new();
    for (words, code) in [("data check nowhere --json", 4), ("doctor --threads 0 --json", 2), ("nothing --json", 2)] {
        let ran = workspace.run(words);
        let error: Value = serde_json::from_str(&ran.stdout).unwrap();
        assert_eq!((ran.code, &error["exit_code"]), (code, &Value::from(code)), "{words}");
        assert_eq!(error["schema"], "lacuna.error/1");
        assert!(!ran.stderr.is_empty());
    }
}

#[test]
fn a_reader_that_goes_away_is_no_error() {
    use std::process::{Command, Stdio};
    let mut child = Command::new(env!("CARGO_BIN_EXE_lacuna"))
        .args(["completions", "zsh"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    drop(child.stdout.take());
    let output = child.wait_with_output().unwrap();
    assert_eq!((output.status.code(), output.stderr.len()), (Some(0), 0));
}

#[test]
fn more_threads_than_any_machine_has_cores_are_refused_before_one_is_started() {
    for threads in ["0", "1025", "100000"] {
        Workspace::new().fails(&format!("doctor --threads {threads}"), 2, &["from 1 to 1024", threads]);
    }
}

/// Run through a shell that limits the size of files.
#[cfg(unix)]
fn within(workspace: &Workspace, blocks: u64, words: &str) -> (i32, String) {
    let line = format!("ulimit -f {blocks}; exec \"$0\" {words}");
    let mut shell = std::process::Command::new("bash");
    shell.current_dir(workspace.path("")).args(["-c", &line, env!("CARGO_BIN_EXE_lacuna")]).env_remove("LACUNA_RUNS");
    let output = shell.output().unwrap();
    (output.status.code().unwrap_or(-1), String::from_utf8_lossy(&output.stderr).into_owned())
}

#[cfg(unix)]
#[test]
fn a_limit_of_file_sizes_is_told_and_the_same_command_works_without_it() {
    let workspace = Workspace::new();
    workspace.heads("heads", "");
    let words = "data export heads --to plain --labels tissue --out copy --progress none";
    let (code, said) = within(&workspace, 2, words);
    assert_eq!(code, 75, "{said}");
    assert!(said.contains("ulimit -f") && said.contains("fix:"), "{said}");
    assert!(!workspace.path("copy/images/phantom-000.nii.gz").exists());
    workspace.ok(words);
    workspace.ok(&words.replace("copy", "undisturbed"));
    for file in ["images/phantom-001.nii.gz", "labels/phantom-001.nii.gz", "subjects.tsv"] {
        let bytes = |folder: &str| std::fs::read(workspace.path(folder).join(file)).unwrap();
        assert!(bytes("copy") == bytes("undisturbed"), "{file}");
    }
}
