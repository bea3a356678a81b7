//! nnU-Net's plain U-Net through the command: its checkpoints, and networks trained from its plans.

use crate::support::Workspace;
use serde_json::json;
use std::path::{Path, PathBuf};

/// A file that nnU-Net would leave, of one channel and two classes or of two and three.
fn fixture(case: &str, file: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../nn/fixtures/nnunet").join(case).join(file)
}

/// A fresh folder with a checkpoint and its plans.
fn with_checkpoint(case: &str) -> Workspace {
    let workspace = Workspace::new();
    std::fs::copy(fixture(case, "fold_0/checkpoint_final.pth"), workspace.path("checkpoint_final.pth")).unwrap();
    std::fs::copy(fixture(case, "plans.json"), workspace.path("plans.json")).unwrap();
    workspace
}

#[test]
fn a_checkpoint_becomes_a_model_that_says_everything_itself() {
    let workspace = with_checkpoint("anisotropic");
    let schema = "lacuna.convert/1";
    let found = workspace.json("convert checkpoint_final.pth", schema);
    let planned = workspace.json("convert checkpoint_final.pth --plans plans.json --out model.safetensors", schema);
    let again = workspace.json("convert model.safetensors --out back.pth", schema);
    assert_eq!((&planned["channels"], &planned["classes"]), (&json!(2), &json!(3)));
    assert_eq!((&planned["missing"], &planned["unexpected"]), (&json!([]), &json!([])));
    assert_eq!(planned["notes"]["trainer_name"], "nnUNetTrainer");
    assert_eq!(planned["forward"]["output_shape"], json!([1, 3, 32, 32, 32]), "logits lie on the input's grid");
    for other in [&found, &again, &workspace.json("convert back.pth", schema)] {
        assert_eq!(other["forward"]["digest"], planned["forward"]["digest"]);
    }
    let model = workspace.json("inspect model.safetensors", "lacuna.inspect/1");
    assert_eq!(model["architecture"]["features_per_stage"], json!([4, 6, 8, 8]));
    assert_eq!(model["metadata"]["loss"], "nnunet");
}

#[test]
fn plans_that_are_not_the_checkpoints_and_other_networks_are_refused() {
    let workspace = with_checkpoint("anisotropic");
    std::fs::copy(fixture("isotropic", "plans.json"), workspace.path("other.json")).unwrap();
    let converts = |more: &str| format!("convert checkpoint_final.pth {more}");
    workspace.fails(&converts("--plans other.json"), 3, &["other.json", "3d_fullres", "checkpoint_final.pth", "fix:"]);
    workspace.fails(&converts("--plans plans.json --configuration 2d"), 3, &["`2d`", "`3d_fullres`"]);
    workspace.fails(&converts("--plans nowhere.json"), 4, &["nowhere.json"]);
    workspace.fails(&converts("--plans plans.json --depth 10"), 2, &["--depth"]);
    let text = std::fs::read_to_string(workspace.path("plans.json")).unwrap();
    std::fs::write(workspace.path("residual.json"), text.replace("PlainConvUNet", "ResidualEncoderUNet")).unwrap();
    workspace.fails(
        &converts("--plans residual.json"),
        3,
        &["residual.json", "network_class_name", "ResidualEncoderUNet"],
    );
}

const TRAIN: &str = "train --data heads --labels tissue --preprocess canonical --size 16x16x16 --plans plans.json \
                     --held-out phantom-002 --epochs 2 --set train.loss=nnunet --set train.head_multiplier=1 \
                     --progress none";

#[test]
fn a_network_is_trained_unlearned_scored_and_used_on_any_number_of_threads() {
    let workspace = with_checkpoint("isotropic");
    workspace.heads("heads", "");
    let one = workspace.json(&format!("{TRAIN} --threads 1"), "lacuna.train/1");
    let two = workspace.json(&format!("{TRAIN} --threads 2"), "lacuna.train/1");
    assert_eq!(one["digest"], two["digest"]);
    let model = one["model"].as_str().unwrap();
    // The loss comes from the model, and features are those of every stage.
    for strategy in ["noisy-label", "fix-decoder"] {
        let words = format!(
            "unlearn --model {model} --data heads --held-out phantom-002 --forget phantom-001 --strategy {strategy} \
             --epochs 1 --progress none"
        );
        let [one, two] =
            [1, 2].map(|threads| workspace.json(&format!("{words} --threads {threads}"), "lacuna.unlearn/1"));
        assert_eq!(one["digest"], two["digest"], "{strategy}");
        assert_ne!(one["digest"], one["parent"], "{strategy}");
    }
    workspace.json(&format!("eval --model {model} --data heads --progress none"), "lacuna.eval/1");
    let said = workspace.json(
        &format!("predict heads/images/phantom-000.nii.gz --model {model} --out out --progress none"),
        "lacuna.predict/1",
    );
    assert_eq!(said["predictions"][0]["output_shape"], json!([4, 16, 16, 16]));
}

#[test]
fn a_checkpoint_is_used_and_unlearned_as_it_is_with_its_plans() {
    let workspace = with_checkpoint("isotropic");
    workspace.heads("heads", "");
    let foreign = "--model checkpoint_final.pth --plans plans.json --preprocess canonical --size 16x16x16";
    let image = "heads/images/phantom-000.nii.gz";
    workspace.json(&format!("predict {image} {foreign} --out out --progress none"), "lacuna.predict/1");
    let unlearnt = workspace.json(
        &format!(
            "unlearn {foreign} --data heads --labels brain --forget phantom-001 --strategy atlas-matching --epochs 1 \
             --progress none"
        ),
        "lacuna.unlearn/1",
    );
    assert_ne!(unlearnt["digest"], unlearnt["parent"]);
    let settings =
        std::fs::read_to_string(workspace.path(unlearnt["run"].as_str().unwrap()).join("config.toml")).unwrap();
    assert!(settings.contains("loss = \"nnunet\""), "{settings}");
    // Training may begin from it too.
    let init = workspace.json(
        &format!("{TRAIN} --labels brain --init checkpoint_final.pth --epochs 1")
            .replace("--labels tissue", "")
            .replace("--epochs 2", ""),
        "lacuna.train/1",
    );
    assert_eq!(init["network"].as_str().unwrap().split('-').next(), Some("plainunet"));
}

#[test]
fn plans_that_turn_the_axes_are_noted_by_every_verb_that_reads_them() {
    let workspace = with_checkpoint("isotropic");
    workspace.heads("heads", "");
    let text = std::fs::read_to_string(workspace.path("plans.json")).unwrap();
    let mut plans: serde_json::Value = serde_json::from_str(&text).unwrap();
    let foreign =
        "--model checkpoint_final.pth --plans plans.json --preprocess canonical --size 16x16x16 --progress none";
    let study = "name = \"s\"\n[data]\nroot = \"heads\"\nlabels = \"brain\"\n[preprocess]\nkind = \"canonical\"\n\
                 size = [16, 16, 16]\ncrop = \"none\"\nforeground = \"above-zero\"\n[network]\nplans = \"plans.json\"\n\
                 [train]\nepochs = 1\n[split]\nheld_out = 1\n[unlearn]\nepochs = [1]\nstrategies = [\"noisy-label\"]\n";
    std::fs::write(workspace.path("s.toml"), study).unwrap();
    let verbs = [
        "convert checkpoint_final.pth --plans plans.json".to_string(),
        format!("predict heads/images/phantom-000.nii.gz {foreign} --logits l.safetensors"),
        format!("eval {foreign} --data heads --labels brain"),
        format!("unlearn {foreign} --data heads --labels brain --forget phantom-001 --strategy noisy-label --dry-run"),
        format!("{TRAIN} --dry-run"),
        "study s.toml --dry-run --progress none".to_string(),
    ];
    for (axes, notes) in [([0, 1, 2], 0), ([2, 0, 1], 1)] {
        plans["transpose_forward"] = json!(axes);
        std::fs::write(workspace.path("plans.json"), plans.to_string()).unwrap();
        for verb in &verbs {
            let ran = workspace.run(verb);
            let seen = ran.stderr.matches("transpose_forward [2, 0, 1]").count();
            assert!(ran.code == 0 && seen == notes, "{verb}: {} {}", ran.code, ran.stderr);
        }
    }
}

/// Three seeds of a U-Net of three stages.
const AUDIT: &str = r#"
name = "unet"
seeds = [0, 1, 2]
data = { root = "heads", labels = "tissue" }
preprocess = { kind = "canonical", size = [16, 16, 16], crop = "none", foreground = "above-zero" }
split = { held_out_subjects = ["phantom-002"], forget = { only = ["phantom-001"] } }

[network.unet]
features_per_stage = [4, 8, 8]
kernel_sizes = [[3, 3, 3], [3, 3, 3], [3, 3, 3]]
strides = [[1, 1, 1], [2, 2, 2], [2, 2, 2]]
n_conv_per_stage = [1, 1, 1]
n_conv_per_stage_decoder = [1, 1]

[train]
epochs = 20
learning_rate = 2e-2
loss = "nnunet"
head_multiplier = 1.0

[unlearn]
epochs = [1]
strategies = ["noisy-label"]

[probe]
rebound = { epochs = 1, learning_rate = 5e-3 }
"#;

#[test]
fn a_unet_is_audited_from_training_to_verdict() {
    let workspace = Workspace::new();
    workspace.heads("heads", "");
    std::fs::write(workspace.path("audit.toml"), AUDIT).unwrap();
    let ran = workspace.run("audit audit.toml --progress none --json");
    // Three half-trained seeds may well make the audit void, which ends with 6: that is an answer too.
    assert!([0, 6].contains(&ran.code), "{}", ran.stderr);
    let audit: serde_json::Value = serde_json::from_str(&ran.stdout).unwrap();
    let row = &audit["results"][0];
    assert_eq!((&row["strategy"], &row["statistics"]["models"]), (&json!("noisy-label"), &json!(3)));
    assert_eq!(row["verdict"].is_null(), audit["void"].as_bool().unwrap());
    for figure in ["memory", "primary"] {
        assert!(row["statistics"][figure].is_object(), "{figure}: {row}");
    }
    let named = |key: &str, of: &serde_json::Value| -> Vec<String> {
        of.as_array().unwrap().iter().map(|one| one[key].as_str().unwrap().to_string()).collect()
    };
    // A decoder drawn anew, and features of each stage, are questions to the family.
    assert!(named("name", &audit["controls"]).contains(&"destroyed decoder".to_string()), "{audit}");
    let kinds = named("kind", &row["distances"]);
    for kind in ["outputs", "features of layer4", "features of layer3", "features of layer2", "weights"] {
        assert!(kinds.iter().any(|found| found == kind), "{kind}: {kinds:?}");
    }
    assert_eq!(row["statistics"]["probes"].as_array().unwrap().len(), 1, "{row}");
}
