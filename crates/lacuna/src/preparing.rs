//! The data of one run: listed, then read and prepared.

use crate::context::Context;
use crate::error::CliError;
use crate::progress::Progress;
use lacuna_cohort::SubjectId;
use lacuna_study::{Data, DataConfig, NetworkConfig, OpenData};
use lacuna_volume::Preprocessing;
use std::collections::BTreeSet;
use std::sync::Arc;

/// Lists the data set without reading an image; `seed` is that of preprocessing's noise.
///
/// # Errors
/// A data set or label table that cannot be opened, a network that does not fit them, or an input size of which not even
/// one volume fits into memory.
pub fn open(
    data: &DataConfig,
    preprocess: &Preprocessing,
    network: &NetworkConfig,
    seed: u64,
    context: &Context,
) -> Result<OpenData, CliError> {
    let opened = OpenData::new(data, preprocess, network, seed)?;
    crate::redact::hide_cohort(&opened.cohort);
    if let Some(one_volume) = opened.one_volume(context.activations) {
        one_volume.check_memory(lacuna_study::available_gib(&context.device))?;
    }
    Ok(opened)
}

/// Reads and prepares every scan of some subjects; notices about the files are printed.
///
/// # Errors
/// A scan that cannot be prepared.
pub fn prepare(opened: OpenData, subjects: &BTreeSet<SubjectId>, context: &Context) -> Result<Arc<Data>, CliError> {
    crate::redact::hide(subjects.iter().map(SubjectId::as_str));
    context.remember_cache()?;
    let mut progress: Option<Progress> = None;
    let data = opened.prepare(subjects, &context.loading, &mut |done, total| {
        progress.get_or_insert_with(|| Progress::begin(context, "prepare", "scan", total, 0)).advance(done, "");
    })?;
    drop(progress);
    let shown = |path: &std::path::Path| path.display().to_string();
    for notice in data.notices(|_, path| shown(path)).into_iter().chain(data.passed_over(shown)) {
        context.note(&format!("note: {notice}"));
    }
    Ok(Arc::new(data))
}
