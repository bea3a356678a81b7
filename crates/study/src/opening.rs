//! What is decided and checked when a study is opened.

use crate::{Forget, NetworkConfig, StudyConfig, StudyError};
use lacuna_cohort::{Folds, Split, SplitLists, SubjectId};
use lacuna_nn::{Architecture, Device, Network, load_matching};
use lacuna_seed::Seed;
use std::collections::{BTreeMap, BTreeSet};

/// One split per forgotten subject.
pub(crate) fn splits(config: &StudyConfig, subjects: &[SubjectId]) -> Result<Vec<(SubjectId, Split)>, StudyError> {
    let split = &config.split;
    if split.held_out_subjects.is_empty() {
        let folds = Folds::new(subjects, split.held_out, Seed(split.seed))?;
        let forget = match &split.forget {
            Forget::Each => subjects.to_vec(),
            Forget::Only(chosen) => chosen.clone(),
        };
        return forget.into_iter().map(|subject| Ok((subject.clone(), folds.forgetting(&subject)?))).collect();
    }
    let held_out: BTreeSet<SubjectId> = split.held_out_subjects.iter().cloned().collect();
    let train: BTreeSet<SubjectId> = subjects.iter().filter(|subject| !held_out.contains(subject)).cloned().collect();
    let forget = match &split.forget {
        Forget::Each => train.iter().cloned().collect(),
        Forget::Only(chosen) => chosen.clone(),
    };
    let lists = SplitLists { train, held_out, forget: BTreeSet::new() };
    let one = Split::of_lists(subjects, lists)?;
    forget.into_iter().map(|subject| Ok((subject.clone(), one.with_forget([subject])?))).collect()
}

/// Everybody a split knows.
pub(crate) fn everybody(split: &Split) -> BTreeSet<SubjectId> {
    split.train().union(split.held_out()).cloned().collect()
}

/// The digest of the file with initial weights, if it holds the whole encoder.
///
/// A head of the file that fits is taken over too; a head that is absent or of other classes begins
/// fresh. An encoder that fits in part would train from half-random weights without a word.
///
/// # Errors
/// [`StudyError::Init`] with what matched and what did not, or a file that cannot be read.
pub fn check_init(
    network: &NetworkConfig,
    architecture: Architecture,
    device: &Device,
) -> Result<Option<String>, StudyError> {
    let Some(path) = &network.init else {
        return Ok(None);
    };
    let mut probe = Network::new(architecture, Seed(0), device);
    let report = load_matching(path, &mut probe)?;
    let lost = report.missing.iter().chain(report.wrong_shape.iter().map(|(name, _, _)| name));
    let mut encoder_lost = lost.filter(|name| !Network::is_head(name));
    match encoder_lost.next() {
        None => Ok(Some(lacuna_disk::digest_file(path)?)),
        Some(name) => {
            let reason = format!("does not hold the encoder of {architecture}: `{name}` does not fit; {report}");
            Err(StudyError::Init { path: path.clone(), reason })
        }
    }
}

/// Texts that go into result files.
pub(crate) fn check_texts(classes: &[String], table: &str) -> Result<(), StudyError> {
    for text in classes.iter().map(String::as_str).chain([table]) {
        lacuna_report::check_text(text).map_err(|expected| StudyError::BadSetting {
            key: "data.labels".to_string(),
            expected: expected.to_string(),
            found: text.to_string(),
        })?;
    }
    Ok(())
}

/// Names in place of ids, in an order drawn from the split's seed.
///
/// They hide ids from readers of a table, not from somebody who has the cohort and the study file.
pub(crate) fn pseudonyms(subjects: &[SubjectId], seed: u64) -> BTreeMap<SubjectId, String> {
    let stream = Seed(seed).stream("pseudonyms");
    let mut drawn: Vec<(f64, &SubjectId)> =
        subjects.iter().map(|subject| (stream.subject(subject.as_str()).draws().uniform(), subject)).collect();
    drawn.sort_by(|a, b| a.0.total_cmp(&b.0));
    drawn
        .into_iter()
        .enumerate()
        .map(|(place, (_, subject))| (subject.clone(), format!("person-{:02}", place + 1)))
        .collect()
}
