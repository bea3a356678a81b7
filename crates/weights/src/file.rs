//! Files of named tensors in all supported formats.

use crate::error::{Fault, WeightsError};
use crate::kind::{self, Foreign};
use crate::tensor::{Tensor, View};
use crate::torch::State;
use crate::{Array, Wrapping, safe, torch};
use std::collections::BTreeMap;
use std::fmt;
use std::path::{Path, PathBuf};

/// The largest file that is opened: MedicalNet's largest network takes 0.5 GB, a checkpoint of it with two moments per
/// weight
pub const FILE_BYTES_MAX: u64 = 8 << 30;

/// The format of a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// PyTorch's zip archive, written since version 1.6.
    TorchZip,
    /// PyTorch's consecutive pickles and storages, written before version 1.6.
    TorchLegacy,
    /// The safetensors format.
    Safetensors,
}

impl fmt::Display for Format {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Format::TorchZip => "PyTorch, zip",
            Format::TorchLegacy => "PyTorch, legacy",
            Format::Safetensors => "safetensors",
        })
    }
}

/// A file of named tensors in memory: its bytes, and the position of each tensor in them.
#[derive(Debug)]
pub struct WeightFile {
    path: PathBuf,
    bytes: Vec<u8>,
    format: Format,
    state: State,
}

impl WeightFile {
    /// Reads a file of at most [`FILE_BYTES_MAX`]; its first bytes decide the format.
    ///
    /// Nothing in the file is executed. Besides the file's bytes this takes memory proportional to the number of
    /// tensors.
    ///
    /// # Errors
    /// If the file cannot be read, has no supported format, is damaged, or holds no named tensors.
    pub fn open(path: &Path) -> Result<WeightFile, WeightsError> {
        WeightFile::open_state_dict(path, None)
    }

    /// Reads a file as [`WeightFile::open`] does, with the key of one of several state dicts in a checkpoint, for
    /// example `model_ema`.
    ///
    /// # Errors
    /// As [`WeightFile::open`]; also if there is no state dict under that key.
    pub fn open_state_dict(path: &Path, key: Option<&str>) -> Result<WeightFile, WeightsError> {
        WeightFile::of_bytes(path, lacuna_disk::read_bytes(path, FILE_BYTES_MAX)?, key)
    }

    /// Reads a file as [`WeightFile::open`] does, from bytes in memory; errors name `path`.
    ///
    /// # Errors
    /// As [`WeightFile::open`].
    pub fn from_bytes(path: &Path, bytes: Vec<u8>) -> Result<WeightFile, WeightsError> {
        WeightFile::of_bytes(path, bytes, None)
    }

    fn of_bytes(path: &Path, bytes: Vec<u8>, key: Option<&str>) -> Result<WeightFile, WeightsError> {
        let format = kind::format_of(&bytes).map_err(|Foreign { found, fix }| WeightsError::UnknownFormat {
            path: path.into(),
            found,
            fix,
        })?;
        let state = match (format, key) {
            (Format::TorchZip, key) => torch::read_zip(&bytes, key),
            (Format::TorchLegacy, key) => torch::read_legacy(&bytes, key),
            (Format::Safetensors, None) => safe::read(&bytes),
            (Format::Safetensors, Some(key)) => Err(safe::one_state_dict(key)),
        };
        let state = state.map_err(|fault| fault.of(path))?;
        if state.tensors.is_empty() {
            let found = if state.unread.is_empty() { "none".to_string() } else { not_read(&state.unread) };
            return Err(Fault::foreign("the file", "named tensors", found).of(path));
        }
        Ok(WeightFile { path: path.to_path_buf(), bytes, format, state })
    }

    /// Returns the path that it was read from.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Returns the format of the file.
    pub fn format(&self) -> Format {
        self.format
    }

    /// Iterates over all tensors with their names, in the order of the names.
    pub fn tensors(&self) -> impl Iterator<Item = (&str, Tensor<'_>)> {
        self.state.tensors.iter().map(|(name, view)| (name.as_str(), self.tensor_of(view)))
    }

    /// Returns the tensor of a name, if there is one.
    pub fn tensor(&self, name: &str) -> Option<Tensor<'_>> {
        self.state.tensors.get(name).map(|view| self.tensor_of(view))
    }

    /// Returns the numbers and texts besides the tensors: metadata of safetensors, entries such as `epoch` of
    /// checkpoints.
    pub fn notes(&self) -> &BTreeMap<String, String> {
        &self.state.notes
    }

    /// Returns the entries of the state dict that are not tensors, with their kinds.
    pub fn skipped(&self) -> &BTreeMap<String, String> {
        &self.state.skipped
    }

    /// Returns the tensors of unsupported kinds (complex, quantised, 8-bit floats, negated views), with their kinds.
    pub fn unread(&self) -> &BTreeMap<String, String> {
        &self.state.unread
    }

    /// Returns a line that names the first unsupported tensors; `None` if there are none.
    pub fn unread_summary(&self) -> Option<String> {
        (!self.state.unread.is_empty()).then(|| not_read(&self.state.unread))
    }

    /// Returns the key of the state dict that was read; `None` if it is the whole file.
    pub fn state_dict(&self) -> Option<&str> {
        self.state.taken.as_deref()
    }

    /// Returns whether a checkpoint's nested dictionaries have this key, with dots between the levels:
    /// `init_args.plans`.
    pub fn has_key(&self, path: &str) -> bool {
        self.state.keys.contains(path)
    }

    /// Returns the keys of the file's other state dicts, which were not read.
    pub fn other_state_dicts(&self) -> &[String] {
        &self.state.others
    }

    fn tensor_of<'a>(&'a self, view: &'a View) -> Tensor<'a> {
        Tensor { view, file: &self.bytes }
    }
}

/// Writes tensors as safetensors, atomically; `note` becomes the metadata.
///
/// # Errors
/// If the file cannot be written.
pub fn write_safetensors(
    path: &Path,
    arrays: &BTreeMap<String, Array>,
    note: Option<(&str, &str)>,
) -> Result<(), WeightsError> {
    Ok(lacuna_disk::write_bytes(path, &safe::bytes_of(arrays, note)?)?)
}

/// Writes tensors so that `torch.load(FILE, weights_only=True)` reads them, atomically.
///
/// # Errors
/// If the file cannot be written or would be larger than 4 GiB.
pub fn write_pth(path: &Path, arrays: &BTreeMap<String, Array>, wrapping: &Wrapping) -> Result<(), WeightsError> {
    Ok(lacuna_disk::write_bytes(path, &torch::bytes_of(arrays, wrapping)?)?)
}

/// The number of unsupported tensors that are named.
const UNREAD_NAMED: usize = 3;

fn not_read(unread: &BTreeMap<String, String>) -> String {
    let named: Vec<String> = unread.iter().take(UNREAD_NAMED).map(|(name, what)| format!("`{name}`, {what}")).collect();
    let more = if unread.len() > named.len() { "; …" } else { "" };
    format!("{} tensors of kinds that are not read ({}{more})", unread.len(), named.join("; "))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Element;
    use proptest::prelude::*;

    fn arrays() -> BTreeMap<String, Array> {
        BTreeMap::from([
            ("conv.weight".to_string(), Array::of_f32(vec![2, 1, 3], &[0.5, -1.0, 2.0, 3.5, f32::MIN_POSITIVE, 0.0])),
            ("steps".to_string(), Array::new(Element::I64, vec![], 7i64.to_le_bytes().to_vec())),
            ("none".to_string(), Array::of_f32(vec![0, 4], &[])),
        ])
    }

    fn read_back(bytes: Vec<u8>) -> BTreeMap<String, Array> {
        let file = WeightFile::from_bytes(Path::new("x"), bytes).unwrap();
        let array =
            |tensor: Tensor| Array::new(tensor.element(), tensor.shape().to_vec(), tensor.to_bytes().into_owned());
        file.tensors().map(|(name, tensor)| (name.to_string(), array(tensor))).collect()
    }

    #[test]
    fn what_is_written_in_any_format_reads_back_the_same() {
        let wrapped = Wrapping::StateDict(BTreeMap::from([("epoch".to_string(), 1 << 40)]));
        assert_eq!(read_back(torch::bytes_of(&arrays(), &Wrapping::None).unwrap()), arrays());
        assert_eq!(read_back(torch::bytes_of(&arrays(), &wrapped).unwrap()), arrays());
        assert_eq!(read_back(safe::bytes_of(&arrays(), Some(("a", "b"))).unwrap()), arrays());
        let file = WeightFile::from_bytes(Path::new("x"), torch::bytes_of(&arrays(), &wrapped).unwrap()).unwrap();
        assert_eq!(file.notes()["epoch"], (1i64 << 40).to_string());
    }

    proptest! {
        #[test]
        fn equal_tensors_give_equal_bytes_and_come_back(
            values in prop::collection::vec(any::<f32>(), 1..20), name in "[a-z.0-9]{1,20}")
        {
            let arrays = BTreeMap::from([(name, Array::of_f32(vec![values.len()], &values))]);
            let bytes = torch::bytes_of(&arrays, &Wrapping::None).unwrap();
            prop_assert_eq!(&torch::bytes_of(&arrays, &Wrapping::None).unwrap(), &bytes);
            prop_assert_eq!(read_back(bytes), arrays);
        }
    }
}
