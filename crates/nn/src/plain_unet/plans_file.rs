//! Reading nnU-Net v2's `plans.json`.
//!
//! Recent plans name the network's class and its arguments (`architecture.network_class_name`, `arch_kwargs`), older
//! ones its kernels and poolings (`UNet_class_name`, `conv_kernel_sizes`, `pool_op_kernel_sizes`, ...). A configuration
//! may inherit from another. Everything else in the file (patch size, spacing, normalisation) belongs to nnU-Net's
//! preprocessing, which is not supported here, and is ignored.

use super::plan::UnetPlan;
use crate::NnError;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};
use std::path::Path;

/// The largest plans file that is read, in bytes; dataset fingerprints make it longer than the network needs.
const FILE_BYTES_MAX: u64 = 16 << 20;

/// The largest number of configurations that inherit from each other.
const ANCESTORS_MAX: usize = 16;

/// Returns the U-Net of a configuration of a plans file, in most files `3d_fullres`.
///
/// # Errors
/// [`NnError::Disk`] if the file cannot be read; otherwise an error that names the field, for a file that is not a
/// plans file, a missing configuration, another class of network, or arguments that nnU-Net's plain U-Net does not
/// have.
pub fn read_plans(path: &Path, configuration: &str) -> Result<UnetPlan, NnError> {
    let text = lacuna_disk::read_text(path, FILE_BYTES_MAX)?;
    let refuse = |field: String, expected: String, found: String| NnError::Plans {
        path: path.to_path_buf(),
        field,
        expected,
        found,
    };
    let plan = serde_json::from_str(&text)
        .map_err(|error| Fault::new("the file", "JSON", error.to_string()))
        .and_then(|plans: Value| of_configuration(&plans, configuration));
    let plan = plan.map_err(|Fault { field, expected, found }| refuse(field, expected, found))?;
    plan.checked().map_err(|error| match error {
        NnError::BadPlan { field, expected, found } => refuse(format!("{configuration}: {field}"), expected, found),
        NnError::BadCount { what, found, expected } => {
            refuse(format!("{configuration}: {what}"), expected.to_string(), found.to_string())
        }
        other => other,
    })
}

/// Returns the axis order (`transpose_forward`) that the plans apply to the image first, if it is not the stored order.
/// Axes are not reordered here, so predictions of such a checkpoint need images in that order.
///
/// # Errors
/// A file that cannot be read or is not JSON.
pub fn turned_axes(path: &Path) -> Result<Option<Vec<u64>>, NnError> {
    let text = lacuna_disk::read_text(path, FILE_BYTES_MAX)?;
    let plans: Value = serde_json::from_str(&text).map_err(|error| NnError::Plans {
        path: path.to_path_buf(),
        field: "the file".to_string(),
        expected: "JSON".to_string(),
        found: error.to_string(),
    })?;
    let order = plans.get("transpose_forward").and_then(Value::as_array);
    let order: Option<Vec<u64>> = order.and_then(|axes| axes.iter().map(Value::as_u64).collect());
    Ok(order.filter(|axes| *axes != [0, 1, 2]))
}

struct Fault {
    field: String,
    expected: String,
    found: String,
}

impl Fault {
    fn new(field: impl Into<String>, expected: impl Into<String>, found: impl Into<String>) -> Fault {
        Fault { field: field.into(), expected: expected.into(), found: found.into() }
    }
}

fn of_configuration(plans: &Value, name: &str) -> Result<UnetPlan, Fault> {
    let Some(configurations) = plans.get("configurations").and_then(Value::as_object) else {
        return Err(Fault::new(
            "configurations",
            "an object, as nnU-Net v2 writes it",
            said(plans.get("configurations")),
        ));
    };
    let keys = with_ancestors(configurations, name)?;
    if let Some(first) = keys.get("previous_stage").filter(|stage| !stage.is_null()) {
        let found =
            format!("{first}: the second stage of a cascade, which takes the labels of the first beside the image");
        return Err(Fault::new(format!("{name}: previous_stage"), "nothing", found));
    }
    match keys.get("architecture") {
        Some(architecture) => newer(architecture, name),
        None => older(&keys, name),
    }
}

/// Returns the keys of a configuration, with those that it inherits.
fn with_ancestors(configurations: &Map<String, Value>, name: &str) -> Result<Map<String, Value>, Fault> {
    let (mut keys, mut next) = (Map::new(), Some(name.to_string()));
    for _ in 0..ANCESTORS_MAX {
        let Some(of) = next else { return Ok(keys) };
        let Some(own) = configurations.get(&of).and_then(Value::as_object) else {
            let known: Vec<String> = configurations.keys().take(8).map(|known| format!("`{known}`")).collect();
            return Err(Fault::new(
                "configurations",
                format!("one of {}", known.join(", ")),
                format!("`{of}` asked for"),
            ));
        };
        next = own.get("inherits_from").and_then(Value::as_str).map(str::to_string);
        for (key, value) in own {
            keys.entry(key.clone()).or_insert_with(|| value.clone());
        }
    }
    let expected = format!("at most {ANCESTORS_MAX} configurations that inherit from each other");
    Err(Fault::new(format!("{name}: inherits_from"), expected, "more, or a circle"))
}

fn newer(architecture: &Value, name: &str) -> Result<UnetPlan, Fault> {
    let at = |field: &str| format!("{name}: architecture.{field}");
    check_class(architecture.get("network_class_name"), at("network_class_name"))?;
    let Some(arguments) = architecture.get("arch_kwargs").and_then(Value::as_object) else {
        return Err(Fault::new(at("arch_kwargs"), "an object", said(architecture.get("arch_kwargs"))));
    };
    let at = |field: &str| at(&format!("arch_kwargs.{field}"));
    check_operations(arguments, &at)?;
    let read = Reader { keys: arguments, at: &at };
    let stages: usize = read.typed("n_stages")?;
    let per_stage = |field: &str, count: usize| read.counts(field, count);
    Ok(UnetPlan {
        features_per_stage: per_stage("features_per_stage", stages)?,
        kernel_sizes: read.sizes("kernel_sizes")?,
        strides: read.sizes("strides")?,
        n_conv_per_stage: per_stage("n_conv_per_stage", stages)?,
        n_conv_per_stage_decoder: per_stage("n_conv_per_stage_decoder", stages.saturating_sub(1))?,
    })
}

/// Checks that the operations are those of nnU-Net's plain U-Net; a network with others can have the same tensors but
/// other outputs.
fn check_operations(arguments: &Map<String, Value>, at: &dyn Fn(&str) -> String) -> Result<(), Fault> {
    let nothing = Value::Null;
    let get = |field: &str| arguments.get(field).unwrap_or(&nothing);
    for (field, ends) in [("conv_op", "Conv3d"), ("norm_op", "InstanceNorm3d"), ("nonlin", "LeakyReLU")] {
        let fits = get(field).as_str().is_some_and(|text| text.rsplit('.').next() == Some(ends));
        if !fits {
            return Err(Fault::new(
                at(field),
                format!("`{ends}`, of which nnU-Net's 3-D networks are made"),
                said(arguments.get(field)),
            ));
        }
    }
    let checks: [(&str, &str, bool); 5] = [
        ("conv_bias", "true", get("conv_bias") == &Value::Bool(true)),
        ("dropout_op", "null", get("dropout_op").is_null()),
        ("nonlin_first", "false, or nothing", matches!(get("nonlin_first"), Value::Null | Value::Bool(false))),
        (
            "norm_op_kwargs",
            "affine, with eps 1e-5",
            get("norm_op_kwargs").get("affine") == Some(&Value::Bool(true))
                && get("norm_op_kwargs").get("eps").is_none_or(|eps| eps.as_f64() == Some(1e-5)),
        ),
        (
            "nonlin_kwargs",
            "a negative_slope of 0.01, or none",
            get("nonlin_kwargs").get("negative_slope").is_none_or(|slope| slope.as_f64() == Some(0.01)),
        ),
    ];
    match checks.into_iter().find(|(_, _, holds)| !holds) {
        Some((field, expected, _)) => Err(Fault::new(at(field), expected, said(arguments.get(field)))),
        None => Ok(()),
    }
}

fn older(keys: &Map<String, Value>, name: &str) -> Result<UnetPlan, Fault> {
    let at = |field: &str| format!("{name}: {field}");
    check_class(keys.get("UNet_class_name"), at("UNet_class_name"))?;
    let read = Reader { keys, at: &at };
    let strides = read.sizes("pool_op_kernel_sizes")?;
    let stages = strides.len();
    let (base, most): (usize, usize) = (read.typed("UNet_base_num_features")?, read.typed("unet_max_num_features")?);
    // The number of features doubles at each stage, up to a maximum.
    let features = |stage: usize| base.saturating_mul(1usize.checked_shl(stage as u32).unwrap_or(usize::MAX)).min(most);
    Ok(UnetPlan {
        features_per_stage: (0..stages).map(features).collect(),
        kernel_sizes: read.sizes("conv_kernel_sizes")?,
        strides,
        n_conv_per_stage: read.counts("n_conv_per_stage_encoder", stages)?,
        n_conv_per_stage_decoder: read.counts("n_conv_per_stage_decoder", stages.saturating_sub(1))?,
    })
}

fn check_class(found: Option<&Value>, field: String) -> Result<(), Fault> {
    match found.and_then(Value::as_str).and_then(|class| class.rsplit('.').next()) {
        Some("PlainConvUNet") => Ok(()),
        _ => Err(Fault::new(field, "`PlainConvUNet`, the one network of nnU-Net's that is supported", said(found))),
    }
}

struct Reader<'a> {
    keys: &'a Map<String, Value>,
    at: &'a dyn Fn(&str) -> String,
}

impl Reader<'_> {
    fn typed<T: DeserializeOwned>(&self, field: &str) -> Result<T, Fault> {
        let found = self.keys.get(field);
        let typed = found.cloned().map(serde_json::from_value);
        match typed {
            Some(Ok(value)) => Ok(value),
            _ => Err(Fault::new((self.at)(field), "whole numbers as nnU-Net writes them", said(found))),
        }
    }

    /// Reads one number for all stages, or one for each.
    fn counts(&self, field: &str, stages: usize) -> Result<Vec<usize>, Fault> {
        #[derive(Deserialize)]
        #[serde(untagged)]
        enum Counts {
            Same(usize),
            Each(Vec<usize>),
        }
        Ok(match self.typed(field)? {
            // Too many stages are an error of the plan; the limit only bounds the memory used here.
            Counts::Same(count) => vec![count; stages.min(64)],
            Counts::Each(counts) => counts,
        })
    }

    fn sizes(&self, field: &str) -> Result<Vec<[usize; 3]>, Fault> {
        let found = self.keys.get(field);
        let two_axes = found.and_then(|sizes| sizes.get(0)?.as_array()).is_some_and(|size| size.len() == 2);
        if two_axes {
            return Err(Fault::new((self.at)(field), "three axes: a 3-D configuration", said(found)));
        }
        self.typed(field)
    }
}

/// Returns a short description of the value found, for an error.
fn said(value: Option<&Value>) -> String {
    const SHOWN: usize = 80;
    let Some(value) = value else { return "nothing".to_string() };
    let text = value.to_string();
    let shown: String = text.chars().filter(|letter| !letter.is_control()).take(SHOWN).collect();
    if text.chars().nth(SHOWN).is_some() { format!("`{shown}…`") } else { format!("`{shown}`") }
}

#[cfg(test)]
mod tests;
