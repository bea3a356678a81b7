//! PyTorch's format since version 1.6: a zip archive of a pickle and one entry per storage.

use super::zip::{Directory, Entry};
use super::{PICKLE_BYTES_MAX, State, state};
use crate::error::Fault;
use crate::pickle;
use std::collections::BTreeMap;
use std::ops::Range;

/// Reads the state dict of an archive.
pub(crate) fn read(file: &[u8], wanted: Option<&str>) -> Result<State, Fault> {
    let directory = Directory::read(file)?;
    let folder = folder(&directory)?;
    check_version(file, &directory, folder)?;
    check_byte_order(file, &directory, folder)?;
    let location = format!("`{folder}data.pkl`");
    let (name, entry) = find(&directory, folder, "data.pkl", &location)?;
    if entry.data.len() > PICKLE_BYTES_MAX {
        let found = format!("{} bytes", entry.data.len());
        return Err(Fault::foreign(location, format!("a pickle of at most {PICKLE_BYTES_MAX} bytes"), found));
    }
    let pickle = pickle::run(directory.verified(file, name, entry)?, &location)?;
    let mut verified = Verified { file, directory: &directory, bytes: 0, ranges: BTreeMap::new() };
    state::read(&pickle, wanted, &mut |storage, location| {
        let name = format!("data/{}", storage.key);
        let (name, entry) = find(&directory, folder, &name, location)?;
        storage.within(verified.range(name, entry)?, location)
    })
}

/// Returns the archive's folder with its slash; all of PyTorch's entries lie in one folder.
fn folder(directory: &Directory) -> Result<&str, Fault> {
    let folders: Vec<&str> = directory.entries.keys().filter_map(|name| name.strip_suffix("data.pkl")).collect();
    match folders.as_slice() {
        [folder] if directory.entries.contains_key(&format!("{folder}constants.pkl")) => {
            Err(Fault::foreign("the zip archive", "a state dict", "a TorchScript program"))
        }
        [folder] => Ok(folder),
        [] => {
            let names: Vec<String> =
                directory.entries.keys().take(3).map(|name| crate::pickle::shortened(name)).collect();
            let found = format!("{} entries: {}", directory.entries.len(), names.join(", "));
            Err(Fault::foreign("the zip archive", "`data.pkl`, as torch.save writes it", found))
        }
        more => Err(Fault::foreign("the zip archive", "one `data.pkl`", format!("{}", more.len()))),
    }
}

fn find<'a>(
    directory: &'a Directory,
    folder: &str,
    name: &str,
    location: &str,
) -> Result<(&'a String, &'a Entry), Fault> {
    let name = format!("{folder}{name}");
    let found = directory.entries.get_key_value(&name).ok_or_else(|| {
        let expected = format!("zip entry `{}`", crate::pickle::shortened(&name));
        Fault::damaged(location, expected, "none of that name")
    })?;
    found.1.check_stored(found.0)?;
    Ok(found)
}

/// The newest version of the format that PyTorch 2.15 reads; later ones may differ.
const VERSION_MAX: u32 = 10;

fn check_version(file: &[u8], directory: &Directory, folder: &str) -> Result<(), Fault> {
    let location = "zip entry `version`";
    let (_, entry) = find(directory, folder, "version", location)?;
    let text = String::from_utf8_lossy(&file[entry.data.clone()][..entry.data.len().min(16)]).into_owned();
    match text.trim_end().parse() {
        Ok(1..=VERSION_MAX) => Ok(()),
        _ => {
            let found = format!("`{}`", pickle::shortened(text.trim_end()));
            Err(Fault::foreign(location, format!("a number up to {VERSION_MAX}"), found))
        }
    }
}

fn check_byte_order(file: &[u8], directory: &Directory, folder: &str) -> Result<(), Fault> {
    // Files before version 2.1 have no such entry; nearly all come from little-endian machines.
    let Some(entry) = directory.entries.get(&format!("{folder}byteorder")) else { return Ok(()) };
    entry.check_stored("byteorder")?;
    match &file[entry.data.clone()] {
        b"little" => Ok(()),
        other => {
            let found = String::from_utf8_lossy(&other[..other.len().min(16)]).into_owned();
            Err(Fault::foreign("zip entry `byteorder`", "`little`", format!("`{}`", pickle::shortened(&found))))
        }
    }
}

/// The entries whose checksums were compared, each once.
struct Verified<'a> {
    file: &'a [u8],
    directory: &'a Directory,
    /// The total of their bytes: overlapping entries could make a small file take long.
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
        self.directory.verified(self.file, name, entry)?;
        self.ranges.insert(name.to_string(), entry.data.clone());
        Ok(entry.data.clone())
    }
}

#[cfg(test)]
mod tests {
    use super::super::write::{Wrapping, bytes_of};
    use super::*;
    use crate::{Array, Element};

    /// Returns an archive of two tensors of two elements.
    fn whole() -> Vec<u8> {
        let array = |values: [f32; 2]| Array::of_f32(vec![2], &values);
        let arrays = BTreeMap::from([("a".to_string(), array([1.0, 2.0])), ("b".to_string(), array([3.0, 4.0]))]);
        assert_eq!(arrays["a"].element, Element::F32);
        bytes_of(&arrays, &Wrapping::None).unwrap()
    }

    /// Returns the archive with bytes of an entry replaced by the same number of others, and the checksum updated.
    fn with(name: &str, from: &[u8], to: &[u8]) -> Vec<u8> {
        let mut file = whole();
        let entry = Directory::read(&file).unwrap().entries[name].clone();
        let mut data = file[entry.data.clone()].to_vec();
        for at in 0..=data.len() - from.len() {
            if data[at..].starts_with(from) {
                data[at..at + to.len()].copy_from_slice(to);
            }
        }
        file[entry.data].copy_from_slice(&data);
        renamed(file, &entry.crc32.to_le_bytes(), &crc32fast::hash(&data).to_le_bytes())
    }

    /// Returns the file with all occurrences of some bytes replaced.
    fn renamed(mut file: Vec<u8>, from: &[u8], to: &[u8]) -> Vec<u8> {
        for at in 0..=file.len() - from.len() {
            if file[at..].starts_with(from) {
                file[at..at + to.len()].copy_from_slice(to);
            }
        }
        file
    }

    fn check(file: &[u8], location: &str, expected: &str) {
        let fault = read(file, None).map(|_| ()).unwrap_err();
        let said = format!("{fault:?}");
        assert!(said.contains(location) && said.contains(expected), "{said}");
    }

    #[test]
    fn what_pytorch_refuses_in_an_archive_is_refused() {
        assert!(read(&whole(), None).is_ok() && read(&with("archive/version", b"3", b"9"), None).is_ok());
        check(&with("archive/version", b"3\n", b"99"), "version", "up to 10");
        check(&renamed(whole(), b"archive/version", b"archive/versiox"), "version", "none of that name");
        check(&renamed(whole(), b"archive/data/1", b"archive/data/0"), "zip directory", "a name of its own");
        // Tensors and storages of one element, in entries that hold two.
        check(&with("archive/data.pkl", b"J\x02\0\0\0", b"J\x01\0\0\0"), "a", "1 f32 values");
    }
}
