//! A safetensors file: a model of lacuna's, a checkpoint, or somebody else's tensors.

use crate::error::CliError;
use crate::output::Outcome;
use crate::text_table::{aligned, named};
use lacuna_nn::{Device, NnError, read_model};
use safetensors::SafeTensors;
use serde_json::{Value, json};
use std::collections::{BTreeMap, HashMap};
use std::path::Path;

/// A checkpoint of the largest network with two moments per weight.
const FILE_BYTES_MAX: u64 = 8 << 30;

/// Rows of a list of tensors for people; `--json` has them all.
const TENSORS_SHOWN: usize = 12;

/// Read the file by what its metadata says it is.
pub fn inspect(path: &Path) -> Result<Outcome, CliError> {
    let bytes = lacuna_disk::read_bytes(path, FILE_BYTES_MAX)?;
    let malformed = |error: safetensors::SafeTensorError| {
        CliError::Network(NnError::Malformed { path: path.to_path_buf(), reason: error.to_string() })
    };
    let (_, header) = SafeTensors::read_metadata(&bytes).map_err(malformed)?;
    let metadata = header.metadata().clone().unwrap_or_default();
    if let Some(text) = metadata.get("lacuna-checkpoint-3") {
        return checkpoint(path, text);
    }
    if metadata.contains_key("lacuna") {
        drop(bytes);
        return model(path);
    }
    tensors(path, &SafeTensors::deserialize(&bytes).map_err(malformed)?, &metadata)
}

fn model(path: &Path) -> Result<Outcome, CliError> {
    let file = read_model(path, &Device::flex())?;
    let architecture = *file.network.architecture();
    let parameters = &file.network.parameters;
    let digest = file.network.digest();
    let metadata: BTreeMap<&String, Value> = file
        .metadata
        .iter()
        .map(|(key, text)| (key, serde_json::from_str(text).unwrap_or_else(|_| json!(text))))
        .collect();
    let record = json!({
        "kind": "model",
        "file": path,
        "digest": digest,
        "architecture": architecture,
        "tensors": parameters.len(),
        "weights": parameters.weight_count(),
        "metadata": metadata,
    });
    let mut lines = vec![
        ("model", path.display().to_string()),
        ("network", format!("MedicalNet ResNet-{}, shortcut {:?}", architecture.depth, architecture.shortcut)),
        ("channels", architecture.channels.to_string()),
        ("classes", architecture.classes.to_string()),
        ("weights", format!("{} in {} tensors", parameters.weight_count(), parameters.len())),
        ("digest", digest.clone()),
    ];
    lines.extend(file.metadata.iter().map(|(key, value)| (key.as_str(), value.clone())));
    Ok(Outcome::new("inspect", &record, named(&lines)))
}

fn checkpoint(path: &Path, text: &str) -> Result<Outcome, CliError> {
    let held: Value = serde_json::from_str(text).map_err(|error| CliError::Data {
        what: format!("{}: checkpoint metadata: {error}; fix: delete the file to start afresh", path.display()),
    })?;
    let record = json!({ "kind": "checkpoint", "file": path, "checkpoint": held });
    let text = named(&[
        ("checkpoint", path.display().to_string()),
        ("of run", held["run"].as_str().unwrap_or("unknown").to_string()),
        ("epochs", held["epochs_done"].to_string()),
        ("passes", held["passes"].to_string()),
    ]);
    Ok(Outcome::new("inspect", &record, text))
}

fn tensors(path: &Path, file: &SafeTensors, metadata: &HashMap<String, String>) -> Result<Outcome, CliError> {
    let mut views = file.tensors();
    views.sort_by(|a, b| a.0.cmp(&b.0));
    let listed: Vec<Value> = views
        .iter()
        .map(|(name, view)| json!({ "name": name, "dtype": view.dtype().to_string(), "shape": view.shape() }))
        .collect();
    let ordered: BTreeMap<_, _> = metadata.iter().collect();
    let record = json!({ "kind": "tensors", "file": path, "tensors": listed, "metadata": ordered });
    let mut text = format!(
        "{}: {} tensors, not saved by lacuna; to use them as a network state --depth and --classes\n",
        path.display(),
        views.len()
    );
    let row = |(name, view): &(String, safetensors::tensor::TensorView)| {
        vec![name.clone(), view.dtype().to_string(), format!("{:?}", view.shape())]
    };
    text.push_str(&aligned(&views.iter().take(TENSORS_SHOWN).map(row).collect::<Vec<_>>()));
    if views.len() > TENSORS_SHOWN {
        text.push_str(&format!("and {} more; --json lists all\n", views.len() - TENSORS_SHOWN));
    }
    Ok(Outcome::new("inspect", &record, text))
}
