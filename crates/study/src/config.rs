//! A study file.

use crate::{ProbeConfig, SearchConfig, StudyError, Variant};
use lacuna_cohort::{AS_IS, BUILT_IN, Cohort, CohortError, LabelTable, LayoutOptions, SubjectId, WrittenTable};
use lacuna_nn::{Architecture, PlainUnet, Shortcut, UnetPlan, read_plans};
use lacuna_objects::Address;
use lacuna_train::{TrainConfig, TrainError};
use lacuna_volume::Preprocessing;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;
use std::fmt;
use std::path::{Path, PathBuf};

/// The largest study file that is read.
const FILE_BYTES_MAX: u64 = 1 << 20;

/// Everything that decides a study's outcome.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct StudyConfig {
    /// What the study is called in folders and tables.
    pub name: String,
    /// Each seed repeats the whole study with other initial weights, orders and noise.
    #[serde(default = "one_seed")]
    pub seeds: Vec<u64>,
    /// The bank of reference models, beyond those of the study's own seeds.
    #[serde(default, skip_serializing_if = "ReferencesConfig::is_empty")]
    pub references: ReferencesConfig,
    /// Replace the cohort's subject ids in everything that is written.
    #[serde(default)]
    pub pseudonyms: bool,
    /// Which models stay on the disk.
    #[serde(default)]
    pub keep_models: KeepModels,
    /// The scans and what their labels mean.
    pub data: DataConfig,
    /// What is done to the images.
    pub preprocess: Preprocessing,
    /// The network that is trained.
    pub network: NetworkConfig,
    /// How the original and the retrained reference are trained.
    #[serde(default)]
    pub train: TrainConfig,
    /// Who is held out and who is forgotten.
    #[serde(default)]
    pub split: SplitConfig,
    /// How subjects are forgotten.
    #[serde(default)]
    pub unlearn: UnlearnConfig,
    /// What models are asked beyond their scores.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub probe: Option<ProbeConfig>,
    /// Settings to try on other subjects than those reported; of `lacuna study --search` alone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub search: Option<SearchConfig>,
}

/// More models of never having seen a subject, so that one can tell chance from a trace.
///
/// A retrained model is one draw. Whether an unlearned one is like a retrained one can be asked only of several, which
/// differ in initial weights and orders and in nothing else.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct ReferencesConfig {
    /// A retrained model is trained for each forgotten subject and each of these seeds; those of the study itself may
    /// be among them. Nothing is unlearned with the others.
    pub seeds: Vec<u64>,
    /// Whether originals are trained with these seeds as well.
    pub originals: bool,
}

impl Default for ReferencesConfig {
    fn default() -> ReferencesConfig {
        ReferencesConfig { seeds: Vec::new(), originals: true }
    }
}

impl ReferencesConfig {
    fn is_empty(&self) -> bool {
        self.seeds.is_empty()
    }
}

/// Which models stay on the disk after their run is recorded.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum KeepModels {
    /// The original and retrained ones, from which everything else can be made again.
    #[default]
    References,
    /// Every model of the study.
    All,
}

/// The scans and what their labels mean.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct DataConfig {
    /// The data set's folder or list file, relative to the study file, or the URL of one that `lacuna data send` has
    /// sent to a bucket.
    pub root: PathBuf,
    /// What the label numbers mean.
    pub labels: LabelChoice,
    /// How the files lie, where detection needs help.
    #[serde(default)]
    pub options: LayoutOptions,
}

impl DataConfig {
    /// The address of the data set, if it lies in a bucket.
    pub fn bucket(&self) -> Option<Address> {
        let address = Address::from(self.root.to_string_lossy().into_owned());
        address.folder().is_none().then_some(address)
    }
}

/// A label table by name, from a file, or written out.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum LabelChoice {
    /// `brain`, `tissue`, `mrbrains`, `as-is` for the data set's own classes, or a TOML file's path, relative to the
    /// study file.
    Named(String),
    /// A TOML file with `name`, `classes` and a `map`, relative to the study file.
    File {
        /// The path of the TOML file.
        file: PathBuf,
    },
    /// The table itself, as a file of one's own has it. One called `as-is` gives way to the data set's own list.
    Written(WrittenTable),
}

/// The network before training.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct NetworkConfig {
    /// MedicalNet's depth: 10, 18, 34, 50, 101, 152 or 200.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub depth: Option<usize>,
    /// How blocks join their input; that of the published weights if unsaid.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub shortcut: Option<Shortcut>,
    /// Weights to begin from, relative to the study file: whatever fits by name and shape. The
    /// whole encoder must; a head that is missing begins fresh.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub init: Option<PathBuf>,
    /// Instead of a depth: the `plans.json` of nnU-Net v2, relative to the study file, whose plain U-Net it is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub plans: Option<PathBuf>,
    /// Which configuration of the plans; `3d_fullres` if unsaid.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub configuration: Option<String>,
    /// Instead of a depth or plans: the stages of nnU-Net's plain U-Net, under the names of its `arch_kwargs`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unet: Option<UnetPlan>,
}

/// The configuration of nnU-Net's plans that is meant if none is named.
pub const CONFIGURATION: &str = "3d_fullres";

impl LabelChoice {
    /// A known table in its briefest form: by its name where that is sufficient.
    pub fn of(table: &LabelTable) -> LabelChoice {
        match BUILT_IN.iter().find(|built_in| built_in.table() == *table) {
            Some(built_in) => LabelChoice::Named(built_in.name.to_string()),
            None => LabelChoice::Written(table.into()),
        }
    }

    /// The same for a file that names it: a path is relative to `folder`, and a name that ends in `.toml` is a path.
    pub fn below(self, folder: &Path) -> LabelChoice {
        match self {
            LabelChoice::Named(name) if name.ends_with(".toml") => LabelChoice::File { file: folder.join(name) },
            LabelChoice::File { file } => LabelChoice::File { file: folder.join(file) },
            other => other,
        }
    }

    /// The table; `cohort` may bring its own list of labels.
    ///
    /// # Errors
    /// An unknown name, or a file that is no label table.
    pub fn table(&self, cohort: &Cohort) -> Result<LabelTable, CohortError> {
        match self {
            LabelChoice::Named(name) => LabelTable::built_in(name, cohort.classes_in_file.as_ref()),
            LabelChoice::File { file } => LabelTable::from_toml_file(file),
            LabelChoice::Written(table) if table.name == AS_IS && cohort.classes_in_file.is_some() => {
                LabelTable::built_in(AS_IS, cohort.classes_in_file.as_ref())
            }
            LabelChoice::Written(table) => table.table(),
        }
    }
}

impl NetworkConfig {
    /// The architecture for so many channels and classes.
    ///
    /// # Errors
    /// A depth that does not exist, plans of another network, not one of depth, plans and unet, or impossible counts.
    pub fn architecture(&self, channels: usize, classes: usize) -> Result<Architecture, StudyError> {
        let unet = |plan| Ok(Architecture::PlainUnet(PlainUnet::new(plan, channels, classes)?));
        match (self.depth, &self.plans, &self.unet) {
            (Some(depth), None, None) if self.configuration.is_none() => {
                let architecture = Architecture::medicalnet(depth, channels, classes)?;
                Ok(match self.shortcut {
                    Some(shortcut) => architecture.with_shortcut(shortcut),
                    None => architecture,
                })
            }
            (None, Some(plans), None) if self.shortcut.is_none() => {
                unet(read_plans(plans, self.configuration.as_deref().unwrap_or(CONFIGURATION))?)
            }
            (None, None, Some(plan)) if self.shortcut.is_none() && self.configuration.is_none() => unet(plan.clone()),
            _ => {
                let expected = "depth, which may have a shortcut, or plans, which may have a configuration, or unet";
                let said = toml::to_string(self).unwrap_or_default();
                Err(bad("network", expected, if said.is_empty() { "nothing" } else { "what contradicts itself" }))
            }
        }
    }

    /// The network that an architecture is, without weights to begin from.
    pub fn of(architecture: &Architecture) -> NetworkConfig {
        let (resnet, unet) = (architecture.resnet(), architecture.plain_unet());
        NetworkConfig {
            depth: resnet.map(|resnet| resnet.depth),
            shortcut: resnet.map(|resnet| resnet.shortcut),
            init: None,
            plans: None,
            configuration: None,
            unet: unet.map(|unet| unet.plan.clone()),
        }
    }
}

/// Who is held out and who is forgotten.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct SplitConfig {
    /// How many subjects are never seen; they rotate with the forgotten subject.
    pub held_out: usize,
    /// Who is never seen, by id, instead of rotating.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub held_out_subjects: Vec<SubjectId>,
    /// Who is forgotten, one subject per run.
    pub forget: Forget,
    /// The seed that orders subjects into folds.
    pub seed: u64,
}

impl Default for SplitConfig {
    fn default() -> SplitConfig {
        SplitConfig { held_out: 2, held_out_subjects: Vec::new(), forget: Forget::Each, seed: 0 }
    }
}

/// Who is forgotten, one subject per run.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Forget {
    /// Every subject once (of the training set, if the held-out subjects are named).
    Each,
    /// These subjects, each once.
    Only(Vec<SubjectId>),
}

/// How subjects are forgotten.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct UnlearnConfig {
    /// After how many epochs each run is scored; the longest one is how long it runs.
    pub epochs: Vec<usize>,
    /// Every so many epochs, score on the output grid as well, for a curve.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub score_every: Option<usize>,
    /// Named strategies to run; the paper's own if unsaid.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub strategies: Option<Vec<String>>,
    /// Recipe keys that replace the defaults of every named strategy.
    #[serde(skip_serializing_if = "toml::Table::is_empty")]
    #[schemars(with = "lacuna_unlearn::Recipe")]
    pub recipe: toml::Table,
    /// More runs: a named strategy with some keys replaced, or a recipe of the user's own.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub variants: Vec<VariantConfig>,
}

impl Default for UnlearnConfig {
    /// The paper's horizons, every strategy as it is.
    fn default() -> UnlearnConfig {
        UnlearnConfig {
            epochs: vec![20, 50],
            score_every: None,
            strategies: None,
            recipe: toml::Table::new(),
            variants: Vec::new(),
        }
    }
}

/// One more run of a study.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct VariantConfig {
    /// A named strategy, or a new name, in which case `recipe` is the whole recipe.
    pub strategy: String,
    /// The keys to replace.
    #[serde(default)]
    #[schemars(with = "lacuna_unlearn::Recipe")]
    pub recipe: toml::Table,
    /// Its own horizons, where a method is made for another length than the study's. Another entry of the same recipe
    /// with other horizons is a run of its own, as a rate that falls over the longest horizon asks for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub epochs: Option<Vec<usize>>,
}

impl StudyConfig {
    /// Read and check a study file; paths in it become relative to where the program runs.
    ///
    /// # Errors
    /// A file that cannot be read, unknown keys, and settings that no study can have.
    pub fn read(path: &Path) -> Result<StudyConfig, StudyError> {
        let text = lacuna_disk::read_text(path, FILE_BYTES_MAX)?;
        let config = StudyConfig::from_toml(&text)
            .map_err(|reason| StudyError::Parse { path: path.to_path_buf(), reason: reason.to_string() })?;
        let config = config.resolved(path.parent().unwrap_or(Path::new("")));
        config.checked().map_err(|source| StudyError::InFile { path: path.to_path_buf(), source: Box::new(source) })
    }

    /// A study from TOML, not checked yet.
    ///
    /// # Errors
    /// Text that is not TOML, unknown keys, missing ones.
    pub fn from_toml(text: &str) -> Result<StudyConfig, toml::de::Error> {
        toml::from_str(text)
    }

    /// A study from a table that holds nothing else, checked; `path` is the file that it stood in, from whose folder
    /// its paths go out.
    ///
    /// # Errors
    /// As [`StudyConfig::read`].
    pub fn from_table(table: toml::Table, path: &Path) -> Result<StudyConfig, StudyError> {
        let config: StudyConfig = table.try_into().map_err(|reason: toml::de::Error| StudyError::Parse {
            path: path.to_path_buf(),
            reason: reason.to_string(),
        })?;
        let config = config.resolved(path.parent().unwrap_or(Path::new("")));
        config.checked().map_err(|source| StudyError::InFile { path: path.to_path_buf(), source: Box::new(source) })
    }

    /// The study with its relative paths below `folder`.
    fn resolved(mut self, folder: &Path) -> StudyConfig {
        let resolve = |path: &mut PathBuf| *path = folder.join(&*path);
        if self.data.bucket().is_none() {
            resolve(&mut self.data.root);
        }
        self.data.options.data_root.iter_mut().for_each(resolve);
        self.network.init.iter_mut().for_each(resolve);
        self.network.plans.iter_mut().for_each(resolve);
        self.data.labels = self.data.labels.below(folder);
        self
    }

    /// Seeds of reference models alone, in order; the study's own seeds have theirs anyway.
    pub fn bank_seeds(&self) -> impl Iterator<Item = u64> {
        self.references.seeds.iter().copied().filter(|seed| !self.seeds.contains(seed))
    }

    /// The study itself if it can be run on some cohort; horizons in order, each once.
    ///
    /// # Errors
    /// The first setting that no study can have.
    pub fn checked(self) -> Result<StudyConfig, StudyError> {
        let named = !self.name.is_empty()
            && self.name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'-');
        if !named {
            return Err(bad("name", "letters, digits, _ and -", &self.name));
        }
        check_distinct("seeds", &self.seeds)?;
        if !self.references.is_empty() {
            check_distinct("references.seeds", &self.references.seeds)?;
        }
        if let Forget::Only(subjects) = &self.split.forget {
            check_distinct("split.forget.only", subjects)?;
        }
        let horizons = |key, epochs: &[usize]| {
            // One order, so that records are found whatever the order in the file.
            let distinct: BTreeSet<usize> = epochs.iter().copied().collect();
            if distinct.is_empty() || distinct.contains(&0) {
                return Err(bad(key, "at least one number of epochs, each above 0", &format!("{epochs:?}")));
            }
            Ok(distinct.into_iter().collect::<Vec<usize>>())
        };
        let epochs = horizons("unlearn.epochs", &self.unlearn.epochs)?;
        let of_variant = |variant: VariantConfig| {
            let epochs = variant.epochs.map(|epochs| horizons("unlearn.variants.epochs", &epochs)).transpose()?;
            Ok::<_, StudyError>(VariantConfig { epochs, ..variant })
        };
        let variants = self.unlearn.variants.clone().into_iter().map(of_variant).collect::<Result<_, _>>()?;
        if self.unlearn.score_every == Some(0) {
            return Err(bad("unlearn.score_every", "a number of epochs above 0", "0"));
        }
        self.network.architecture(1, 2)?;
        let train = self.train.checked().map_err(of_training)?;
        let unlearn = UnlearnConfig { epochs, variants, ..self.unlearn };
        Variant::all(&unlearn)?;
        self.probe.iter().try_for_each(|probe| probe.check(&train))?;
        let checked = StudyConfig { train, unlearn, ..self };
        checked.check_search()?;
        Ok(checked)
    }
}

/// What is done twice would be counted twice.
fn check_distinct<T: Ord + fmt::Display>(key: &str, values: &[T]) -> Result<(), StudyError> {
    let mut seen = BTreeSet::new();
    match values.iter().find(|value| !seen.insert(*value)) {
        _ if values.is_empty() => Err(bad(key, "at least one", "none")),
        Some(twice) => Err(bad(key, "each once", &format!("{twice} twice"))),
        None => Ok(()),
    }
}

/// The same error under the key of the study file.
fn of_training(error: TrainError) -> StudyError {
    match error {
        TrainError::BadSetting { key, found, expected } => bad(&format!("train.{key}"), expected, &found),
        other => other.into(),
    }
}

/// The table of a TOML file.
pub(crate) fn read_table(path: &Path) -> Result<toml::Table, StudyError> {
    let text = lacuna_disk::read_text(path, FILE_BYTES_MAX)?;
    let refuse = |reason: toml::de::Error| StudyError::Parse { path: path.to_path_buf(), reason: reason.to_string() };
    text.parse().map_err(refuse)
}

pub(crate) fn one_seed() -> Vec<u64> {
    vec![0]
}

pub(crate) fn bad(key: &str, expected: &str, found: &str) -> StudyError {
    StudyError::BadSetting { key: key.to_string(), expected: expected.to_string(), found: found.to_string() }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SMALL: &str = r#"
        name = "small"
        data = { root = "data", labels = "tissue" }
        preprocess = { kind = "canonical", size = [16, 16, 16], crop = "none", foreground = "all-voxels" }
        network = { depth = 10 }
    "#;

    #[test]
    fn a_small_study_has_the_papers_horizons() {
        let config = StudyConfig::from_toml(SMALL).unwrap().checked().unwrap();
        assert_eq!(config.unlearn.epochs, [20, 50]);
        assert_eq!(config.split.forget, Forget::Each);
    }

    #[test]
    fn the_bank_is_what_the_studys_seeds_leave_of_it() {
        let text = format!("{SMALL}\nseeds = [1, 7]\n[references]\nseeds = [0, 1, 2]");
        let config = StudyConfig::from_toml(&text).unwrap().checked().unwrap();
        assert_eq!(config.bank_seeds().collect::<Vec<_>>(), [0, 2]);
        assert_eq!(StudyConfig::from_toml(&toml::to_string(&config).unwrap()).unwrap(), config);
        assert_eq!(StudyConfig::from_toml(SMALL).unwrap().bank_seeds().count(), 0);
    }

    #[test]
    fn a_study_survives_being_written_down() {
        let more = format!(
            "{SMALL}\nseeds = [1, 2]\n[split]\nforget = {{ only = [\"a\"] }}\n[unlearn]\nrecipe = {{ learning_rate = 0.01 }}\n"
        );
        let config = StudyConfig::from_toml(&more).unwrap();
        assert_eq!(StudyConfig::from_toml(&toml::to_string(&config).unwrap()).unwrap(), config);
    }

    #[test]
    fn a_network_is_a_depth_or_a_plan_and_never_both() {
        const UNET: &str = "unet = { features_per_stage = [4, 8], kernel_sizes = [[3, 3, 3], [3, 3, 3]], \
                            strides = [[1, 1, 1], [2, 2, 2]], n_conv_per_stage = [1, 1], n_conv_per_stage_decoder = [1] }";
        let read = |network: &str| {
            StudyConfig::from_toml(&SMALL.replace("depth = 10", network))
                .unwrap()
                .checked()
                .map_err(|error| error.to_string())
        };
        let unet = read(UNET).unwrap();
        let architecture = unet.network.architecture(2, 3).unwrap();
        assert_eq!(architecture.name(), "unet2x4");
        assert_eq!(NetworkConfig::of(&architecture).architecture(2, 3).unwrap(), architecture);
        assert_eq!(StudyConfig::from_toml(&toml::to_string(&unet).unwrap()).unwrap(), unet);
        for wrong in [
            "",
            "depth = 10, plans = 'x'",
            &format!("depth = 10, {UNET}"),
            "depth = 10, configuration = '2d'",
            "shortcut = 'A', plans = 'x'",
        ] {
            let message = read(wrong).unwrap_err();
            assert!(message.contains("network") && message.contains("plans"), "{wrong}: {message}");
        }
        let missing = read("plans = 'nowhere/plans.json'").unwrap_err();
        assert!(missing.contains("nowhere/plans.json"), "{missing}");
    }

    #[test]
    fn an_unknown_key_is_refused_by_name() {
        let message = StudyConfig::from_toml(&format!("{SMALL}\nseed = 1")).unwrap_err().to_string();
        assert!(message.contains("seed"), "{message}");
    }

    #[track_caller]
    fn refused(more: &str, said: &str) {
        let message = StudyConfig::from_toml(&format!("{SMALL}\n{more}")).unwrap().checked().unwrap_err().to_string();
        assert!(message.contains(said), "{message}");
    }

    #[test]
    fn settings_that_no_study_can_have_are_named_with_what_would_do() {
        refused("seeds = []", "seeds: expected at least one, found none");
        refused("seeds = [3, 3]", "seeds: expected each once, found 3 twice");
        refused("[references]\nseeds = [4, 4]", "references.seeds: expected each once, found 4 twice");
        refused("[split]\nforget = { only = ['a', 'a'] }", "split.forget.only: expected each once, found a twice");
        refused("[split]\nforget = { only = [] }", "split.forget.only: expected at least one, found none");
        refused("[unlearn]\nepochs = [0]", "unlearn.epochs: expected at least one number of epochs, each above 0");
        refused(
            "[[unlearn.variants]]\nstrategy = 'max-loss'\nepochs = []",
            "unlearn.variants.epochs: expected at least one number of epochs, each above 0, found []",
        );
        refused("[unlearn]\nscore_every = 0", "unlearn.score_every: expected a number of epochs above 0, found 0");
        refused("[probe]\nrelearn = { epochs_max = 0, learning_rate = 1.0 }", "probe.relearn.epochs: expected 1 to");
        refused("[train]\nepochs = 0", "train.epochs: expected 1 to 100000, found 0");
        refused("[unlearn]\nstrategies = ['max-los']", "unknown strategy `max-los`, expected one of `noisy-label`");
        refused("[unlearn.recipe]\nforget_wieght = 1", "unknown field `forget_wieght`");
    }

    #[test]
    fn horizons_are_put_in_order_each_once() {
        let config = StudyConfig::from_toml(&format!("{SMALL}\n[unlearn]\nepochs = [50, 20, 50]")).unwrap();
        assert_eq!(config.checked().unwrap().unlearn.epochs, [20, 50]);
    }

    #[test]
    fn the_studies_of_the_repository_can_be_run() {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../studies");
        let files = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
        let names: Vec<String> = files.map(|path| StudyConfig::read(&path).unwrap().name).collect();
        assert!(names.contains(&"paper".to_string()), "{names:?}");
    }

    #[test]
    fn what_the_papers_study_spells_out_are_the_defaults() {
        // The file spells them out for its reader; the defaults are MedicalNet's and the recipes' own.
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../studies/paper.toml");
        let paper = StudyConfig::read(&path).unwrap();
        assert_eq!(paper.train, TrainConfig { checkpoint_epochs: 1, ..TrainConfig::default() });
        let variants = Variant::all(&paper.unlearn).unwrap();
        assert_eq!(variants, Variant::all(&UnlearnConfig::default()).unwrap());
        assert_eq!(paper.unlearn.epochs, [20, 50]);
    }

    #[test]
    fn paths_are_relative_to_the_study_file() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("study.toml");
        std::fs::write(&path, SMALL).unwrap();
        assert_eq!(StudyConfig::read(&path).unwrap().data.root, folder.path().join("data"));
        assert_eq!(StudyConfig::read(&path).unwrap().data.bucket(), None);
        let url = "s3://bucket/heads";
        std::fs::write(&path, SMALL.replace("root = \"data\"", &format!("root = \"{url}\""))).unwrap();
        let data = StudyConfig::read(&path).unwrap().data;
        assert_eq!((data.root.as_path(), data.bucket().unwrap().to_string().as_str()), (Path::new(url), url));
    }
}
