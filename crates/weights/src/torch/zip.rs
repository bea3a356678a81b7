//! The entries of a zip archive as PyTorch writes it: stored, not compressed.
//!
//! Nothing is copied: an entry is a range of the file. Its checksum is compared when it is used.
//!
//! Source: PKWARE, ".ZIP File Format Specification" 6.3.10, sections 4.3 to 4.5.

use crate::error::Fault;
use std::collections::BTreeMap;
use std::ops::Range;

/// The byte range of an entry in the file, and its expected checksum.
#[derive(Clone, Debug)]
pub(crate) struct Entry {
    pub data: Range<usize>,
    pub crc32: u32,
    /// Bit 0 of the entry's flags.
    encrypted: bool,
    /// The compression method; 0 means stored.
    method: u16,
}

/// The fix for an archive that another program compressed again.
const STORE: &str = "unpack it and pack it again without compression, `zip -0 -r NEW.pth FOLDER` in Info-ZIP's; or load it in \
                     PyTorch where you trust it and save it again";

impl Entry {
    /// Checks that the entry's bytes are stored, neither compressed nor encrypted.
    pub fn check_stored(&self, name: &str) -> Result<(), Fault> {
        let found = match (self.encrypted, self.method) {
            (false, 0) => return Ok(()),
            (true, _) => "an encrypted one".to_string(),
            (false, 8) => "a deflated one: the archive was packed again by another program".to_string(),
            (false, method) => format!("compression method {method}"),
        };
        let location = format!("zip entry `{}`", crate::pickle::shortened(name));
        Err(Fault { location, expected: "a stored entry, as torch.save writes it".to_string(), found, fix: STORE })
    }
}

/// The entries of an archive.
#[derive(Debug)]
pub(crate) struct Directory {
    /// The entries by their names.
    pub entries: BTreeMap<String, Entry>,
    /// Whether no checksums were written: all are 0, as with PyTorch's `torch.serialization.set_crc32_options(False)`.
    without_checksums: bool,
}

const END: u32 = 0x0605_4b50;
const END_64: u32 = 0x0606_4b50;
const LOCATOR_64: u32 = 0x0706_4b50;
const CENTRAL: u32 = 0x0201_4b50;
const LOCAL: u32 = 0x0403_4b50;

/// The bytes of the end record without its comment, and the longest comment.
const END_BYTES: usize = 22;
const COMMENT_BYTES_MAX: usize = 65_535;

/// The value of a 32-bit field whose number is in a 64-bit field.
const ELSEWHERE: u32 = u32::MAX;

impl Directory {
    /// Reads the directory at the end of an archive.
    pub fn read(file: &[u8]) -> Result<Directory, Fault> {
        let (count, mut at) = end(file)?;
        let mut entries = BTreeMap::new();
        for number in 0..count {
            let location = format!("entry {} of the zip directory", number + 1);
            let record = Record { file, at, location: &location };
            let (name, entry, length) = record.entry()?;
            at += length;
            // Readers differ in which of two entries with the same name they use.
            if entries.insert(name, entry).is_some() {
                return Err(Fault::damaged(location, "a name of its own", "that of an entry before it"));
            }
        }
        let without_checksums = entries.values().all(|entry| entry.crc32 == 0);
        Ok(Directory { entries, without_checksums })
    }

    /// Returns the bytes of an entry if their checksum matches, or if the archive has no checksums.
    pub fn verified<'a>(&self, file: &'a [u8], name: &str, entry: &Entry) -> Result<&'a [u8], Fault> {
        let bytes = &file[entry.data.clone()];
        let found = crc32fast::hash(bytes);
        if found == entry.crc32 || self.without_checksums {
            return Ok(bytes);
        }
        let location = format!("zip entry `{}`", crate::pickle::shortened(name));
        Err(Fault::damaged(location, format!("the checksum {:08x}", entry.crc32), format!("{found:08x}")))
    }
}

/// Returns the number of entries of the directory, and its offset.
fn end(file: &[u8]) -> Result<(u64, usize), Fault> {
    let location = "the end of the zip archive";
    let from = file.len().saturating_sub(END_BYTES + COMMENT_BYTES_MAX);
    let last = file.len().checked_sub(END_BYTES);
    let is_end = |&at: &usize| {
        let record = Record { file, at, location };
        record.u32(0).is_ok_and(|mark| mark == END)
            && record.u16(20).is_ok_and(|comment| at + END_BYTES + usize::from(comment) == file.len())
    };
    let Some(at) = last.and_then(|last| (from..=last).rev().find(is_end)) else {
        return Err(Fault::damaged(location, "the archive's directory", "none: the file is cut short"));
    };
    let record = Record { file, at, location };
    let (count, offset) = (record.u16(10)?, record.u32(16)?);
    if count < u16::MAX && offset < ELSEWHERE {
        return Ok((u64::from(count), offset as usize));
    }
    let locator = Record { file, at: at.saturating_sub(20), location };
    if locator.u32(0)? != LOCATOR_64 {
        return Ok((u64::from(count), offset as usize));
    }
    let record = Record { file, at: locator.size(8)?, location };
    record.mark(END_64, "the end record of 64 bits")?;
    Ok((record.u64(32)?, record.size(48)?))
}

/// A record of the archive, read field by field.
struct Record<'a> {
    file: &'a [u8],
    at: usize,
    location: &'a str,
}

impl Record<'_> {
    /// Reads the name and byte range of an entry of the directory, and the length of its record.
    fn entry(&self) -> Result<(String, Entry, usize), Fault> {
        self.mark(CENTRAL, "an entry of the zip directory")?;
        let (flags, method) = (self.u16(8)?, self.u16(10)?);
        let [name, extra, comment] = [28, 30, 32].map(|at| self.u16(at).map(usize::from));
        let (name_length, extra_length, comment) = (name?, extra?, comment?);
        let name = String::from_utf8_lossy(self.bytes(46, name_length)?).into_owned();
        let location = format!("zip entry `{}`", crate::pickle::shortened(&name));
        let extra = self.bytes(46 + name_length, extra_length)?;
        let mut wide = Wide::of(extra, &location);
        // The order of the 64-bit fields is that of the fields that they replace.
        let size = wide.or(self.u32(24)?)?;
        let packed = wide.or(self.u32(20)?)?;
        let header = wide.or(self.u32(42)?)?;
        if method == 0 && size != packed {
            return Err(Fault::damaged(location, format!("{size} stored bytes"), format!("{packed}")));
        }
        let local = Record { file: self.file, at: usize::try_from(header).unwrap_or(usize::MAX), location: &location };
        let data = local.data(packed)?;
        let entry = Entry { data, crc32: self.u32(16)?, encrypted: flags & 1 != 0, method };
        Ok((name, entry, 46 + name_length + extra_length + comment))
    }

    /// Returns the byte range of the data after a local header.
    fn data(&self, size: u64) -> Result<Range<usize>, Fault> {
        self.mark(LOCAL, "a zip entry's header")?;
        let from = 30 + usize::from(self.u16(26)?) + usize::from(self.u16(28)?);
        let size = usize::try_from(size).unwrap_or(usize::MAX);
        self.bytes(from, size)?;
        Ok(self.at + from..self.at + from + size)
    }

    fn mark(&self, expected: u32, what: &str) -> Result<(), Fault> {
        match self.u32(0)? {
            found if found == expected => Ok(()),
            found => Err(Fault::damaged(self.location, what, format!("0x{found:08x} at byte {}", self.at))),
        }
    }

    fn bytes(&self, from: usize, length: usize) -> Result<&[u8], Fault> {
        let range = self.at.checked_add(from).and_then(|from| Some(from..from.checked_add(length)?));
        range.and_then(|range| self.file.get(range)).ok_or_else(|| {
            let found = format!("the end of the file at byte {}", self.file.len());
            Fault::damaged(self.location, format!("{length} bytes {from} bytes behind byte {}", self.at), found)
        })
    }

    fn u16(&self, from: usize) -> Result<u16, Fault> {
        Ok(u16::from_le_bytes(self.bytes(from, 2)?.try_into().expect("two bytes")))
    }

    fn u32(&self, from: usize) -> Result<u32, Fault> {
        Ok(u32::from_le_bytes(self.bytes(from, 4)?.try_into().expect("four bytes")))
    }

    fn u64(&self, from: usize) -> Result<u64, Fault> {
        Ok(u64::from_le_bytes(self.bytes(from, 8)?.try_into().expect("eight bytes")))
    }

    fn size(&self, from: usize) -> Result<usize, Fault> {
        Ok(usize::try_from(self.u64(from)?).unwrap_or(usize::MAX))
    }
}

/// The 64-bit numbers in an entry's extra fields, read one after the other.
struct Wide<'a> {
    numbers: &'a [u8],
    location: &'a str,
}

impl<'a> Wide<'a> {
    fn of(extra: &'a [u8], location: &'a str) -> Wide<'a> {
        let mut rest = extra;
        while let [a, b, c, d, after @ ..] = rest {
            let (kind, length) = (u16::from_le_bytes([*a, *b]), usize::from(u16::from_le_bytes([*c, *d])));
            let Some(field) = after.get(..length) else { break };
            if kind == 1 {
                return Wide { numbers: field, location };
            }
            rest = &after[length..];
        }
        Wide { numbers: &[], location }
    }

    /// Returns a 32-bit number, or the next 64-bit one if it is the placeholder.
    fn or(&mut self, narrow: u32) -> Result<u64, Fault> {
        if narrow != ELSEWHERE {
            return Ok(u64::from(narrow));
        }
        let Some((number, rest)) = self.numbers.split_first_chunk::<8>() else {
            return Err(Fault::damaged(self.location, "a number of 64 bits", "none"));
        };
        self.numbers = rest;
        Ok(u64::from_le_bytes(*number))
    }
}
