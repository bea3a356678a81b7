//! What no study can be made of is refused before any work, with the fix.

use super::{SMALL, workspace, write};
use crate::predict::save_foreign;
use crate::support::Workspace;
use lacuna_nn::{Architecture, Device, Network};
use lacuna_seed::Seed;

/// Run the small study with changes; expect an exit code and words, and nothing written.
#[track_caller]
fn refused(workspace: &Workspace, changes: &[(&str, &str)], code: i32, said: &[&str]) {
    write(workspace, "bad.toml", SMALL, changes);
    workspace.fails("study bad.toml --progress none", code, said);
    assert!(!workspace.path("runs").exists(), "work was begun");
}

#[test]
fn unknown_keys_and_strategies_name_the_nearest() {
    let workspace = workspace();
    refused(&workspace, &[("seed", "1")], 3, &["bad.toml", "`seed`", "fix:      did you mean `seeds`?"]);
    refused(&workspace, &[("train.epoch", "3")], 3, &["bad.toml", "`epoch`", "did you mean `epochs`?"]);
    refused(&workspace, &[("split.hold_out", "1")], 3, &["bad.toml", "did you mean `held_out`?"]);
    let recipe = ("unlearn.recipe.forget_wieght", "2");
    refused(&workspace, &[recipe], 3, &["bad.toml", "`noisy-label`", "did you mean `forget_weight`?"]);
    let strategy = ("unlearn.strategies", "['noisy-lable']");
    refused(&workspace, &[strategy], 3, &["bad.toml", "`noisy-lable`", "did you mean `noisy-label`?"]);
    refused(&workspace, &[("unlearn.recipe.noise", "'unifrom'")], 3, &["did you mean `uniform`?"]);
    let json = workspace.run("study bad.toml --json");
    assert!(json.stdout.contains("did you mean `uniform`?"), "{}", json.stdout);
}

#[test]
fn settings_out_of_range_are_named_with_file_key_and_range() {
    let workspace = workspace();
    let epochs = &["bad.toml: train.epochs", "expected: 1 to 100000", "found:    0"];
    refused(&workspace, &[("train.epochs", "0")], 3, epochs);
    refused(&workspace, &[("seeds", "[2, 2]")], 3, &["bad.toml: seeds", "expected: each once", "found:    2 twice"]);
    refused(&workspace, &[("unlearn.epochs", "[]")], 3, &["bad.toml: unlearn.epochs"]);
    refused(&workspace, &[("network.depth", "11")], 3, &["bad.toml", "11", "10, 18, 34, 50"]);
    refused(&workspace, &[("data.labels", "'brian'")], 3, &["brian", "brain"]);
    refused(&workspace, &[("preprocess.size", "[0, 16, 16]")], 3, &["size", "fix:"]);
}

#[test]
fn whoever_cannot_be_forgotten_is_named_with_those_who_can() {
    let workspace = workspace();
    let only = |subject: &'static str| ("split.forget", subject);
    refused(&workspace, &[only("{ only = ['phantom-002'] }")], 3, &["phantom-002", "not in the training set", "fix:"]);
    refused(
        &workspace,
        &[only("{ only = ['phantom-009'] }")],
        3,
        &["phantom-009", "fix:      choose from phantom-000, phantom-001"],
    );
    let rotating = ("split.held_out_subjects", "[]");
    refused(&workspace, &[rotating, only("{ only = ['phantom-009'] }")], 3, &["phantom-009", "phantom-000"]);
    refused(&workspace, &[only("{ only = [] }")], 3, &["bad.toml: split.forget.only", "at least one"]);
    // Two of three held out leave one, and no subject to retrain on without it.
    let alone = [("split.held_out_subjects", "['phantom-001', 'phantom-002']"), only("'each'")];
    refused(&workspace, &alone, 3, &["expected: two or more subjects to train on", "phantom-000 alone", "fix:"]);
    for held_out in ["2", "3"] {
        let too_many = [rotating, only("'each'"), ("split.held_out", held_out)];
        refused(&workspace, &too_many, 3, &["at least 4 subjects", "has 3", "fix:      hold out fewer"]);
    }
}

#[test]
fn a_cohort_without_scans_or_with_labels_that_do_not_fit_is_refused() {
    let workspace = workspace();
    std::fs::create_dir(workspace.path("nobody")).unwrap();
    refused(&workspace, &[("data.root", "'nobody'")], 4, &["nobody", "fix:"]);
    refused(
        &workspace,
        &[("data.root", "'nobody'"), ("data.options.layout", "'mrbrains'")],
        4,
        &["nobody", "segm.nii.gz", "fix:"],
    );
    refused(&workspace, &[("data.root", "'nowhere'")], 4, &["nowhere"]);
    // A label map of another head's grid, then none at all.
    workspace.ok("phantom --out others --subjects 2 --dims 20x24x16 --progress none");
    let label = "labels/phantom-001.nii.gz";
    std::fs::copy(workspace.path("others").join(label), workspace.path("heads").join(label)).unwrap();
    refused(&workspace, &[], 4, &["phantom-001", "20", "24"]);
    std::fs::remove_file(workspace.path("heads").join(label)).unwrap();
    refused(&workspace, &[], 4, &["phantom-001", "fix:"]);
}

#[test]
fn initial_weights_must_fit_the_network_and_its_classes() {
    let workspace = workspace();
    let save = |name: &str, classes, keep: fn(&str) -> bool| {
        let network = Network::new(Architecture::medicalnet(10, 1, classes).unwrap(), Seed(0), &Device::flex());
        save_foreign(&workspace.path(name), &network, keep);
    };
    let init = |file: &'static str| ("network.init", file);
    save("four.safetensors", 4, |_| true);
    let four =
        &["four.safetensors", "the head of 2 classes, or none", "conv_seg.6.weight", "fix:      choose data.labels"];
    refused(&workspace, &[init("'four.safetensors'")], 3, four);
    let deeper = &["four.safetensors", "expected: the whole encoder", "missing", "fix:"];
    refused(&workspace, &[init("'four.safetensors'"), ("network.depth", "18")], 3, deeper);
    save("head.safetensors", 2, Network::is_head);
    refused(&workspace, &[init("'head.safetensors'")], 3, &["head.safetensors", "the whole encoder", "60 missing"]);
    refused(&workspace, &[init("'none.safetensors'")], 4, &["none.safetensors", "cannot read"]);
    std::fs::write(workspace.path("bad.safetensors"), [0xff; 64]).unwrap();
    refused(&workspace, &[init("'bad.safetensors'")], 4, &["bad.safetensors", "safetensors"]);
    // A file that fits is no obstacle, with its head or without.
    save("two.safetensors", 2, |_| true);
    save("encoder.safetensors", 4, |name| !Network::is_head(name));
    for file in ["'two.safetensors'", "'encoder.safetensors'"] {
        write(&workspace, "good.toml", SMALL, &[init(file)]);
        workspace.ok("study good.toml --dry-run --progress none");
    }
}
