//! The search for the state dict in a pickle.

use super::rebuild::{Refusal, is_tensor, tensor};
use crate::error::Fault;
use crate::pickle::{Id, Pickle, Value, shortened};
use crate::tensor::View;
use crate::torch::rebuild::Storage;
use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;

/// The keys under which training programs store a state dict: MedicalNet's and most programs', those of PyTorch's
/// tutorials, nnU-Net's, and others.
pub(crate) const WRAPPERS: &[&str] = &["state_dict", "model_state_dict", "network_weights", "model", "net", "weights"];

/// The keys under which training programs store exponential moving averages of the weights (EMA): DeiT's, timm's,
/// Lightning's and others'. They are used if there is no other state dict, or if the user selects them.
pub(crate) const AVERAGES: &[&str] =
    &["model_ema", "state_dict_ema", "ema_state_dict", "ema_model_state_dict", "ema_model", "ema_net", "ema"];

/// The longest name of a tensor in bytes.
const NAME_BYTES_MAX: usize = 512;

/// The largest number of values besides the tensors that are kept.
const NOTES_MAX: usize = 64;

/// The content of a pickle.
#[derive(Debug, Default)]
pub(crate) struct State {
    pub tensors: BTreeMap<String, View>,
    /// Numbers and texts besides the state dict: `epoch`, MedicalNet's `ecpoch`.
    pub notes: BTreeMap<String, String>,
    /// Entries of the state dict that are not tensors, with their kinds.
    pub skipped: BTreeMap<String, String>,
    /// Tensors of unsupported kinds, with their kinds.
    pub unread: BTreeMap<String, String>,
    /// The key of the state dict; `None` if it is the whole file.
    pub taken: Option<String>,
    /// The keys of the other dictionaries of tensors.
    pub others: Vec<String>,
    /// The keys of the pickle's nested dictionaries, with dots between the levels.
    pub keys: BTreeSet<String>,
}

/// A function that returns the byte range of a storage in the file; the text names the tensor that needs it.
type BytesOf<'a> = dyn FnMut(&Storage, &str) -> Result<Range<usize>, Fault> + 'a;

/// Reads the state dict of a pickle, the one under the key `wanted` if given; `bytes_of` returns the byte range of a
/// storage.
pub(crate) fn read(pickle: &Pickle, wanted: Option<&str>, bytes_of: &mut BytesOf) -> Result<State, Fault> {
    let Found { items, taken, others, notes } = find(pickle, wanted)?;
    let mut state = State { notes, taken, others, ..State::default() };
    add_keys(pickle, pickle.root, "", KEYS_DEEP, &mut state.keys);
    for &(key, value) in items {
        let name = match pickle.text(key) {
            Some(name) if name.len() <= NAME_BYTES_MAX => name,
            _ => {
                let expected = format!("names of at most {NAME_BYTES_MAX} bytes");
                return Err(Fault::foreign("the state dict", expected, pickle.describe(key)));
            }
        };
        if is_tensor(pickle, value) {
            let location = format!("tensor `{name}`");
            match tensor(pickle, value, &location) {
                Ok(rebuilt) => {
                    let storage = bytes_of(&rebuilt.storage, &location)?;
                    state.unread.remove(name);
                    state.tensors.insert(name.to_string(), rebuilt.view(storage, &location)?);
                }
                Err(Refusal::Unread(what)) => {
                    // Python keeps the last of two equal keys.
                    state.tensors.remove(name);
                    state.unread.insert(name.to_string(), what);
                }
                Err(Refusal::Fault(fault)) => return Err(fault),
            }
        } else if state.skipped.len() < NOTES_MAX {
            state.skipped.insert(name.to_string(), pickle.describe(value));
        }
    }
    Ok(state)
}

struct Found<'a> {
    items: &'a [(Id, Id)],
    taken: Option<String>,
    others: Vec<String>,
    notes: BTreeMap<String, String>,
}

fn find<'a>(pickle: &'a Pickle, wanted: Option<&str>) -> Result<Found<'a>, Fault> {
    let Value::Dict(items) = pickle.root() else {
        return Err(Fault::foreign("the pickle", "a dictionary of names and tensors", pickle.describe(pickle.root)));
    };
    let inner = state_dicts(pickle, items);
    let is_bare = holds_tensors(pickle, items);
    let known = |keys: &[&'static str]| keys.iter().copied().find(|key| inner.contains_key(key));
    let key = match wanted {
        Some(key) if inner.contains_key(key) => Some(key),
        Some(key) => return Err(no_such(key, &inner)),
        None => known(WRAPPERS).or_else(|| if is_bare { None } else { known(AVERAGES) }),
    };
    let others = inner.keys().filter(|other| Some(**other) != key).take(NOTES_MAX).map(|key| shortened(key)).collect();
    match key {
        Some(key) => Ok(Found { items: inner[key], taken: Some(shortened(key)), others, notes: notes(pickle, items) }),
        None if is_bare => Ok(Found { items, taken: None, others, notes: BTreeMap::new() }),
        None if !inner.is_empty() => {
            Err(no_such(&format!("{}` or `{}", WRAPPERS.join("`, `"), AVERAGES.join("`, `")), &inner))
        }
        None => {
            let keys: Vec<String> = items.iter().take(5).map(|(key, _)| pickle.describe(*key)).collect();
            let expected = format!("tensors, alone or under `{}`", WRAPPERS.join("`, `"));
            Err(Fault::foreign(
                "the pickle",
                expected,
                format!("a dictionary without, of {}", listed(&keys, items.len())),
            ))
        }
    }
}

/// Returns the dictionaries of tensors within a dictionary, by key.
fn state_dicts<'a>(pickle: &'a Pickle, items: &[(Id, Id)]) -> BTreeMap<&'a str, &'a [(Id, Id)]> {
    let mut found = BTreeMap::new();
    for &(key, value) in items {
        let Some(key) = pickle.text(key).filter(|key| key.len() <= NAME_BYTES_MAX) else { continue };
        // Python keeps the last of two equal keys.
        match pickle.get(value) {
            Value::Dict(inner) if holds_tensors(pickle, inner) => found.insert(key, inner.as_slice()),
            _ => found.remove(key),
        };
    }
    found
}

/// The limits on the number of keys and on the depth of dictionaries: values may contain themselves.
const KEYS_MAX: usize = 4096;
const KEYS_DEEP: usize = 3;

fn add_keys(pickle: &Pickle, id: Id, above: &str, deep: usize, keys: &mut BTreeSet<String>) {
    let Value::Dict(items) = pickle.get(id) else { return };
    for &(key, value) in items {
        let Some(key) = pickle.text(key).filter(|key| key.len() <= 64 && keys.len() < KEYS_MAX) else { continue };
        // The names of tensors are known already.
        if is_tensor(pickle, value) {
            continue;
        }
        let path = if above.is_empty() { key.to_string() } else { format!("{above}.{key}") };
        if deep > 1 && keys.insert(path.clone()) {
            add_keys(pickle, value, &path, deep - 1, keys);
        } else {
            keys.insert(path);
        }
    }
}

fn no_such(key: &str, inner: &BTreeMap<&str, &[(Id, Id)]>) -> Fault {
    let keys: Vec<String> = inner.keys().take(8).map(|key| format!("`{}`", shortened(key))).collect();
    Fault {
        location: "the pickle".to_string(),
        expected: format!("a state dict under `{key}`"),
        found: format!("state dicts under {}", listed(&keys, inner.len())),
        fix: "choose one of these with `lacuna convert FILE --state-dict KEY --out NEW.safetensors`",
    }
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
    let note = |&(key, value): &(Id, Id)| {
        let text = match pickle.get(value) {
            Value::Int(number) => number.to_string(),
            Value::Float(number) => number.to_string(),
            Value::Bool(truth) => truth.to_string(),
            Value::Text(text) => shortened(text),
            _ => return None,
        };
        Some((shortened(pickle.text(key)?), text))
    };
    items.iter().filter_map(note).take(NOTES_MAX).collect()
}
