//! Weights in safetensors files, under MedicalNet's names.
//!
//! A file says in its metadata which network it holds, so it can be opened without being told.
//! A file without that (somebody else's) can still be matched tensor by tensor, and what matched is
//! a return value, never a log line: MedicalNet's own loader keeps what fits and drops the rest in
//! silence, which on a CPU means everything.

use crate::{Architecture, Network, NnError, Parameter, Shortcut};
use burn::tensor::Device;
use lacuna_seed::Seed;
use safetensors::tensor::{Dtype, SafeTensors, TensorView};
use std::collections::{BTreeMap, HashMap};
use std::fmt;
use std::path::Path;

/// The largest weight file that is opened: MedicalNet's largest network takes 0.5 GB.
const FILE_BYTES_MAX: u64 = 4 << 30;

/// What a model file says beside its tensors.
#[derive(Clone)]
pub struct ModelFile {
    /// The network with its weights.
    pub network: Network,
    /// Everything else in the metadata: provenance, labels, preprocessing.
    pub metadata: BTreeMap<String, String>,
}

/// Which tensors of a file found their place in a network.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct MatchReport {
    /// Tensors taken over.
    pub matched: Vec<String>,
    /// Tensors of the network that the file lacks.
    pub missing: Vec<String>,
    /// Tensors of the file that the network lacks.
    pub unexpected: Vec<String>,
    /// Tensors of both, with shapes that differ: name, the network's shape, the file's.
    pub wrong_shape: Vec<(String, Vec<usize>, Vec<usize>)>,
}

impl fmt::Display for MatchReport {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            formatter,
            "{} tensors matched, {} missing{}, {} unexpected{}, {} of another shape{}",
            self.matched.len(),
            self.missing.len(),
            first(&self.missing),
            self.unexpected.len(),
            first(&self.unexpected),
            self.wrong_shape.len(),
            match self.wrong_shape.first() {
                Some((name, ours, theirs)) => format!(" (`{name}`: network {ours:?}, file {theirs:?})"),
                None => String::new(),
            }
        )
    }
}

fn first(names: &[String]) -> String {
    match names {
        [] => String::new(),
        [only] => format!(" (`{only}`)"),
        [name, ..] => format!(" (`{name}`, …)"),
    }
}

/// Write a network and what else is to be known of it, atomically.
///
/// # Errors
/// If the file cannot be written.
pub fn write_model(path: &Path, network: &Network, metadata: &BTreeMap<String, String>) -> Result<(), NnError> {
    let bytes = network_bytes(network, metadata);
    lacuna_disk::write_bytes(path, &bytes)?;
    Ok(())
}

/// Read a network that [`write_model`] wrote.
///
/// # Errors
/// A malformed file, metadata that names no network, any tensor missing, unexpected, of another
/// shape, or not finite.
pub fn read_model(path: &Path, device: &Device) -> Result<ModelFile, NnError> {
    let bytes = lacuna_disk::read_bytes(path, FILE_BYTES_MAX)?;
    let (_, header) = SafeTensors::read_metadata(&bytes).map_err(|error| malformed(path, error))?;
    let mut metadata: BTreeMap<String, String> = header.metadata().clone().unwrap_or_default().into_iter().collect();
    let architecture = architecture_from(path, &mut metadata)?;
    let mut network = Network::new(architecture, Seed(0), device);
    let report = fill(path, &bytes, &mut network)?;
    if !(report.missing.is_empty() && report.unexpected.is_empty() && report.wrong_shape.is_empty()) {
        return Err(mismatch(path, &network, &report));
    }
    Ok(ModelFile { network, metadata })
}

/// Take over every tensor of a file that fits the network by name and shape.
///
/// The names may carry `module.` in front, as PyTorch's `DataParallel` leaves it.
///
/// # Errors
/// A malformed file, a tensor that is not finite, or no tensor matching at all.
pub fn load_matching(path: &Path, network: &mut Network) -> Result<MatchReport, NnError> {
    let bytes = lacuna_disk::read_bytes(path, FILE_BYTES_MAX)?;
    let report = fill(path, &bytes, network)?;
    if report.matched.is_empty() { Err(mismatch(path, network, &report)) } else { Ok(report) }
}

fn mismatch(path: &Path, network: &Network, report: &MatchReport) -> NnError {
    NnError::Mismatch {
        path: path.to_path_buf(),
        architecture: network.architecture().to_string(),
        report: report.to_string(),
    }
}

fn malformed(path: &Path, error: safetensors::SafeTensorError) -> NnError {
    NnError::Malformed { path: path.to_path_buf(), reason: error.to_string() }
}

fn network_bytes(network: &Network, metadata: &BTreeMap<String, String>) -> Vec<u8> {
    let arrays: Vec<(&str, &Parameter, Vec<u8>)> = network
        .parameters
        .iter()
        .map(|(name, parameter)| (name, parameter, little_endian(&parameter.to_vec())))
        .collect();
    let views = arrays.iter().map(|(name, parameter, bytes)| {
        let view = TensorView::new(Dtype::F32, parameter.shape.clone(), bytes).expect("bytes were made from the shape");
        (*name, view)
    });
    let mut all: HashMap<String, String> = architecture_metadata(network.architecture()).into_iter().collect();
    all.extend(metadata.iter().map(|(key, value)| (key.clone(), value.clone())));
    write_safetensors(views, all)
}

/// One string, since the format keeps its metadata in a hash map whose order would change the bytes.
const METADATA_KEY: &str = "lacuna";

fn write_safetensors<'a>(
    views: impl Iterator<Item = (&'a str, TensorView<'a>)>,
    metadata: HashMap<String, String>,
) -> Vec<u8> {
    let ordered: BTreeMap<_, _> = metadata.into_iter().collect();
    let text = serde_json::to_string(&ordered).expect("a map of strings is JSON");
    let one = HashMap::from([(METADATA_KEY.to_string(), text)]);
    safetensors::serialize(views, Some(one)).expect("names are distinct and sizes fit")
}

fn architecture_metadata(architecture: &Architecture) -> BTreeMap<String, String> {
    BTreeMap::from([
        ("format".to_string(), "lacuna-model-1".to_string()),
        ("network".to_string(), "medicalnet".to_string()),
        ("depth".to_string(), architecture.depth.to_string()),
        ("shortcut".to_string(), format!("{:?}", architecture.shortcut)),
        ("channels".to_string(), architecture.channels.to_string()),
        ("classes".to_string(), architecture.classes.to_string()),
    ])
}

/// Read the network's description and leave the rest in `metadata`.
fn architecture_from(path: &Path, metadata: &mut BTreeMap<String, String>) -> Result<Architecture, NnError> {
    let bad = |field, expected: &str, found: &str| NnError::BadMetadata {
        path: path.to_path_buf(),
        field,
        expected: expected.to_string(),
        found: if found.is_empty() { "nothing".to_string() } else { format!("`{found}`") },
    };
    if let Some(text) = metadata.remove(METADATA_KEY) {
        *metadata = serde_json::from_str(&text).map_err(|_| bad("lacuna", "a JSON object of strings", &text))?;
    }
    let mut take = |field: &'static str| metadata.remove(field).unwrap_or_default();
    let format = take("format");
    if format != "lacuna-model-1" {
        return Err(bad("format", "`lacuna-model-1` (state the network by hand for a foreign file)", &format));
    }
    let network = take("network");
    if network != "medicalnet" {
        return Err(bad("network", "`medicalnet`", &network));
    }
    let [depth, channels, classes] = ["depth", "channels", "classes"].map(|field| (field, take(field)));
    let number = |(field, text): (&'static str, String)| text.parse().map_err(|_| bad(field, "a whole number", &text));
    let shortcut = match take("shortcut").as_str() {
        "A" => Shortcut::A,
        "B" => Shortcut::B,
        other => return Err(bad("shortcut", "`A` or `B`", other)),
    };
    Architecture { depth: number(depth)?, shortcut, channels: number(channels)?, classes: number(classes)? }.checked()
}

fn fill(path: &Path, bytes: &[u8], network: &mut Network) -> Result<MatchReport, NnError> {
    let file = SafeTensors::deserialize(bytes).map_err(|error| malformed(path, error))?;
    let mut views: BTreeMap<String, TensorView> = BTreeMap::new();
    for (name, view) in file.iter() {
        views.insert(name.strip_prefix("module.").unwrap_or(name).to_string(), view);
    }
    let mut report = MatchReport::default();
    for (name, parameter) in network.parameters.iter_mut() {
        match views.remove(name) {
            None => report.missing.push(name.to_string()),
            Some(view) if view.shape() != parameter.shape => {
                report.wrong_shape.push((name.to_string(), parameter.shape.clone(), view.shape().to_vec()));
            }
            Some(view) => {
                let values = f32_values(path, name, &view)?;
                let device = parameter.values.device();
                *parameter = Parameter::new(parameter.shape.clone(), parameter.role, values, &device);
                report.matched.push(name.to_string());
            }
        }
    }
    // PyTorch counts BatchNorm's batches; nothing here needs the count.
    report.unexpected = views.into_keys().filter(|name| !name.ends_with("num_batches_tracked")).collect();
    Ok(report)
}

fn f32_values(path: &Path, name: &str, view: &TensorView) -> Result<Vec<f32>, NnError> {
    if view.dtype() != Dtype::F32 {
        return Err(NnError::Malformed {
            path: path.to_path_buf(),
            reason: format!("tensor `{name}` is {:?}, expected F32", view.dtype()),
        });
    }
    let values: Vec<f32> =
        view.data().chunks_exact(4).map(|bytes| f32::from_le_bytes(bytes.try_into().expect("four bytes"))).collect();
    if values.iter().all(|value| value.is_finite()) {
        Ok(values)
    } else {
        Err(NnError::NotFinite { path: path.to_path_buf(), tensor: name.to_string() })
    }
}

fn little_endian(values: &[f32]) -> Vec<u8> {
    values.iter().flat_map(|value| value.to_le_bytes()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn network(depth: usize, classes: usize, seed: u64) -> Network {
        Network::new(Architecture::new(depth, 1, classes).unwrap(), Seed(seed), &Device::flex())
    }

    #[test]
    fn a_written_model_reads_back_to_the_same_digest_and_bytes() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("model.safetensors");
        let metadata = BTreeMap::from([("labels".to_string(), "tissue".to_string())]);
        let written = network(10, 4, 3);
        write_model(&path, &written, &metadata).unwrap();
        let read = read_model(&path, &Device::flex()).unwrap();
        assert_eq!(read.network.digest(), written.digest());
        assert_eq!(read.metadata, metadata);
        let first = std::fs::read(&path).unwrap();
        write_model(&path, &read.network, &metadata).unwrap();
        assert_eq!(std::fs::read(&path).unwrap(), first);
    }

    #[test]
    fn a_head_of_other_classes_is_reported_by_name_and_shape() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("model.safetensors");
        write_model(&path, &network(10, 4, 3), &BTreeMap::new()).unwrap();
        let mut two = network(10, 2, 0);
        let report = load_matching(&path, &mut two).unwrap();
        assert_eq!(report.wrong_shape, [("conv_seg.6.weight".to_string(), vec![2, 32, 1, 1, 1], vec![4, 32, 1, 1, 1])]);
        assert_eq!(report.matched.len() + 1, two.parameters.len());
    }

    #[test]
    fn a_file_of_no_matching_tensor_is_an_error() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("model.safetensors");
        let bytes = 1f32.to_le_bytes();
        let view = TensorView::new(Dtype::F32, vec![1], &bytes).unwrap();
        std::fs::write(&path, safetensors::serialize([("other", view)], None).unwrap()).unwrap();
        let message = load_matching(&path, &mut network(10, 2, 0)).unwrap_err().to_string();
        assert!(message.contains("0 tensors matched"), "{message}");
    }

    #[test]
    fn a_damaged_file_is_an_error_and_never_a_panic() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("model.safetensors");
        write_model(&path, &network(10, 2, 0), &BTreeMap::new()).unwrap();
        let whole = std::fs::read(&path).unwrap();
        for length in [0, 7, 8, 100, whole.len() / 2, whole.len() - 1] {
            std::fs::write(&path, &whole[..length]).unwrap();
            assert!(read_model(&path, &Device::flex()).is_err(), "{length} bytes");
        }
        let mut lying = whole.clone();
        lying[..8].copy_from_slice(&u64::MAX.to_le_bytes());
        std::fs::write(&path, &lying).unwrap();
        assert!(read_model(&path, &Device::flex()).is_err());
    }
}
