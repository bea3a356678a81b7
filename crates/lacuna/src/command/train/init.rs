//! Whom the weights that a training begins from had seen: their lineage says it, or the user, or nothing does.

use super::TrainRun;
use crate::error::CliError;
use crate::lineage::{self, Init, Lineage};
use lacuna_cohort::SubjectId;
use lacuna_nn::Device;
use lacuna_study::InitialWeights;
use std::collections::BTreeSet;

/// The weights that a training begins from, and what is known of them.
pub struct Ancestor {
    /// What the new model's lineage says of it.
    pub init: Init,
    /// Its own lineage, if there is one.
    lineage: Option<Lineage>,
}

impl Ancestor {
    /// Of a run, if it begins from a file; `init` is the file, checked.
    ///
    /// # Errors
    /// A file that is not as its lineage or manifest says, a lineage that cannot be read, and a statement beside a
    /// lineage or without a file.
    pub fn of(run: &TrainRun, init: Option<&InitialWeights>, device: &Device) -> Result<Option<Ancestor>, CliError> {
        let Some(InitialWeights { path, digest, .. }) = init else {
            return match &run.init_saw {
                None => Ok(None),
                Some(_) => Err(refused("expected weights to begin from, found none", "--init FILE, or leave it out")),
            };
        };
        let lineage = lineage::check(path, lineage::network_digest(path, device)?.as_deref())?;
        let stated: Option<BTreeSet<SubjectId>> = run.init_saw.as_ref().map(|stated| stated.iter().cloned().collect());
        if lineage.is_some() && stated.is_some() {
            let found = format!("expected nothing else to say it, found a lineage beside {}", path.display());
            return Err(refused(&found, "leave it out: the lineage counts"));
        }
        let saw = match &lineage {
            Some(lineage) => lineage.seen(),
            None => stated.clone(),
        };
        let init = Init { file: digest.clone(), saw, stated: stated.is_some() };
        Ok(Some(Ancestor { init, lineage }))
    }

    /// The lineage of a model that began here; `own` is that of its training alone.
    pub fn hand_on(&self, own: Lineage) -> Lineage {
        let own = match &self.lineage {
            Some(lineage) => own.descending_from(lineage.clone()),
            None => own,
        };
        own.begun_from(self.init.clone())
    }
}

fn refused(what: &str, fix: &str) -> CliError {
    CliError::Config { what: format!("--init-saw: {what}; fix: {fix}") }
}
