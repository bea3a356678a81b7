//! Conversion of the tensor names of other programs.
//!
//! nnU-Net's checkpoints have several names for most tensors, of which the first is kept (`plain_unet/names.rs`).
//!
//! MONAI's `ResNet` has MedicalNet's names for the encoder, with two differences. Instead of `conv_seg` it has a
//! classifier `fc`, which is not used and is reported. And the convolution of a projecting shortcut may have a bias
//! (`bias_downsample`), which MedicalNet's has not. BatchNorm follows that convolution, so the bias only shifts its
//! running mean: `(x + b - mean) = (x - (mean - b))`, and during training the batch's own mean cancels it. Such a bias
//! is therefore folded into the running mean, which changes no output.

use crate::NnError;
use lacuna_weights::{Tensor, WeightFile};
use std::collections::BTreeMap;

/// Prefixes that wrappers put before every name: PyTorch's `DataParallel`, `AveragedModel` and `compile`, and the
/// attribute under which Lightning, MONAI and others keep the network. No supported network has a tensor whose own name
/// begins with one.
const PREFIXES: &[&str] = &["module.", "_orig_mod.", "model.", "net.", "network."];

/// The entry of an nnU-Net checkpoint that is present if the network was trained with regions.
const REGIONS: &str = "init_args.dataset_json.regions_class_order";

/// The tensors of a file under the families' own names.
pub(crate) struct Renamed<'a> {
    /// All tensors that may be weights or statistics.
    pub tensors: BTreeMap<String, Tensor<'a>>,
    /// Biases of shortcuts, by the name of the running mean that they shift.
    pub biases: BTreeMap<String, (String, Tensor<'a>)>,
    /// Tensors of element types that are not supported, with that type.
    pub unread: BTreeMap<String, String>,
}

/// Converts the names of a file's tensors into the families' own names.
///
/// # Errors
/// Two tensors that convert to one name; a second name of a tensor with other values; an nnU-Net checkpoint whose
/// outputs are regions.
pub(crate) fn renamed(file: &WeightFile) -> Result<Renamed<'_>, NnError> {
    if file.has_key(REGIONS) {
        return Err(NnError::Regions { path: file.path().to_path_buf() });
    }
    let mut renamed = Renamed { tensors: BTreeMap::new(), biases: BTreeMap::new(), unread: BTreeMap::new() };
    let mut aliases: Vec<(String, &str, Tensor)> = Vec::new();
    for (original, tensor) in file.tensors() {
        let name = plain(original);
        // PyTorch counts BatchNorm's batches; the count is not used.
        if name.ends_with("num_batches_tracked") {
            continue;
        }
        if let Some(first) = crate::plain_unet::canonical(name) {
            aliases.push((first, name, tensor));
            continue;
        }
        let replaced = match name.strip_suffix(".downsample.0.bias") {
            Some(block) => {
                let mean = format!("{block}.downsample.1.running_mean");
                renamed.biases.insert(mean, (name.to_string(), tensor)).is_some()
            }
            None => renamed.tensors.insert(name.to_string(), tensor).is_some(),
        };
        if replaced {
            return Err(NnError::SameName { path: file.path().to_path_buf(), tensor: name.to_string() });
        }
    }
    for (first, alias, tensor) in aliases {
        let known = renamed.tensors.entry(first.clone()).or_insert(tensor);
        if !is_same(known, &tensor) {
            return Err(NnError::AliasDiffers {
                path: file.path().to_path_buf(),
                tensor: first,
                alias: alias.to_string(),
            });
        }
    }
    renamed.unread = file.unread().iter().map(|(name, what)| (plain(name).to_string(), what.clone())).collect();
    Ok(renamed)
}

fn is_same(a: &Tensor, b: &Tensor) -> bool {
    a.shape() == b.shape() && a.element() == b.element() && a.to_bytes() == b.to_bytes()
}

/// Returns a name without the prefixes of wrappers.
fn plain(name: &str) -> &str {
    let shorter = PREFIXES.iter().find_map(|prefix| name.strip_prefix(prefix));
    shorter.map_or(name, plain)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wrappers_in_any_order_are_taken_off() {
        for first in PREFIXES {
            assert_eq!(plain(&format!("{first}conv1.weight")), "conv1.weight");
            for second in PREFIXES {
                assert_eq!(plain(&format!("{first}{second}layer1.0.bn1.bias")), "layer1.0.bn1.bias");
            }
        }
    }

    #[test]
    fn no_network_has_a_name_that_begins_like_a_wrapper() {
        let of = |architecture: crate::Architecture| {
            let network = crate::Network::new(architecture, lacuna_seed::Seed(0), &crate::Device::flex());
            network.parameters.iter().map(|(name, _)| name.to_string()).collect::<Vec<_>>()
        };
        for name in of(crate::Architecture::medicalnet(10, 1, 2).unwrap()) {
            assert_eq!(plain(&name), name);
        }
        assert_eq!(plain("layer1.0.module.weight"), "layer1.0.module.weight");
    }
}
