//! The values of a pickle.

/// The index of a value in its pickle.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Id(pub u32);

/// A Python value, as data.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Value {
    None,
    Bool(bool),
    Int(i128),
    /// An integer of more than 16 bytes, whose value is not kept.
    HugeInt,
    Float(f64),
    Text(String),
    Bytes(Vec<u8>),
    Tuple(Vec<Id>),
    List(Vec<Id>),
    Set(Vec<Id>),
    Dict(Vec<(Id, Id)>),
    /// The name of a class or function.
    Global {
        module: String,
        name: String,
    },
    /// A call, which is not executed.
    Call {
        function: Id,
        arguments: Id,
        /// Whether state or members were added to its result later, which are not kept.
        changed: bool,
    },
    /// A reference to an object outside the pickle: in PyTorch's files a storage.
    Persistent(Id),
}

/// The values of one pickle.
#[derive(Debug)]
pub(crate) struct Pickle {
    pub values: Vec<Value>,
    pub root: Id,
    /// The length of the pickle in bytes, its last instruction included.
    pub length: usize,
}

impl Pickle {
    pub fn get(&self, id: Id) -> &Value {
        &self.values[id.0 as usize]
    }

    pub fn root(&self) -> &Value {
        self.get(self.root)
    }

    pub fn text(&self, id: Id) -> Option<&str> {
        match self.get(id) {
            Value::Text(text) => Some(text),
            _ => None,
        }
    }

    pub fn size(&self, id: Id) -> Option<usize> {
        match self.get(id) {
            Value::Int(number) => usize::try_from(*number).ok(),
            _ => None,
        }
    }

    /// Returns the members of a tuple or list.
    pub fn members(&self, id: Id) -> Option<&[Id]> {
        match self.get(id) {
            Value::Tuple(members) | Value::List(members) => Some(members),
            _ => None,
        }
    }

    /// Returns the module and name of a global, or of the function of a call.
    pub fn path(&self, id: Id) -> Option<(&str, &str)> {
        match self.get(id) {
            Value::Global { module, name } => Some((module, name)),
            Value::Call { function, .. } => match self.get(*function) {
                Value::Global { module, name } => Some((module, name)),
                _ => None,
            },
            _ => None,
        }
    }

    /// Describes a value for messages: its kind and, if short, its content.
    pub fn describe(&self, id: Id) -> String {
        match self.get(id) {
            Value::None => "None".to_string(),
            Value::Bool(truth) => if *truth { "True" } else { "False" }.to_string(),
            Value::Int(number) => format!("the number {number}"),
            Value::HugeInt => "a number of more than 16 bytes".to_string(),
            Value::Float(number) => format!("the number {number}"),
            Value::Text(text) => format!("the text `{}`", shortened(text)),
            Value::Bytes(bytes) => format!("{} bytes", bytes.len()),
            Value::Tuple(members) => format!("a tuple of {}", members.len()),
            Value::List(members) => format!("a list of {}", members.len()),
            Value::Set(members) => format!("a set of {}", members.len()),
            Value::Dict(items) => format!("a dictionary of {}", items.len()),
            Value::Global { module, name } => format!("the name `{}`", shortened(&format!("{module}.{name}"))),
            Value::Call { .. } => match self.path(id) {
                Some((module, name)) => format!("an object of `{}`", shortened(&format!("{module}.{name}"))),
                None => "an object of something that is no class".to_string(),
            },
            Value::Persistent(_) => "a storage".to_string(),
        }
    }
}

/// Shortens text of a file for a message, and removes control characters.
pub(crate) fn shortened(text: &str) -> String {
    const SHOWN: usize = 80;
    let clean: String = text.chars().take(SHOWN).map(|c| if c.is_control() { '?' } else { c }).collect();
    if text.chars().nth(SHOWN).is_some() { clean + "…" } else { clean }
}
