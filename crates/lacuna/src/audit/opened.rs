//! The model that was handed over: a file, the run folder of an unlearning, or that of an exact training.

use crate::arguments::ModelArguments;
use crate::command::UnlearnRun;
use crate::config::{FILE, Settings, read_table};
use crate::error::CliError;
use lacuna_audit::Lineage;
use lacuna_cohort::SubjectId;
use lacuna_exact::{Manifest, Proof};
use lacuna_nn::Network;
use lacuna_study::audit::Delivered;
use lacuna_study::{Study, Variant};
use std::collections::BTreeMap;
use std::path::Path;

pub fn open(path: &Path, study: &Study) -> Result<Delivered, CliError> {
    let is_exact = path.is_dir() && path.join(lacuna_exact::MANIFEST).is_file();
    let is_run = path.is_dir() && !is_exact;
    let file = if is_run { path.join("model.safetensors") } else { path.to_path_buf() };
    let model = ModelArguments::lacunas(file).open(study.device())?;
    let network = model.one_network("an audit")?.clone();
    check_network(path, &network, study)?;
    let recipe = if is_run { recipe_of(path)? } else { None };
    let lineage = if is_exact { lineage_of(path, study)? } else { BTreeMap::new() };
    Ok(Delivered { network, recipe, lineage })
}

fn check_network(path: &Path, network: &Network, study: &Study) -> Result<(), CliError> {
    let (expected, found) = (&study.data().architecture, network.architecture());
    if found == expected {
        return Ok(());
    }
    let path = path.display();
    let fix = "fix: an audit file for this network";
    let what = format!("{path}: expected {expected}, as the audit file states, found {found}; {fix}");
    Err(CliError::Config { what })
}

/// The audited subjects that an exact training at its end never saw, neither by its plan nor through the weights that
/// it began from. One of whom nothing says whether those weights saw it is not among them.
fn lineage_of(folder: &Path, study: &Study) -> Result<BTreeMap<SubjectId, Lineage>, CliError> {
    let manifest = Manifest::read(folder)?;
    if !manifest.is_finished() {
        return Ok(BTreeMap::new());
    }
    let is_proved = is_proved(&manifest, Proof::read(folder)?.as_ref());
    let lineage = if is_proved { Lineage::Exact } else { Lineage::ExactUnproved };
    let subjects = study.splits().iter().map(|(subject, _)| subject);
    let unseen = subjects.filter(|subject| manifest.saw(subject) == Some(false));
    Ok(unseen.map(|subject| (subject.clone(), lineage)).collect())
}

/// A model without an erasure was trained from the beginning; for every other model a proof has to show it.
fn is_proved(manifest: &Manifest, proof: Option<&Proof>) -> bool {
    match (&manifest.parent, proof) {
        (_, Some(proof)) => proof.shows(manifest),
        (None, None) => true,
        (Some(_), None) => false,
    }
}

/// The recipe in a run folder's settings; `None` of a run that unlearned nothing.
fn recipe_of(folder: &Path) -> Result<Option<Variant>, CliError> {
    let file = folder.join(FILE);
    if !file.is_file() || !read_table(&file)?.contains_key("recipe") {
        return Ok(None);
    }
    Ok(Some(UnlearnRun::of_folder(folder)?.variant()))
}
