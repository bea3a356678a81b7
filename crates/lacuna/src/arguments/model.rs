//! A model file, and what a foreign one does not say of itself.

use super::PlansArguments;
use crate::error::CliError;
use crate::lineage::{self, check_file};
use clap::builder::{PathBufValueParser, TypedValueParser};
use clap::{Args, ValueEnum};
use lacuna_cohort::{Cohort, LabelTable};
use lacuna_exact::Ensemble;
use lacuna_inference::{InferenceError, ModelNotes, Prediction};
use lacuna_nn::loss::SegmentationLoss;
use lacuna_nn::{Architecture, Device, Network, NnError, Shortcut, match_file, read_model};
use lacuna_seed::Seed;
use lacuna_study::NetworkConfig;
use lacuna_volume::Preprocessing;
use lacuna_weights::WeightFile;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// A model file, and what a foreign one does not say of itself.
#[derive(Args)]
pub struct ModelArguments {
    /// The weights: a safetensors or PyTorch file, or the run folder that holds them
    #[arg(long, value_name = "FILE", value_parser = weights())]
    pub model: PathBuf,
    /// The network's depth: 10, 18, 34, 50, 101, 152 or 200; only for files without lacuna's metadata
    #[arg(long, value_name = "N", requires = "classes", help_heading = "Foreign weights")]
    pub depth: Option<usize>,
    /// The network's shortcut [default: that of the published weights of this depth]
    #[arg(long, value_enum, value_name = "KIND", requires = "depth", help_heading = "Foreign weights")]
    pub shortcut: Option<ShortcutChoice>,
    /// The network's classes, background included
    #[arg(long, value_name = "N", requires = "depth", help_heading = "Foreign weights")]
    pub classes: Option<usize>,
    /// The network's input channels
    #[arg(long, value_name = "N", default_value_t = 1, requires = "depth", help_heading = "Foreign weights")]
    pub input_channels: usize,
    #[command(flatten)]
    pub plans: PlansArguments,
}

/// The file of the weights where a run folder with one model is named; any other path as it is, the folder of an exact
/// training of several shards among them.
fn weights_of(path: PathBuf) -> PathBuf {
    let model = path.join(MODEL);
    let is_exact = path.join(lacuna_exact::MANIFEST).is_file();
    if path.is_dir() && !is_exact && model.is_file() { model } else { path }
}

fn weights() -> impl TypedValueParser<Value = PathBuf> {
    PathBufValueParser::new().map(weights_of)
}

/// How many label values a note names.
const LABEL_VALUES_SHOWN: usize = 8;

/// What a run calls its model.
const MODEL: &str = "model.safetensors";

/// A shortcut by name.
#[derive(Clone, Copy, ValueEnum)]
pub enum ShortcutChoice {
    /// Subsampled, padded with zeros
    #[value(name = "A")]
    A,
    /// A strided convolution
    #[value(name = "B")]
    B,
}

/// A network with what its file says beside its weights.
pub struct Model {
    /// Where it was read.
    pub path: PathBuf,
    /// The network; of an exact model, that of its first shard.
    pub network: Network,
    /// All shards of an exact model that has several.
    shards: Option<Ensemble>,
    /// Labels, preprocessing, provenance.
    pub notes: ModelNotes,
    /// What the user should know of the file: state dicts that were not taken, tensors that were not read.
    pub remarks: Vec<String>,
}

impl ModelArguments {
    /// A model file of lacuna's own, which says everything itself.
    pub fn lacunas(model: PathBuf) -> ModelArguments {
        let plans = PlansArguments::default();
        ModelArguments { model, depth: None, shortcut: None, classes: None, input_channels: 1, plans }
    }

    /// The model, every tensor in its position and as its run folder says that it is.
    ///
    /// # Errors
    /// A file that cannot be read, whose tensors are not exactly those of the network, or that was changed since its
    /// run folder was written; a lineage beside it that is another model's.
    pub fn open(&self, device: &Device) -> Result<Model, CliError> {
        let model = self.read(device)?;
        lineage::beside(&model.path, &model.digest())?;
        Ok(model)
    }

    fn read(&self, device: &Device) -> Result<Model, CliError> {
        match (self.depth, self.classes) {
            _ if self.model.is_dir() => exact(&self.model, device),
            (Some(depth), Some(classes)) => {
                let stated = Architecture::medicalnet(depth, self.input_channels, classes)?;
                let architecture = match self.shortcut {
                    Some(shortcut) => stated.with_shortcut(shortcut.into()),
                    None => stated,
                };
                self.foreign(&WeightFile::open(&self.model)?, architecture, ModelNotes::default(), device)
            }
            _ if self.plans.plans.is_some() => {
                let file = WeightFile::open(&self.model)?;
                let architecture = self.plans.architecture(&file)?.expect("plans are given");
                let notes = ModelNotes { loss: Some(SegmentationLoss::Nnunet), ..ModelNotes::default() };
                self.foreign(&file, architecture, notes, device)
            }
            _ => {
                let file = read_model(&self.model, device)?;
                let notes = notes_of(&self.model, &file.metadata)?;
                let path = self.model.clone();
                Ok(Model { path, network: file.network, shards: None, notes, remarks: Vec::new() })
            }
        }
    }

    /// Foreign weights: nothing may be missing, left over or of another shape.
    fn foreign(
        &self,
        file: &WeightFile,
        architecture: Architecture,
        notes: ModelNotes,
        device: &Device,
    ) -> Result<Model, CliError> {
        let mut network = Network::new(architecture, Seed(0), device);
        let report = match_file(file, &mut network)?;
        if !report.is_exact() {
            let (path, architecture) = (file.path().to_path_buf(), network.architecture().to_string());
            let (fix, report) = (report.fix(), report.to_string());
            return Err(CliError::Network(NnError::Mismatch { path, architecture, report, fix }));
        }
        let remarks = [remarks(file), self.plans.remarks()?].concat();
        Ok(Model { path: self.model.clone(), network, shards: None, notes, remarks })
    }
}

/// What the user should know of the files of a network that is to be trained: of its plans, and of the weights that it
/// begins from.
///
/// # Errors
/// A file that cannot be read.
pub fn remarks_of(network: &NetworkConfig) -> Result<Vec<String>, CliError> {
    let of_plans = PlansArguments::of(network.plans.clone()).remarks()?;
    let of_init = network.init.as_deref().map(WeightFile::open).transpose()?;
    Ok([of_plans, of_init.as_ref().map(remarks).unwrap_or_default()].concat())
}

/// What the user should know of a file of weights before relying on it: state dicts that were not taken, tensors that
/// were not read.
fn remarks(file: &WeightFile) -> Vec<String> {
    let path = file.path().display();
    let others = match (file.other_state_dicts(), file.state_dict()) {
        ([], _) => None,
        (others, taken) => Some(format!(
            "{path}: {} was taken; the file also holds {}; `lacuna convert {path} --state-dict KEY --out \
             NEW.safetensors` takes another",
            taken.map_or("the whole file".to_string(), |taken| format!("`{taken}`")),
            others.iter().map(|key| format!("`{key}`")).collect::<Vec<_>>().join(", ")
        )),
    };
    let unread = file.unread_summary().map(|summary| format!("{path}: {summary}"));
    others.into_iter().chain(unread).collect()
}

impl Model {
    /// One of lacuna's own files, which says everything of itself.
    ///
    /// # Errors
    /// A file that cannot be read, or that lacuna did not write.
    pub fn of_file(path: &Path, device: &Device) -> Result<Model, CliError> {
        let arguments = ModelArguments {
            model: path.to_path_buf(),
            depth: None,
            shortcut: None,
            classes: None,
            input_channels: 1,
            plans: PlansArguments::default(),
        };
        arguments.open(device)
    }
}

/// The notes in a model file; where they contradict each other because the file was changed since its run, the error
/// states the change.
fn notes_of(path: &Path, metadata: &BTreeMap<String, String>) -> Result<ModelNotes, CliError> {
    let changed_or = |error: CliError| check_file(path).map_or_else(CliError::from, |()| error);
    ModelNotes::from_metadata(path, metadata).map_err(|error| changed_or(error.into()))
}

/// The shards of an exact model; a single one is a network like any other.
fn exact(folder: &Path, device: &Device) -> Result<Model, CliError> {
    if !folder.join(lacuna_exact::MANIFEST).is_file() {
        let what = format!(
            "{}: expected a file of weights or a run folder, found a folder without {MODEL} and {}; fix: name the file of \
             the weights in it",
            folder.display(),
            lacuna_exact::MANIFEST
        );
        return Err(CliError::Config { what });
    }
    let shards = Ensemble::open(folder)?;
    let paths: Vec<&Path> = shards.files().collect();
    let file = read_model(paths[0], device)?;
    let notes = notes_of(paths[0], &file.metadata)?;
    let path = if paths.len() == 1 { paths[0].to_path_buf() } else { folder.to_path_buf() };
    let shards = (paths.len() > 1).then(|| shards.clone());
    Ok(Model { path, network: file.network, shards, notes, remarks: Vec::new() })
}

impl Model {
    /// The digest of the network; of several shards, one of theirs in order.
    pub fn digest(&self) -> String {
        self.shards.as_ref().map_or_else(|| self.network.digest(), Ensemble::digest)
    }

    /// How many networks answer for it.
    pub fn network_count(&self) -> usize {
        self.shards.as_ref().map_or(1, |shards| shards.files().count())
    }

    /// The network, where one is needed and a mean of several will not do.
    ///
    /// # Errors
    /// An exact model of several shards.
    pub fn one_network(&self, needed_for: &str) -> Result<&Network, CliError> {
        match &self.shards {
            None => Ok(&self.network),
            Some(shards) => Err(CliError::Config {
                what: format!(
                    "{}: expected one network for {needed_for}, found {} shards; fix: name the file of one shard",
                    self.path.display(),
                    shards.files().count()
                ),
            }),
        }
    }

    /// The predictions of the model for some scans: those of its network, or the mean over its shards. `predict` returns
    /// one network's predictions, in the order of the scans.
    ///
    /// # Errors
    /// Those of `predict`, and a shard that cannot be read.
    pub fn predict(
        &self,
        device: &Device,
        predict: &mut dyn FnMut(&Network) -> Result<Vec<Prediction>, InferenceError>,
    ) -> Result<Vec<Prediction>, CliError> {
        match &self.shards {
            None => Ok(predict(&self.network)?),
            Some(shards) => Ok(shards.average(device, predict)?),
        }
    }

    /// Whether the model's classes are the table's and its channels the cohort's.
    ///
    /// # Errors
    /// What differs, and the flag that changes it.
    pub fn check_fit(&self, table: &LabelTable, cohort: &Cohort) -> Result<(), CliError> {
        let path = self.path.display();
        let architecture = self.network.architecture();
        let refuse = |what: String| Err(CliError::Config { what });
        let (expected, found) = (architecture.classes(), table.classes().len());
        if expected != found {
            let name = table.name();
            return refuse(format!(
                "{path}: expected a label table of {expected} classes, found {found} in `{name}`; \
                 fix: choose another with --labels"
            ));
        }
        if let Some(names) = self.notes.classes.as_ref().filter(|names| *names != table.classes()) {
            let (expected, found, name) = (names.join(", "), table.classes().join(", "), table.name());
            return refuse(format!(
                "{path}: expected the classes {expected}, found {found} in `{name}`; fix: choose another with --labels"
            ));
        }
        let (expected, found) = (architecture.channels(), cohort.channels.len());
        if expected != found {
            let (root, names) = (cohort.root.display(), cohort.channels.join(", "));
            return refuse(format!(
                "{root}: expected {expected} channels, found {found} ({names}); fix: choose with --channels"
            ));
        }
        Ok(())
    }

    /// What the user should know where the labels of this data set are not counted as those the model was trained on.
    pub fn note_of_labels(&self, table: &LabelTable) -> Option<String> {
        let own = self.notes.table.as_ref()?;
        let values = own.differences(table);
        let shown = values.iter().take(LABEL_VALUES_SHOWN).map(u16::to_string).collect::<Vec<_>>().join(", ");
        let more = if values.len() > LABEL_VALUES_SHOWN { ", …" } else { "" };
        (!values.is_empty()).then(|| {
            format!(
                "note: label table `{}` counts the label values {shown}{more} otherwise than the model's own, `{}`; the \
                 classes are the same",
                table.name(),
                own.name()
            )
        })
    }

    /// The preprocessing stated by the user, else the one the model was trained with.
    ///
    /// # Errors
    /// If neither says any.
    pub fn preprocessing(&self, stated: Option<Preprocessing>) -> Result<Preprocessing, CliError> {
        stated.or_else(|| self.notes.preprocessing.clone()).ok_or_else(|| CliError::Config {
            what: format!(
                "{}: metadata `preprocessing`: expected how its images were prepared, found nothing; \
                 fix: say it with --preprocess none, canonical or medicalnet",
                self.path.display()
            ),
        })
    }
}

impl From<ShortcutChoice> for Shortcut {
    fn from(choice: ShortcutChoice) -> Shortcut {
        match choice {
            ShortcutChoice::A => Shortcut::A,
            ShortcutChoice::B => Shortcut::B,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_run_folder_stands_for_its_model_and_any_other_path_for_itself() {
        let folder = tempfile::tempdir().unwrap();
        let of = |path: &Path| weights_of(path.to_path_buf());
        assert_eq!(of(folder.path()), folder.path());
        let model = folder.path().join(MODEL);
        std::fs::write(&model, b"").unwrap();
        assert_eq!((of(folder.path()), of(&model)), (model.clone(), model));
        std::fs::write(folder.path().join(lacuna_exact::MANIFEST), b"").unwrap();
        assert_eq!(of(folder.path()), folder.path(), "several shards are opened together");
    }
}
