//! The pickled calls that describe a tensor.

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
    /// The first element of this storage within the one of that key, if it is a part of it, as in files before version
    /// 0.4.
    pub begins: Option<usize>,
}

impl Storage {
    /// Returns its byte range, given that of the storage of its key: the whole range, unless it is a part.
    pub fn within(&self, whole: Range<usize>, location: &str) -> Result<Range<usize>, Fault> {
        let bytes = |elements: usize| elements.checked_mul(self.element.bytes());
        let is_whole = self.begins.is_none();
        let range = bytes(self.begins.unwrap_or(0)).zip(bytes(self.elements)).and_then(|(from, length)| {
            let from = whole.start.checked_add(from)?;
            Some(from..from.checked_add(length)?)
                .filter(|range| if is_whole { *range == whole } else { range.end <= whole.end })
        });
        range.ok_or_else(|| {
            let expected = format!("{} {} values in storage {}", self.elements, self.element.word(), self.key);
            Fault::damaged(location, expected, format!("{} bytes", whole.len()))
        })
    }
}

impl Rebuilt {
    /// Returns the tensor's view of the file, given the byte range of its storage.
    pub fn view(self, storage: Range<usize>, location: &str) -> Result<View, Fault> {
        let Rebuilt { storage: Storage { element, .. }, offset, shape, strides } = self;
        View { element, shape, strides, offset, storage }.checked(location)
    }
}

/// The reason that a tensor of the pickle is not read.
pub(crate) enum Refusal {
    /// The file contradicts itself.
    Fault(Fault),
    /// The tensor is valid, but of an unsupported kind, which is named.
    Unread(String),
}

impl From<Fault> for Refusal {
    fn from(fault: Fault) -> Refusal {
        Refusal::Fault(fault)
    }
}

/// The largest number of nested calls of one tensor: a parameter contains a tensor.
const NESTED_MAX: usize = 4;

/// Classes of tensors whose elements are those of the tensor that they are built from.
const PLAIN_CLASSES: &[(&str, &str)] = &[
    ("torch", "Tensor"),
    ("torch._tensor", "Tensor"),
    ("torch.nn.parameter", "Parameter"),
    ("torch.nn.parameter", "Buffer"),
    ("monai.data.meta_tensor", "MetaTensor"),
];

/// Returns whether a value is the call of a rebuild function, for any kind of tensor.
pub(crate) fn is_tensor(pickle: &Pickle, id: Id) -> bool {
    matches!(pickle.get(id), Value::Call { .. })
        && match pickle.path(id) {
            Some(("torch._utils", name)) => name.starts_with("_rebuild_"),
            Some(("torch._tensor", name)) => name.starts_with("_rebuild_from_type"),
            _ => false,
        }
}

/// Returns the tensor that a call of a rebuild function describes.
///
/// Only calls all of whose arguments are supported are read: some arguments change the numbers (the bits for negated
/// and conjugated tensors, scales of quantised ones).
pub(crate) fn tensor(pickle: &Pickle, id: Id, location: &str) -> Result<Rebuilt, Refusal> {
    let (mut function, mut arguments) = call(pickle, id, location)?;
    for _ in 0..NESTED_MAX {
        let members = pickle.members(arguments).unwrap_or_default();
        let (_, name) = pickle.path(function).unwrap_or_default();
        match (name, members) {
            ("_rebuild_parameter", [inner, _, hooks]) | ("_rebuild_parameter_with_state", [inner, _, hooks, _]) => {
                without_hooks(pickle, *hooks)?;
                (function, arguments) = call(pickle, *inner, location)?;
            }
            ("_rebuild_from_type_v2", [inner, class, rest, _]) => {
                if !pickle.path(*class).is_some_and(|path| PLAIN_CLASSES.contains(&path)) {
                    return unread(format!("a tensor of the class {}", named(pickle, *class)));
                }
                (function, arguments) = (*inner, *rest);
            }
            ("_rebuild_tensor", [storage, offset, shape, strides]) => {
                return rebuilt(pickle, [*storage, *offset, *shape, *strides], location);
            }
            ("_rebuild_tensor_v2", [storage, offset, shape, strides, _, hooks, rest @ ..]) if rest.len() <= 1 => {
                without_hooks(pickle, *hooks)?;
                without_bits(pickle, rest.first().copied())?;
                return rebuilt(pickle, [*storage, *offset, *shape, *strides], location);
            }
            ("_rebuild_tensor" | "_rebuild_tensor_v2" | "_rebuild_parameter", other) => {
                let expected = format!("the arguments of `{name}`");
                return Err(Fault::damaged(location, expected, format!("{} values", other.len())).into());
            }
            (name, members) => return unread(foreign_kind(pickle, name, members)),
        }
    }
    Err(Fault::damaged(location, "a tensor", format!("more than {NESTED_MAX} calls within each other")).into())
}

/// Returns the function and arguments of a rebuild call to whose result nothing was added.
fn call(pickle: &Pickle, id: Id, location: &str) -> Result<(Id, Id), Refusal> {
    match pickle.get(id) {
        Value::Call { changed: true, .. } if is_tensor(pickle, id) => {
            unread("a tensor that the pickle changes after it is built".to_string())
        }
        Value::Call { function, arguments, .. } if is_tensor(pickle, id) => Ok((*function, *arguments)),
        _ => Err(Fault::damaged(location, "a tensor", pickle.describe(id)).into()),
    }
}

fn unread<T>(what: String) -> Result<T, Refusal> {
    Err(Refusal::Unread(what))
}

/// Checks that there are no hooks: they are called on a tensor's gradient, and saved tensors have none.
fn without_hooks(pickle: &Pickle, id: Id) -> Result<(), Refusal> {
    match pickle.get(id) {
        Value::None => Ok(()),
        Value::Dict(items) if items.is_empty() => Ok(()),
        _ => unread("a tensor with backward hooks".to_string()),
    }
}

/// Checks the last argument of `_rebuild_tensor_v2`, such as `{"neg": True}`, with which the tensor's numbers are not
/// the stored ones.
fn without_bits(pickle: &Pickle, id: Option<Id>) -> Result<(), Refusal> {
    match id.map(|id| (id, pickle.get(id))) {
        None | Some((_, Value::None)) => Ok(()),
        Some((_, Value::Dict(items))) if items.is_empty() => Ok(()),
        Some((_, Value::Dict(items))) => {
            let named = |bit: &str| items.iter().any(|(key, _)| pickle.text(*key) == Some(bit));
            unread(match (named("neg"), named("conj")) {
                (true, _) => {
                    "a tensor with PyTorch's negative bit (call `resolve_neg()` before it is saved)".to_string()
                }
                (_, true) => {
                    "a tensor with PyTorch's conjugate bit (call `resolve_conj()` before it is saved)".to_string()
                }
                _ => "a tensor with metadata that is not known".to_string(),
            })
        }
        Some((id, _)) => unread(format!("a tensor with {} for metadata", pickle.describe(id))),
    }
}

/// Describes an unsupported kind of tensor.
fn foreign_kind(pickle: &Pickle, name: &str, members: &[Id]) -> String {
    match (name, members) {
        // The arguments are storage, offset, shape, strides, gradient, hooks, type.
        ("_rebuild_tensor_v3", [_, _, _, _, _, _, kind, ..]) => format!("a tensor of {}", named(pickle, *kind)),
        ("_rebuild_qtensor", _) => "a quantised tensor".to_string(),
        ("_rebuild_sparse_tensor" | "_rebuild_sparse_csr_tensor", _) => "a sparse tensor".to_string(),
        ("_rebuild_nested_tensor", _) => "a nested tensor".to_string(),
        ("_rebuild_meta_tensor_no_storage", _) => "a tensor without numbers (on the device `meta`)".to_string(),
        _ => format!("a tensor that `{}` builds", crate::pickle::shortened(name)),
    }
}

/// Returns the name of a class or type without its module.
fn named(pickle: &Pickle, id: Id) -> String {
    match pickle.get(id) {
        Value::Global { module, name } => crate::pickle::shortened(&format!("`{module}.{name}`")),
        _ => pickle.describe(id),
    }
}

fn rebuilt(pickle: &Pickle, [storage, offset, shape, strides]: [Id; 4], location: &str) -> Result<Rebuilt, Refusal> {
    Ok(Rebuilt {
        storage: storage_of(pickle, storage, location)?,
        offset: size(pickle, offset, "an offset", location)?,
        shape: sizes(pickle, shape, "a shape", location)?,
        strides: sizes(pickle, strides, "strides", location)?,
    })
}

/// Reads `("storage", class, key, location, elements)`, before version 0.4 with `(key, begin, elements)` of a view.
fn storage_of(pickle: &Pickle, id: Id, location: &str) -> Result<Storage, Refusal> {
    let Value::Persistent(id) = pickle.get(id) else {
        return Err(Fault::damaged(location, "a storage", pickle.describe(id)).into());
    };
    let Some([kind, class, key, _location, elements, rest @ ..]) = pickle.members(*id) else {
        return Err(
            Fault::damaged(location, "the class, key, place and size of a storage", pickle.describe(*id)).into()
        );
    };
    if pickle.text(*kind) != Some("storage") {
        return Err(Fault::foreign(location, "a storage", pickle.describe(*kind)).into());
    }
    let key = match pickle.text(*key) {
        Some(key) if key.len() <= 64 => key.to_string(),
        _ => {
            let expected = "the key of a storage in at most 64 bytes";
            return Err(Fault::damaged(location, expected, pickle.describe(*key)).into());
        }
    };
    let mut storage = Storage {
        key,
        element: element(pickle, *class)?,
        elements: size(pickle, *elements, "a storage's size", location)?,
        begins: None,
    };
    if let Some([_, begins, elements]) = rest.first().and_then(|view| pickle.members(*view)) {
        storage.begins = Some(size(pickle, *begins, "a storage's begin", location)?);
        storage.elements = size(pickle, *elements, "a storage's size", location)?;
    }
    Ok(storage)
}

fn element(pickle: &Pickle, class: Id) -> Result<Element, Refusal> {
    let known = match pickle.get(class) {
        Value::Global { module, name } if module == "torch" || module == "torch.storage" => Element::of_storage(name),
        _ => None,
    };
    known.map_or_else(|| unread(format!("numbers in a {}", named(pickle, class))), Ok)
}

fn size(pickle: &Pickle, id: Id, what: &str, location: &str) -> Result<usize, Fault> {
    pickle.size(id).ok_or_else(|| Fault::damaged(location, format!("{what} as a whole number"), pickle.describe(id)))
}

/// Reads a tuple of sizes, or a `torch.Size` of one.
fn sizes(pickle: &Pickle, id: Id, what: &str, location: &str) -> Result<Vec<usize>, Fault> {
    let unwrapped = match pickle.get(id) {
        Value::Call { arguments, .. } if pickle.path(id) == Some(("torch", "Size")) => {
            pickle.members(*arguments).and_then(|arguments| arguments.first().copied()).unwrap_or(id)
        }
        _ => id,
    };
    match pickle.members(unwrapped) {
        // A tensor has fewer axes; the limit keeps the copy small.
        Some(members) if members.len() <= 64 => members.iter().map(|&id| size(pickle, id, what, location)).collect(),
        _ => Err(Fault::damaged(location, format!("{what} of at most 64 axes"), pickle.describe(id))),
    }
}
