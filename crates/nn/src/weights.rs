//! Weights in files, under the names of the family's own PyTorch code.
//!
//! lacuna's model files are safetensors and describe their network in the metadata, so they can be opened without
//! further arguments. A file without such metadata, in any format that [`lacuna_weights`] reads, can still be matched
//! tensor by tensor. What matched is returned, not logged: MedicalNet's own loader keeps what fits and drops the rest
//! without a message, which on a CPU means everything.

use crate::family::{FAMILIES, Metadata};
use crate::names::renamed;
use crate::recognise::other_network;
use crate::{Architecture, Network, NnError, Parameter};
use burn::tensor::Device;
use lacuna_seed::Seed;
use lacuna_weights::{Array, Tensor, WeightFile, write_safetensors};
use serde::Serialize;
use std::collections::BTreeMap;
use std::fmt;
use std::path::Path;

/// The content of a model file.
#[derive(Clone)]
pub struct ModelFile {
    /// The network with its weights.
    pub network: Network,
    /// All other metadata: provenance, labels, preprocessing.
    pub metadata: BTreeMap<String, String>,
}

/// The result of matching a file's tensors with a network's, by name and shape.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct MatchReport {
    /// Tensors loaded from the file.
    pub matched: Vec<String>,
    /// Tensors of the network that the file lacks.
    pub missing: Vec<String>,
    /// Tensors of the file that the network lacks.
    pub unexpected: Vec<String>,
    /// Tensors of both whose shapes differ: name, the network's shape, the file's shape.
    pub wrong_shape: Vec<(String, Vec<usize>, Vec<usize>)>,
    /// Biases of shortcuts, as MONAI's may have, that were folded into the following running means.
    pub folded: Vec<String>,
    /// Tensors of the file with unsupported element types, and those types; if the network has such a tensor, it is
    /// also in `missing`.
    pub unread: BTreeMap<String, String>,
}

impl MatchReport {
    /// Returns whether every tensor of the network was loaded and none of the file was left over.
    pub fn is_exact(&self) -> bool {
        self.missing.is_empty() && self.unexpected.is_empty() && self.wrong_shape.is_empty()
    }

    /// Iterates over the tensors of the network that were not loaded.
    pub fn unfilled(&self) -> impl Iterator<Item = &str> {
        let wrong = self.wrong_shape.iter().map(|(name, _, _)| name);
        self.missing.iter().chain(wrong).map(String::as_str)
    }
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
        )?;
        match self.unread.iter().next() {
            Some((name, what)) => write!(formatter, ", {} not read (`{name}`: {what})", self.unread.len()),
            None => Ok(()),
        }
    }
}

/// Of a file that lacks nothing that can be guessed at.
const GENERAL_FIX: &str = "give the file's own --depth, --shortcut, --input-channels and --classes, or its own --plans";

impl MatchReport {
    /// What would make a file fit that does not.
    pub fn fix(&self) -> String {
        let not_read = self.missing.iter().find_map(|name| self.unread.get_key_value(name));
        let is_of_head = |(name, ..): &(String, Vec<usize>, Vec<usize>)| Network::is_head(name);
        match (not_read, self.wrong_shape.first()) {
            (Some((name, what)), _) => format!(
                "save `{name}` as a plain tensor of floats ({what} is not read), or take another state dict of the file with \
                 `lacuna convert FILE --state-dict KEY --out NEW.safetensors`"
            ),
            (None, Some((name, _, theirs)))
                if self.missing.is_empty() && self.wrong_shape.iter().all(is_of_head) && !theirs.is_empty() =>
            {
                format!(
                    "give the file's own number of classes: `{name}` has {} (--classes, or its own --plans)",
                    theirs[0]
                )
            }
            _ => GENERAL_FIX.to_string(),
        }
    }
}

fn first(names: &[String]) -> String {
    match names {
        [] => String::new(),
        [only] => format!(" (`{only}`)"),
        [name, ..] => format!(" (`{name}`, …)"),
    }
}

/// Returns the tensors of a network, or of its encoder, in row-major order.
pub fn arrays(network: &Network, part: Part) -> BTreeMap<String, Array> {
    let wanted = |name: &str| part == Part::Whole || !Network::is_head(name);
    let parameters = network.parameters.iter().filter(|(name, _)| wanted(name));
    let array = |parameter: &Parameter| Array::of_f32(parameter.shape.clone(), &parameter.to_vec());
    parameters.map(|(name, parameter)| (name.to_string(), array(parameter))).collect()
}

/// The part of a network to be written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    /// The whole network, encoder and head.
    Whole,
    /// All but the segmentation head, as a starting point for other tasks.
    Encoder,
}

/// Writes a network with further metadata to a model file, atomically.
///
/// # Errors
/// [`NnError::Disk`] if the file cannot be written.
pub fn write_model(path: &Path, network: &Network, metadata: &BTreeMap<String, String>) -> Result<(), NnError> {
    let mut all = architecture_metadata(network.architecture());
    all.extend(metadata.iter().map(|(key, value)| (key.clone(), value.clone())));
    let text = serde_json::to_string(&all).expect("a map of strings is JSON");
    Ok(write_safetensors(path, &arrays(network, Part::Whole), Some((METADATA_KEY, &text)))?)
}

/// Reads a model file written by [`write_model`].
///
/// # Errors
/// [`NnError`] for a malformed file, metadata that describes no supported network, or a tensor that is missing,
/// unexpected, of another shape, or not finite.
pub fn read_model(path: &Path, device: &Device) -> Result<ModelFile, NnError> {
    let file = WeightFile::open(path)?;
    let mut metadata = file.notes().clone();
    let architecture = architecture_from(path, &mut metadata)?;
    let mut network = Network::new(architecture, Seed(0), device);
    let report = fill(&file, &mut network)?;
    if report.is_exact() { Ok(ModelFile { network, metadata }) } else { Err(mismatch(path, &network, &report)) }
}

/// Loads every tensor of a file that matches the network by name and shape.
///
/// The file may be PyTorch's or safetensors. Names may have the prefixes of wrappers, such as `module.` of PyTorch's
/// `DataParallel`, and may be those of MONAI's `ResNet`.
///
/// # Errors
/// [`NnError`] for a malformed file, a tensor that is not finite, or if no tensor matches at all.
pub fn load_matching(path: &Path, network: &mut Network) -> Result<MatchReport, NnError> {
    match_file(&WeightFile::open(path)?, network)
}

/// Loads the matching tensors as [`load_matching`] does, from a file that is already open.
///
/// # Errors
/// A tensor that is not finite, or no matching tensor at all.
pub fn match_file(file: &WeightFile, network: &mut Network) -> Result<MatchReport, NnError> {
    let report = fill(file, network)?;
    match (report.matched.is_empty(), report.wrong_shape.is_empty()) {
        (false, _) => Ok(report),
        (true, false) => Err(mismatch(file.path(), network, &report)),
        (true, true) => Err(other_network(file)),
    }
}

fn mismatch(path: &Path, network: &Network, report: &MatchReport) -> NnError {
    NnError::Mismatch {
        path: path.to_path_buf(),
        architecture: network.architecture().to_string(),
        report: report.to_string(),
        fix: report.fix(),
    }
}

/// The key of the metadata: one JSON string, since the format keeps its metadata in a hash map whose order would change
/// the bytes.
const METADATA_KEY: &str = "lacuna";

fn architecture_metadata(architecture: &Architecture) -> BTreeMap<String, String> {
    let mut metadata = architecture.metadata();
    metadata.insert("format".to_string(), "lacuna-model-1".to_string());
    metadata.insert("network".to_string(), architecture.family_key().to_string());
    metadata
}

/// Reads the network's description and leaves the other entries in `metadata`.
fn architecture_from(path: &Path, metadata: &mut BTreeMap<String, String>) -> Result<Architecture, NnError> {
    let mut fields = Metadata { path, fields: metadata };
    if let Some(text) = fields.fields.remove(METADATA_KEY) {
        *fields.fields =
            serde_json::from_str(&text).map_err(|_| fields.bad("lacuna", "a JSON object of strings", &text))?;
    }
    let format = fields.take("format");
    if format != "lacuna-model-1" {
        let found = if format.is_empty() { "nothing".to_string() } else { format!("`{format}`") };
        return Err(NnError::BadMetadata {
            path: path.to_path_buf(),
            field: "format",
            expected: "`lacuna-model-1`, as files of lacuna's say".to_string(),
            found: format!(
                "{found}; fix: state the network by hand (--depth and --classes, or --plans for nnU-Net's), or `lacuna \
                 convert` the file first"
            ),
        });
    }
    let network = fields.take("network");
    match FAMILIES.iter().find(|family| family.key == network) {
        Some(family) => (family.from_metadata)(&mut fields),
        None => {
            let known = FAMILIES.iter().map(|family| format!("`{}`", family.key)).collect::<Vec<_>>().join(" or ");
            Err(fields.bad("network", &known, &network))
        }
    }
}

fn fill(file: &WeightFile, network: &mut Network) -> Result<MatchReport, NnError> {
    let mut from = renamed(file)?;
    let mut report = MatchReport::default();
    for (name, parameter) in network.parameters.iter_mut() {
        match from.tensors.remove(name) {
            None => report.missing.push(name.to_string()),
            Some(tensor) if tensor.shape() != parameter.shape => {
                report.wrong_shape.push((name.to_string(), parameter.shape.clone(), tensor.shape().to_vec()));
            }
            Some(tensor) => {
                let mut values = finite_values(file.path(), name, &tensor)?;
                if let Some((bias_name, bias)) = from.biases.remove(name) {
                    shift(&mut values, &finite_values(file.path(), &bias_name, &bias)?);
                    report.folded.push(bias_name);
                }
                let device = parameter.values.device();
                *parameter = Parameter::new(parameter.shape.clone(), parameter.role, values, &device);
                report.matched.push(name.to_string());
            }
        }
    }
    report.unread = from.unread;
    report.unexpected = from.tensors.into_keys().chain(from.biases.into_values().map(|(name, _)| name)).collect();
    Ok(report)
}

/// Subtracts a shortcut's bias from the following running mean; does nothing if their lengths differ.
fn shift(running_mean: &mut [f32], bias: &[f32]) {
    if running_mean.len() == bias.len() {
        running_mean.iter_mut().zip(bias).for_each(|(mean, bias)| *mean -= bias);
    }
}

fn finite_values(path: &Path, name: &str, tensor: &Tensor) -> Result<Vec<f32>, NnError> {
    if !tensor.element().is_float() {
        return Err(NnError::NotFloat { path: path.into(), tensor: name.into(), found: tensor.element().word() });
    }
    let values = tensor.to_f32();
    if values.iter().all(|value| value.is_finite()) {
        Ok(values)
    } else {
        Err(NnError::NotFinite { path: path.to_path_buf(), tensor: name.to_string() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::recognise;
    use lacuna_weights::Wrapping;

    fn network(depth: usize, classes: usize, seed: u64) -> Network {
        Network::new(Architecture::medicalnet(depth, 1, classes).unwrap(), Seed(seed), &Device::flex())
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
    fn the_fix_of_a_file_that_does_not_fit_is_of_what_does_not_fit() {
        let report = |missing: &[&str], unread: &[&str], wrong: &[(&str, usize)]| MatchReport {
            missing: missing.iter().map(|name| name.to_string()).collect(),
            unread: unread.iter().map(|name| (name.to_string(), "a quantised tensor".to_string())).collect(),
            wrong_shape: wrong.iter().map(|(name, size)| (name.to_string(), vec![2, 1], vec![*size, 1])).collect(),
            ..MatchReport::default()
        };
        let not_read = report(&["bn1.bias", "conv1.weight"], &["conv1.weight"], &[]).fix();
        assert!(
            not_read.contains("`conv1.weight`") && not_read.contains("a quantised tensor is not read"),
            "{not_read}"
        );
        let classes = report(&[], &["other"], &[("conv_seg.6.weight", 5)]).fix();
        assert!(classes.contains("`conv_seg.6.weight` has 5 (--classes"), "{classes}");
        for (missing, wrong) in
            [(&["bn1.bias"][..], &[][..]), (&[], &[("conv1.weight", 3)]), (&["a"], &[("conv_seg.6.weight", 5)])]
        {
            assert_eq!(report(missing, &["other"], wrong).fix(), GENERAL_FIX);
        }
    }

    #[test]
    fn a_file_of_no_matching_tensor_is_an_error() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("model.safetensors");
        let other = BTreeMap::from([("blocks.0.attention".to_string(), Array::of_f32(vec![1], &[1.0]))]);
        write_safetensors(&path, &other, None).unwrap();
        let message = load_matching(&path, &mut network(10, 2, 0)).unwrap_err().to_string();
        for part in ["ResNet-10, 18, 34, 50, 101, 152 or 200", "`blocks.0.attention` [1]", "fix: "] {
            assert!(message.contains(part), "{message}");
        }
    }

    #[test]
    fn a_network_is_recognised_from_its_tensors_whatever_wraps_their_names() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("model.pth");
        for depth in crate::DEPTHS.iter().map(|depth| depth.layers).filter(|&depth| depth <= 50) {
            let network = network(depth, 3, 1);
            for part in [Part::Whole, Part::Encoder] {
                let prefixed =
                    arrays(&network, part).into_iter().map(|(name, array)| (format!("module.{name}"), array));
                let wrapping = Wrapping::StateDict(BTreeMap::from([("ecpoch".to_string(), 1)]));
                lacuna_weights::write_pth(&path, &prefixed.collect(), &wrapping).unwrap();
                let found = recognise(&WeightFile::open(&path).unwrap()).unwrap();
                assert_eq!(found.architecture(3).unwrap(), *network.architecture());
                assert_eq!(found.classes().is_some(), part == Part::Whole);
                let mut read = Network::new(network.architecture().clone(), Seed(7), &Device::flex());
                let report = load_matching(&path, &mut read).unwrap();
                assert!(report.unfilled().all(Network::is_head) && report.unexpected.is_empty());
            }
        }
    }

    #[test]
    fn a_bias_of_a_shortcut_is_folded_without_changing_an_output() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("model.pth");
        let network = network(10, 2, 1);
        let name = "layer2.0.downsample.1.running_mean";
        // With the bias b in the convolution and the mean m + b, BatchNorm computes the same as with m and no bias.
        let mut tensors = arrays(&network, Part::Whole);
        let mean = network.parameters.get(name).to_vec();
        let bias: Vec<f32> = (0..mean.len()).map(|channel| channel as f32 / 8.0 - 3.0).collect();
        let shifted: Vec<f32> = mean.iter().zip(&bias).map(|(mean, bias)| mean + bias).collect();
        tensors.insert(name.to_string(), Array::of_f32(vec![128], &shifted));
        tensors.insert("layer2.0.downsample.0.bias".to_string(), Array::of_f32(vec![128], &bias));
        tensors.insert("fc.weight".to_string(), Array::of_f32(vec![1, 512], &[0.0; 512]));
        lacuna_weights::write_pth(&path, &tensors, &Wrapping::None).unwrap();
        let mut read = Network::new(network.architecture().clone(), Seed(7), &Device::flex());
        let report = load_matching(&path, &mut read).unwrap();
        assert_eq!(report.folded, ["layer2.0.downsample.0.bias"]);
        assert_eq!(report.unexpected, ["fc.weight"]);
        assert_eq!(read.digest(), network.digest());
    }

    #[test]
    fn a_network_under_any_wrapper_is_read_to_the_same_digest() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("model.safetensors");
        let network = network(10, 2, 1);
        for prefix in ["model.", "net.", "network.", "module.", "_orig_mod.", "model._orig_mod.", "module.net."] {
            let prefixed =
                arrays(&network, Part::Whole).into_iter().map(|(name, array)| (format!("{prefix}{name}"), array));
            write_safetensors(&path, &prefixed.collect(), None).unwrap();
            let found = recognise(&WeightFile::open(&path).unwrap()).unwrap().architecture(2).unwrap();
            let mut read = Network::new(found, Seed(7), &Device::flex());
            assert!(load_matching(&path, &mut read).unwrap().is_exact(), "{prefix}");
            assert_eq!(read.digest(), network.digest(), "{prefix}");
        }
    }

    #[test]
    fn two_tensors_of_one_name_are_refused() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("model.pth");
        let one = || Array::of_f32(vec![1], &[1.0]);
        let both = BTreeMap::from([("bn1.bias".to_string(), one()), ("module.bn1.bias".to_string(), one())]);
        lacuna_weights::write_pth(&path, &both, &Wrapping::None).unwrap();
        let message = load_matching(&path, &mut network(10, 2, 0)).unwrap_err().to_string();
        assert!(message.contains("`bn1.bias`") && message.contains("two"), "{message}");
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
