//! A file of tensors: a model of lacuna's, a checkpoint, or a file of another program.

use crate::command::convert::record::state_dicts;
use crate::error::CliError;
use crate::output::Outcome;
use crate::text_table::{aligned, named};
use lacuna_artefacts::PortablePath;
use lacuna_nn::{Device, read_model, recognise};
use lacuna_weights::{Tensor, WeightFile};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::path::Path;

/// What files of weights are called.
pub const ENDINGS: &[&str] = &[".safetensors", ".pth", ".pth.tar", ".pt", ".ckpt", ".bin"];

/// Rows of a list of tensors for people; `--json` has them all.
const TENSORS_SHOWN: usize = 12;

/// Read the file by what it says it is.
pub fn inspect(path: &Path) -> Result<Outcome, CliError> {
    let file = WeightFile::open(path)?;
    if let Some(text) = file.notes().get("lacuna-checkpoint-3") {
        return checkpoint(path, text);
    }
    if file.notes().contains_key("lacuna") {
        drop(file);
        return model(path);
    }
    Ok(tensors(&file))
}

fn model(path: &Path) -> Result<Outcome, CliError> {
    let file = read_model(path, &Device::flex())?;
    let architecture = file.network.architecture();
    let parameters = &file.network.parameters;
    let digest = file.network.digest();
    let metadata: BTreeMap<&String, Value> = file
        .metadata
        .iter()
        .map(|(key, text)| (key, serde_json::from_str(text).unwrap_or_else(|_| json!(text))))
        .collect();
    let record = json!({
        "kind": "model",
        "file": PortablePath::from(path),
        "digest": digest,
        "architecture": architecture,
        "tensors": parameters.len(),
        "weights": parameters.weight_count(),
        "metadata": metadata,
    });
    let mut lines = vec![
        ("model", path.display().to_string()),
        ("network", architecture.about()),
        ("channels", architecture.channels().to_string()),
        ("classes", architecture.classes().to_string()),
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
    let record = json!({ "kind": "checkpoint", "file": PortablePath::from(path), "checkpoint": held });
    let text = named(&[
        ("checkpoint", path.display().to_string()),
        ("of run", held["run"].as_str().unwrap_or("unknown").to_string()),
        ("epochs", held["epochs_done"].to_string()),
        ("passes", held["passes"].to_string()),
    ]);
    Ok(Outcome::new("inspect", &record, text))
}

fn tensors(file: &WeightFile) -> Outcome {
    let listed: Vec<Value> = file
        .tensors()
        .map(|(name, tensor)| json!({ "name": name, "dtype": tensor.element().word(), "shape": tensor.shape() }))
        .collect();
    let network = recognise(file).ok().and_then(|found| {
        let classes = found.classes().map_or("no head".to_string(), |classes| format!("{classes} classes"));
        let architecture = found.architecture(2).ok()?;
        Some(format!("{}, channels {}, {classes}", architecture.about(), architecture.channels()))
    });
    let record = json!({
        "kind": "tensors",
        "file": PortablePath::from(file.path()),
        "format": file.format().to_string(),
        "state_dict": file.state_dict(),
        "other_state_dicts": file.other_state_dicts(),
        "network": network,
        "tensors": listed,
        "skipped": file.skipped(),
        "unread": file.unread(),
        "metadata": file.notes(),
    });
    let mut lines = vec![
        ("tensors", file.path().display().to_string()),
        ("format", file.format().to_string()),
        ("network", network.unwrap_or_else(|| "none that lacuna knows".to_string())),
        ("count", listed.len().to_string()),
    ];
    lines.extend(file.notes().iter().map(|(name, value)| (name.as_str(), value.clone())));
    let chosen = state_dicts(file.state_dict(), file.other_state_dicts());
    lines.extend(chosen.map(|text| ("state dict", text)));
    lines.extend(file.skipped().iter().map(|(name, what)| (name.as_str(), what.clone())));
    let unread = file.unread().iter().take(TENSORS_SHOWN);
    lines.extend(unread.map(|(name, what)| (name.as_str(), format!("{what}: not read"))));
    if file.unread().len() > TENSORS_SHOWN {
        lines.push(("not read", format!("{} in all; --json lists them", file.unread().len())));
    }
    let row = |(name, tensor): (&str, Tensor)| {
        vec![name.to_string(), tensor.element().word().to_string(), format!("{:?}", tensor.shape())]
    };
    let mut text = named(&lines);
    text.push_str(&aligned(&file.tensors().take(TENSORS_SHOWN).map(row).collect::<Vec<_>>()));
    if listed.len() > TENSORS_SHOWN {
        text.push_str(&format!("and {} more; --json lists all\n", listed.len() - TENSORS_SHOWN));
    }
    text.push_str(&format!("next:    lacuna convert {}\n", file.path().display()));
    Outcome::new("inspect", &record, text)
}
