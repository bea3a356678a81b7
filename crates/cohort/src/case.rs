//! One scan, ready for a network: input, target, and the truth it is scored against.

use crate::{CaseCache, CaseVoxels, CohortError, LabelTable, ReadOptions, Scan, ScanData, SubjectId, Voxels, load};
use lacuna_seed::{Seed, Stream};
use lacuna_volume::{ClassMap, IGNORED, InverseTransform, Preprocessing};
use rayon::prelude::*;
use std::path::PathBuf;
use std::sync::Arc;

/// One labelled scan, ready for a network.
#[derive(Clone, Debug)]
pub struct Case {
    /// Whose scan it is.
    pub subject: SubjectId,
    /// The scan's name.
    pub scan: String,
    /// C, D, H and W of the network's input.
    pub shape: [usize; 4],
    /// D, H and W of the network's output grid.
    pub target_shape: [usize; 3],
    /// How the network's grid lies in the image's own.
    pub inverse_transform: InverseTransform,
    /// Notices about the files for the user.
    pub notices: Vec<(PathBuf, String)>,
    /// Input, target and truth, or where they are.
    pub voxels: Voxels,
}

impl Case {
    /// Input, target and truth.
    ///
    /// # Errors
    /// Those of [`prepare`] and [`CohortError::Changed`] if they had to be fetched again.
    pub fn voxels(&self) -> Result<Arc<CaseVoxels>, CohortError> {
        match &self.voxels {
            Voxels::Held(voxels) => Ok(voxels.clone()),
            Voxels::Cached { cache, index } => cache.voxels(*index),
        }
    }

    /// Say that the voxels will be wanted soon, so that they can be fetched meanwhile.
    pub fn prefetch(&self) {
        if let Voxels::Cached { cache, index } = &self.voxels {
            cache.prefetch(*index);
        }
    }
}

/// How scans become cases.
#[derive(Clone, Copy)]
pub struct Preparation<'a> {
    /// What is done to the images.
    pub preprocessing: &'a Preprocessing,
    /// What the label values mean.
    pub labels: &'a LabelTable,
    /// The network's output size (D, H, W) for an input size.
    pub output_shape: &'a (dyn Fn([usize; 3]) -> [usize; 3] + Sync),
    /// The seed of the noise that some preprocessing puts into the background.
    pub seed: Seed,
    /// How files are read.
    pub read: ReadOptions,
    /// Where prepared scans are kept, if anywhere.
    pub cache: Option<&'a CaseCache>,
}

/// Read one labelled scan and make it a case, or take it from the cache.
///
/// # Errors
/// [`CohortError::LabelMissing`] before anything is read, those of [`load`] and of
/// [`prepare_loaded`], and a cache that cannot be written.
pub fn prepare(how: &Preparation<'_>, scan: &Scan) -> Result<Case, CohortError> {
    let label_file = scan.label.as_ref().ok_or_else(|| label_missing(&scan.name, &scan.subject))?;
    let make = || case_of(how, load(scan, &how.read)?, label_file.display().to_string());
    match how.cache {
        Some(cache) => cache.find_or_make(how, scan, make),
        None => make(),
    }
}

/// Make a labelled scan in memory a case.
///
/// Background noise, where the preprocessing asks for it, comes from the stream named by the
/// subject and the scan, so a case does not depend on which others are prepared.
///
/// # Errors
/// [`CohortError::LabelMissing`], [`CohortError::LabelsOutsideTable`], [`CohortError::NothingCounts`],
/// [`CohortError::Preprocess`].
pub fn prepare_loaded(how: &Preparation<'_>, scan: ScanData) -> Result<Case, CohortError> {
    let label_source = format!("scan `{}`", scan.name);
    case_of(how, scan, label_source)
}

/// The most scans that are prepared at once, so that many cores do not hold as many whole images in memory.
const AT_ONCE_MAX: usize = 8;

/// Prepare scans, several at once, and hand each over as a case, in the order of the scans.
///
/// # Errors
/// That of the first scan, in order, that cannot be a case, whichever thread met it, and those of `each`.
pub fn prepare_each(
    how: &Preparation<'_>,
    scans: &[&Scan],
    each: &mut dyn FnMut(Case) -> Result<(), CohortError>,
) -> Result<(), CohortError> {
    for group in scans.chunks(rayon::current_num_threads().min(AT_ONCE_MAX)) {
        let prepared: Vec<Result<Case, CohortError>> = group.par_iter().map(|scan| prepare(how, scan)).collect();
        for case in prepared {
            each(case?)?;
        }
    }
    Ok(())
}

/// The stream that preprocessing draws the background noise of a scan from. It belongs to the data and not to a
/// repetition of a run, so training and prediction draw the same noise for one scan.
pub fn noise_of_scan(seed: Seed, subject: &str, scan: &str) -> Stream {
    seed.stream("preprocess noise").subject(subject).part(scan)
}

/// `label_source` is what an error about the labels names.
fn case_of(how: &Preparation<'_>, scan: ScanData, label_source: String) -> Result<Case, CohortError> {
    let ScanData { subject, name, images, labels, notices, .. } = scan;
    let labels = labels.ok_or_else(|| label_missing(&name, &subject))?;
    let outside = |outside| CohortError::LabelsOutsideTable { label_source: label_source.clone(), outside };
    let truth = how.labels.apply(&labels).map_err(outside)?;
    drop(labels);

    let noise = noise_of_scan(how.seed, subject.as_str(), &name);
    let prepared = how
        .preprocessing
        .apply(&images, &noise)
        .map_err(|source| CohortError::Preprocess { scan: name.clone(), source: Box::new(source) })?;
    let [_, depth, height, width] = prepared.shape;
    let target_shape = (how.output_shape)([depth, height, width]);
    let target = prepared.inverse_transform.class_map_to_network(&truth, target_shape);
    if let Some((reason, fix)) = nothing_counts(&truth, &target, target_shape) {
        return Err(CohortError::NothingCounts { label_source, scan: name, reason, fix });
    }
    let (shape, inverse_transform) = (prepared.shape, prepared.inverse_transform);
    let notices = notices.into_iter().map(|(path, notice)| (path, notice.to_string())).collect();
    let voxels = Voxels::Held(Arc::new(CaseVoxels { input: prepared.voxels, target, truth }));
    Ok(Case { subject, scan: name, shape, target_shape, inverse_transform, notices, voxels })
}

/// Why nothing of a scan would be learned from, and what to do, if that is so: a loss over no voxel does not exist.
fn nothing_counts(truth: &ClassMap, target: &[u8], shape: [usize; 3]) -> Option<(String, &'static str)> {
    let counts = |classes: &[u8]| classes.iter().filter(|&&class| class != IGNORED).count();
    if counts(target) > 0 {
        return None;
    }
    let labelled = counts(truth.voxels());
    if labelled == 0 {
        let reason = "every voxel of the label map is ignored, so nothing can be learned from it".to_string();
        return Some((reason, "choose another label table"));
    }
    let [depth, height, width] = shape;
    let reason = format!(
        "none of the {labelled} voxels that are not ignored lies on the network's output grid of {depth} x {height} x \
         {width}, so nothing can be learned from the scan"
    );
    Some((reason, "prepare the images larger, or train nnU-Net's plain U-Net, whose output is as large as its input"))
}

fn label_missing(scan: &str, subject: &SubjectId) -> CohortError {
    CohortError::LabelMissing { scan: scan.to_string(), subject: subject.clone() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::layout::Plain;
    use crate::phantom::{self, PhantomConfig};
    use crate::{Cohort, CohortFacts, LayoutOptions, write_cohort};
    use lacuna_volume::{Canonical, Crop, Foreground, LabelMap, Medicalnet};

    /// Halved and rounded up, as a network with stride 2 has it.
    fn halved(shape: [usize; 3]) -> [usize; 3] {
        shape.map(|n| n.div_ceil(2))
    }

    fn canonical() -> Preprocessing {
        let (crop, foreground) = (Crop::AboveZero, Foreground::AllVoxels);
        Preprocessing::Canonical(Canonical { size: Some([8, 10, 12]), spacing_mm: None, crop, foreground })
    }

    fn medicalnet() -> Preprocessing {
        Preprocessing::Medicalnet(Medicalnet { size: [8, 10, 12] })
    }

    /// Three small heads.
    fn heads() -> Vec<ScanData> {
        let config = PhantomConfig { subjects: 3, ..PhantomConfig::with_dims([16, 18, 12]) };
        (0..3).map(|index| ScanData::from(phantom::subject(&config, index))).collect()
    }

    fn prepared(preprocessing: &Preprocessing, seed: u64, scan: ScanData) -> Result<Case, CohortError> {
        let labels = LabelTable::built_in("tissue", None).unwrap();
        let (seed, read) = (Seed(seed), ReadOptions::default());
        let how = Preparation { preprocessing, labels: &labels, output_shape: &halved, seed, read, cache: None };
        prepare_loaded(&how, scan)
    }

    #[test]
    fn a_case_from_files_is_the_case_from_memory() {
        let folder = tempfile::tempdir().unwrap();
        let facts = CohortFacts { channels: vec!["T1".into()], classes: None };
        write_cohort(&Plain, folder.path(), &facts, &mut heads().into_iter().map(Ok)).unwrap();
        let cohort = Cohort::open(folder.path(), &LayoutOptions::default()).unwrap();
        let labels = LabelTable::built_in("tissue", None).unwrap();
        let (preprocessing, read) = (canonical(), ReadOptions::default());
        let (seed, cache) = (Seed(1), None);
        let how =
            Preparation { preprocessing: &preprocessing, labels: &labels, output_shape: &halved, seed, read, cache };
        let scans: Vec<&Scan> = cohort.scans().iter().collect();
        let mut cases = Vec::new();
        let mut push = |case| {
            cases.push(case);
            Ok(())
        };
        prepare_each(&how, &scans, &mut push).unwrap();
        assert_eq!(cases.len(), 3);
        for (from_file, scan) in cases.iter().zip(heads()) {
            let from_memory = prepared(&preprocessing, 1, scan).unwrap();
            assert_eq!(from_file.subject, from_memory.subject);
            let (from_file, from_memory) = (from_file.voxels().unwrap(), from_memory.voxels().unwrap());
            assert_eq!(from_file.truth.voxels(), from_memory.truth.voxels());
            assert_eq!(from_file.target, from_memory.target);
            // The affine is kept in 32 bits, so resampling places differ by their rounding.
            let apart = from_file.input.iter().zip(&from_memory.input).map(|(a, b)| (a - b).abs());
            assert!(apart.fold(0.0, f32::max) < 1e-3);
        }
    }

    #[test]
    fn of_several_scans_that_fail_the_first_in_order_is_told() {
        let folder = tempfile::tempdir().unwrap();
        let facts = CohortFacts { channels: vec!["T1".into()], classes: None };
        write_cohort(&Plain, folder.path(), &facts, &mut heads().into_iter().map(Ok)).unwrap();
        let cohort = Cohort::open(folder.path(), &LayoutOptions::default()).unwrap();
        let scans: Vec<&Scan> = cohort.scans().iter().collect();
        for scan in &scans[1..] {
            lacuna_disk::write_bytes(&scan.images[0], b"no image").unwrap();
        }
        let labels = LabelTable::built_in("tissue", None).unwrap();
        let (preprocessing, seed, read, cache) = (canonical(), Seed(1), ReadOptions::default(), None);
        let how =
            Preparation { preprocessing: &preprocessing, labels: &labels, output_shape: &halved, seed, read, cache };
        for _ in 0..8 {
            let message = prepare_each(&how, &scans, &mut |_| Ok(())).unwrap_err().to_string();
            assert!(message.contains("phantom-001"), "{message}");
        }
    }

    #[test]
    fn shapes_agree_and_targets_are_classes() {
        for preprocessing in [canonical(), medicalnet(), Preprocessing::None] {
            let case = prepared(&preprocessing, 1, heads().remove(0)).unwrap();
            let voxels = case.voxels().unwrap();
            assert_eq!(voxels.input.len(), case.shape.iter().product::<usize>());
            assert_eq!(case.target_shape, halved([case.shape[1], case.shape[2], case.shape[3]]));
            assert_eq!(voxels.target.len(), case.target_shape.iter().product::<usize>());
            assert!(voxels.target.iter().all(|&class| class < 4 || class == IGNORED));
            assert_eq!(voxels.truth.grid().dims, [16, 18, 12]);
        }
    }

    #[test]
    fn noise_follows_the_seed_and_the_subject_and_nothing_else() {
        // Air around a head is noisy and above 0; MedicalNet's noise fills only what a mask set to 0.
        let mut masked = heads().remove(0);
        masked.images[0].voxels_mut()[100..200].fill(0.0);
        let input = |seed, subject: &str| {
            let subject = SubjectId::new(subject).unwrap();
            prepared(&medicalnet(), seed, ScanData { subject, ..masked.clone() })
                .unwrap()
                .voxels()
                .unwrap()
                .input
                .clone()
        };
        assert!(input(1, "anna") == input(1, "anna"));
        assert!(input(1, "anna") != input(2, "anna"));
        assert!(input(1, "anna") != input(1, "ben"));
    }

    #[test]
    fn a_scan_in_which_nothing_counts_is_refused_with_its_name_whatever_the_preprocessing() {
        // `tissue` ignores 7. Of the second map one sagittal slice is labelled, at an odd index that halving leaves out
        // where voxels are taken as they are.
        for preprocessing in [canonical(), medicalnet(), Preprocessing::None] {
            let mut scan = heads().remove(1);
            let grid = *scan.images[0].grid();
            scan.labels = Some(LabelMap::new(grid, vec![7; grid.len()]));
            let message = prepared(&preprocessing, 1, scan).unwrap_err().to_string();
            assert!(message.starts_with("scan `phantom-001`: every voxel of the label map is ignored"), "{message}");
            assert!(message.ends_with("--exclude phantom-001"), "{message}");
        }
        let sparse = |labelled: usize| {
            let mut scan = heads().remove(0);
            let grid = *scan.images[0].grid();
            let labels = (0..grid.len()).map(|at| if at % grid.dims[0] == labelled { 1 } else { 7 }).collect();
            scan.labels = Some(LabelMap::new(grid, labels));
            prepared(&Preprocessing::None, 1, scan)
        };
        let outcomes: Vec<Result<Case, CohortError>> = (0..16).map(sparse).collect();
        let refused = outcomes.iter().filter_map(|outcome| outcome.as_ref().err());
        assert!(refused.clone().count() > 0);
        for error in refused {
            let message = error.to_string();
            assert!(
                message.contains("none of the 216 voxels that are not ignored lies on the network's output"),
                "{message}"
            );
        }
        for case in outcomes.iter().filter_map(|outcome| outcome.as_ref().ok()) {
            assert!(case.voxels().unwrap().target.iter().any(|&class| class != IGNORED), "what passes counts");
        }
    }

    #[test]
    fn a_scan_without_labels_is_refused_by_name() {
        let message =
            prepared(&canonical(), 1, ScanData { labels: None, ..heads().remove(1) }).unwrap_err().to_string();
        assert!(message.contains("scan `phantom-001` of subject phantom-001 has no label map"), "{message}");
    }

    #[test]
    fn a_label_outside_the_table_is_refused_with_the_scan() {
        let mut scan = heads().remove(0);
        scan.labels = scan.labels.map(|labels| LabelMap::new(*labels.grid(), vec![12; labels.voxels().len()]));
        let message = prepared(&canonical(), 1, scan).unwrap_err().to_string();
        assert!(message.starts_with("scan `phantom-000`: label values outside table `tissue`: 12 (3456"), "{message}");
    }
}
