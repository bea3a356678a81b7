//! What a reader of the evidence needs beside the claim: the request's course, each model, what was removed and what is
//! left, and what was tried before. Names nobody, holds no path.

use super::Outcome;
use crate::{Digest, Ground, Holds, Record, RemovalKind, Status};
use jiff::civil::Date;
use lacuna_audit::Verdict;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// All of it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Account {
    /// The weakest of the models' outcomes.
    pub outcome: Outcome,
    /// What has to be known before anything else, in sentences; filled in when the evidence is written.
    pub warnings: Vec<String>,
    /// The request's course.
    pub course: Course,
    /// What the strategy does, in one sentence.
    pub strategy_does: String,
    /// One for each model, in the order of the statement's pairs.
    pub models: Vec<ModelAccount>,
    /// What was done with files, by kind.
    pub removed: Vec<RemovedFiles>,
    /// Whether a removal was asked for.
    pub purged: bool,
    /// What still holds the person, or may.
    pub left: Left,
    /// The statements that were signed for this request before; filled in when the evidence is written.
    pub earlier: Vec<EarlierStatement>,
    /// Other runs that were registered for this request; filled in when the evidence is written.
    pub other_runs: Vec<OtherRun>,
    /// The first 16 digits of SHA-256 over the public key; filled in when the evidence is written.
    pub signed_by: String,
}

/// A request from receipt until now.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Course {
    /// On which ground the person asked.
    pub ground: Ground,
    /// The day of receipt.
    pub received: Date,
    /// The day by which to answer.
    pub due: Date,
    /// When it was carried out, in UTC; nothing where it was not. Filled in when the evidence is written.
    pub executed: Option<String>,
}

/// One model before and after.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ModelAccount {
    /// The run's random name in the ledger.
    pub run: String,
    /// What came of it.
    pub outcome: Outcome,
    /// Whether it was compared with retrained models.
    pub audited: bool,
    /// Mean Dice of the person, before and after.
    pub forgotten_dice: Change,
    /// The same of the people who stay.
    pub retained_dice: Change,
    /// The same of people whom neither model saw.
    pub held_out_dice: Change,
}

/// A figure before and after; nothing where it could not be measured.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Change {
    /// Of the model before.
    pub before: Option<f64>,
    /// Of the model after.
    pub after: Option<f64>,
}

/// Files of one kind with which the same was done.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RemovedFiles {
    /// What was done.
    pub how: RemovalKind,
    /// What they were to the person.
    pub holds: Holds,
    /// How many.
    pub files: usize,
}

/// What a second search found after everything else was done.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Left {
    /// The person's own scans and tables in the data set, which stay until they are deleted on purpose.
    pub sources: usize,
    /// Models that were replaced and are still there.
    pub replaced_models: usize,
    /// Files, other than these, that hold the person.
    pub holding: Vec<LeftFile>,
    /// Files of which nobody can say whether they do.
    pub unknown: Vec<LeftFile>,
    /// Files of others that mention the person; nobody changes them.
    pub mentions: usize,
    /// Whether the evidence was to be signed all the same.
    pub accepted: bool,
}

/// A file by its content.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LeftFile {
    /// What it is to the person; nothing where that is unknown.
    pub holds: Option<Holds>,
    /// The digest of its content under the guard's key; nothing where it could not be read.
    pub artefact: Option<Digest>,
}

/// Evidence that was signed before.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EarlierStatement {
    /// SHA-256 of what was signed.
    pub statement: Digest,
    /// The weakest verdict that had been recorded by then for its runs.
    pub verdict: Option<String>,
    /// When it was written down, in UTC.
    pub at: String,
    /// Whether it is of the very runs that this evidence is of, as where the writing of it was interrupted.
    pub of_these_runs: bool,
}

/// A run that this evidence is not about.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OtherRun {
    /// Its random name.
    pub run: String,
    /// Its strategy.
    pub strategy: String,
    /// The last verdict on it, if it was judged.
    pub verdict: Option<String>,
}

impl Account {
    /// Whether any model was compared with retrained ones.
    pub fn is_audited(&self) -> bool {
        self.models.iter().any(|model| model.audited)
    }

    /// What has to be known before anything else.
    pub(super) fn warned(&self) -> Vec<String> {
        let mut warnings: Vec<String> = Vec::new();
        for model in &self.models {
            warnings.extend(model.outcome.warning().map(str::to_string));
        }
        if !self.is_audited() && !matches!(self.outcome, Outcome::Judged(Verdict::Exact | Verdict::ExactUnproved)) {
            warnings
                .push("no audit: no model was compared with models that were trained without the person".to_string());
        }
        let Left { holding, unknown, replaced_models, .. } = &self.left;
        if !holding.is_empty() {
            warnings.push(format!("{} still there that hold the person", files(holding.len())));
        }
        if !unknown.is_empty() {
            warnings.push(format!("{} of which nothing says whether they hold the person", files(unknown.len())));
        }
        if *replaced_models > 0 {
            let models = if *replaced_models == 1 { "the model" } else { "the models" };
            warnings.push(format!("{models} before, which {} replaced, still there", was(*replaced_models)));
        }
        let statements = self.earlier.iter().filter(|earlier| !earlier.of_these_runs).count();
        let runs = self.other_runs.len();
        if statements + runs > 0 {
            warnings.push(format!(
                "not the first attempt: page.md lists {statements} earlier statement(s) and {runs} other run(s) of this \
                 request"
            ));
        }
        let mut once: Vec<String> = Vec::new();
        for warning in warnings {
            if !once.contains(&warning) {
                once.push(warning);
            }
        }
        once
    }

    /// What a ledger knows and nobody may leave out: earlier statements, other runs, and when the request was executed.
    pub(super) fn complete(&mut self, records: &[(String, Record)]) {
        let own: Vec<&str> = self.models.iter().map(|model| model.run.as_str()).collect();
        self.earlier = earlier(records, &own);
        self.other_runs = runs(records).into_iter().filter(|run| !own.contains(&run.run.as_str())).collect();
        self.course.executed = executed(records);
        self.warnings = self.warned();
    }
}

/// When the request was executed last, in UTC.
fn executed(records: &[(String, Record)]) -> Option<String> {
    let is_executed = |record: &Record| matches!(record, Record::Status { status: Status::Executed, .. });
    records.iter().rev().find(|(_, record)| is_executed(record)).map(|(at, _)| at.clone())
}

/// `1 file is`, `2 files are`.
fn files(count: usize) -> String {
    if count == 1 { "1 file is".to_string() } else { format!("{count} files are") }
}

fn was(count: usize) -> &'static str {
    if count == 1 { "was" } else { "were" }
}

fn earlier(records: &[(String, Record)], own: &[&str]) -> Vec<EarlierStatement> {
    let is_own = |record: &Record| matches!(record, Record::Verdict { run, .. } if own.contains(&run.as_str()));
    let judged = records.iter().position(|(_, record)| is_own(record)).unwrap_or(records.len());
    let mut verdicts: BTreeMap<&str, &str> = BTreeMap::new();
    let mut found = Vec::new();
    for (place, (at, record)) in records.iter().enumerate() {
        match record {
            Record::Verdict { run, verdict, .. } => {
                verdicts.insert(run, verdict);
            }
            Record::Evidence { statement, .. } => {
                let verdict = crate::weakest(std::mem::take(&mut verdicts).into_values()).map(str::to_string);
                let (statement, at, of_these_runs) = (*statement, at.clone(), place > judged);
                found.push(EarlierStatement { statement, verdict, at, of_these_runs });
            }
            _ => {}
        }
    }
    found
}

fn runs(records: &[(String, Record)]) -> Vec<OtherRun> {
    let mut found: Vec<OtherRun> = Vec::new();
    for (_, record) in records {
        match record {
            Record::Run { run, strategy, .. } if !found.iter().any(|other| other.run == *run) => {
                found.push(OtherRun { run: run.clone(), strategy: strategy.clone(), verdict: None });
            }
            Record::Verdict { run, verdict, .. } => {
                let of_run = found.iter_mut().filter(|other| other.run == *run);
                of_run.for_each(|other| other.verdict = Some(verdict.clone()));
            }
            _ => {}
        }
    }
    found
}

/// What was done with files, by what was done and what they were.
pub fn removed_files(records: &[Record]) -> Vec<RemovedFiles> {
    let mut counts: BTreeMap<(RemovalKind, Holds), usize> = BTreeMap::new();
    for record in records {
        let (how, holds) = match record {
            Record::Removal { how, holds, .. } => (*how, *holds),
            Record::Deletion { holds, .. } => (RemovalKind::Deleted, *holds),
            _ => continue,
        };
        *counts.entry((how, holds)).or_default() += 1;
    }
    counts.into_iter().map(|((how, holds), files)| RemovedFiles { how, holds, files }).collect()
}
