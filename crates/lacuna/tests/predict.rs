//! Predictions: the same as the network itself gives, on the image's own grid.

use crate::support::Workspace;
use lacuna_nn::{Architecture, Device, Network, Pass, Shortcut, Tensor, write_model};
use lacuna_seed::Seed;
use lacuna_volume::{ReadLimits, read_label_map, read_volume};
use safetensors::SafeTensors;
use safetensors::tensor::{Dtype, TensorView};
use std::collections::BTreeMap;
use std::path::Path;

const IMAGE: &str = "heads/images/phantom-000.nii.gz";

fn network(classes: usize) -> Network {
    let architecture = Architecture::medicalnet(10, 1, classes).unwrap();
    Network::new(architecture, Seed(3), &Device::flex())
}

fn save(workspace: &Workspace, network: &Network, metadata: &[(&str, &str)]) {
    let metadata: BTreeMap<_, _> = metadata.iter().map(|(key, value)| (key.to_string(), value.to_string())).collect();
    write_model(&workspace.path("w.safetensors"), network, &metadata).unwrap();
}

/// The weights as PyTorch users save them: names and tensors, nothing else.
pub fn save_foreign(path: &Path, network: &Network, keep: impl Fn(&str) -> bool) {
    let arrays: Vec<(String, Vec<usize>, Vec<u8>)> = network
        .parameters
        .iter()
        .filter(|(name, _)| keep(name))
        .map(|(name, parameter)| {
            let bytes = parameter.to_vec().iter().flat_map(|value| value.to_le_bytes()).collect();
            (format!("module.{name}"), parameter.shape.clone(), bytes)
        })
        .collect();
    let views =
        arrays.iter().map(|(name, shape, bytes)| (name, TensorView::new(Dtype::F32, shape.clone(), bytes).unwrap()));
    std::fs::write(path, safetensors::serialize(views, None).unwrap()).unwrap();
}

fn logits_in(path: &Path) -> (Vec<usize>, Vec<f32>) {
    let bytes = std::fs::read(path).unwrap();
    let file = SafeTensors::deserialize(&bytes).unwrap();
    let view = file.tensor("logits").unwrap();
    let values = view.data().chunks_exact(4).map(|four| f32::from_le_bytes(four.try_into().unwrap())).collect();
    (view.shape().to_vec(), values)
}

/// The stored voxels, array axes (i, j, k) as (D, H, W), through the network in evaluation mode.
fn logits_in_process(workspace: &Workspace, network: &Network) -> Vec<f32> {
    let image = read_volume(&workspace.path(IMAGE), &ReadLimits::default()).unwrap().image;
    let [ni, nj, nk] = image.grid().dims;
    let mut rows = Vec::new();
    for i in 0..ni {
        for j in 0..nj {
            rows.extend((0..nk).map(|k| image.at([i, j, k])));
        }
    }
    let input = Tensor::<1>::from_floats(rows.as_slice(), &Device::flex()).reshape([1, 1, ni, nj, nk]);
    let logits = network.forward(&Pass::evaluation(&network.parameters), input);
    logits.into_data().try_into_vec::<f32>().unwrap()
}

#[test]
fn raw_logits_are_the_networks_own_for_lacunas_files_and_for_foreign_ones() {
    let workspace = Workspace::new();
    workspace.heads("heads", "");
    let network = network(2);
    save(&workspace, &network, &[]);
    save_foreign(&workspace.path("foreign.safetensors"), &network, |_| true);
    let expected = logits_in_process(&workspace, &network);

    let words = format!("predict {IMAGE} --preprocess none --model");
    let record = workspace.json(&format!("{words} w.safetensors --logits own.safetensors"), "lacuna.predict/1");
    assert_eq!(record["model"], network.digest());
    let foreign = "foreign.safetensors --depth 10 --shortcut B --classes 2 --logits foreign-logits.safetensors";
    workspace.ok(&format!("{words} {foreign}"));
    for file in ["own.safetensors", "foreign-logits.safetensors"] {
        // 16 x 18 x 12 voxels: 16/4, and 18 -> 9 -> 5 -> 3 by the strides, doubled: 6, and 12 -> 6 -> 3 -> 2: 4.
        assert_eq!(logits_in(&workspace.path(file)), (vec![1, 2, 4, 6, 4], expected.clone()), "{file}");
    }
}

#[test]
fn weights_that_do_not_fit_are_refused_with_a_report() {
    let workspace = Workspace::new();
    workspace.heads("heads", "");
    save_foreign(&workspace.path("backbone.safetensors"), &network(2), |name| !Network::is_head(name));
    let words = format!("predict {IMAGE} --preprocess none --logits l.safetensors --model");
    workspace.fails(
        &format!("{words} backbone.safetensors --depth 10 --classes 2"),
        3,
        &["backbone.safetensors", "missing", "conv_seg"],
    );
    save_foreign(&workspace.path("foreign.safetensors"), &network(2), |_| true);
    workspace.fails(&format!("{words} foreign.safetensors --depth 10 --classes 3"), 3, &["of another shape"]);
    workspace.fails(&format!("{words} foreign.safetensors --depth 11 --classes 2"), 3, &["11", "10, 18"]);
    workspace.fails(&format!("{words} foreign.safetensors"), 4, &["metadata", "by hand"]);
    assert!(!workspace.path("l.safetensors").exists());
}

#[test]
fn a_segmentation_lies_on_the_images_own_grid() {
    let workspace = Workspace::new();
    workspace.heads("heads", "");
    save(
        &workspace,
        &network(4),
        &[("preprocessing", r#"{"kind":"canonical","crop":"none","foreground":"all-voxels"}"#)],
    );
    let record = workspace.json(&format!("predict {IMAGE} --model w.safetensors --out out"), "lacuna.predict/1");
    assert_eq!(record["preprocessing"]["kind"], "canonical");
    let labels = read_label_map(&workspace.path("out/phantom-000_labels.nii.gz"), &ReadLimits::default()).unwrap();
    let image = read_volume(&workspace.path(IMAGE), &ReadLimits::default()).unwrap();
    assert_eq!(labels.image.grid(), image.image.grid());
    assert!(labels.image.voxels().iter().all(|&label| label < 4));
    let counted: u64 = record["predictions"][0]["voxels"].as_array().unwrap().iter().map(|n| n.as_u64().unwrap()).sum();
    assert_eq!(counted, 16 * 18 * 12);
    workspace.fails(&format!("predict {IMAGE} --model w.safetensors --out out"), 3, &["is there already", "fix:"]);
}

#[test]
fn what_a_model_does_not_say_must_be_said() {
    let workspace = Workspace::new();
    workspace.heads("heads", "");
    save(&workspace, &network(2), &[]);
    workspace.fails(&format!("predict {IMAGE} --model w.safetensors --out out"), 3, &["preprocessing", "--preprocess"]);
    let two =
        Network::new(Architecture::medicalnet(10, 2, 2).unwrap().with_shortcut(Shortcut::B), Seed(0), &Device::flex());
    save(&workspace, &two, &[]);
    workspace.fails(
        &format!("predict {IMAGE} --model w.safetensors --preprocess none --out out"),
        3,
        &["2 per scan", "found:    1"],
    );
}

#[test]
fn shortcut_and_depth_need_the_classes() {
    Workspace::new().fails("predict a.nii --model w.safetensors --depth 10 --out o", 2, &["--classes"]);
}

/// A model of four classes that is ready for the heads as they are stored.
fn ready(workspace: &Workspace) -> &'static str {
    let preprocessing = r#"{"kind":"canonical","crop":"none","foreground":"all-voxels"}"#;
    save(workspace, &network(4), &[("preprocessing", preprocessing)]);
    "--model w.safetensors --quiet --out"
}

fn labels(workspace: &Workspace, folder: &str) -> Vec<u16> {
    labels_of(workspace, folder, "phantom-000")
}

fn labels_of(workspace: &Workspace, folder: &str, scan: &str) -> Vec<u16> {
    let file = workspace.path(&format!("{folder}/{scan}_labels.nii.gz"));
    read_label_map(&file, &ReadLimits::default()).unwrap().image.into_voxels()
}

fn probabilities(workspace: &Workspace, folder: &str) -> Vec<Vec<f32>> {
    let file = |class| workspace.path(&format!("{folder}/phantom-000_probability-{class}.nii.gz"));
    let read = |class| read_volume(&file(class), &ReadLimits::default()).unwrap().image.into_voxels();
    (0..4).map(read).collect()
}

#[test]
fn windows_that_hold_the_whole_input_change_no_bit_and_smaller_ones_agree_closely() {
    let workspace = Workspace::new();
    workspace.heads("heads", "");
    let out = ready(&workspace);
    workspace.ok(&format!("predict {IMAGE} {out} plain --probabilities"));
    // The input is 12 x 18 x 16 voxels along D, H and W.
    for window in ["16x24x16", "64x64x64", "16x24x24"] {
        workspace.ok(&format!("predict {IMAGE} {out} {window} --probabilities --window {window}"));
        assert_eq!(labels(&workspace, window), labels(&workspace, "plain"), "{window}");
        assert_eq!(probabilities(&workspace, window), probabilities(&workspace, "plain"), "{window}");
    }
    let record = workspace
        .json(&format!("predict {IMAGE} {out} cut --probabilities --window 8x16x8 --overlap 0.25"), "lacuna.predict/1");
    // D: 0..8 and 8..12; H: 0..16 and 8..18; W: 0..8 and 8..16.
    assert_eq!(record["predictions"][0]["passes"], 8);
    assert_ne!(probabilities(&workspace, "cut"), probabilities(&workspace, "plain"));
    let cut = probabilities(&workspace, "cut");
    for voxel in 0..cut[0].len() {
        let sum: f32 = cut.iter().map(|of_class| of_class[voxel]).sum();
        assert!((sum - 1.0).abs() < 1e-5, "voxel {voxel}: {sum}");
    }
    workspace.fails(&format!("predict {IMAGE} {out} odd --window 12x16x8"), 2, &["multiples of 8", "16x16x8"]);
    workspace.fails(&format!("predict {IMAGE} {out} odd --window 8x8x8 --overlap 1"), 2, &["below 1"]);
}

#[test]
fn probabilities_agree_with_the_labels() {
    let workspace = Workspace::new();
    workspace.heads("heads", "");
    let out = ready(&workspace);
    let record = workspace.json(&format!("predict {IMAGE} {out} out --probabilities"), "lacuna.predict/1");
    assert_eq!(record["predictions"][0]["probabilities"].as_array().unwrap().len(), 4);
    let (labels, probabilities) = (labels(&workspace, "out"), probabilities(&workspace, "out"));
    for (voxel, &label) in labels.iter().enumerate() {
        let of_classes: Vec<f32> = probabilities.iter().map(|of_class| of_class[voxel]).collect();
        let largest = of_classes.iter().copied().fold(0.0, f32::max);
        assert_eq!(of_classes[usize::from(label)], largest, "voxel {voxel}");
    }
}

/// Write the first head again, mirrored from left to right, or joined with its mirror image.
fn write_mirrored(workspace: &Workspace, name: &str, pick: impl Fn([usize; 3], [usize; 3]) -> [usize; 3]) {
    let head = read_volume(&workspace.path(IMAGE), &ReadLimits::default()).unwrap().image;
    let dims = head.grid().dims;
    let mut voxels = Vec::new();
    for k in 0..dims[2] {
        for j in 0..dims[1] {
            voxels.extend((0..dims[0]).map(|i| head.at(pick([i, j, k], dims))));
        }
    }
    let image = lacuna_volume::Volume::new(*head.grid(), voxels);
    lacuna_volume::write_volume(&workspace.path(&format!("{name}/phantom-000.nii.gz")), &image, None).unwrap();
}

#[test]
fn flips_see_left_and_right_alike() {
    let workspace = Workspace::new();
    workspace.heads("heads", "");
    let out = ready(&workspace);
    // i leads to the right, so it is W.
    write_mirrored(&workspace, "mirrored", |[i, j, k], [ni, _, _]| [ni - 1 - i, j, k]);
    write_mirrored(&workspace, "symmetric", |[i, j, k], [ni, _, _]| [i.min(ni - 1 - i), j, k]);
    let row = 16;
    let turned =
        |values: Vec<f32>| values.chunks(row).flat_map(|row| row.iter().rev().copied().collect::<Vec<_>>()).collect();
    for folder in ["heads/images", "mirrored", "symmetric"] {
        let name = folder.replace('/', "-");
        workspace.ok(&format!("predict {folder}/phantom-000.nii.gz {out} {name} --probabilities --flips W"));
    }
    let mirrored: Vec<Vec<f32>> = probabilities(&workspace, "mirrored").into_iter().map(turned).collect();
    let apart = |a: &[Vec<f32>], b: &[Vec<f32>]| {
        a.iter().flatten().zip(b.iter().flatten()).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max)
    };
    assert!(apart(&mirrored, &probabilities(&workspace, "heads-images")) < 1e-5);
    let symmetric = probabilities(&workspace, "symmetric");
    let turned: Vec<Vec<f32>> = symmetric.iter().cloned().map(turned).collect();
    assert!(apart(&symmetric, &turned) < 1e-5);
    // Without them the network has no reason to.
    workspace.ok(&format!("predict symmetric/phantom-000.nii.gz {out} once --probabilities"));
    assert!(apart(&probabilities(&workspace, "once"), &symmetric) > 1e-4);
    let record = workspace.json(&format!("predict {IMAGE} {out} all --flips d,h,w"), "lacuna.predict/1");
    assert_eq!(record["predictions"][0]["passes"], 8);
}

#[test]
fn the_largest_component_alone_stays() {
    let workspace = Workspace::new();
    workspace.heads("heads", "");
    let out = ready(&workspace);
    let plain = workspace.json(&format!("predict {IMAGE} {out} plain"), "lacuna.predict/1");
    let record = workspace.json(&format!("predict {IMAGE} {out} largest --largest-component"), "lacuna.predict/1");
    let numbers = |record: &serde_json::Value, key: &str| -> Vec<u64> {
        record["predictions"][0][key].as_array().unwrap().iter().map(|n| n.as_u64().unwrap()).collect()
    };
    let (before, after, removed) = (numbers(&plain, "voxels"), numbers(&record, "voxels"), numbers(&record, "removed"));
    for class in 1..4 {
        assert_eq!(before[class], after[class] + removed[class]);
    }
    assert_eq!(before[0] + removed.iter().sum::<u64>(), after[0]);
    let changed = labels(&workspace, "plain").into_iter().zip(labels(&workspace, "largest"));
    assert!(changed.clone().all(|(before, after)| before == after || after == 0));
}

#[test]
fn a_folder_is_segmented_and_gone_on_with() {
    let workspace = Workspace::new();
    workspace.heads("heads", "");
    let out = ready(&workspace);
    let record = workspace.json(&format!("predict heads/images {out} out"), "lacuna.predict/1");
    assert_eq!(record["predictions"].as_array().unwrap().len(), 3);
    std::fs::remove_file(workspace.path("out/phantom-001_labels.nii.gz")).unwrap();
    workspace.fails(&format!("predict heads/images {out} out"), 3, &["is there already"]);
    let record = workspace.json(&format!("predict heads/images {out} out --continue"), "lacuna.predict/1");
    assert_eq!((&record["passed_over"], record["predictions"].as_array().unwrap().len()), (&2.into(), 1));
    workspace.ok(&format!("predict heads/images/phantom-001.nii.gz {out} alone"));
    assert_eq!(labels_of(&workspace, "out", "phantom-001"), labels_of(&workspace, "alone", "phantom-001"));
}

#[test]
fn a_call_that_failed_is_gone_on_with_by_the_same_command_and_by_no_other() {
    let workspace = Workspace::new();
    workspace.heads("heads", "");
    let out = ready(&workspace);
    let whole = std::fs::read(workspace.path("heads/images/phantom-002.nii.gz")).unwrap();
    std::fs::write(workspace.path("heads/images/phantom-002.nii.gz"), &whole[..whole.len() / 2]).unwrap();
    let words = format!("predict heads/images {out} out");
    workspace.fails(&words, 4, &["phantom-002"]);
    assert!(workspace.path("out/phantom-001_labels.nii.gz").exists());
    std::fs::write(workspace.path("heads/images/phantom-002.nii.gz"), whole).unwrap();
    workspace.fails(&format!("{words} --largest-component"), 3, &["is there already"]);
    let record = workspace.json(&words, "lacuna.predict/1");
    assert_eq!((&record["passed_over"], record["predictions"].as_array().unwrap().len()), (&2.into(), 1));
    workspace.fails(&words, 3, &["is there already"]);
}

#[test]
fn results_in_the_folder_of_the_images_are_not_segmented() {
    let workspace = Workspace::new();
    workspace.heads("heads", "");
    ready(&workspace);
    let words = "predict heads/images --model w.safetensors --quiet --out heads/images --probabilities";
    let first = workspace.json(words, "lacuna.predict/1");
    assert_eq!(first["predictions"].as_array().unwrap().len(), 3);
    let files = || std::fs::read_dir(workspace.path("heads/images")).unwrap().count();
    let before = files();
    for _ in 0..2 {
        let again = workspace.json(&format!("{words} --continue"), "lacuna.predict/1");
        assert_eq!((&again["passed_over"], again["predictions"].as_array().unwrap().len()), (&3.into(), 0));
        // A label map and four probabilities of each of three images.
        assert_eq!(again["results"].as_array().unwrap().len(), 3 * 5);
        assert_eq!(files(), before);
    }
}

#[test]
fn an_image_that_cannot_be_prepared_is_named_and_keeps_no_other_from_it() {
    let workspace = Workspace::new();
    workspace.heads("heads", "");
    let out = ready(&workspace);
    let whole = std::fs::read(workspace.path(IMAGE)).unwrap();
    std::fs::write(workspace.path(IMAGE), &whole[..whole.len() / 2]).unwrap();
    // One value everywhere: preprocessing refuses it, with no file name of its own.
    let second = workspace.path("heads/images/phantom-001.nii.gz");
    let mut image = read_volume(&second, &ReadLimits::default()).unwrap().image;
    let [i, j, k] = image.grid().dims;
    image = lacuna_volume::Volume::new(*image.grid(), vec![7.0; i * j * k]);
    lacuna_volume::write_volume(&second, &image, None).unwrap();
    let words = format!("predict heads/images {out} out");
    workspace.fails(
        &words,
        4,
        &["2 of 3 scans", "the other 1 are in out", "phantom-000.nii.gz", "phantom-001.nii.gz", "fix:"],
    );
    assert!(workspace.path("out/phantom-002_labels.nii.gz").exists());
    workspace.fails(&format!("predict heads/images/phantom-001.nii.gz {out} one"), 4, &["phantom-001.nii.gz"]);
    std::fs::write(workspace.path(IMAGE), whole).unwrap();
    std::fs::remove_file(second).unwrap();
}

#[test]
fn what_lies_in_a_folder_and_is_not_read_is_named() {
    let workspace = Workspace::new();
    workspace.heads("heads", "");
    ready(&workspace);
    std::fs::create_dir(workspace.path("scans")).unwrap();
    std::fs::copy(workspace.path(IMAGE), workspace.path("scans/C.NII.GZ")).unwrap();
    for file in ["p.hdr", "p.img", "s.nii.gz.gz", "notes.txt"] {
        std::fs::write(workspace.path("scans").join(file), b"x").unwrap();
    }
    let ran = workspace.run("predict scans --model w.safetensors --out out --progress none");
    assert!(ran.code == 0 && ran.stderr.contains("3 files are not read"), "{}", ran.stderr);
    assert!(ran.stderr.contains("p.hdr, p.img, s.nii.gz.gz"), "{}", ran.stderr);
    assert!(ran.stdout.contains("class numbers, not the label values"), "{}", ran.stdout);
    assert!(workspace.path("out/C_labels.nii.gz").exists());
    std::fs::copy(workspace.path(IMAGE), workspace.path("C.nii.gz")).unwrap();
    let words = "predict scans C.nii.gz --model w.safetensors --out two --progress none";
    workspace.fails(words, 3, &["called `C`", "scans/C.NII.GZ", "C.nii.gz", "--out"]);
    assert!(!workspace.path("two/C_labels.nii.gz").exists());
}

#[test]
fn a_run_folder_stands_for_its_model_and_a_foreign_tensor_is_remarked() {
    let workspace = Workspace::new();
    workspace.heads("heads", "");
    ready(&workspace);
    std::fs::create_dir(workspace.path("run")).unwrap();
    std::fs::copy(workspace.path("w.safetensors"), workspace.path("run/model.safetensors")).unwrap();
    for (model, logits) in [("run", "a"), ("w.safetensors", "b")] {
        workspace.ok(&format!("predict {IMAGE} --model {model} --preprocess none --logits {logits}.safetensors"));
    }
    assert_eq!(logits_in(&workspace.path("a.safetensors")), logits_in(&workspace.path("b.safetensors")));
    std::fs::create_dir(workspace.path("empty")).unwrap();
    let words = format!("predict {IMAGE} --preprocess none --logits c.safetensors --model empty");
    workspace.fails(&words, 3, &["a run folder", "model.safetensors", "fix:"]);

    // One tensor of a type that no weight has, beside a whole network.
    let network = network(4);
    let floats: Vec<_> = network
        .parameters
        .iter()
        .map(|(name, parameter)| {
            let bytes: Vec<u8> = parameter.to_vec().iter().flat_map(|value| value.to_le_bytes()).collect();
            (format!("model.{name}"), parameter.shape.clone(), bytes)
        })
        .collect();
    let view = |(name, shape, bytes): &'static (String, Vec<usize>, Vec<u8>)| {
        (name.as_str(), TensorView::new(Dtype::F32, shape.clone(), bytes).unwrap())
    };
    let floats: &'static Vec<_> = Box::leak(Box::new(floats));
    let extra = TensorView::new(Dtype::U32, vec![1], &[1, 0, 0, 0]).unwrap();
    let all = floats.iter().map(view).chain([("counter", extra)]);
    std::fs::write(workspace.path("extra.safetensors"), safetensors::serialize(all, None).unwrap()).unwrap();
    let ran = workspace.run(&format!(
        "predict {IMAGE} --model extra.safetensors --depth 10 --classes 4 --shortcut B --preprocess none --progress none \
         --logits d.safetensors"
    ));
    assert!(ran.code == 0 && ran.stderr.contains("`counter`, a tensor of U32"), "{}", ran.stderr);
    assert_eq!(logits_in(&workspace.path("d.safetensors")), logits_in(&workspace.path("b.safetensors")));
    let record = workspace.json("convert extra.safetensors", "lacuna.convert/1");
    assert!(record["unread"]["counter"].as_str().unwrap().contains("U32"), "{record}");
}

#[test]
fn a_device_by_the_name_of_other_programs_is_never_answered_with_the_processor() {
    let ran = Workspace::new().run("predict a.nii --model w.safetensors --out o --device gpu");
    assert!(ran.code == 2 && ran.stderr.contains("vulkan") && !ran.stderr.contains("exists: 'cpu'"), "{}", ran.stderr);
}

#[test]
fn cases_of_nnunet_get_its_own_names_and_no_image_is_written_over() {
    let workspace = Workspace::new();
    workspace.heads("heads", "");
    let out = ready(&workspace);
    for (from, to) in [("phantom-000", "A_0000"), ("phantom-001", "B_0000")] {
        std::fs::create_dir_all(workspace.path("imagesTs")).unwrap();
        std::fs::copy(
            workspace.path(&format!("heads/images/{from}.nii.gz")),
            workspace.path(&format!("imagesTs/{to}.nii.gz")),
        )
        .unwrap();
    }
    // A shell hands an empty text over for `""`; words split here do not.
    workspace.ok(&format!("predict imagesTs {out} predicted --suffix="));
    for case in ["A", "B"] {
        assert!(workspace.path(&format!("predicted/{case}.nii.gz")).is_file(), "{case}");
    }
    workspace.fails(&format!("predict imagesTs {out} predicted --suffix="), 3, &["is there already"]);
    workspace.ok(&format!("predict imagesTs {out} named"));
    assert!(workspace.path("named/A_labels.nii.gz").is_file());
    workspace.ok(&format!("predict imagesTs {out} imagesTs --suffix _dseg"));
    assert!(workspace.path("imagesTs/A_dseg.nii.gz").is_file());
    let again =
        workspace.json(&format!("predict imagesTs {out} imagesTs --suffix _dseg --continue"), "lacuna.predict/1");
    assert_eq!((&again["passed_over"], &again["results"].as_array().unwrap().len()), (&2.into(), &2));
    let before = std::fs::read(workspace.path("imagesTs/A_0000.nii.gz")).unwrap();
    for go_on in ["", "--continue"] {
        workspace.fails(&format!("predict imagesTs {out} imagesTs --suffix= {go_on}"), 3, &["another folder"]);
    }
    workspace.fails(&format!("predict imagesTs {out} o --suffix a/b"), 2, &["A-Z"]);
    assert!(std::fs::read(workspace.path("imagesTs/A_0000.nii.gz")).unwrap() == before);
}
