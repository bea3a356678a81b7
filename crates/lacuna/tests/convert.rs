//! Weights that change their file and nothing else.

use crate::ledger_disk::{Mounted, skipped};
use crate::support::Workspace;
use lacuna_nn::{Architecture, Device, Network, Part, arrays, write_model};
use lacuna_seed::Seed;
use lacuna_weights::{Array, Wrapping, write_pth};
use serde_json::{Value, json};
use std::collections::BTreeMap;

const SCHEMA: &str = "lacuna.convert/1";

/// A folder with `w.safetensors`, a small network's.
fn with_model() -> (Workspace, Network) {
    let workspace = Workspace::new();
    let network = Network::new(Architecture::medicalnet(10, 1, 3).unwrap(), Seed(1), &Device::flex());
    let notes = BTreeMap::from([("labels".to_string(), r#"["background","csf","tissue"]"#.to_string())]);
    write_model(&workspace.path("w.safetensors"), &network, &notes).unwrap();
    (workspace, network)
}

fn count(record: &Value, kind: &str) -> usize {
    record[kind].as_array().unwrap().len()
}

#[test]
fn a_model_goes_to_pytorch_and_back_without_a_change() {
    let (workspace, network) = with_model();
    let to = workspace.json("convert w.safetensors --out w.pth", SCHEMA);
    let back = workspace.json("convert w.pth --out back.safetensors", SCHEMA);
    let again = workspace.json("convert back.safetensors --out again.pth", SCHEMA);
    assert_eq!((to["depth"].as_u64(), to["classes"].as_u64(), &to["shortcut"]), (Some(10), Some(3), &json!("B")));
    assert_eq!(to["forward"]["digest"], back["forward"]["digest"]);
    assert_eq!(back["forward"]["output_shape"], json!([1, 3, 8, 8, 8]));
    assert_eq!(count(&back, "matched"), network.parameters.len());
    assert_eq!(again["format"], "safetensors");
    let bytes = |name: &str| std::fs::read(workspace.path(name)).unwrap();
    assert_eq!(bytes("w.pth"), bytes("again.pth"));
    let model = workspace.json("inspect back.safetensors", "lacuna.inspect/1");
    assert_eq!(model["digest"], network.digest());
}

#[test]
fn what_a_model_says_beside_its_weights_stays_with_it() {
    let (workspace, _) = with_model();
    workspace.ok("convert w.safetensors --out copy.safetensors");
    let copy = workspace.json("inspect copy.safetensors", "lacuna.inspect/1");
    assert_eq!(copy["metadata"]["labels"], json!(["background", "csf", "tissue"]));
    assert_eq!(copy["metadata"]["parent"].as_str().unwrap().len(), 64);
}

#[test]
fn a_backbone_goes_to_monai_and_comes_back_with_its_classifier_told() {
    let (workspace, network) = with_model();
    let to = workspace.json("convert w.safetensors --out monai.pth --names monai", SCHEMA);
    assert_eq!(to["forward"]["output"], "features");
    // What MONAI would save after training: its classifier, and a bias of each shortcut's convolution.
    let mut tensors = arrays(&network, Part::Encoder);
    tensors.insert("fc.bias".to_string(), Array::of_f32(vec![2], &[0.0; 2]));
    tensors.insert("layer2.0.downsample.0.bias".to_string(), Array::of_f32(vec![128], &[0.0; 128]));
    write_pth(&workspace.path("trained.pth"), &tensors, &Wrapping::None).unwrap();
    for (file, unexpected, folded) in [
        ("monai.pth", json!([]), json!([])),
        ("trained.pth", json!(["fc.bias"]), json!(["layer2.0.downsample.0.bias"])),
    ] {
        let back = workspace.json(&format!("convert {file}"), SCHEMA);
        assert_eq!(back["forward"]["digest"], to["forward"]["digest"], "{file}");
        assert_eq!((&back["unexpected"], &back["folded"], &back["classes"]), (&unexpected, &folded, &Value::Null));
    }
}

#[test]
fn weights_of_pytorch_begin_a_training() {
    let (workspace, _) = with_model();
    workspace.heads("heads", "");
    workspace.ok("convert w.safetensors --out backbone.pth --names data-parallel --backbone");
    let ran = workspace.run(
        "train --data heads --labels tissue --preprocess canonical --size 16x16x16 --depth 10 --epochs 1 \
         --init backbone.pth --progress none",
    );
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    assert!(ran.stderr.contains("init     ") && ran.stderr.contains("`conv_seg."), "{}", ran.stderr);
}

#[test]
fn the_fixed_input_and_its_output_can_be_had_as_a_file() {
    let (workspace, _) = with_model();
    let record = workspace.json("convert w.safetensors --forward pass.safetensors", SCHEMA);
    let pass = workspace.json("inspect pass.safetensors", "lacuna.inspect/1");
    assert_eq!(pass["tensors"][0], json!({ "name": "input", "dtype": "f32", "shape": [1, 1, 32, 32, 32] }));
    assert_eq!(pass["tensors"][1]["shape"], record["forward"]["output_shape"]);
    assert_eq!(record["out"], Value::Null);
}

#[test]
fn another_network_is_refused_with_what_is_known_and_its_own_first_tensors() {
    let (workspace, network) = with_model();
    let fixtures = concat!(env!("CARGO_MANIFEST_DIR"), "/../weights/fixtures");
    for words in ["convert", "convert --depth 10"] {
        let words = format!("{words} {fixtures}/checkpoint.pth --out out.safetensors");
        workspace.fails(
            &words,
            4,
            &["ResNet-10, 18, 34, 50, 101, 152 or 200", "`module.0.weight` [2, 1, 3, 3, 3]", "fix:"],
        );
    }
    workspace.fails(
        "convert w.safetensors --depth 18 --out out.safetensors",
        3,
        &["resnet18A", "missing 40: layer1.1.bn1.bias", "unexpected 15: layer2.0.downsample.0.weight"],
    );
    let mut half = arrays(&network, Part::Whole);
    half.remove("conv_seg.0.weight");
    write_pth(&workspace.path("half.pth"), &half, &Wrapping::None).unwrap();
    workspace.fails("convert half.pth --out out.safetensors", 3, &["missing 1: conv_seg.0.weight"]);
    assert!(!workspace.path("out.safetensors").exists());
}

#[test]
fn a_hostile_or_broken_file_is_refused_and_a_name_without_format_too() {
    let (workspace, _) = with_model();
    let fixtures = concat!(env!("CARGO_MANIFEST_DIR"), "/../weights/fixtures");
    workspace.fails(&format!("convert {fixtures}/hostile.pth"), 4, &["`weight` [2]", "fix:"]);
    workspace.fails(&format!("convert {fixtures}/refused-module.pth"), 4, &["Sequential", "state_dict"]);
    let hostile = workspace.json(&format!("inspect {fixtures}/hostile.pth"), "lacuna.inspect/1");
    assert!(hostile["skipped"]["owned"].as_str().unwrap().contains("system"), "{hostile}");
    assert!(!workspace.path("executed-by-a-pickle").exists());
    workspace.fails("convert w.safetensors --out w.bin", 2, &[".safetensors, .pth or .onnx", "fix:"]);
    for file in ["w.safetensors", "w.onnx"] {
        workspace.fails(&format!("convert w.safetensors --out {file} --names monai"), 2, &["--names", "fix:"]);
    }
}

#[test]
fn of_a_checkpoint_with_an_average_it_is_printed_which_was_taken() {
    let (workspace, _) = with_model();
    let fixtures = concat!(env!("CARGO_MANIFEST_DIR"), "/../weights/fixtures");
    let record = workspace.json(&format!("inspect {fixtures}/average.pth"), "lacuna.inspect/1");
    assert_eq!((&record["state_dict"], &record["other_state_dicts"]), (&json!("model"), &json!(["model_ema"])));
    let text = workspace.ok(&format!("inspect {fixtures}/average.pth"));
    assert!(text.contains("model; not taken: model_ema (choose with --state-dict)"), "{text}");
    workspace.fails(&format!("convert {fixtures}/average.pth --state-dict ema"), 4, &["`ema`", "`model`, `model_ema`"]);
    // The key is taken; what lies under it is no network.
    workspace.fails(&format!("convert {fixtures}/average.pth --state-dict model_ema"), 4, &["`plain` [3]"]);
    let whole = workspace.json("convert w.safetensors", SCHEMA);
    assert_eq!((&whole["state_dict"], &whole["other_state_dicts"]), (&Value::Null, &json!([])));
    for (file, words) in
        [("unread-all.pth", "4 tensors of kinds"), ("deflated.pth", "deflated"), ("regions.pth", "regions")]
    {
        workspace.fails(&format!("convert {fixtures}/{file}"), 4, &[words, "fix:"]);
    }
}

#[test]
fn after_a_full_disk_the_same_command_works() {
    let (workspace, _) = with_model();
    for out in ["w2.safetensors", "w2.pth", "w2.onnx"] {
        // No room for anything, for the register alone, and for half of the 57 MB.
        for kilobytes in [4, 64, 30_000] {
            let Some(disk) = Mounted::new(&workspace.path("disk"), kilobytes) else {
                return skipped("no file system can be mounted here");
            };
            let words = format!("convert w.safetensors --out disk/{out} --forward disk/pass.safetensors");
            let ran = workspace.run(&words);
            assert!(
                ran.code == 75 && ran.stderr.contains("fix: "),
                "{out} {kilobytes} kB: {} {}",
                ran.code,
                ran.stderr
            );
            assert!(!workspace.path("disk").join(out).exists(), "nothing half written under its own name");
            disk.remount("size=200m");
            workspace.ok(&words);
            assert!(workspace.path("disk").join(out).metadata().unwrap().len() > 50 << 20);
        }
    }
}

#[test]
fn a_graph_is_written_of_medicalnet_and_refused_of_others() {
    let (workspace, _) = with_model();
    workspace.ok("convert w.safetensors --out w.onnx");
    workspace.ok("convert w.safetensors --out encoder.onnx --backbone");
    let size = |name: &str| std::fs::metadata(workspace.path(name)).unwrap().len();
    // The weights once, and little else.
    let weights = size("w.safetensors");
    assert!((weights * 99 / 100..weights * 101 / 100).contains(&size("w.onnx")), "{} of {weights}", size("w.onnx"));
    assert!(size("encoder.onnx") < size("w.onnx"));
    let unet = concat!(env!("CARGO_MANIFEST_DIR"), "/../nn/fixtures/nnunet/isotropic/fold_0/checkpoint_final.pth");
    workspace.fails(&format!("convert {unet} --out u.onnx"), 3, &["u.onnx", "MedicalNet", "plainunet", "fix:"]);
    assert!(!workspace.path("u.onnx").exists());
}
