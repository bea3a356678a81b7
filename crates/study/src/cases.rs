//! A study's data: subjects, label table, cases ready for the network.

use crate::{LabelChoice, StudyConfig, StudyError};
use lacuna_cohort::{Case, CaseCache, Cohort, LabelTable, Preparation, ReadOptions, SubjectId, prepare_all};
use lacuna_nn::Architecture;
use lacuna_seed::Seed;
use std::collections::{BTreeMap, BTreeSet};

/// The cohort of a study, every labelled scan prepared.
pub struct Data {
    /// What the labels mean.
    pub labels: LabelTable,
    /// The network that the cases were prepared for.
    pub architecture: Architecture,
    cases: Vec<Case>,
    /// One digest per case, of everything the network and the scores see of it.
    digests: BTreeMap<String, String>,
}

impl Data {
    /// Open the cohort and the label table without reading an image.
    ///
    /// # Errors
    /// A cohort or table that cannot be opened, or a network that does not fit them.
    pub fn open(config: &StudyConfig) -> Result<(Cohort, LabelTable, Architecture), StudyError> {
        let cohort = Cohort::open(&config.data.root, &config.data.options)?;
        let labels = match &config.data.labels {
            LabelChoice::Named(name) => LabelTable::built_in(name, cohort.classes_in_file.as_ref())?,
            LabelChoice::File { file } => LabelTable::from_toml_file(file)?,
        };
        let architecture = config.network.architecture(cohort.channels.len(), labels.classes().len())?;
        Ok((cohort, labels, architecture))
    }

    /// Read and prepare the scans of some subjects, or find them in a cache; `progress` hears how many scans are
    /// done, and of how many.
    ///
    /// # Errors
    /// The first scan that cannot be prepared.
    pub fn prepare(
        config: &StudyConfig,
        subjects: &BTreeSet<SubjectId>,
        cache: Option<&CaseCache>,
        progress: &mut dyn FnMut(usize, usize),
    ) -> Result<Data, StudyError> {
        let (cohort, labels, architecture) = Data::open(config)?;
        let output_shape = |input| architecture.output_size(input);
        let how = Preparation {
            preprocessing: &config.preprocess,
            labels: &labels,
            output_shape: &output_shape,
            // The noise of `medicalnet` belongs to the data, not to a repetition.
            seed: Seed(config.split.seed),
            read: ReadOptions::default(),
            cache,
        };
        let scans: Vec<_> = cohort.scans().iter().filter(|scan| subjects.contains(&scan.subject)).collect();
        let cases = prepare_all(&how, &scans, &mut |done| progress(done, scans.len()))?;
        let digests = cases.iter().map(|case| (case.scan.clone(), digest(case))).collect();
        Ok(Data { labels, architecture, cases, digests })
    }

    /// The cases of some subjects, in order of subject and scan.
    pub fn of(&self, subjects: &BTreeSet<SubjectId>) -> Vec<&Case> {
        self.cases.iter().filter(|case| subjects.contains(&case.subject)).collect()
    }

    /// What the network and the scores see of some subjects, as one digest.
    pub fn digest_of(&self, subjects: &BTreeSet<SubjectId>) -> String {
        let lines: Vec<String> = self
            .of(subjects)
            .iter()
            .map(|case| format!("{} {} {}\n", case.subject, case.scan, self.digests[&case.scan]))
            .collect();
        lacuna_disk::digest(lines.concat().as_bytes())
    }

    /// The largest input among the cases, `[C, D, H, W]`.
    pub fn shape_max(&self) -> [usize; 4] {
        let largest = self.cases.iter().max_by_key(|case| case.input.len());
        largest.map_or([0; 4], |case| case.shape)
    }

    /// What a person should be told of the files, each once.
    pub fn notices(&self) -> Vec<String> {
        self.cases
            .iter()
            .flat_map(|case| case.notices.iter().map(|(path, notice)| format!("{}: {notice}", path.display())))
            .collect::<BTreeSet<_>>()
            .into_iter()
            .collect()
    }
}

fn digest(case: &Case) -> String {
    let mut hasher = blake3::Hasher::new();
    for value in case.shape.iter().chain(&case.target_shape).chain(&case.truth.grid().dims) {
        hasher.update(&(*value as u64).to_le_bytes());
    }
    let input: Vec<[u8; 4]> = case.input.iter().map(|value| value.to_le_bytes()).collect();
    hasher.update(input.as_flattened()).update(&case.target).update(case.truth.voxels());
    hasher.finalize().to_hex().to_string()
}
