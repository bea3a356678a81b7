//! Agreement with nnU-Net in PyTorch: reading checkpoints, logits of every head, the training loss and its gradients.
//!
//! The cases under `fixtures/nnunet` were computed in f64 by `dynamic_network_architectures`, by the script `make.py`
//! there. Tolerances are relative in L2. The gradient of a bias in front of an instance norm is 0 except for rounding,
//! in PyTorch as here, and its error is measured relative to the gradient of the norm's shift.

use super::read_plans;
use crate::loss::{SegmentationLoss, Target};
use crate::{
    Activations, Architecture, BatchNormMode, Network, NnError, Pass, PlainUnet, match_file, read_model, recognise,
    to_row_major, write_model,
};
use burn::tensor::{Device, Tensor};
use lacuna_seed::Seed;
use lacuna_weights::{Array, WeightFile, Wrapping, write_pth};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

const CASES: [&str; 2] = ["anisotropic", "isotropic"];
const TOLERANCE: f64 = 1e-4;

fn folder(case: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/nnunet").join(case)
}

fn checkpoint(case: &str) -> WeightFile {
    WeightFile::open(&folder(case).join("fold_0/checkpoint_final.pth")).unwrap()
}

/// Reads the network of a checkpoint, and checks that every tensor is used.
fn read(case: &str) -> Network {
    let file = checkpoint(case);
    let architecture = recognise(&file).unwrap().architecture(0).unwrap();
    let mut network = Network::new(architecture, Seed(0), &Device::flex());
    let report = match_file(&file, &mut network).unwrap();
    assert!(report.is_exact() && report.folded.is_empty(), "{case}: {report}");
    network
}

struct Expected(WeightFile);

impl Expected {
    fn of(case: &str) -> Expected {
        Expected(WeightFile::open(&folder(case).join("expected.safetensors")).unwrap())
    }

    fn values(&self, name: &str) -> Vec<f32> {
        self.0.tensor(name).unwrap_or_else(|| panic!("no `{name}`")).to_f32()
    }

    fn volume(&self, name: &str) -> Tensor<5> {
        let shape: [usize; 5] = self.0.tensor(name).unwrap().shape().try_into().unwrap();
        Tensor::<1>::from_floats(self.values(name).as_slice(), &Device::flex()).reshape(shape)
    }

    fn target(&self, classes: usize) -> Target {
        let labels = self.0.tensor("labels").unwrap();
        let &[batch, _, d, h, w] = labels.shape() else { panic!("labels have five axes") };
        Target::from_labels(&labels.to_bytes(), [batch, d, h, w], classes, 255, &Device::flex())
    }

    fn names<'a>(&'a self, prefix: &'a str) -> impl Iterator<Item = &'a str> {
        self.0.tensors().filter_map(move |(name, _)| name.strip_prefix(prefix))
    }
}

fn values<const D: usize>(tensor: Tensor<D>) -> Vec<f32> {
    tensor.into_data().try_into_vec::<f32>().unwrap()
}

fn norm(values: impl Iterator<Item = f64>) -> f64 {
    values.map(|value| value * value).sum::<f64>().sqrt()
}

#[track_caller]
fn check(what: &str, found: &[f32], expected: &[f32]) {
    assert_eq!(found.len(), expected.len(), "{what}");
    let apart = norm(found.iter().zip(expected).map(|(a, b)| f64::from(a - b)));
    let relative = apart / norm(expected.iter().map(|value| f64::from(*value)));
    assert!(relative < TOLERANCE, "{what}: {relative:.2e} apart");
}

#[test]
fn plans_and_checkpoint_say_the_same_network() {
    for case in CASES {
        let network = read(case);
        let found = network.architecture().plain_unet().unwrap();
        let plan = read_plans(&folder(case).join("plans.json"), "3d_fullres").unwrap();
        assert_eq!(*found, PlainUnet::new(plan, found.channels, found.classes).unwrap(), "{case}");
    }
}

#[test]
fn logits_of_every_head_are_pytorchs() {
    for case in CASES {
        let (network, expected) = (read(case), Expected::of(case));
        let pass = Pass::evaluation(&network.parameters);
        let heads = network.heads(&pass, expected.volume("input"));
        assert_eq!(heads.logits().len(), expected.names("head.").count());
        for (index, logits) in heads.logits().iter().enumerate() {
            check(
                &format!("{case}, head {index}"),
                &values(logits.clone()),
                &expected.values(&format!("head.{index}")),
            );
        }
        let alone = network.forward(&pass, expected.volume("input"));
        assert_eq!(values(alone), values(heads.finest().clone()), "a prediction is the finest head's");
    }
}

#[test]
fn the_loss_of_deep_supervision_and_its_gradients_are_pytorchs() {
    for case in CASES {
        let (network, expected) = (read(case), Expected::of(case));
        let pass = Pass::training(&network.parameters, BatchNormMode::Batch, &|_| true);
        let heads = network.heads(&pass, expected.volume("input"));
        let loss = SegmentationLoss::Nnunet.of_heads(&heads, &expected.target(network.architecture().classes()));
        // nnU-Net's figure leaves out the 1 of each "1 - Dice"; the weights add up to 1.
        let value = f64::from(loss.clone().into_scalar::<f32>()) - 1.0;
        let of_pytorch = f64::from(expected.values("loss")[0]);
        assert!((value - of_pytorch).abs() < 1e-5, "{case}: {value}, not {of_pytorch}");
        let gradients = pass.gradients(&loss);
        assert_eq!(gradients.len(), expected.names("grad.").count(), "{case}: the lowest head has no gradient");
        for (name, gradient) in gradients {
            let found = to_row_major(&network.parameters.get(&name).shape, values(gradient));
            let of_pytorch = expected.values(&format!("grad.{name}"));
            match name.strip_suffix(".conv.bias") {
                Some(unit) => {
                    let shift = norm(expected.values(&format!("grad.{unit}.norm.bias")).iter().map(|v| f64::from(*v)));
                    let largest = found.iter().fold(0f32, |most, value| most.max(value.abs()));
                    assert!(f64::from(largest) < 1e-4 * shift, "{case}, {name}: {largest} beside {shift}");
                }
                None => check(&format!("{case}, {name}"), &found, &of_pytorch),
            }
        }
    }
}

#[test]
fn recomputing_activations_changes_no_bit_of_a_gradient() {
    let (network, expected) = (read("anisotropic"), Expected::of("anisotropic"));
    let gradients = |activations| {
        let pass = Pass::training(&network.parameters, BatchNormMode::Batch, &|_| true).with_activations(activations);
        let heads = network.heads(&pass, expected.volume("input"));
        let loss = SegmentationLoss::Nnunet.of_heads(&heads, &expected.target(3));
        let bits = |tensor| values::<1>(tensor).into_iter().map(f32::to_bits).collect::<Vec<_>>();
        pass.gradients(&loss).into_iter().map(|(name, tensor)| (name, bits(tensor))).collect::<BTreeMap<_, _>>()
    };
    let [kept, recomputed] = [Activations::Kept, Activations::Recomputed].map(gradients);
    assert!(!kept.is_empty() && kept == recomputed);
}

#[test]
fn a_written_model_reads_back_to_the_same_network_with_its_strides() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("model.safetensors");
    let network = read("anisotropic");
    write_model(&path, &network, &BTreeMap::new()).unwrap();
    let again = read_model(&path, &Device::flex()).unwrap().network;
    assert_eq!((again.architecture(), again.digest()), (network.architecture(), network.digest()));
}

#[test]
fn an_input_that_the_stages_do_not_divide_is_padded_and_its_logits_are_of_its_size() {
    let network = read("anisotropic");
    let pass = Pass::evaluation(&network.parameters);
    let input = Expected::of("anisotropic").volume("input").slice([0..1, 0..2, 0..7, 0..11, 0..16]);
    let zeros = |shape| Tensor::<5>::zeros(shape, &Device::flex());
    let padded = Tensor::cat(vec![input.clone(), zeros([1, 2, 1, 11, 16])], 2);
    let padded = Tensor::cat(vec![padded, zeros([1, 2, 8, 5, 16])], 3);
    let expected = network.forward(&pass, padded).slice([0..1, 0..3, 0..7, 0..11, 0..16]);
    assert_eq!(values(network.forward(&pass, input)), values(expected));
}

/// Returns a checkpoint's tensors, to be changed and written again.
fn arrays(case: &str) -> BTreeMap<String, Array> {
    let file = checkpoint(case);
    let array = |tensor: lacuna_weights::Tensor| {
        Array::new(tensor.element(), tensor.shape().to_vec(), tensor.to_bytes().into_owned())
    };
    file.tensors().map(|(name, tensor)| (name.to_string(), array(tensor))).collect()
}

#[track_caller]
fn refused(change: impl FnOnce(&mut BTreeMap<String, Array>), words: &[&str]) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("checkpoint_final.pth");
    let mut arrays = arrays("isotropic");
    change(&mut arrays);
    write_pth(&path, &arrays, &Wrapping::None).unwrap();
    let file = WeightFile::open(&path).unwrap();
    let matched = recognise(&file).and_then(|found| found.architecture(0)).and_then(|architecture: Architecture| {
        let mut network = Network::new(architecture, Seed(0), &Device::flex());
        match_file(&file, &mut network)
    });
    let message = match matched {
        Err(error) => error.to_string(),
        Ok(report) => {
            assert!(!report.is_exact(), "the file is as good as before");
            report.to_string()
        }
    };
    assert!(words.iter().all(|word| message.contains(word)), "{message}");
}

#[test]
fn a_checkpoint_that_is_not_whole_or_not_such_a_network_is_refused() {
    let second = "encoder.stages.0.0.convs.0.all_modules.0.weight";
    refused(
        |arrays| drop(arrays.insert(second.to_string(), Array::of_f32(vec![1], &[1.0]))),
        &["checkpoint_final.pth", second, "encoder.stages.0.0.convs.0.conv.weight", "fix: "],
    );
    refused(
        |arrays| {
            arrays.retain(|name, _| {
                !name.contains("encoder.stages.1.0.convs.1.norm.bias")
                    && !name.contains("encoder.stages.1.0.convs.1.all_modules.1.bias")
            })
        },
        &["1 missing", "encoder.stages.1.0.convs.1.norm.bias"],
    );
    let other = ["PlainConvUNet", "ResNet-10", "`decoder.encoder.stages", "fix: "];
    refused(|arrays| arrays.retain(|name, _| !name.contains("transpconvs")), &other);
    refused(
        |arrays| {
            drop(
                arrays.insert("encoder.stages.0.0.convs.0.norm.running_mean".into(), Array::of_f32(vec![2], &[0.0; 2])),
            )
        },
        &other,
    );
    let nan = Array::of_f32(vec![2], &[f32::NAN, 0.0]);
    refused(
        |arrays| drop(arrays.insert("decoder.seg_layers.2.bias".into(), nan)),
        &["decoder.seg_layers.2.bias", "not finite"],
    );
}

#[test]
fn a_damaged_checkpoint_is_an_error_and_never_a_panic() {
    let whole = std::fs::read(folder("isotropic").join("fold_0/checkpoint_final.pth")).unwrap();
    for length in [0, 4, 100, whole.len() / 2, whole.len() - 1] {
        let file = WeightFile::from_bytes(Path::new("checkpoint_final.pth"), whole[..length].to_vec());
        let message = file.unwrap_err().to_string();
        assert!(message.contains("checkpoint_final.pth"), "{message}");
    }
    // A changed byte is an error or changes a value; either way nothing panics.
    for at in (0..whole.len()).step_by(whole.len() / 200) {
        let mut damaged = whole.clone();
        damaged[at] ^= 0x55;
        if let Ok(file) = WeightFile::from_bytes(Path::new("checkpoint_final.pth"), damaged)
            && let Ok(architecture) = recognise(&file).and_then(|found| found.architecture(0))
        {
            let mut network = Network::new(architecture, Seed(0), &Device::flex());
            let _: Result<_, NnError> = match_file(&file, &mut network);
        }
    }
}

#[test]
fn what_a_checkpoint_says_beside_its_weights_is_read_as_data() {
    let file = checkpoint("anisotropic");
    assert_eq!(file.notes()["trainer_name"], "nnUNetTrainer");
    assert_eq!(file.notes()["current_epoch"], "1000");
}
