//! The data of a study: subjects, label table, and scans prepared for the network.

use crate::memory::available_bytes;
use crate::{StudyConfig, StudyError, Workload};
use lacuna_cohort::{
    Case, CaseCache, CaseVoxels, Cohort, CohortError, LabelTable, PassedOver, Preparation, ReadOptions, Scan,
    SubjectId, VoxelCache, Voxels, prepare, prepare_each,
};
use lacuna_nn::{Activations, Architecture, Device, Network};
use lacuna_seed::Seed;
use lacuna_train::{CaseScores, TrainError, score_subject};
use lacuna_volume::Preprocessing;
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::Arc;

/// How scans are kept on disk and in memory; none of these settings changes a result.
#[derive(Clone, Debug, Default)]
pub struct Loading {
    /// The folder that keeps prepared scans between commands, if any.
    pub cache: Option<CaseCache>,
    /// The most bytes of prepared scans in memory; further scans are read again when they are needed. `None`: half of
    /// the memory that is available before the first scan is read.
    pub memory_bytes_max: Option<u64>,
}

/// The cohort of a study, with every labelled scan prepared.
pub struct Data {
    /// The table of label classes.
    pub labels: LabelTable,
    /// The network that the cases were prepared for.
    pub architecture: Architecture,
    cases: Vec<Case>,
    passed_over: Vec<PassedOver>,
    /// One digest per case, of everything that the network and the scores see of it.
    digests: BTreeMap<String, String>,
}

impl Data {
    /// Opens the cohort and the label table without reading an image.
    ///
    /// # Errors
    /// If the cohort or table cannot be opened, or the network does not fit them.
    pub fn open(config: &StudyConfig) -> Result<(Cohort, LabelTable, Architecture), StudyError> {
        let cohort = Cohort::open(&config.data.root, &config.data.options)?;
        let labels = config.data.labels.table(&cohort)?;
        let architecture = config.network.architecture(cohort.channels.len(), labels.classes().len())?;
        Ok((cohort, labels, architecture))
    }

    /// Reads and prepares the scans of some subjects, or takes them from the cache. `progress` is called with the
    /// number of scans that are done, and of all scans.
    ///
    /// # Errors
    /// The error of the first scan that cannot be prepared.
    pub fn prepare(
        config: &StudyConfig,
        subjects: &BTreeSet<SubjectId>,
        loading: &Loading,
        progress: &mut dyn FnMut(usize, usize),
    ) -> Result<Data, StudyError> {
        let (cohort, labels, architecture) = Data::open(config)?;
        let scans = cohort.scans().iter().filter(|scan| subjects.contains(&scan.subject)).cloned().collect();
        let source = Arc::new(Source {
            preprocessing: config.preprocess.clone(),
            labels: labels.clone(),
            architecture: architecture.clone(),
            seed: Seed(config.split.seed),
            cache: loading.cache.clone(),
            read: cohort.read,
            scans,
        });
        let bytes_max = loading.memory_bytes_max.or_else(|| available_bytes().map(|bytes| bytes / 2));
        let again = source.clone();
        let cache =
            Arc::new(VoxelCache::new(bytes_max.unwrap_or(u64::MAX), Arc::new(move |index| again.voxels(index))));
        let (mut cases, mut digests) = (Vec::new(), BTreeMap::new());
        source.for_each_case(&mut |case, voxels| {
            digests.insert(case.scan.clone(), digest(&case, &voxels));
            let index = cache.put(voxels);
            cases.push(Case { voxels: Voxels::Cached { cache: cache.clone(), index }, ..case });
            progress(cases.len(), source.scans.len());
        })?;
        cases.iter().try_for_each(check_size)?;
        Ok(Data { labels, architecture, cases, passed_over: cohort.passed_over, digests })
    }

    /// The cases of some subjects, ordered by subject and scan.
    pub fn of(&self, subjects: &BTreeSet<SubjectId>) -> Vec<&Case> {
        self.cases.iter().filter(|case| subjects.contains(&case.subject)).collect()
    }

    /// Scores a network on all scans of a subject together.
    ///
    /// # Errors
    /// If a prediction is not finite, or the subject has no voxel that counts.
    pub fn score(&self, network: &Network, subject: &SubjectId, device: &Device) -> Result<CaseScores, TrainError> {
        let scans = self.of(&BTreeSet::from([subject.clone()]));
        score_subject(network, &scans, self.labels.classes(), device)
    }

    /// Begins to load the scans of a subject that will be scored next and is not in memory.
    pub(crate) fn expect(&self, subject: &SubjectId) {
        self.of(&BTreeSet::from([subject.clone()])).into_iter().for_each(Case::prefetch);
    }

    /// A digest of everything that the network and the scores see of some subjects.
    pub fn digest_of(&self, subjects: &BTreeSet<SubjectId>) -> String {
        let lines: Vec<String> = self
            .of(subjects)
            .iter()
            .map(|case| format!("{} {} {}\n", case.subject, case.scan, self.digests[&case.scan]))
            .collect();
        lacuna_disk::digest(lines.concat().as_bytes())
    }

    /// The workload of a step on `volumes_at_once` volumes, each as large as the largest case.
    pub fn workload(&self, volumes_at_once: usize, activations: Activations) -> Workload {
        let largest = self.cases.iter().max_by_key(|case| case.shape.iter().product::<usize>());
        let [_, d, h, w] = largest.map_or([0; 4], |case| case.shape);
        Workload { architecture: self.architecture.clone(), size: [d, h, w], volumes_at_once, activations }
    }

    /// Notices about the files for the user, each once with the number of files that it applies to; `named` returns the
    /// name under which a case's file is shown.
    pub fn notices(&self, named: impl Fn(&Case, &Path) -> String) -> Vec<String> {
        let notices = self.cases.iter().flat_map(|case| case.notices.iter().map(move |notice| (case, notice)));
        folded(notices.map(|(case, (path, notice))| (named(case, path), notice.clone())))
    }

    /// The parts of the data set that were not read, each once with the number of files; `named` returns a file's shown
    /// name.
    pub fn passed_over(&self, named: impl Fn(&Path) -> String) -> Vec<String> {
        let reported = |one: &PassedOver| (named(&one.path), format!("{}; not read; fix: {}", one.found, one.fix));
        folded(self.passed_over.iter().map(reported))
    }
}

/// One line for each text, with the first file in order and the number of files.
fn folded(notices: impl Iterator<Item = (String, String)>) -> Vec<String> {
    let mut files: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    notices.for_each(|(file, text)| {
        files.entry(text).or_default().insert(file);
    });
    let line = |(text, files): (String, BTreeSet<String>)| match (files.first(), files.len()) {
        (Some(file), 1) => format!("{file}: {text}"),
        (first, count) => format!("{count} files, the first {}: {text}", first.map_or("", |file| file)),
    };
    files.into_iter().map(line).collect()
}

/// The source of cases, from which they can be read more than once.
struct Source {
    preprocessing: Preprocessing,
    labels: LabelTable,
    architecture: Architecture,
    /// The seed of the noise of `medicalnet`, which belongs to the data and not to a repetition.
    seed: Seed,
    cache: Option<CaseCache>,
    read: ReadOptions,
    scans: Vec<Scan>,
}

impl Source {
    fn for_each_case(&self, each: &mut dyn FnMut(Case, Arc<CaseVoxels>)) -> Result<(), CohortError> {
        let scans: Vec<&Scan> = self.scans.iter().collect();
        self.with_preparation(|how| {
            prepare_each(how, &scans, &mut |case| {
                let voxels = case.voxels()?;
                each(case, voxels);
                Ok(())
            })
        })
    }

    fn voxels(&self, index: usize) -> Result<CaseVoxels, CohortError> {
        let case = self.with_preparation(|how| prepare(how, &self.scans[index]))?;
        let voxels = case.voxels()?;
        drop(case);
        Ok(Arc::unwrap_or_clone(voxels))
    }

    fn with_preparation<T>(&self, then: impl FnOnce(&Preparation<'_>) -> T) -> T {
        let output_shape = |input| self.architecture.output_size(input);
        then(&Preparation {
            preprocessing: &self.preprocessing,
            labels: &self.labels,
            output_shape: &output_shape,
            seed: self.seed,
            read: self.read,
            cache: self.cache.as_ref(),
        })
    }
}

/// Encoders halve each axis three times or more, and a norm needs more than one voxel to have a variance.
fn check_size(case: &Case) -> Result<(), StudyError> {
    let [_, size @ ..] = case.shape;
    if size.iter().any(|&voxels| voxels > 8) {
        return Ok(());
    }
    Err(StudyError::BadSetting {
        key: "preprocess.size".to_string(),
        expected: "more than 8 voxels along one axis at least".to_string(),
        found: format!("{size:?} as the network's input; fix: choose a larger size"),
    })
}

fn digest(case: &Case, voxels: &CaseVoxels) -> String {
    let mut hasher = blake3::Hasher::new();
    for value in case.shape.iter().chain(&case.target_shape).chain(&voxels.truth.grid().dims) {
        hasher.update(&(*value as u64).to_le_bytes());
    }
    voxels.hash_into(&mut hasher);
    hasher.finalize().to_hex().to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_holds_for_many_files_is_said_once_with_their_number() {
        let said = [("b", "odd"), ("a", "odd"), ("c", "odder"), ("a", "odd")];
        let lines = folded(said.into_iter().map(|(file, text)| (file.to_string(), text.to_string())));
        assert_eq!(lines, ["2 files, the first a: odd", "c: odder"]);
    }
}
