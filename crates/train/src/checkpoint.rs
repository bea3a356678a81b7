//! A [`State`] in one file, written whole or not at all.
//!
//! The file is safetensors: the network under `network/`, the moments under `moment1/` and
//! `moment2/`, and the rest as JSON in the metadata, with the digest of the run it belongs to. A
//! checkpoint of another run, configuration or data is refused, never adapted.

use crate::optimiser::Moments;
use crate::{EpochRecord, Passes, State, TrainError};
use lacuna_nn::Parameter;
use safetensors::tensor::{Dtype, SafeTensors, TensorView};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, HashMap};
use std::path::Path;

const FILE_BYTES_MAX: u64 = 8 << 30;
const METADATA_KEY: &str = "lacuna-checkpoint-1";

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Rest {
    run: String,
    epochs_done: usize,
    passes: Passes,
    history: Vec<EpochRecord>,
    moment_steps: BTreeMap<String, u64>,
}

/// Write `state` atomically; `run` is a digest of all that decides how the run goes on.
///
/// # Errors
/// If the file cannot be written.
pub fn write_checkpoint(path: &Path, state: &State, run: &str) -> Result<(), TrainError> {
    let mut arrays: BTreeMap<String, (Vec<usize>, Vec<u8>)> = BTreeMap::new();
    for (name, parameter) in state.network.parameters.iter() {
        arrays.insert(format!("network/{name}"), (parameter.shape.clone(), bytes_of(&parameter.to_vec())));
    }
    for (name, moments) in &state.optimiser.moments {
        for (prefix, values) in [("moment1", &moments.first), ("moment2", &moments.second)] {
            if !values.is_empty() {
                arrays.insert(format!("{prefix}/{name}"), (vec![values.len()], bytes_of(values)));
            }
        }
    }
    let rest = Rest {
        run: run.to_string(),
        epochs_done: state.epochs_done,
        passes: state.passes,
        history: state.history.clone(),
        moment_steps: state.optimiser.moments.iter().map(|(name, moments)| (name.clone(), moments.steps)).collect(),
    };
    let text = serde_json::to_string(&rest).expect("a checkpoint's metadata is JSON");
    let views = arrays.iter().map(|(name, (shape, bytes))| {
        (name, TensorView::new(Dtype::F32, shape.clone(), bytes).expect("bytes were made from the shape"))
    });
    let metadata = HashMap::from([(METADATA_KEY.to_string(), text)]);
    let bytes = safetensors::serialize(views, Some(metadata)).expect("names are distinct and sizes fit");
    Ok(lacuna_disk::write_bytes(path, &bytes)?)
}

/// Bring `state`, freshly made for the run, to where the checkpoint stands.
///
/// # Errors
/// A damaged file, or one of another run, network or optimiser; `state` is then as it was.
pub fn read_checkpoint(path: &Path, state: &mut State, run: &str) -> Result<(), TrainError> {
    let bytes = lacuna_disk::read_bytes(path, FILE_BYTES_MAX)?;
    let (file, rest) = open(path, &bytes)?;
    if rest.run != run {
        return Err(unfit(path, "of run", run, &rest.run));
    }
    let mut next = state.clone();
    for (name, parameter) in next.network.parameters.iter_mut() {
        let values = read_tensor(path, &file, &format!("network/{name}"), &parameter.shape)?;
        let device = parameter.values.device();
        *parameter = Parameter::new(parameter.shape.clone(), parameter.role, values, &device);
    }
    for (name, steps) in rest.moment_steps {
        let length = next.network.parameters.find(&name).map(Parameter::len);
        let shape = [length.ok_or_else(|| unfit(path, "moments", "a tensor of the network", &name))?];
        let first = read_tensor(path, &file, &format!("moment1/{name}"), &shape)?;
        let second = match file.tensor(&format!("moment2/{name}")) {
            Ok(_) => read_tensor(path, &file, &format!("moment2/{name}"), &shape)?,
            Err(_) => Vec::new(),
        };
        next.optimiser.moments.insert(name, Moments { steps, first, second });
    }
    next.epochs_done = rest.epochs_done;
    next.passes = rest.passes;
    next.history = rest.history;
    *state = next;
    Ok(())
}

fn open<'a>(path: &Path, bytes: &'a [u8]) -> Result<(SafeTensors<'a>, Rest), TrainError> {
    let damaged = |reason: String| unfit(path, "file", "safetensors with lacuna's metadata", &reason);
    let (_, header) = SafeTensors::read_metadata(bytes).map_err(|error| damaged(error.to_string()))?;
    let text = header.metadata().as_ref().and_then(|metadata| metadata.get(METADATA_KEY));
    let text = text.ok_or_else(|| damaged("none".to_string()))?;
    let rest = serde_json::from_str(text).map_err(|error| damaged(error.to_string()))?;
    let file = SafeTensors::deserialize(bytes).map_err(|error| damaged(error.to_string()))?;
    Ok((file, rest))
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
