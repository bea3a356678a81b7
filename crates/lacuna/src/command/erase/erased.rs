//! What `lacuna erase` reports at its end.

use crate::error::CliError;
use crate::text_table::named;
use lacuna_artefacts::PortablePath;
use lacuna_erase::{Found, Listed, Made, Run, outcome_of};
use lacuna_ledger::evidence::{Outcome, RemovedFiles, removed_files};
use lacuna_ledger::{Ledger, RemovalKind, RequestState, Status};
use serde::Serialize;

/// For people and for scripts.
#[derive(Serialize)]
pub struct Erased {
    /// The request as it stands now, with its verdict.
    #[serde(flatten)]
    state: RequestState,
    /// The weakest of the models' outcomes.
    outcome: Outcome,
    /// The first model that came of it; `models` has all.
    model: Option<PortablePath>,
    models: Vec<Delivered>,
    /// Nothing where no evidence was signed.
    evidence_folder: Option<PortablePath>,
    removed: Vec<RemovedFiles>,
    /// Whether a removal was asked for and made.
    purged: bool,
    /// The person's own scans and tables in the data set.
    sources: usize,
    /// Models that were replaced and are still there.
    replaced_models: usize,
    /// What else holds the person, or may.
    left: Vec<Listed>,
    /// Files of others that mention the person; they are not changed.
    mentions: Vec<PortablePath>,
    warnings: Vec<&'static str>,
}

/// A model that came of it.
#[derive(Serialize)]
pub struct Delivered {
    model: PortablePath,
    outcome: Outcome,
}

impl Delivered {
    pub fn of(run: &Run, made: &Made) -> Delivered {
        Delivered { model: made.model.clone().into(), outcome: outcome_of(run) }
    }
}

impl Erased {
    /// As it stands now.
    pub fn new(
        ledger: &Ledger,
        request: &str,
        models: Vec<Delivered>,
        evidence_folder: Option<PortablePath>,
        (outcome, purged): (Outcome, bool),
        found: Found,
    ) -> Result<Erased, CliError> {
        let mut warnings: Vec<&'static str> = models.iter().filter_map(|model| model.outcome.warning()).collect();
        warnings.dedup();
        Ok(Erased {
            state: ledger.find_request(request)?,
            outcome,
            model: models.first().map(|first| first.model.clone()),
            models,
            evidence_folder,
            removed: removed_files(&ledger.view().records_of(request)?),
            purged,
            sources: found.left.sources,
            replaced_models: found.left.replaced_models,
            left: found.listed,
            mentions: found.mentions,
            warnings,
        })
    }

    pub fn text(&self) -> String {
        let mut lines = vec![("request", self.state.request.clone()), ("status", self.state.status.name().to_string())];
        for Delivered { model, outcome } in &self.models {
            lines.push(("model", format!("{}: {}", model.display(), outcome.name())));
        }
        lines.push(("outcome", format!("{}: {}", self.outcome.name(), self.outcome.title())));
        lines.push(("", self.outcome.meaning().to_string()));
        lines.extend(self.warnings.iter().map(|warning| ("warning", warning.to_string())));
        lines.extend(self.removals().into_iter().map(|line| ("removed", line)));
        lines.extend(self.left.iter().map(|left| ("left", described(left))));
        lines.extend(self.mentions.iter().map(|path| {
            ("mention", format!("{}: a file of yours that mentions the person; look at it", path.display()))
        }));
        if self.sources > 0 {
            let what = format!("{} of the person's own scans and tables in the data set", self.sources);
            lines.push(("kept", what));
        }
        if self.replaced_models > 0 {
            lines.push(("kept", format!("{} model(s) from before, which hold the person", self.replaced_models)));
        }
        match &self.evidence_folder {
            Some(folder) => lines.push(("evidence", folder.display().to_string())),
            None => lines.push(("evidence", "NOT SIGNED: what is left would be passed over".to_string())),
        }
        lines.extend(self.next().into_iter().map(|next| ("next", next)));
        named(&lines)
    }

    /// What was done with files, of each kind so many.
    fn removals(&self) -> Vec<String> {
        let count =
            |how: RemovalKind| self.removed.iter().filter(|files| files.how == how).map(|files| files.files).sum();
        let line = |how: &RemovalKind| {
            let files: usize = count(*how);
            let until = if *how == RemovalKind::Quarantined { ", until the request is closed" } else { "" };
            (files > 0).then(|| format!("{}{until}", how.in_words(files)))
        };
        RemovalKind::ALL.iter().filter_map(line).collect()
    }

    fn next(&self) -> Vec<String> {
        let request = &self.state.request;
        if self.evidence_folder.is_none() {
            return vec![
                "make each model that is left forget (--model), remove it (--purge), or say whom it saw; then the same \
                 command goes on"
                    .to_string(),
                "or sign with what is left counted in the evidence: the same command with --accept-unknown".to_string(),
            ];
        }
        let next = self.outcome.next().map(|next| next.replace("REQUEST", request));
        let close = (self.state.status == Status::Verified).then(|| format!("`lacuna ledger close {request}`"));
        next.into_iter().chain(close).collect()
    }
}

fn described(left: &Listed) -> String {
    let why = left.why.as_ref().map_or(String::new(), |why| format!(", {why}"));
    let what = left.holds.map_or("not known whether it holds the person", lacuna_ledger::Holds::name);
    format!("{}: {what}{why}", left.path.display())
}
