//! PyTorch's format before version 1.6: consecutive pickles, then the storages.
//!
//! A magic number, the protocol's version, properties of the machine, the object, the keys of the storages; then each
//! storage in the order of the keys, preceded by its number of elements.

use super::{PICKLE_BYTES_MAX, State, state};
use crate::Element;
use crate::error::Fault;
use crate::pickle::{self, Pickle, Value};
use std::collections::BTreeMap;
use std::ops::Range;

const MAGIC: i128 = 0x1950_a86a_20f9_469c_fc6c;
const VERSION: i128 = 1001;

/// Reads the state dict of such a file.
pub(crate) fn read(file: &[u8], wanted: Option<&str>) -> Result<State, Fault> {
    let mut pickles = Pickles { file, at: 0 };
    let magic = pickles.next("the magic number")?;
    if *magic.root() != Value::Int(MAGIC) {
        let expected = "the number that torch.save puts first";
        return Err(Fault::foreign("the magic number", expected, magic.describe(magic.root)));
    }
    let version = pickles.next("the version")?;
    if *version.root() != Value::Int(VERSION) {
        return Err(Fault::foreign("the version", VERSION.to_string(), version.describe(version.root)));
    }
    check_byte_order(&pickles.next("the facts of the machine")?)?;
    let object = pickles.next("the pickle")?;
    let keys = pickles.next("the keys of the storages")?;
    let widths = widths(&object);
    let storages = storages(file, pickles.at, &keys, &widths)?;
    state::read(&object, wanted, &mut |storage, location| match storages.get(&storage.key) {
        Some(whole) => storage.within(whole.clone(), location),
        None => Err(Fault::damaged(location, format!("storage {}", storage.key), "none of that key")),
    })
}

struct Pickles<'a> {
    file: &'a [u8],
    at: usize,
}

impl Pickles<'_> {
    fn next(&mut self, location: &str) -> Result<Pickle, Fault> {
        let rest = &self.file[self.at..];
        let pickle =
            pickle::run(&rest[..rest.len().min(PICKLE_BYTES_MAX)], &format!("{location} at byte {}", self.at))?;
        self.at += pickle.length;
        Ok(pickle)
    }
}

fn check_byte_order(facts: &Pickle) -> Result<(), Fault> {
    let Value::Dict(items) = facts.root() else {
        return Err(Fault::damaged("the facts of the machine", "a dictionary", facts.describe(facts.root)));
    };
    let little = items.iter().find(|(key, _)| facts.text(*key) == Some("little_endian"));
    match little.map(|(_, value)| facts.get(*value)) {
        Some(Value::Bool(false)) => Err(Fault::foreign("the facts of the machine", "least byte first", "last")),
        _ => Ok(()),
    }
}

/// The bytes of one element of a storage, and the storage's class.
type Width<'a> = (usize, &'a str);

/// Returns the type of each storage that the object refers to, supported or not: the offset of the following storages
/// depends on its length.
///
/// Every reference is one value, so the time is linear in the pickle.
fn widths(object: &Pickle) -> BTreeMap<&str, Width<'_>> {
    let mut widths = BTreeMap::new();
    for value in &object.values {
        if let Value::Persistent(id) = value
            && let Some([_, class, key, ..]) = object.members(*id)
            && let (Value::Global { name, .. }, Some(key)) = (object.get(*class), object.text(*key))
            && let Some(bytes) = Element::width_of_storage(name)
        {
            widths.insert(key, (bytes, Element::of_storage(name).map_or(name.as_str(), |known| known.word())));
        }
    }
    widths
}

fn storages(
    file: &[u8],
    mut at: usize,
    keys: &Pickle,
    widths: &BTreeMap<&str, Width<'_>>,
) -> Result<BTreeMap<String, Range<usize>>, Fault> {
    let Some(members) = keys.members(keys.root) else {
        return Err(Fault::damaged("the keys of the storages", "a list", keys.describe(keys.root)));
    };
    let mut storages = BTreeMap::new();
    for &id in members {
        let Some((key, (width, word))) = keys.text(id).and_then(|key| Some((key, *widths.get(key)?))) else {
            let expected = "the key of a storage that the pickle mentions, with a known type";
            return Err(Fault::damaged("the keys of the storages", expected, keys.describe(id)));
        };
        let location = format!("storage {key} at byte {at}");
        let Some(count) = file.get(at..).and_then(|rest| rest.first_chunk::<8>()) else {
            return Err(Fault::damaged(location, "its number of elements", "the end of the file"));
        };
        let count = u64::from_le_bytes(*count);
        let bytes = usize::try_from(count).ok().and_then(|count| count.checked_mul(width));
        let data = bytes.and_then(|bytes| (at + 8).checked_add(bytes)).map(|end| at + 8..end);
        let Some(data) = data.filter(|data| data.end <= file.len()) else {
            let expected = format!("{count} {word} values");
            return Err(Fault::damaged(location, expected, format!("{} bytes", file.len() - at - 8)));
        };
        at = data.end;
        storages.insert(key.to_string(), data);
    }
    Ok(storages)
}
