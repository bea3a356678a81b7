//! One scan, ready for a network: input, target, and the truth it is scored against.

use crate::{CohortError, LabelTable, ReadOptions, Scan, ScanData, SubjectId, load};
use lacuna_seed::Seed;
use lacuna_volume::{ClassMap, LabelMap, NiftiHeader, Notice, Placement, Preprocessing};
use std::path::PathBuf;

/// One labelled scan, ready for a network.
#[derive(Clone, Debug)]
pub struct Case {
    /// Whose scan it is.
    pub subject: SubjectId,
    /// The scan's name.
    pub scan: String,
    /// The network's input, `[C, D, H, W]` row-major.
    pub input: Vec<f32>,
    /// C, D, H and W.
    pub shape: [usize; 4],
    /// The classes on the network's output grid, `[D, H, W]` row-major; 255 is ignored.
    pub target: Vec<u8>,
    /// D, H and W of the network's output grid.
    pub target_shape: [usize; 3],
    /// The classes on the image's own grid, where scores are taken.
    pub truth: ClassMap,
    /// How the network's grid lies in the image's own.
    pub placement: Placement,
    /// The image's header, for writing predictions back.
    pub header: NiftiHeader,
    /// What a person should be told of the files.
    pub notices: Vec<(PathBuf, Notice)>,
}

/// How scans become cases.
#[derive(Clone, Copy)]
pub struct Preparation<'a> {
    /// What is done to the images.
    pub preprocessing: &'a Preprocessing,
    /// What the label values mean.
    pub labels: &'a LabelTable,
    /// The network's output size (D, H, W) for an input size.
    pub output_shape: &'a dyn Fn([usize; 3]) -> [usize; 3],
    /// The seed of the noise that some preprocessing puts into the background.
    pub seed: Seed,
    /// How files are read.
    pub read: ReadOptions,
}

/// Read one labelled scan and make it a case.
///
/// Background noise, where the preprocessing asks for it, comes from the stream named by the
/// subject and the scan, so a case does not depend on which others are prepared.
///
/// # Errors
/// [`CohortError::LabelMissing`], [`CohortError::LabelsOutsideTable`], and those of [`load`] and
/// of the preprocessing.
pub fn prepare(how: &Preparation<'_>, scan: &Scan) -> Result<Case, CohortError> {
    let missing = || CohortError::LabelMissing { scan: scan.name.clone(), subject: scan.subject.clone() };
    let label_file = scan.label.as_ref().ok_or_else(missing)?;
    let ScanData { images, labels, header, notices, .. } = load(scan, &how.read)?;
    let (labels, header) = labels.zip(header).expect("a scan loaded from files with a label has both");
    let truth = classes(how.labels, &labels, label_file)?;
    drop(labels);

    let noise = how.seed.stream("preprocess noise").subject(scan.subject.as_str()).part(&scan.name);
    let prepared = how
        .preprocessing
        .apply(&images, &noise)
        .map_err(|source| CohortError::Preprocess { scan: scan.name.clone(), source: Box::new(source) })?;
    let [_, depth, height, width] = prepared.shape;
    let target_shape = (how.output_shape)([depth, height, width]);
    Ok(Case {
        subject: scan.subject.clone(),
        scan: scan.name.clone(),
        input: prepared.voxels,
        shape: prepared.shape,
        target: prepared.placement.class_map_to_network(&truth, target_shape),
        target_shape,
        truth,
        placement: prepared.placement,
        header,
        notices,
    })
}

/// All of `scans` as cases, in their order; stops at the first that cannot be one.
pub fn prepare_all(how: &Preparation<'_>, scans: &[Scan]) -> Result<Vec<Case>, CohortError> {
    scans.iter().map(|scan| prepare(how, scan)).collect()
}

fn classes(table: &LabelTable, labels: &LabelMap, file: &std::path::Path) -> Result<ClassMap, CohortError> {
    table.apply(labels).map_err(|source| CohortError::LabelsOutsideTable { path: file.to_path_buf(), source })
}
