//! The layout of today: a zip archive of a pickle and one entry per storage.

use super::zip::{Directory, Entry};
use super::{PICKLE_BYTES_MAX, State, state};
use crate::error::Fault;
use crate::pickle;
use std::collections::BTreeMap;
use std::ops::Range;

/// Read the state dict of an archive.
pub(crate) fn read(file: &[u8]) -> Result<State, Fault> {
    let directory = Directory::read(file)?;
    let folder = folder(&directory)?;
    check_byte_order(file, &directory, folder)?;
    let place = format!("`{folder}data.pkl`");
    let (name, entry) = find(&directory, folder, "data.pkl", &place)?;
    if entry.data.len() > PICKLE_BYTES_MAX {
        let found = format!("{} bytes", entry.data.len());
        return Err(Fault::foreign(place, format!("a pickle of at most {PICKLE_BYTES_MAX} bytes"), found));
    }
    let pickle = pickle::run(Directory::verified(file, name, entry)?, &place)?;
    let mut verified = Verified { file, bytes: 0, ranges: BTreeMap::new() };
    state::read(&pickle, &mut |storage, place| {
        let name = format!("data/{}", storage.key);
        let (name, entry) = find(&directory, folder, &name, place)?;
        storage.within(verified.range(name, entry)?, place)
    })
}

/// The archive's folder with its slash; all entries of PyTorch's lie in one.
fn folder(directory: &Directory) -> Result<&str, Fault> {
    let folders: Vec<&str> = directory.0.keys().filter_map(|name| name.strip_suffix("data.pkl")).collect();
    match folders.as_slice() {
        [folder] if directory.0.contains_key(&format!("{folder}constants.pkl")) => {
            Err(Fault::foreign("the zip archive", "a state dict", "a TorchScript program"))
        }
        [folder] => Ok(folder),
        [] => {
            let names: Vec<String> = directory.0.keys().take(3).map(|name| crate::pickle::shortened(name)).collect();
            let found = format!("{} entries: {}", directory.0.len(), names.join(", "));
            Err(Fault::foreign("the zip archive", "`data.pkl`, as torch.save writes it", found))
        }
        more => Err(Fault::foreign("the zip archive", "one `data.pkl`", format!("{}", more.len()))),
    }
}

fn find<'a>(directory: &'a Directory, folder: &str, name: &str, place: &str) -> Result<(&'a String, &'a Entry), Fault> {
    let name = format!("{folder}{name}");
    directory.0.get_key_value(&name).ok_or_else(|| {
        let expected = format!("zip entry `{}`", crate::pickle::shortened(&name));
        Fault::damaged(place, expected, "none of that name")
    })
}

fn check_byte_order(file: &[u8], directory: &Directory, folder: &str) -> Result<(), Fault> {
    // Files before version 2.1 have no such entry and come from machines of that order, as nearly all are.
    let Some(entry) = directory.0.get(&format!("{folder}byteorder")) else { return Ok(()) };
    match &file[entry.data.clone()] {
        b"little" => Ok(()),
        other => {
            let found = String::from_utf8_lossy(&other[..other.len().min(16)]).into_owned();
            Err(Fault::foreign("zip entry `byteorder`", "`little`", format!("`{}`", pickle::shortened(&found))))
        }
    }
}

/// Entries whose checksums were compared, each once.
struct Verified<'a> {
    file: &'a [u8],
    /// Of all of them: entries that lie over each other could make a small file take long.
    bytes: usize,
    ranges: BTreeMap<String, Range<usize>>,
}

impl Verified<'_> {
    fn range(&mut self, name: &str, entry: &Entry) -> Result<Range<usize>, Fault> {
        if let Some(range) = self.ranges.get(name) {
            return Ok(range.clone());
        }
        self.bytes = self.bytes.saturating_add(entry.data.len());
        if self.bytes > self.file.len() {
            return Err(Fault::damaged("the zip archive", "entries beside each other", "entries over each other"));
        }
        Directory::verified(self.file, name, entry)?;
        self.ranges.insert(name.to_string(), entry.data.clone());
        Ok(entry.data.clone())
    }
}
