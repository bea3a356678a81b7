//! What a call of `lacuna predict` prints.

use crate::arguments::Model;
use crate::text_table::aligned;
use lacuna_inference::Axis;
use lacuna_volume::Preprocessing;
use serde::Serialize;
use std::path::PathBuf;

/// What one call segmented, for scripts and for people.
#[derive(Serialize)]
pub struct Record {
    pub model: String,
    pub network: String,
    pub preprocessing: Preprocessing,
    /// Voxels of a window along D, H and W; absent where the whole input was seen at once.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub window: Option<[usize; 3]>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub overlap: Option<f64>,
    pub flips: Vec<Axis>,
    pub largest_component: bool,
    pub classes: Vec<String>,
    pub predictions: Vec<Written>,
    /// Scans that had their label map before.
    pub passed_over: usize,
    /// Files of the folders that other programs read as volumes and lacuna does not.
    #[serde(serialize_with = "lacuna_artefacts::portable::list")]
    pub not_read: Vec<PathBuf>,
    /// Files of the folders that are label maps or results of an earlier prediction beside their image.
    #[serde(serialize_with = "lacuna_artefacts::portable::list")]
    pub results: Vec<PathBuf>,
}

/// What was written of one scan.
#[derive(Serialize)]
pub struct Written {
    #[serde(serialize_with = "lacuna_artefacts::portable::list")]
    pub images: Vec<PathBuf>,
    #[serde(serialize_with = "lacuna_artefacts::portable::path")]
    pub output: PathBuf,
    pub input_shape: [usize; 4],
    pub output_shape: [usize; 4],
    /// How often the input, or a part of it, went through one network.
    pub passes: usize,
    /// One file per class, where they were asked for.
    #[serde(skip_serializing_if = "Vec::is_empty", serialize_with = "lacuna_artefacts::portable::list")]
    pub probabilities: Vec<PathBuf>,
    /// Voxels of each class on the image's grid; absent for logits.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub voxels: Option<Vec<u64>>,
    /// Voxels that became background since they were apart from the largest part of their class.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub removed: Option<Vec<u64>>,
}

impl Record {
    pub fn text(&self) -> String {
        let record = self;
        let head = ["output", "input", "network's grid", "voxels per class"].map(str::to_string).to_vec();
        let mut rows = vec![head];
        rows.extend(record.predictions.iter().map(|written| {
            let counts = written.voxels.iter().flatten().zip(&record.classes);
            vec![
                written.output.display().to_string(),
                format!("{:?}", written.input_shape),
                format!("{:?}", written.output_shape),
                counts.map(|(voxels, class)| format!("{class}: {voxels}")).collect::<Vec<_>>().join(", "),
            ]
        }));
        let classes = record.classes.iter().enumerate().map(|(class, name)| format!("{class} {name}"));
        let classes = classes.collect::<Vec<_>>().join(", ");
        let numbers = match record.predictions.iter().any(|written| written.voxels.is_some()) {
            true => format!("label maps hold class numbers, not the label values of a data set: {classes}\n"),
            false => String::new(),
        };
        aligned(&rows) + &numbers
    }
}

/// The classes' names, or their numbers where the file names none.
pub fn class_names(model: &Model) -> Vec<String> {
    match &model.notes.classes {
        Some(names) => names.clone(),
        None => (0..model.network.architecture().classes()).map(|class| class.to_string()).collect(),
    }
}
