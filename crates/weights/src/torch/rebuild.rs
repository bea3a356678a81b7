//! The calls that mean a tensor.

use crate::Element;
use crate::error::Fault;
use crate::pickle::{Id, Pickle, Value};
use crate::tensor::View;
use std::ops::Range;

/// A tensor as its pickle describes it.
pub(crate) struct Rebuilt {
    pub storage: Storage,
    pub offset: usize,
    pub shape: Vec<usize>,
    pub strides: Vec<usize>,
}

/// A storage as its pickle describes it.
pub(crate) struct Storage {
    pub key: String,
    pub element: Element,
    pub elements: usize,
    /// Where this storage begins in the one of that key, in elements, if it is a part of it; of files before version 0.4.
    pub begins: Option<usize>,
}

impl Storage {
    /// Its bytes, given those of the storage of its key: all of them, unless it is a part.
    pub fn within(&self, whole: Range<usize>, place: &str) -> Result<Range<usize>, Fault> {
        let bytes = |elements: usize| elements.checked_mul(self.element.bytes());
        let is_whole = self.begins.is_none();
        let range = bytes(self.begins.unwrap_or(0)).zip(bytes(self.elements)).and_then(|(from, length)| {
            let from = whole.start.checked_add(from)?;
            Some(from..from.checked_add(length)?)
                .filter(|range| if is_whole { *range == whole } else { range.end <= whole.end })
        });
        range.ok_or_else(|| {
            let expected = format!("{} {} values in storage {}", self.elements, self.element.word(), self.key);
            Fault::damaged(place, expected, format!("{} bytes", whole.len()))
        })
    }
}

impl Rebuilt {
    /// The tensor in the file, given the bytes of its storage.
    pub fn view(self, storage: Range<usize>, place: &str) -> Result<View, Fault> {
        let Rebuilt { storage: Storage { element, .. }, offset, shape, strides } = self;
        View { element, shape, strides, offset, storage }.checked(place)
    }
}

/// Wrappings of a tensor within each other: a parameter is a tensor.
const WRAPPED_MAX: usize = 4;

/// Whether a value is the call of a rebuild function.
pub(crate) fn is_tensor(pickle: &Pickle, id: Id) -> bool {
    matches!(pickle.get(id), Value::Call { .. })
        && matches!(
            pickle.path(id),
            Some((
                "torch._utils",
                "_rebuild_tensor" | "_rebuild_tensor_v2" | "_rebuild_parameter" | "_rebuild_parameter_with_state"
            ))
        )
}

/// What a call of a rebuild function says.
pub(crate) fn tensor(pickle: &Pickle, id: Id, place: &str) -> Result<Rebuilt, Fault> {
    let mut id = id;
    for _ in 0..WRAPPED_MAX {
        if !is_tensor(pickle, id) {
            return Err(Fault::damaged(place, "a tensor", pickle.describe(id)));
        }
        let Value::Call { arguments, .. } = pickle.get(id) else { unreachable!("`is_tensor` knows calls alone") };
        let arguments = pickle.members(*arguments).unwrap_or_default();
        let is_parameter = pickle.path(id).is_some_and(|(_, name)| name.starts_with("_rebuild_parameter"));
        match arguments {
            [inner, ..] if is_parameter => id = *inner,
            [storage, offset, shape, strides, ..] => {
                return Ok(Rebuilt {
                    storage: storage_of(pickle, *storage, place)?,
                    offset: size(pickle, *offset, "an offset", place)?,
                    shape: sizes(pickle, *shape, "a shape", place)?,
                    strides: sizes(pickle, *strides, "strides", place)?,
                });
            }
            other => {
                return Err(Fault::damaged(
                    place,
                    "a storage, an offset, a shape and strides",
                    format!("{} values", other.len()),
                ));
            }
        }
    }
    Err(Fault::damaged(place, "a tensor", format!("more than {WRAPPED_MAX} wrappings of one")))
}

/// `("storage", class, key, location, elements)`, before version 0.4 with `(key, begin, elements)` of a view.
fn storage_of(pickle: &Pickle, id: Id, place: &str) -> Result<Storage, Fault> {
    let Value::Persistent(id) = pickle.get(id) else {
        return Err(Fault::damaged(place, "a storage", pickle.describe(id)));
    };
    let Some([kind, class, key, _location, elements, rest @ ..]) = pickle.members(*id) else {
        return Err(Fault::damaged(place, "the class, key, place and size of a storage", pickle.describe(*id)));
    };
    if pickle.text(*kind) != Some("storage") {
        return Err(Fault::foreign(place, "a storage", pickle.describe(*kind)));
    }
    let key = match pickle.text(*key) {
        Some(key) if key.len() <= 64 => key.to_string(),
        _ => return Err(Fault::damaged(place, "the key of a storage in at most 64 bytes", pickle.describe(*key))),
    };
    let mut storage = Storage {
        key,
        element: element(pickle, *class, place)?,
        elements: size(pickle, *elements, "a storage's size", place)?,
        begins: None,
    };
    if let Some([_, begins, elements]) = rest.first().and_then(|view| pickle.members(*view)) {
        storage.begins = Some(size(pickle, *begins, "a storage's begin", place)?);
        storage.elements = size(pickle, *elements, "a storage's size", place)?;
    }
    Ok(storage)
}

fn element(pickle: &Pickle, class: Id, place: &str) -> Result<Element, Fault> {
    let known = match pickle.get(class) {
        Value::Global { module, name } if module == "torch" || module == "torch.storage" => Element::of_storage(name),
        _ => None,
    };
    known.ok_or_else(|| {
        let expected = "a storage of floats of 16, 32 or 64 bits, of integers or of truth values";
        Fault::foreign(place, expected, pickle.describe(class))
    })
}

fn size(pickle: &Pickle, id: Id, what: &str, place: &str) -> Result<usize, Fault> {
    pickle.size(id).ok_or_else(|| Fault::damaged(place, format!("{what} as a whole number"), pickle.describe(id)))
}

/// A tuple of sizes, or a `torch.Size` of one.
fn sizes(pickle: &Pickle, id: Id, what: &str, place: &str) -> Result<Vec<usize>, Fault> {
    let unwrapped = match pickle.get(id) {
        Value::Call { arguments, .. } if pickle.path(id) == Some(("torch", "Size")) => {
            pickle.members(*arguments).and_then(|arguments| arguments.first().copied()).unwrap_or(id)
        }
        _ => id,
    };
    match pickle.members(unwrapped) {
        // No tensor has so many axes, and what is short is copied without a thought.
        Some(members) if members.len() <= 64 => members.iter().map(|&id| size(pickle, id, what, place)).collect(),
        _ => Err(Fault::damaged(place, format!("{what} of at most 64 axes"), pickle.describe(id))),
    }
}
