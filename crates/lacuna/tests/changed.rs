//! A model whose bytes are no longer those that its run folder speaks of, asked for by every verb that reads models.

use crate::support::Workspace;
use std::path::Path;

/// The smallest U-Net that can be trained, on heads of 16 x 18 x 12 voxels.
const SETTINGS: &str = r#"
[data]
root = "heads"
labels = "tissue"
[preprocess]
kind = "canonical"
size = [16, 8, 8]
crop = "none"
foreground = "above-zero"
[network.unet]
features_per_stage = [4, 8]
kernel_sizes = [[3, 3, 3], [3, 3, 3]]
strides = [[1, 1, 1], [2, 2, 2]]
n_conv_per_stage = [1, 1]
n_conv_per_stage_decoder = [1]
[train]
epochs = 2
learning_rate = 1e-2
head_multiplier = 1.0
checkpoint_epochs = 1
"#;

/// Four heads, and the settings of a training of a second.
pub fn small(epochs: usize) -> Workspace {
    let workspace = Workspace::new();
    workspace.ok("phantom --out heads --subjects 4 --dims 16x18x12 --progress none");
    let settings = SETTINGS.replace("epochs = 2", &format!("epochs = {epochs}"));
    std::fs::write(workspace.path("t.toml"), settings).unwrap();
    workspace
}

/// Train by those settings; the path of `key` in the record, `run` or `model`.
pub fn trained(workspace: &Workspace, more: &str, key: &str) -> String {
    let words = format!("train --config t.toml --held-out phantom-003 --progress none --quiet {more}");
    workspace.json(&words, "lacuna.train/1")[key].as_str().unwrap().to_string()
}

fn flip_a_bit(path: &Path, from_the_end: usize) {
    let mut bytes = std::fs::read(path).unwrap();
    let at = bytes.len() - from_the_end;
    bytes[at] ^= 1;
    std::fs::write(path, bytes).unwrap();
}

/// Every verb that reads the weights of a model, by the words after which the model's path stands.
fn readers(out: &str) -> [(&'static str, String); 7] {
    let image = "heads/images/phantom-000.nii.gz";
    [
        ("predict", format!("predict {image} --out {out} --model")),
        ("eval", "eval --data heads --progress none --model".to_string()),
        ("unlearn", "unlearn --data heads --forget phantom-001 --strategy noisy-label --epochs 1 --model".to_string()),
        ("convert", format!("convert --out {out}.pth")),
        ("audit", "audit audit.toml --progress none --model".to_string()),
        ("train", "train --config t.toml --progress none --init".to_string()),
        ("train --exact", "train --config t.toml --progress none --exact --init".to_string()),
    ]
}

fn audit_file(workspace: &Workspace) {
    let study = SETTINGS.replace("epochs = 2", "epochs = 1").replace("checkpoint_epochs = 1\n", "");
    let more = "[split]\nheld_out_subjects = [\"phantom-003\"]\nforget = { only = [\"phantom-001\"] }\n\
                [unlearn]\nepochs = [1]\nstrategies = [\"noisy-label\"]\n";
    std::fs::write(workspace.path("audit.toml"), format!("name = \"a\"\nseeds = [0, 1]\n{study}{more}")).unwrap();
}

#[test]
fn a_model_of_which_a_byte_is_another_is_refused_by_every_verb_that_reads_one_and_alone_it_is_not() {
    let workspace = small(2);
    audit_file(&workspace);
    let model = trained(&workspace, "", "model");
    let whole = std::fs::read(workspace.path(&model)).unwrap();
    for (verb, words) in readers("before") {
        let ran = workspace.run(&format!("{words} {model}"));
        assert!([0, 6].contains(&ran.code), "{verb} takes the model as it is: {}", ran.stderr);
    }
    // Where only one of the two that speak of the model is left, that one is heard.
    let run = workspace.path(&model).parent().unwrap().to_path_buf();
    let [lineage, manifest] = ["lineage.json", "MANIFEST"].map(|name| run.join(name));
    for gone in [None, Some(&lineage), Some(&manifest)] {
        let kept = gone.map(|path| std::fs::read(path).unwrap());
        gone.iter().for_each(|path| std::fs::remove_file(path).unwrap());
        flip_a_bit(&workspace.path(&model), 5);
        for (verb, words) in readers("after") {
            let ran = workspace.run(&format!("{words} {model}"));
            let said = ran.stderr.contains("was changed") && ran.stderr.contains("fix:");
            assert!(ran.code == 4 && said, "{verb}, {gone:?} gone: {} {}", ran.code, ran.stderr);
        }
        let made = std::fs::read_dir(workspace.path("after")).into_iter().flatten().count();
        assert!(made == 0 && !workspace.path("after.pth").exists(), "nothing was made of it");
        std::fs::copy(workspace.path(&model), workspace.path("alone.safetensors")).unwrap();
        workspace.ok("predict heads/images/phantom-000.nii.gz --out alone --model alone.safetensors");
        std::fs::remove_dir_all(workspace.path("alone")).unwrap();
        std::fs::write(workspace.path(&model), &whole).unwrap();
        gone.iter().zip(kept).for_each(|(path, bytes)| std::fs::write(path, bytes).unwrap());
    }
}

#[test]
fn what_a_model_says_beside_its_weights_is_looked_after_as_they_are() {
    let workspace = small(1);
    let model = trained(&workspace, "", "model");
    let mut bytes = std::fs::read(workspace.path(&model)).unwrap();
    let word = b"grey matter";
    let at = bytes.windows(word.len()).position(|window| window == word).unwrap();
    bytes[at] = b'G';
    std::fs::write(workspace.path(&model), bytes).unwrap();
    workspace.fails(&format!("eval --data heads --model {model}"), 4, &["was changed", "MANIFEST", "fix:"]);
}

#[test]
fn an_exact_model_is_refused_as_a_folder_and_as_the_file_of_a_shard() {
    let workspace = small(2);
    for shards in [1, 2] {
        let run = trained(&workspace, &format!("--exact --shards {shards} --slices 1"), "run");
        let shard = format!("{run}/shard-1/model.safetensors");
        let predict = |model: &str, out: &str| {
            format!("predict heads/images/phantom-000.nii.gz --out {out}-{shards} --model {model} --quiet")
        };
        workspace.ok(&predict(&run, "folder"));
        workspace.ok(&predict(&shard, "file"));
        flip_a_bit(&workspace.path(&shard), 5);
        std::fs::remove_file(workspace.path(&run).join("MANIFEST")).unwrap();
        for model in [&run, &shard] {
            let ran = workspace.run(&predict(model, "changed"));
            assert!(ran.code == 4 && ran.stderr.contains("fix:"), "{model}: {} {}", ran.code, ran.stderr);
        }
    }
}

#[test]
fn a_model_beside_anothers_lineage_is_refused_with_the_way_out() {
    let workspace = small(1);
    let (one, other) = (trained(&workspace, "--seed 1", "model"), trained(&workspace, "--seed 2", "run"));
    let stray = format!("{other}/best.safetensors");
    std::fs::copy(workspace.path(&one), workspace.path(&stray)).unwrap();
    workspace.fails(&format!("eval --data heads --model {stray}"), 4, &["lineage", "another folder"]);
}
