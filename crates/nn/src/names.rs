//! What others call the networks' tensors.
//!
//! nnU-Net's checkpoints have several names for most tensors, of which the first stays (`plain_unet/names.rs`).
//!
//! MONAI's `ResNet` has MedicalNet's names for the encoder. It differs in two things: instead of `conv_seg` it has a
//! classifier `fc`, which stays over and is told; and the convolution of a projecting shortcut may have a bias
//! (`bias_downsample`), which MedicalNet's has not. BatchNorm follows that convolution, so the bias only shifts its
//! running mean: `(x + b - mean) = (x - (mean - b))`, and during training the batch's own mean takes it away. Such a
//! bias is therefore folded into the running mean, which changes no output.

use crate::NnError;
use lacuna_weights::{Tensor, WeightFile};
use std::collections::BTreeMap;

/// What wrappers put before every name: PyTorch's `DataParallel` and `compile`.
const PREFIXES: &[&str] = &["module.", "_orig_mod."];

/// The tensors of a file under the families' own names.
pub(crate) struct Renamed<'a> {
    /// All that may be weights or statistics.
    pub tensors: BTreeMap<String, Tensor<'a>>,
    /// Biases of shortcuts, by the name of the running mean that they shift.
    pub biases: BTreeMap<String, (String, Tensor<'a>)>,
}

/// The tensors of a file under the families' own names.
///
/// # Errors
/// Two tensors that come to one name, or a second name of a tensor with other values.
pub(crate) fn renamed(file: &WeightFile) -> Result<Renamed<'_>, NnError> {
    let mut renamed = Renamed { tensors: BTreeMap::new(), biases: BTreeMap::new() };
    let mut aliases: Vec<(String, &str, Tensor)> = Vec::new();
    for (original, tensor) in file.tensors() {
        let name = plain(original);
        // PyTorch counts BatchNorm's batches; nothing here needs the count.
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
    Ok(renamed)
}

fn is_same(a: &Tensor, b: &Tensor) -> bool {
    a.shape() == b.shape() && a.element() == b.element() && a.to_bytes() == b.to_bytes()
}

/// A name without what wrappers put before it.
fn plain(name: &str) -> &str {
    let shorter = PREFIXES.iter().find_map(|prefix| name.strip_prefix(prefix));
    shorter.map_or(name, plain)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wrappers_in_any_order_are_taken_off() {
        assert_eq!(plain("module.conv1.weight"), "conv1.weight");
        assert_eq!(plain("_orig_mod.module.bn1.bias"), "bn1.bias");
        assert_eq!(plain("layer1.0.module.weight"), "layer1.0.module.weight");
    }
}
