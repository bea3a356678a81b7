//! Writing a file that `torch.load(FILE, weights_only=True)` takes.
//!
//! The zip format, containing only names, numbers and PyTorch's own rebuild function. Equal tensors give equal bytes:
//! there is no date and no random identifier.

use crate::error::WeightsError;
use crate::tensor::row_major;
use crate::{Array, Element};
use std::collections::BTreeMap;

/// The position of the state dict in the file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Wrapping {
    /// The state dict is the whole object, as in `torch.save(model.state_dict(), FILE)`.
    None,
    /// The state dict is under the key `state_dict`, as in training programs, together with these numbers: `("epoch",
    /// 3)`.
    StateDict(BTreeMap<String, i64>),
}

/// The alignment of storages in bytes, so that they can be mapped into memory.
const ALIGNMENT: usize = 64;

const FOLDER: &str = "archive";

/// Returns the bytes of such a file.
pub(crate) fn bytes_of(arrays: &BTreeMap<String, Array>, wrapping: &Wrapping) -> Result<Vec<u8>, WeightsError> {
    let mut archive = Archive::default();
    archive.add("data.pkl", &pickle(arrays, wrapping))?;
    archive.add("byteorder", b"little")?;
    for (number, array) in arrays.values().enumerate() {
        archive.add(&format!("data/{number}"), &array.bytes)?;
    }
    archive.add("version", b"3\n")?;
    archive.finish()
}

fn pickle(arrays: &BTreeMap<String, Array>, wrapping: &Wrapping) -> Vec<u8> {
    let mut out = Writer(vec![0x80, 2]);
    match wrapping {
        Wrapping::None => out.state_dict(arrays),
        Wrapping::StateDict(notes) => {
            out.0.extend(b"}(");
            out.text("state_dict");
            out.state_dict(arrays);
            for (name, &number) in notes {
                out.text(name);
                out.int(number);
            }
            out.0.push(b'u');
        }
    }
    out.0.push(b'.');
    out.0
}

struct Writer(Vec<u8>);

impl Writer {
    fn state_dict(&mut self, arrays: &BTreeMap<String, Array>) {
        self.global("collections", "OrderedDict");
        self.0.extend(b")R(");
        for (number, (name, array)) in arrays.iter().enumerate() {
            self.text(name);
            self.tensor(number, array);
        }
        self.0.push(b'u');
    }

    /// Writes `_rebuild_tensor_v2(storage, offset, shape, strides, requires_grad, backward_hooks)`.
    fn tensor(&mut self, number: usize, array: &Array) {
        self.global("torch._utils", "_rebuild_tensor_v2");
        self.0.push(b'(');
        self.storage(number, array.element, array.len());
        self.int(0);
        self.sizes(&array.shape);
        self.sizes(&row_major(&array.shape));
        self.0.push(0x89);
        self.global("collections", "OrderedDict");
        self.0.extend(b")RtR");
    }

    fn storage(&mut self, number: usize, element: Element, elements: usize) {
        self.0.push(b'(');
        self.text("storage");
        self.global("torch", element.storage());
        self.text(&number.to_string());
        self.text("cpu");
        self.int(elements as i64);
        self.0.extend(b"tQ");
    }

    fn sizes(&mut self, sizes: &[usize]) {
        self.0.push(b'(');
        for &size in sizes {
            self.int(size as i64);
        }
        self.0.push(b't');
    }

    fn global(&mut self, module: &str, name: &str) {
        self.0.extend(format!("c{module}\n{name}\n").as_bytes());
    }

    fn text(&mut self, text: &str) {
        self.0.push(b'X');
        self.0.extend((text.len() as u32).to_le_bytes());
        self.0.extend(text.as_bytes());
    }

    fn int(&mut self, number: i64) {
        match i32::try_from(number) {
            Ok(number) => {
                self.0.push(b'J');
                self.0.extend(number.to_le_bytes());
            }
            Err(_) => {
                self.0.extend([0x8a, 8]);
                self.0.extend(number.to_le_bytes());
            }
        }
    }
}

/// A zip archive under construction.
#[derive(Default)]
struct Archive {
    bytes: Vec<u8>,
    directory: Vec<u8>,
    entries: u16,
}

/// The 1st of January 1980, the earliest date that zip can represent.
const DATE: u16 = 0x0021;
/// The smallest version that supports stored entries, and the flag of names in UTF-8.
const VERSION: u16 = 20;
const UTF8: u16 = 0x0800;
/// The identifier of extra fields used as padding, the same that PyTorch uses.
const PADDING: [u8; 2] = *b"FB";

impl Archive {
    fn add(&mut self, name: &str, data: &[u8]) -> Result<(), WeightsError> {
        let name = format!("{FOLDER}/{name}");
        let header = self.bytes.len();
        let end = header + 30 + name.len() + ALIGNMENT + 4 + data.len();
        if end >= u32::MAX as usize || self.entries >= u16::MAX - 1 {
            return Err(WeightsError::Unwritable {
                location: format!("zip entry `{name}`"),
                expected: "less than 4 GiB and 65534 tensors in a .pth file".to_string(),
                found: format!("{end} bytes and {} tensors", self.entries),
                fix: "write .safetensors",
            });
        }
        let fixed = self.fixed(data);
        let begins = header + 30 + name.len() + 4;
        let padding = begins.next_multiple_of(ALIGNMENT) - begins;
        self.bytes.extend(0x0403_4b50u32.to_le_bytes());
        self.bytes.extend(&fixed);
        self.bytes.extend((name.len() as u16).to_le_bytes());
        self.bytes.extend((padding as u16 + 4).to_le_bytes());
        self.bytes.extend(name.as_bytes());
        self.bytes.extend(PADDING);
        self.bytes.extend((padding as u16).to_le_bytes());
        self.bytes.resize(self.bytes.len() + padding, 0);
        self.bytes.extend(data);

        self.directory.extend(0x0201_4b50u32.to_le_bytes());
        self.directory.extend(VERSION.to_le_bytes());
        self.directory.extend(&fixed);
        self.directory.extend((name.len() as u16).to_le_bytes());
        // No extra field, comment, disk number or attributes.
        self.directory.extend([0; 12]);
        self.directory.extend((header as u32).to_le_bytes());
        self.directory.extend(name.as_bytes());
        self.entries += 1;
        Ok(())
    }

    /// Returns the fields that both headers share: version, flags, method, time, date, checksum, sizes.
    fn fixed(&self, data: &[u8]) -> Vec<u8> {
        let size = (data.len() as u32).to_le_bytes();
        let mut fields: Vec<u8> = [VERSION, UTF8, 0, 0, DATE].iter().flat_map(|field| field.to_le_bytes()).collect();
        fields.extend(crc32fast::hash(data).to_le_bytes());
        fields.extend(size);
        fields.extend(size);
        fields
    }

    fn finish(mut self) -> Result<Vec<u8>, WeightsError> {
        let (begins, length) = (self.bytes.len() as u32, self.directory.len() as u32);
        self.bytes.extend(&self.directory);
        self.bytes.extend(0x0605_4b50u32.to_le_bytes());
        self.bytes.extend([0; 4]);
        self.bytes.extend(self.entries.to_le_bytes());
        self.bytes.extend(self.entries.to_le_bytes());
        self.bytes.extend(length.to_le_bytes());
        self.bytes.extend(begins.to_le_bytes());
        self.bytes.extend([0; 2]);
        Ok(self.bytes)
    }
}
