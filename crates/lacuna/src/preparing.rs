//! The cases of one run, read and prepared.

use crate::context::Context;
use crate::error::CliError;
use crate::progress::Progress;
use lacuna_cohort::SubjectId;
use lacuna_study::{Data, DataConfig, NetworkConfig, ReferencesConfig, SplitConfig, StudyConfig, Workload};
use lacuna_volume::Preprocessing;
use std::collections::BTreeSet;

/// One run as a study of it, whose data the study crate opens and prepares.
pub fn study_of(
    name: &str,
    seed: u64,
    data: &DataConfig,
    preprocess: &Preprocessing,
    network: NetworkConfig,
) -> StudyConfig {
    StudyConfig {
        references: ReferencesConfig::default(),
        probe: None,
        search: None,
        name: name.to_string(),
        seeds: vec![seed],
        pseudonyms: false,
        keep_models: Default::default(),
        data: data.clone(),
        preprocess: preprocess.clone(),
        network,
        train: Default::default(),
        split: SplitConfig { seed, ..SplitConfig::default() },
        unlearn: Default::default(),
    }
}

/// Every scan of some subjects, ready for the network; what is odd about the files is noted. An input size that does not
/// fit into memory, even one volume at a time, is refused before a scan is read.
pub fn prepare(study: &StudyConfig, subjects: &BTreeSet<SubjectId>, context: &Context) -> Result<Data, CliError> {
    crate::redact::hide(subjects.iter().map(SubjectId::as_str));
    refuse_what_cannot_fit(study, context)?;
    context.remember_cache()?;
    let mut progress: Option<Progress> = None;
    let data = Data::prepare(study, subjects, &context.loading, &mut |done, total| {
        progress.get_or_insert_with(|| Progress::begin(context, "prepare", "scan", total, 0)).advance(done, "");
    })?;
    drop(progress);
    let shown = |path: &std::path::Path| path.display().to_string();
    for notice in data.notices(|_, path| shown(path)).into_iter().chain(data.passed_over(shown)) {
        context.note(&format!("note: {notice}"));
    }
    Ok(data)
}

fn refuse_what_cannot_fit(study: &StudyConfig, context: &Context) -> Result<(), CliError> {
    let Some(size) = study.preprocess.fixed_size() else { return Ok(()) };
    let (_, _, architecture) = Data::open(study)?;
    let one_volume = Workload { architecture, size, volumes_at_once: 1, activations: context.activations };
    Ok(one_volume.check_memory(lacuna_study::available_gib(&context.device))?)
}
