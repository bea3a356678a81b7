//! The decisions and checks of opening a study.

use crate::{Forget, NetworkConfig, SplitConfig, StudyError};
use lacuna_cohort::{Folds, Split, SplitLists, SubjectId};
use lacuna_nn::{Architecture, Device, Network, load_matching};
use lacuna_seed::Seed;
use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

/// The split of each forgotten subject.
///
/// # Errors
/// If a subject is unknown or not trained on, or no subject would remain to retrain on without it.
pub(crate) fn splits(config: &SplitConfig, subjects: &[SubjectId]) -> Result<Vec<(SubjectId, Split)>, StudyError> {
    let splits = forgetting_each(config, subjects)?;
    match splits.iter().find(|(_, split)| split.retain().is_empty()) {
        Some((alone, split)) => Err(StudyError::BadSetting {
            key: "split".to_string(),
            expected: "two or more subjects to train on".to_string(),
            found: format!("{alone} alone; fix: hold out fewer than {}", split.held_out().len()),
        }),
        None => Ok(splits),
    }
}

fn forgetting_each(split: &SplitConfig, subjects: &[SubjectId]) -> Result<Vec<(SubjectId, Split)>, StudyError> {
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

/// All subjects of a split: retained, forgotten and held out.
pub(crate) fn everybody(split: &Split) -> BTreeSet<SubjectId> {
    split.train().union(split.held_out()).cloned().collect()
}

/// A file with initial weights that fits a network.
#[derive(Clone, Debug)]
pub struct InitialWeights {
    /// The path of the file.
    pub path: PathBuf,
    /// The digest of the file.
    pub digest: String,
    /// The tensors that matched and did not, in words.
    pub matched: String,
}

/// Checks that a file with initial weights holds the whole encoder.
///
/// A head that the file lacks is initialised afresh; a head that it holds is used and must fit too. Without this check,
/// a network that fits in part would train from partly random weights without notice.
///
/// # Errors
/// [`StudyError::Init`] with the tensors that matched and did not, or an error of reading the file.
pub fn check_init(
    network: &NetworkConfig,
    architecture: &Architecture,
    device: &Device,
) -> Result<Option<InitialWeights>, StudyError> {
    let Some(path) = &network.init else {
        return Ok(None);
    };
    let mut probe = Network::new(architecture.clone(), Seed(0), device);
    let report = load_matching(path, &mut probe)?;
    let refuse = |expected: String, fix: &str| {
        Err(StudyError::Init { path: path.clone(), expected, found: report.to_string(), fix: fix.to_string() })
    };
    if report.unfilled().any(|name| !Network::is_head(name)) {
        let fix =
            "give the file's own network.depth, network.shortcut (or network.plans) and channels, or another file";
        return refuse(format!("the whole encoder of {architecture}"), fix);
    }
    let holds_head = report.matched.iter().any(|name| Network::is_head(name)) || !report.wrong_shape.is_empty();
    if holds_head && report.unfilled().next().is_some() {
        let fix = "choose data.labels with the file's number of classes, or a file of the encoder alone";
        return refuse(format!("the head of {} classes, or none", architecture.classes()), fix);
    }
    let (path, digest, matched) = (path.clone(), lacuna_disk::digest_file(path)?, report.to_string());
    Ok(Some(InitialWeights { path, digest, matched }))
}

/// Checks the texts that will be written into result files.
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

/// The name that replaces each id: a keyed digest of the id, which cannot be computed from ids and study file without
/// the key.
///
/// # Errors
/// If two ids would get the same name.
pub(crate) fn pseudonyms(
    subjects: &[SubjectId],
    name: impl Fn(&str) -> String,
) -> Result<BTreeMap<SubjectId, String>, StudyError> {
    let named: BTreeMap<SubjectId, String> =
        subjects.iter().map(|subject| (subject.clone(), name(subject.as_str()))).collect();
    let mut names = BTreeSet::new();
    match named.values().find(|name| !names.insert(*name)) {
        None => Ok(named),
        Some(twice) => Err(StudyError::BadSetting {
            key: "pseudonyms".to_string(),
            expected: "another name for each subject".to_string(),
            found: format!(
                "two ids that both become {twice}; fix: a new folder of runs (--runs), which has another key"
            ),
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_people_under_one_name_are_refused_without_an_id() {
        let ids = ["anna", "ben"].map(|id| SubjectId::new(id).unwrap());
        assert_eq!(pseudonyms(&ids, |id| format!("person-{id}")).unwrap().len(), 2);
        let refused = pseudonyms(&ids, |_| "person-0".to_string()).unwrap_err().to_string();
        assert!(refused.contains("person-0") && refused.contains("fix:") && !refused.contains("anna"), "{refused}");
    }
}
