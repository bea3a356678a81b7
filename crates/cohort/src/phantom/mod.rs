//! A synthetic cohort: heads without personal data.
//!
//! A subject is a pure function of the configuration, the seed and its index: the anatomy is
//! a formula in space (`head`), and voxels are looked up in it (`scanner`). There is no
//! template image, and a subject does not depend on how many others there are, so cohorts of
//! different sizes share their first subjects.
//!
//! Positions are RAS+ millimetres with the origin near the anterior commissure. Labels are the
//! numbers of MRBrainS18: 1 cortical grey matter, 2 basal ganglia (here with the thalamus),
//! 3 white matter, 4 white matter lesions, 5 extracerebral fluid, 6 ventricles, 7 cerebellum,
//! 8 brain stem; skull, scalp, face and air are 0. Numbers 9 and 10 (infarction, other) are
//! not made: nothing scores them.
//!
//! The heads have what a segmentation network has to cope with: a folded ribbon of cortex,
//! partial volume, a bright scalp, uneven coil sensitivity, noise. They are no model of
//! disease or of any population. A subject may carry an odd lesion with labels against the
//! convention, which only a network that saw it can know: see [`Memorable`].

mod cerebrum;
mod config;
mod contrast;
mod deep;
mod head;
mod hindbrain;
mod memorable;
mod noise;
mod pose;
mod scanner;
mod shape;
mod shell;
mod tissue;

pub use config::{Memorable, PhantomConfig, PhantomConfigError};
pub use contrast::Contrast;

use crate::SubjectId;
use head::Head;
use lacuna_seed::Stream;
use lacuna_volume::{LabelMap, Volume};
use scanner::Tuned;

/// One synthetic subject, scanned once.
#[derive(Clone, Debug, PartialEq)]
pub struct PhantomSubject {
    /// `phantom-` and the index.
    pub id: SubjectId,
    /// One image per channel of the configuration, all on one grid.
    pub images: Vec<Volume>,
    /// The truth, in MRBrainS18 numbers, on the images' grid.
    pub labels: LabelMap,
}

/// The id of the subject with this index: `phantom-000`, `phantom-001`, …
pub fn subject_id(index: usize) -> SubjectId {
    SubjectId::new(format!("phantom-{index:03}")).expect("letters, a hyphen and digits make an id")
}

/// The subject with this index, counted from 0. No other subject takes part in making it.
pub fn subject(config: &PhantomConfig, index: usize) -> PhantomSubject {
    let id = subject_id(index);
    let stream = config.seed.stream("phantom").subject(id.as_str());
    let head = Head::new(&stream.part("head"), config.dial(index));
    let grid = scanner::grid(config.dims, config.spacing_mm);
    let scans: Vec<(Tuned, Stream)> = config.channels.iter().map(|channel| scan(*channel, &stream)).collect();
    let (tuned, streams): (Vec<Tuned>, Vec<Stream>) = scans.into_iter().unzip();
    let (labels, mut images) = scanner::look(&head, &grid, &tuned);
    for ((image, tuned), stream) in images.iter_mut().zip(&tuned).zip(&streams) {
        tuned.receive(image, stream, config.bias_field, config.noise);
    }
    PhantomSubject { id, images, labels }
}

/// All subjects of the cohort, in the order of their indices, each made when it is asked for.
pub fn subjects(config: &PhantomConfig) -> impl Iterator<Item = PhantomSubject> {
    (0..config.subjects).map(|index| subject(config, index))
}

/// How one sequence was set for this subject, and what its noise is drawn from.
fn scan(channel: Contrast, stream: &Stream) -> (Tuned, Stream) {
    let stream = stream.part(channel.name());
    (Tuned::new(channel, &stream.part("tuning")), stream)
}

#[cfg(test)]
mod tests;
