//! The account of a request within the evidence: its course, each model, the files that were removed and that are left,
//! and earlier attempts. It holds no ids of persons and no paths.

use super::Outcome;
use crate::{Digest, Ground, Holds, Record, RemovalKind, Status};
use jiff::civil::Date;
use lacuna_audit::Verdict;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// The account of one request.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Account {
    /// The weakest of the models' outcomes.
    pub outcome: Outcome,
    /// Warnings, in sentences, that a reader must see first; filled in when the evidence is written.
    pub warnings: Vec<String>,
    /// The dates and ground of the request.
    pub course: Course,
    /// The effect of the strategy, in one sentence.
    pub strategy_does: String,
    /// The models, in the order of the statement's pairs.
    pub models: Vec<ModelAccount>,
    /// The operations on files, by kind.
    pub removed: Vec<RemovedFiles>,
    /// Whether files of the person were to be removed.
    pub purged: bool,
    /// The files that still hold the person, or may hold the person.
    pub left: Left,
    /// Statements that were signed earlier for this request; filled in when the evidence is written.
    pub earlier: Vec<EarlierStatement>,
    /// Other runs that were registered for this request; filled in when the evidence is written.
    pub other_runs: Vec<OtherRun>,
    /// The first 16 digits of SHA-256 over the public key; filled in when the evidence is written.
    pub signed_by: String,
}

/// The course of a request from receipt to the evidence.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Course {
    /// The ground of the request.
    pub ground: Ground,
    /// The day of receipt.
    pub received: Date,
    /// The day by which to answer.
    pub due: Date,
    /// The time of execution in UTC; `None` if no run was executed. Filled in when the evidence is written.
    pub executed: Option<String>,
}

/// The figures of one model, before and after unlearning.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ModelAccount {
    /// The run's random name in the ledger.
    pub run: String,
    /// The outcome for this model.
    pub outcome: Outcome,
    /// Whether the model was compared with retrained models.
    pub audited: bool,
    /// Mean Dice on the person's scans, before and after.
    pub forgotten_dice: Change,
    /// Mean Dice on the subjects who stay, before and after.
    pub retained_dice: Change,
    /// Mean Dice on subjects that neither model was trained on, before and after.
    pub held_out_dice: Change,
}

/// A figure before and after; `None` where it could not be measured.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Change {
    /// The figure of the model before unlearning.
    pub before: Option<f64>,
    /// The figure of the model after unlearning.
    pub after: Option<f64>,
}

/// The number of files of one kind with the same operation.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RemovedFiles {
    /// The operation on the files.
    pub how: RemovalKind,
    /// The kind of data that the files held.
    pub holds: Holds,
    /// The number of files.
    pub files: usize,
}

/// The result of a second search after all removals.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Left {
    /// The person's own scans and tables in the data set, which stay unless their deletion is asked for.
    pub sources: usize,
    /// The number of models that were replaced and still exist.
    pub replaced_models: usize,
    /// Other files that hold the person.
    pub holding: Vec<LeftFile>,
    /// Files for which it is unknown whether they hold the person.
    pub unknown: Vec<LeftFile>,
    /// The number of files not written by lacuna that mention the person; lacuna does not change them.
    pub mentions: usize,
    /// Whether the user asked to sign the evidence despite these files.
    pub accepted: bool,
}

/// A file, identified by its content.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LeftFile {
    /// The kind of data that the file holds; `None` where that is unknown.
    pub holds: Option<Holds>,
    /// The digest of its content under the guard's key; `None` where it could not be read.
    pub artefact: Option<Digest>,
}

/// Evidence that was signed earlier for the same request.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EarlierStatement {
    /// The SHA-256 digest of the signed statement.
    pub statement: Digest,
    /// The weakest verdict that was recorded for its runs when it was written.
    pub verdict: Option<String>,
    /// The time of recording, in UTC.
    pub at: String,
    /// Whether it is about the same runs as this evidence, as after an interrupted write.
    pub of_these_runs: bool,
}

/// A run of the same request that this evidence is not about.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OtherRun {
    /// The random name of the run.
    pub run: String,
    /// The name of the strategy.
    pub strategy: String,
    /// The last verdict on the run, if there is one.
    pub verdict: Option<String>,
}

impl Account {
    /// Whether any model was compared with retrained models.
    pub fn is_audited(&self) -> bool {
        self.models.iter().any(|model| model.audited)
    }

    /// The warnings that a reader must see first.
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

    /// Adds the facts that the ledger holds: earlier statements, other runs, and the time of execution.
    pub(super) fn complete(&mut self, records: &[(String, Record)]) {
        let own: Vec<&str> = self.models.iter().map(|model| model.run.as_str()).collect();
        self.earlier = earlier(records, &own);
        self.other_runs = runs(records).into_iter().filter(|run| !own.contains(&run.run.as_str())).collect();
        self.course.executed = executed(records);
        self.warnings = self.warned();
    }
}

/// The time of the last execution of the request, in UTC.
fn executed(records: &[(String, Record)]) -> Option<String> {
    let is_executed = |record: &Record| matches!(record, Record::Status { status: Status::Executed, .. });
    records.iter().rev().find(|(_, record)| is_executed(record)).map(|(at, _)| at.clone())
}

/// The number of files with its verb: `1 file is`, `2 files are`.
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
    for (index, (at, record)) in records.iter().enumerate() {
        match record {
            Record::Verdict { run, verdict, .. } => {
                verdicts.insert(run, verdict);
            }
            Record::Evidence { statement, .. } => {
                let verdict = crate::weakest(std::mem::take(&mut verdicts).into_values()).map(str::to_string);
                let (statement, at, of_these_runs) = (*statement, at.clone(), index > judged);
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

/// Counts the removed files by operation and kind of data.
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
