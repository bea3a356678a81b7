//! The safetensors format: a JSON header, then the numbers.

use crate::error::{Fault, WeightsError};
use crate::pickle::shortened;
use crate::tensor::View;
use crate::torch::State;
use crate::{Array, Element};
use safetensors::SafeTensors;
use safetensors::tensor::TensorView;
use std::collections::{BTreeMap, HashMap};

/// Reads a file's tensors and metadata.
pub(crate) fn read(file: &[u8]) -> Result<State, Fault> {
    let fault = |error: safetensors::SafeTensorError| {
        Fault::damaged("the safetensors header", "a header that fits the file", error.to_string())
    };
    let (header_bytes, header) = SafeTensors::read_metadata(file).map_err(fault)?;
    SafeTensors::deserialize(file).map_err(fault)?;
    let begins = 8 + header_bytes;
    let mut state = State::default();
    for (name, info) in header.tensors() {
        let location = format!("tensor `{}`", shortened(&name));
        let Some(element) = Element::of_safetensors(info.dtype) else {
            state.unread.insert(name, format!("a tensor of {}", info.dtype));
            continue;
        };
        let (from, to) = info.data_offsets;
        let view = View::contiguous(element, info.shape.clone(), begins + from..begins + to);
        state.tensors.insert(name, view.checked(&location)?);
    }
    state.notes = header.metadata().clone().unwrap_or_default().into_iter().collect();
    Ok(state)
}

/// Returns the error about the key of a state dict in a file that has one state dict without a key.
pub(crate) fn one_state_dict(key: &str) -> Fault {
    Fault {
        location: "the safetensors header".to_string(),
        expected: format!("several state dicts, among them `{}`", shortened(key)),
        found: "one state dict, as in every safetensors file".to_string(),
        fix: "leave --state-dict out",
    }
}

/// Returns the bytes of a safetensors file with at most one entry in its metadata.
///
/// One, since the format keeps its metadata in a hash map whose order would change the bytes.
pub(crate) fn bytes_of(arrays: &BTreeMap<String, Array>, note: Option<(&str, &str)>) -> Result<Vec<u8>, WeightsError> {
    let views = arrays.iter().map(|(name, array)| {
        let view = TensorView::new(array.element.to_safetensors(), array.shape.clone(), &array.bytes);
        (name.as_str(), view.expect("an array has the bytes of its shape"))
    });
    let metadata = note.map(|(key, text)| HashMap::from([(key.to_string(), text.to_string())]));
    safetensors::serialize(views, metadata).map_err(|error| WeightsError::Unwritable {
        location: "the safetensors header".to_string(),
        expected: "tensors whose names and sizes fit the format".to_string(),
        found: error.to_string(),
        fix: "write fewer or smaller tensors",
    })
}
