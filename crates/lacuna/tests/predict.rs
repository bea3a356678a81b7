//! Predictions: the same as the network itself gives, on the image's own grid.

use crate::support::Place;
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

fn save(place: &Place, network: &Network, metadata: &[(&str, &str)]) {
    let metadata: BTreeMap<_, _> = metadata.iter().map(|(key, value)| (key.to_string(), value.to_string())).collect();
    write_model(&place.path("w.safetensors"), network, &metadata).unwrap();
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
fn logits_in_process(place: &Place, network: &Network) -> Vec<f32> {
    let image = read_volume(&place.path(IMAGE), &ReadLimits::default()).unwrap().image;
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
    let place = Place::new();
    place.heads("heads", "");
    let network = network(2);
    save(&place, &network, &[]);
    save_foreign(&place.path("foreign.safetensors"), &network, |_| true);
    let expected = logits_in_process(&place, &network);

    let words = format!("predict {IMAGE} --preprocess none --model");
    let record = place.json(&format!("{words} w.safetensors --logits own.safetensors"), "lacuna.predict/1");
    assert_eq!(record["model"], network.digest());
    let foreign = "foreign.safetensors --depth 10 --shortcut B --classes 2 --logits foreign-logits.safetensors";
    place.ok(&format!("{words} {foreign}"));
    for file in ["own.safetensors", "foreign-logits.safetensors"] {
        // 16 x 18 x 12 voxels: 16/4, and 18 -> 9 -> 5 -> 3 by the strides, doubled: 6, and 12 -> 6 -> 3 -> 2: 4.
        assert_eq!(logits_in(&place.path(file)), (vec![1, 2, 4, 6, 4], expected.clone()), "{file}");
    }
}

#[test]
fn weights_that_do_not_fit_are_refused_with_a_report() {
    let place = Place::new();
    place.heads("heads", "");
    save_foreign(&place.path("backbone.safetensors"), &network(2), |name| !Network::is_head(name));
    let words = format!("predict {IMAGE} --preprocess none --logits l.safetensors --model");
    place.fails(
        &format!("{words} backbone.safetensors --depth 10 --classes 2"),
        3,
        &["backbone.safetensors", "missing", "conv_seg"],
    );
    save_foreign(&place.path("foreign.safetensors"), &network(2), |_| true);
    place.fails(&format!("{words} foreign.safetensors --depth 10 --classes 3"), 3, &["of another shape"]);
    place.fails(&format!("{words} foreign.safetensors --depth 11 --classes 2"), 3, &["11", "10, 18"]);
    place.fails(&format!("{words} foreign.safetensors"), 4, &["metadata", "by hand"]);
    assert!(!place.path("l.safetensors").exists());
}

#[test]
fn a_segmentation_lies_on_the_images_own_grid() {
    let place = Place::new();
    place.heads("heads", "");
    save(&place, &network(4), &[("preprocessing", r#"{"kind":"canonical","crop":"none","foreground":"all-voxels"}"#)]);
    let record = place.json(&format!("predict {IMAGE} --model w.safetensors --out out"), "lacuna.predict/1");
    assert_eq!(record["preprocessing"]["kind"], "canonical");
    let labels = read_label_map(&place.path("out/phantom-000_labels.nii.gz"), &ReadLimits::default()).unwrap();
    let image = read_volume(&place.path(IMAGE), &ReadLimits::default()).unwrap();
    assert_eq!(labels.image.grid(), image.image.grid());
    assert!(labels.image.voxels().iter().all(|&label| label < 4));
    let counted: u64 = record["predictions"][0]["voxels"].as_array().unwrap().iter().map(|n| n.as_u64().unwrap()).sum();
    assert_eq!(counted, 16 * 18 * 12);
    place.fails(&format!("predict {IMAGE} --model w.safetensors --out out"), 3, &["is there already", "fix:"]);
}

#[test]
fn what_a_model_does_not_say_must_be_said() {
    let place = Place::new();
    place.heads("heads", "");
    save(&place, &network(2), &[]);
    place.fails(&format!("predict {IMAGE} --model w.safetensors --out out"), 3, &["preprocessing", "--preprocess"]);
    let two =
        Network::new(Architecture::medicalnet(10, 2, 2).unwrap().with_shortcut(Shortcut::B), Seed(0), &Device::flex());
    save(&place, &two, &[]);
    place.fails(
        &format!("predict {IMAGE} --model w.safetensors --preprocess none --out out"),
        3,
        &["2 per scan", "found:    1"],
    );
}

#[test]
fn shortcut_and_depth_need_the_classes() {
    Place::new().fails("predict a.nii --model w.safetensors --depth 10 --out o", 2, &["--classes"]);
}
