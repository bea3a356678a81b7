//! Where in a pickle the state dict is.

use super::rebuild::{is_tensor, tensor};
use crate::error::Fault;
use crate::pickle::{Id, Pickle, Value};
use crate::tensor::View;
use crate::torch::rebuild::Storage;
use std::collections::BTreeMap;
use std::ops::Range;

/// The keys under which training programs keep a state dict: MedicalNet's and most programs', those of PyTorch's
/// tutorials, nnU-Net's, and others.
pub(crate) const WRAPPERS: &[&str] = &["state_dict", "model_state_dict", "network_weights", "model", "net", "weights"];

/// The longest name of a tensor.
const NAME_BYTES_MAX: usize = 512;

/// How many values beside the tensors are told.
const NOTES_MAX: usize = 64;

/// What a pickle holds.
#[derive(Debug, Default)]
pub(crate) struct State {
    pub tensors: BTreeMap<String, View>,
    /// Numbers and texts beside the state dict: `epoch`, MedicalNet's `ecpoch`.
    pub notes: BTreeMap<String, String>,
    /// Entries of the state dict that are no tensors, and what they are.
    pub skipped: BTreeMap<String, String>,
}

/// Where in the file a storage lies; the text names the tensor that needs it.
type BytesOf<'a> = dyn FnMut(&Storage, &str) -> Result<Range<usize>, Fault> + 'a;

/// The state dict of a pickle; `bytes_of` says where a storage lies in the file.
pub(crate) fn read(pickle: &Pickle, bytes_of: &mut BytesOf) -> Result<State, Fault> {
    let (items, notes) = find(pickle)?;
    let mut state = State { notes, ..State::default() };
    for &(key, value) in items {
        let name = match pickle.text(key) {
            Some(name) if name.len() <= NAME_BYTES_MAX => name,
            _ => {
                let expected = format!("names of at most {NAME_BYTES_MAX} bytes");
                return Err(Fault::foreign("the state dict", expected, pickle.describe(key)));
            }
        };
        if is_tensor(pickle, value) {
            let place = format!("tensor `{name}`");
            let rebuilt = tensor(pickle, value, &place)?;
            let storage = bytes_of(&rebuilt.storage, &place)?;
            state.tensors.insert(name.to_string(), rebuilt.view(storage, &place)?);
        } else if state.skipped.len() < NOTES_MAX {
            state.skipped.insert(name.to_string(), pickle.describe(value));
        }
    }
    Ok(state)
}

type Found<'a> = (&'a [(Id, Id)], BTreeMap<String, String>);

fn find(pickle: &Pickle) -> Result<Found<'_>, Fault> {
    let Value::Dict(items) = pickle.root() else {
        return Err(Fault::foreign("the pickle", "a dictionary of names and tensors", pickle.describe(pickle.root)));
    };
    for wrapper in WRAPPERS {
        // Python keeps the last of two equal keys.
        let held = items.iter().rev().find(|(key, _)| pickle.text(*key) == Some(wrapper));
        if let Some(Value::Dict(inner)) = held.map(|(_, value)| pickle.get(*value))
            && holds_tensors(pickle, inner)
        {
            return Ok((inner, notes(pickle, items)));
        }
    }
    if holds_tensors(pickle, items) {
        return Ok((items, BTreeMap::new()));
    }
    let keys: Vec<String> = items.iter().take(5).map(|(key, _)| pickle.describe(*key)).collect();
    let expected = format!("tensors, alone or under `{}`", WRAPPERS.join("`, `"));
    Err(Fault::foreign("the pickle", expected, format!("a dictionary without, of {}", listed(&keys, items.len()))))
}

fn listed(shown: &[String], all: usize) -> String {
    match shown.len() {
        0 => "nothing".to_string(),
        n if n < all => format!("{}, …", shown.join(", ")),
        _ => shown.join(", "),
    }
}

fn holds_tensors(pickle: &Pickle, items: &[(Id, Id)]) -> bool {
    items.iter().any(|(_, value)| is_tensor(pickle, *value))
}

fn notes(pickle: &Pickle, items: &[(Id, Id)]) -> BTreeMap<String, String> {
    let short = |text: &str| crate::pickle::shortened(text);
    let note = |&(key, value): &(Id, Id)| {
        let text = match pickle.get(value) {
            Value::Int(number) => number.to_string(),
            Value::Float(number) => number.to_string(),
            Value::Bool(truth) => truth.to_string(),
            Value::Text(text) => short(text),
            _ => return None,
        };
        Some((short(pickle.text(key)?), text))
    };
    items.iter().filter_map(note).take(NOTES_MAX).collect()
}
