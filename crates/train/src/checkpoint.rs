//! A [`State`] in one file, written atomically.
//!
//! The file is safetensors: the network under `network/`, the network kept as the best of the epochs, if any, under
//! `best/`, the moments under `moment1/` and `moment2/`, and the rest as JSON in the metadata, with the digest of the
//! run that it belongs to. A checkpoint of another run, configuration or data set is refused. So is a damaged file: a
//! seal, a digest over its whole content, detects a flipped bit, which would otherwise continue as a slightly different
//! run.

use crate::optimiser::Moments;
use crate::{Best, EpochRecord, EpochSums, Passes, State, TrainError};
use lacuna_nn::{Network, Parameter, to_memory_order, to_row_major};
use safetensors::tensor::{Dtype, SafeTensors, TensorView};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, HashMap};
use std::path::Path;

const FILE_BYTES_MAX: u64 = 8 << 30;
const METADATA_KEY: &str = "lacuna-checkpoint-3";
const SEAL: &str = "seal";

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Rest {
    run: String,
    epochs_done: usize,
    steps: u64,
    passes: Passes,
    history: Vec<EpochRecord>,
    under_way: EpochSums,
    moment_steps: BTreeMap<String, u64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    best: Option<BestRest>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct BestRest {
    epoch: usize,
    distance: f64,
}

/// Writes `state` atomically; `run` is a digest of every setting and input that decides how the run continues.
///
/// # Errors
/// If the file cannot be written.
pub fn write_checkpoint(path: &Path, state: &State, run: &str) -> Result<(), TrainError> {
    let mut arrays: BTreeMap<String, (Vec<usize>, Vec<u8>)> = BTreeMap::new();
    let best = state.best.as_ref().map(|best| ("best", &best.network));
    for (prefix, network) in [("network", &state.network)].into_iter().chain(best) {
        for (name, parameter) in network.parameters.iter() {
            arrays.insert(format!("{prefix}/{name}"), (parameter.shape.clone(), bytes_of(&parameter.to_vec())));
        }
    }
    for (name, moments) in &state.optimiser.moments {
        for (prefix, values) in [("moment1", &moments.first), ("moment2", &moments.second)] {
            if !values.is_empty() {
                let shape = &state.network.parameters.get(name).shape;
                let values = to_row_major(shape, values.clone());
                arrays.insert(format!("{prefix}/{name}"), (shape.clone(), bytes_of(&values)));
            }
        }
    }
    let rest = Rest {
        run: run.to_string(),
        epochs_done: state.epochs_done,
        steps: state.steps,
        passes: state.passes,
        history: state.history.clone(),
        under_way: state.under_way.clone(),
        moment_steps: state.optimiser.moments.iter().map(|(name, moments)| (name.clone(), moments.steps)).collect(),
        best: state.best.as_ref().map(|best| BestRest { epoch: best.epoch, distance: best.distance }),
    };
    let text = serde_json::to_string(&rest).expect("a checkpoint's metadata is JSON");
    let mut views: BTreeMap<String, TensorView> = arrays
        .iter()
        .map(|(name, (shape, bytes))| {
            let view = TensorView::new(Dtype::F32, shape.clone(), bytes).expect("bytes were made from the shape");
            (name.clone(), view)
        })
        .collect();
    let seal = seal(&text, &views);
    let view = TensorView::new(Dtype::U8, vec![seal.len()], seal.as_bytes()).expect("one byte per character");
    views.insert(SEAL.to_string(), view);
    let metadata = HashMap::from([(METADATA_KEY.to_string(), text)]);
    let bytes = safetensors::serialize(views, Some(metadata)).expect("names are distinct and sizes fit");
    Ok(lacuna_disk::write_bytes(path, &bytes)?)
}

/// The field of [`TrainError::Checkpoint`] when the checkpoint belongs to another run.
pub const CHECKPOINT_RUN: &str = "of run";

/// Loads a checkpoint into `state`, which must be freshly made for the run with digest `run`.
///
/// # Errors
/// [`TrainError::Checkpoint`] if the file is damaged or belongs to another run, network or optimiser; `state` is then
/// unchanged.
pub fn read_checkpoint(path: &Path, state: &mut State, run: &str) -> Result<(), TrainError> {
    let bytes = lacuna_disk::read_bytes(path, FILE_BYTES_MAX)?;
    let (file, rest) = open(path, &bytes)?;
    if rest.run != run {
        return Err(unfit(path, CHECKPOINT_RUN, run, &rest.run));
    }
    let mut next = state.clone();
    read_network(path, &file, "network", &mut next.network)?;
    if let Some(BestRest { epoch, distance }) = rest.best {
        let mut network = next.network.clone();
        read_network(path, &file, "best", &mut network)?;
        next.best = Some(Best { epoch, distance, network });
    }
    for (name, steps) in rest.moment_steps {
        let parameter = next.network.parameters.find(&name);
        let parameter = parameter.ok_or_else(|| unfit(path, "moments", "a tensor of the network", &name))?;
        let moment = |prefix: &str| {
            let values = read_tensor(path, &file, &format!("{prefix}/{name}"), &parameter.shape)?;
            Ok::<_, TrainError>(to_memory_order(&parameter.shape, values))
        };
        let first = moment("moment1")?;
        let second = match file.tensor(&format!("moment2/{name}")) {
            Ok(_) => moment("moment2")?,
            Err(_) => Vec::new(),
        };
        next.optimiser.moments.insert(name, Moments { steps, first, second });
    }
    next.epochs_done = rest.epochs_done;
    next.steps = rest.steps;
    next.passes = rest.passes;
    next.history = rest.history;
    next.under_way = rest.under_way;
    *state = next;
    Ok(())
}

/// Fills a network with the file's tensors whose names begin with `prefix`; the names and shapes must be those of the
/// network.
fn read_network(path: &Path, file: &SafeTensors, prefix: &str, network: &mut Network) -> Result<(), TrainError> {
    for (name, parameter) in network.parameters.iter_mut() {
        let values = read_tensor(path, file, &format!("{prefix}/{name}"), &parameter.shape)?;
        let device = parameter.values.device();
        *parameter = Parameter::new(parameter.shape.clone(), parameter.role, values, &device);
    }
    Ok(())
}

fn open<'a>(path: &Path, bytes: &'a [u8]) -> Result<(SafeTensors<'a>, Rest), TrainError> {
    let damaged = |reason: String| unfit(path, "file", "safetensors with lacuna's metadata", &reason);
    let (_, header) = SafeTensors::read_metadata(bytes).map_err(|error| damaged(error.to_string()))?;
    let text = header.metadata().as_ref().and_then(|metadata| metadata.get(METADATA_KEY));
    let text = text.ok_or_else(|| damaged("none".to_string()))?;
    let file = SafeTensors::deserialize(bytes).map_err(|error| damaged(error.to_string()))?;
    check_seal(path, &file, text)?;
    let rest = serde_json::from_str(text).map_err(|error| damaged(error.to_string()))?;
    Ok((file, rest))
}

fn check_seal(path: &Path, file: &SafeTensors, text: &str) -> Result<(), TrainError> {
    let mut tensors: BTreeMap<String, TensorView> = file.tensors().into_iter().collect();
    let sealed = tensors.remove(SEAL).map(|view| String::from_utf8_lossy(view.data()).into_owned());
    let found = seal(text, &tensors);
    match sealed {
        Some(sealed) if sealed == found => Ok(()),
        sealed => Err(unfit(path, SEAL, sealed.as_deref().unwrap_or("one"), &found)),
    }
}

/// Returns a digest of the metadata and of every tensor's name, shape and values.
fn seal(text: &str, tensors: &BTreeMap<String, TensorView>) -> String {
    let mut sealed = text.to_string();
    for (name, tensor) in tensors {
        sealed.push_str(&format!("\n{name} {:?} {}", tensor.shape(), lacuna_disk::digest(tensor.data())));
    }
    lacuna_disk::digest(sealed.as_bytes())
}

fn read_tensor(path: &Path, file: &SafeTensors, name: &str, shape: &[usize]) -> Result<Vec<f32>, TrainError> {
    let view = file.tensor(name).map_err(|_| unfit(path, name, "a tensor", "none"))?;
    if view.dtype() != Dtype::F32 || view.shape() != shape {
        let found = format!("{:?} {:?}", view.dtype(), view.shape());
        return Err(unfit(path, name, &format!("F32 {shape:?}"), &found));
    }
    Ok(view.data().chunks_exact(4).map(|four| f32::from_le_bytes(four.try_into().expect("four bytes"))).collect())
}

fn bytes_of(values: &[f32]) -> Vec<u8> {
    values.iter().flat_map(|value| value.to_le_bytes()).collect()
}

fn unfit(path: &Path, field: &str, expected: &str, found: &str) -> TrainError {
    TrainError::Checkpoint {
        path: path.to_path_buf(),
        field: field.to_string(),
        expected: expected.to_string(),
        found: found.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::TermMeans;
    use crate::test_cases::{StopAt, heads, resnet_10, train};
    use crate::{NoMonitor, OptimiserConfig, Schedule, TrainConfig};
    use lacuna_nn::{Device, Parameters, Role};
    use lacuna_seed::Seed;
    use std::path::PathBuf;
    use tempfile::TempDir;

    const RULES: [OptimiserConfig; 2] =
        [OptimiserConfig::Sgd { momentum: 0.9, weight_decay: 1e-3 }, OptimiserConfig::Adamw { weight_decay: 0.1 }];

    fn file() -> (TempDir, PathBuf) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("checkpoint.safetensors");
        (folder, path)
    }

    fn bytes(state: &State) -> Vec<u8> {
        let (_folder, path) = file();
        write_checkpoint(&path, state, "run").unwrap();
        std::fs::read(path).unwrap()
    }

    /// Returns a state of three small tensors instead of a network's. A checkpoint needs no layers, and the file is
    /// short enough to damage at every byte.
    fn small(rule: OptimiserConfig) -> State {
        let config = TrainConfig { optimiser: rule, ..TrainConfig::default() };
        let mut state = State::new(resnet_10(), &config);
        state.network.parameters = Parameters::default();
        for (name, shape, role) in [
            ("bn1.running_mean", vec![2], Role::Statistic),
            ("conv1.weight", vec![2, 1, 1, 1, 2], Role::Weight),
            ("conv_seg.6.weight", vec![2], Role::Weight),
        ] {
            let values = draws(name, shape.iter().product());
            state.network.parameters.insert(name, Parameter::new(shape, role, values, &Device::flex()));
        }
        state
    }

    /// Returns the state of [`small`] after some optimiser steps.
    fn small_trained(rule: OptimiserConfig) -> State {
        let mut state = small(rule);
        let gradient = |name: &str, count| {
            let values = draws(name, count);
            (name.to_string(), lacuna_nn::Tensor::from_floats(values.as_slice(), &Device::flex()))
        };
        for epoch in 1..=3 {
            let gradients = [gradient("conv1.weight", 4), gradient("conv_seg.6.weight", 2)];
            let gradient_norm = state.optimiser.step(&mut state.network.parameters, gradients.into(), 0.1, &|_| None);
            let means = TermMeans { steps: 2, loss: 0.1, gradient_norm: Some(0.3) };
            state.history.push(EpochRecord {
                epoch,
                learning_rate: 0.1 / epoch as f64,
                loss: 1.0 / 3.0,
                gradient_norm,
                passes: 2,
                terms: [("kept".to_string(), means)].into(),
                distance: Some(0.25),
            });
            if epoch == 2 {
                state.best = Some(Best { epoch, distance: 0.25, network: state.network.clone() });
            }
            state.epochs_done = epoch;
            state.steps += 1;
            state.passes += Passes { training: 2, teacher: 1 };
        }
        state
    }

    fn draws(name: &str, count: usize) -> Vec<f32> {
        let mut draws = Seed(5).stream(name).draws();
        (0..count).map(|_| draws.normal() as f32).collect()
    }

    /// Checks that a file is refused with an error naming `field`, and that a fresh state is unchanged.
    #[track_caller]
    fn check_refused(path: &Path, run: &str, field: &str) {
        let mut state = small(RULES[0]);
        match read_checkpoint(path, &mut state, run) {
            Err(TrainError::Checkpoint { path: named, field: found, .. }) => {
                assert_eq!(named, path);
                assert!(found.contains(field), "expected a complaint about {field}, found one about {found}");
            }
            other => panic!("expected the file to be refused, found {other:?}"),
        }
        assert_same(&state, &small(RULES[0]));
    }

    #[track_caller]
    fn assert_same(found: &State, expected: &State) {
        assert_eq!(found.network.digest(), expected.network.digest());
        assert!(found.optimiser.moments == expected.optimiser.moments, "moments differ");
        assert_eq!(
            (found.epochs_done, found.steps, found.passes),
            (expected.epochs_done, expected.steps, expected.passes)
        );
        assert!(found.history == expected.history, "histories differ");
        let best = |state: &State| state.best.as_ref().map(|best| (best.epoch, best.distance, best.network.digest()));
        assert_eq!(best(found), best(expected));
    }

    #[test]
    fn what_was_written_reads_back() {
        for rule in RULES {
            let state = small_trained(rule);
            let (_folder, path) = file();
            write_checkpoint(&path, &state, "run").unwrap();
            let mut read = small(rule);
            read_checkpoint(&path, &mut read, "run").unwrap();
            assert_same(&read, &state);
            assert!(bytes(&read) == bytes(&state), "{rule:?}");
        }
    }

    #[test]
    fn numbers_of_the_history_come_back_to_the_last_bit() {
        // Written as JSON numbers, some of these values would be read back with a different last bit.
        let mut state = small(RULES[0]);
        let mut draws = Seed(6).stream("history").draws();
        state.history = (1..=300)
            .map(|epoch| EpochRecord {
                epoch,
                learning_rate: 1e-3 * draws.uniform(),
                loss: draws.uniform(),
                gradient_norm: 40.0 * draws.uniform(),
                passes: 5,
                terms: [].into(),
                distance: None,
            })
            .collect();
        let (_folder, path) = file();
        write_checkpoint(&path, &state, "run").unwrap();
        let mut read = small(RULES[0]);
        read_checkpoint(&path, &mut read, "run").unwrap();
        assert_same(&read, &state);
    }

    #[test]
    fn a_run_resumed_from_its_checkpoint_ends_in_the_same_bytes() {
        let config = TrainConfig { epochs: 4, head_multiplier: 10.0, schedule: Schedule::Cosine, ..Default::default() };
        let cases = heads(2);
        let mut straight = State::new(resnet_10(), &config);
        train(&mut straight, &cases, &config, 7, &mut NoMonitor).unwrap();

        let (_folder, path) = file();
        let mut first = State::new(resnet_10(), &config);
        let stopped = train(&mut first, &cases, &config, 7, &mut StopAt { epoch: 1, step: None });
        assert!(matches!(stopped, Err(TrainError::Interrupted { epochs_done: 2 })));
        write_checkpoint(&path, &first, "run").unwrap();
        let mut second = State::new(resnet_10(), &config);
        read_checkpoint(&path, &mut second, "run").unwrap();
        train(&mut second, &cases, &config, 7, &mut NoMonitor).unwrap();
        assert_same(&second, &straight);
        assert!(bytes(&second) == bytes(&straight), "checkpoints of both runs must be one file");
    }

    #[test]
    fn a_checkpoint_of_another_run_is_refused() {
        let (_folder, path) = file();
        write_checkpoint(&path, &small_trained(RULES[0]), "run").unwrap();
        check_refused(&path, "another run", "of run");
    }

    #[test]
    fn a_checkpoint_of_another_network_is_refused_with_the_tensor() {
        let (_folder, path) = file();
        let mut other = small_trained(RULES[0]);
        let wide = Parameter::new(vec![3], Role::Weight, vec![0.5; 3], &Device::flex());
        other.network.parameters.insert("conv_seg.6.weight", wide);
        other.optimiser.moments.remove("conv_seg.6.weight");
        write_checkpoint(&path, &other, "run").unwrap();
        check_refused(&path, "run", "network/conv_seg.6.weight");
    }

    #[test]
    fn a_file_cut_short_anywhere_is_refused() {
        let (_folder, path) = file();
        let whole = bytes(&small_trained(RULES[0]));
        for length in 0..whole.len() {
            std::fs::write(&path, &whole[..length]).unwrap();
            check_refused(&path, "run", "file");
        }
    }

    #[test]
    fn a_flipped_bit_anywhere_is_refused() {
        let (_folder, path) = file();
        let whole = bytes(&small_trained(RULES[0]));
        let fresh = small(RULES[0]);
        for bit in 0..8 * whole.len() {
            let mut flipped = whole.clone();
            flipped[bit / 8] ^= 1 << (bit % 8);
            std::fs::write(&path, &flipped).unwrap();
            let refused = read_checkpoint(&path, &mut fresh.clone(), "run");
            assert!(refused.is_err(), "bit {} of byte {} of {} went unnoticed", bit % 8, bit / 8, whole.len());
        }
    }

    #[test]
    fn an_absent_file_is_an_error_of_the_disk() {
        let (_folder, path) = file();
        let absent = read_checkpoint(&path, &mut small(RULES[0]), "run");
        assert!(matches!(absent, Err(TrainError::Disk(_))));
    }
}
