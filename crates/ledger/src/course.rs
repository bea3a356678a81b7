//! A request's state, computed from its events, and the steps that it can take from there.

use crate::{
    Digest, Due, Ground, Holidays, LedgerError, Pseudonym, Record, RefusalGround, RemovalKind, STATUSES, Status,
    is_open, weakest,
};
use jiff::civil::Date;
use serde::Serialize;
use std::collections::{BTreeMap, BTreeSet};

/// How a request stands.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct RequestState {
    /// Its random name.
    pub request: String,
    /// Who asked.
    pub subject: Pseudonym,
    /// On which ground.
    pub ground: Ground,
    /// The day of receipt.
    pub received: Date,
    /// When the answer is due.
    pub due: Due,
    /// When it was due before an extension.
    pub due_before_extension: Option<Date>,
    /// The day since which the time stands still, while it is not sure who asks.
    pub paused_since: Option<Date>,
    /// For how many days it stood still before.
    pub paused_days: i32,
    /// Where it stands.
    pub status: Status,
    /// Why it was refused, if it was.
    pub refusal: Option<RefusalGround>,
    /// The digest of the statement that was written of it last, if any.
    pub evidence: Option<Digest>,
    /// The digests of the statements that were written of it before that one, the first one first.
    pub evidence_earlier: Vec<Digest>,
    /// How many files were taken out of use after that statement, which does not name them.
    pub removed_after_evidence: usize,
    /// How many files that the statement says were taken out of use were put back after it.
    pub restored_after_evidence: usize,
    /// The weakest of the verdicts of its last runs, if any.
    pub verdict: Option<String>,
    /// Whether it was closed though no audit could assess the model.
    pub closed_unassessed: bool,
    /// Whether it was carried out by removing files alone: no model was made to forget.
    pub closed_by_removal: bool,
    /// Whether a run was registered for it.
    #[serde(skip)]
    has_run: bool,
    /// The contents that were taken out of use for it and not put back.
    #[serde(skip)]
    taken_out: BTreeSet<Digest>,
    /// The contents that were taken out of use after the last statement.
    #[serde(skip)]
    removed_since: BTreeSet<Digest>,
    /// The contents that the last statement says were taken out of use, and that were put back after it.
    #[serde(skip)]
    restored_since: BTreeSet<Digest>,
    /// The verdict of each run since the request was executed or evidence of it written.
    #[serde(skip)]
    verdicts: BTreeMap<String, String>,
    /// Whether the next finished run begins another round, whose verdicts replace those of this one.
    #[serde(skip)]
    round_is_over: bool,
}

impl RequestState {
    /// What the records of one request come to, in their order.
    ///
    /// # Errors
    /// None of them, or a step that the request could not take.
    pub fn of(request: &str, records: &[Record]) -> Result<RequestState, LedgerError> {
        let mut state: Option<RequestState> = None;
        for record in records {
            state = Some(match (state, record) {
                (None, record) => RequestState::opened(record, request)?,
                (Some(state), record) => state.after(record)?,
            });
        }
        state.ok_or_else(|| LedgerError::NoRequest { request: request.to_string() })
    }

    /// Whether the answer should have been given before this day.
    pub fn is_overdue(&self, today: Date) -> bool {
        self.status != Status::Closed && self.counted_until(today) > self.due.day
    }

    /// Days until the answer is due, negative after it. While the time stands still they are those left when it began to.
    pub fn days_left(&self, today: Date) -> i32 {
        days_between(self.counted_until(today), self.due.day)
    }

    /// A clock that was set back never makes the day on which the time stopped one that is yet to come.
    fn counted_until(&self, today: Date) -> Date {
        self.paused_since.unwrap_or(today)
    }

    /// How a request stands that begins with this record.
    pub(crate) fn opened(record: &Record, name: &str) -> Result<RequestState, LedgerError> {
        let Record::Request { request, subject, ground, received, due } = record else {
            return Err(LedgerError::NoRequest { request: name.to_string() });
        };
        let (request, subject, due) = (request.clone(), subject.clone(), due.clone());
        Ok(RequestState {
            request,
            subject,
            ground: *ground,
            received: *received,
            due,
            due_before_extension: None,
            paused_since: None,
            paused_days: 0,
            status: Status::Received,
            refusal: None,
            evidence: None,
            evidence_earlier: Vec::new(),
            removed_after_evidence: 0,
            restored_after_evidence: 0,
            removed_since: BTreeSet::new(),
            restored_since: BTreeSet::new(),
            verdict: None,
            closed_unassessed: false,
            closed_by_removal: false,
            has_run: false,
            taken_out: BTreeSet::new(),
            verdicts: BTreeMap::new(),
            round_is_over: false,
        })
    }

    /// How it stands after one more record of it.
    ///
    /// # Errors
    /// A step that it cannot take.
    pub(crate) fn after(mut self, record: &Record) -> Result<RequestState, LedgerError> {
        self.compare_with_evidence(record);
        self.note_removal(record);
        match record {
            Record::Request { .. } => return Err(self.cannot("a request to come in once")),
            Record::Status { status, refusal, .. } => {
                self.expect_next(*status)?;
                if (*status == Status::Refused) != refusal.is_some() {
                    return Err(self.cannot("a ground with a refusal, and with nothing else"));
                }
                // The day that counts is the extension's own record, which stands before its status.
                if *status == Status::Extended && self.due_before_extension.is_none() {
                    return Err(self.cannot("an extension with the new day"));
                }
                if *status == Status::IdentityPending && self.paused_since.is_none() {
                    return Err(self.cannot("the day on which the person was asked who they are"));
                }
                if *status == Status::Accepted && self.paused_since.is_some() {
                    return Err(self.cannot("the day on which it was sure who asks"));
                }
                if *status == Status::Closed && self.status == Status::Executed {
                    self.closed_by_removal = self.is_removal_alone();
                    if !self.closed_by_removal {
                        self.expect_open_verdict()?;
                        self.closed_unassessed = true;
                    }
                }
                self.round_is_over |= *status == Status::Executed;
                self.status = *status;
                self.refusal = refusal.or(self.refusal);
            }
            Record::Extension { due, told, .. } => {
                self.expect_next(Status::Extended)?;
                let within = self.received <= *told && *told <= self.due.day && self.due.day < due.day;
                if !within || self.due_before_extension.is_some() {
                    let day = self.due.day;
                    return Err(self.cannot(&format!("one extension to a later day, told from receipt until {day}")));
                }
                self.due_before_extension = Some(self.due.day);
                self.due = due.clone();
            }
            Record::IdentityAsked { asked, .. } => {
                self.expect_next(Status::IdentityPending)?;
                if *asked < self.received || *asked > self.due.day {
                    let (from, until) = (self.received, self.due.day);
                    return Err(self.cannot(&format!("a person who was asked from {from} until {until}")));
                }
                self.paused_since = Some(*asked);
            }
            Record::IdentityEstablished { established, due, .. } => {
                let Some(since) = self.paused_since.filter(|since| since <= established) else {
                    return Err(self.cannot("a day not before that on which the person was asked who they are"));
                };
                let days = days_between(since, *established);
                if due.last_day() != self.due.later_by(days, &Holidays::new()).last_day() {
                    return Err(self.cannot(&format!("a last day {days} days later, since the time stood still")));
                }
                (self.paused_since, self.paused_days, self.due) = (None, self.paused_days + days, due.clone());
            }
            Record::Evidence { statement, .. } => {
                self.evidence_earlier.extend(self.evidence.replace(*statement));
                // A run without effect ends in evidence too, and leaves the request as it was.
                self.round_is_over = true;
            }
            Record::Protocol { .. } | Record::Run { .. } | Record::Audit { .. } | Record::Verdict { .. } => {
                let standing = [Status::Accepted, Status::Extended, Status::Executed];
                if !standing.contains(&self.status) {
                    return Err(self.cannot("a request that was accepted and is not verified yet"));
                }
                self.take_verdict(record);
            }
            // A request may be refused after its files went to quarantine: then they are put back, or deleted all the same.
            Record::Removal { how: RemovalKind::Restored | RemovalKind::Deleted, .. }
                if self.status == Status::Refused => {}
            Record::Deletion { .. } | Record::Removal { .. } => {
                let standing = [Status::Accepted, Status::Extended, Status::Executed, Status::Verified];
                if !standing.contains(&self.status) {
                    return Err(self.cannot("a request that was accepted and is not closed, since this removes files"));
                }
            }
            _ => {}
        }
        Ok(self)
    }

    /// What happens to files after a statement was signed is not in it, or is no longer as it says.
    fn compare_with_evidence(&mut self, record: &Record) {
        match record {
            Record::Evidence { .. } => {
                self.removed_since.clear();
                self.restored_since.clear();
            }
            // What lay in quarantine is deleted as the statement says.
            Record::Removal { how: RemovalKind::Deleted, .. } => {}
            Record::Removal { how, artefact, .. } if self.evidence.is_some() => {
                // What was removed since and is put back, or the other way round, is as the statement says.
                let (undone, done) = match how {
                    RemovalKind::Restored => (&mut self.removed_since, &mut self.restored_since),
                    _ => (&mut self.restored_since, &mut self.removed_since),
                };
                if !undone.remove(artefact) {
                    done.insert(*artefact);
                }
            }
            _ => {}
        }
        self.removed_after_evidence = self.removed_since.len();
        self.restored_after_evidence = self.restored_since.len();
    }

    /// The verdicts that count are those of the last round of runs, each run's last one.
    fn take_verdict(&mut self, record: &Record) {
        match record {
            Record::Run { after: Some(_), .. } if self.round_is_over => {
                self.verdicts.clear();
                self.verdict = None;
                self.round_is_over = false;
            }
            Record::Verdict { run, verdict, .. } => {
                self.verdicts.insert(run.clone(), verdict.clone());
                self.verdict = weakest(self.verdicts.values().map(String::as_str)).map(str::to_string);
            }
            _ => {}
        }
    }

    /// Whether files were taken out of use for it, and nothing else was done.
    pub(crate) fn is_removal_alone(&self) -> bool {
        !self.has_run && self.verdict.is_none() && !self.taken_out.is_empty()
    }

    fn note_removal(&mut self, record: &Record) {
        match record {
            Record::Run { .. } => self.has_run = true,
            Record::Removal { how: RemovalKind::Restored, artefact, .. } => drop(self.taken_out.remove(artefact)),
            Record::Removal { artefact, .. } | Record::Deletion { artefact, .. } => {
                self.taken_out.insert(*artefact);
            }
            _ => {}
        }
    }

    /// An executed request is closed only where its models could not be assessed, not where they were and failed.
    fn expect_open_verdict(&self) -> Result<(), LedgerError> {
        match self.verdict.as_deref() {
            Some(verdict) if is_open(verdict) => Ok(()),
            verdict => {
                let found = verdict.unwrap_or("none");
                let expected = format!(
                    "the verdict not_assessable or inconclusive, since an executed request is closed only where it \
                     cannot be assessed; its verdict is {found}"
                );
                Err(self.cannot(&expected))
            }
        }
    }

    fn expect_next(&self, status: Status) -> Result<(), LedgerError> {
        if self.status.next().contains(&status) {
            return Ok(());
        }
        let before: Vec<&str> =
            STATUSES.iter().filter(|from| from.next().contains(&status)).map(|from| from.name()).collect();
        Err(self.cannot(&format!("one that is {} before it is {}", before.join(" or "), status.name())))
    }

    pub(crate) fn cannot(&self, expected: &str) -> LedgerError {
        LedgerError::Step {
            request: self.request.clone(),
            expected: expected.to_string(),
            found: self.status.name().to_string(),
        }
    }
}

/// Days from one to the other, negative where the other is earlier.
pub fn days_between(from: Date, to: Date) -> i32 {
    from.until(to).map_or(0, |span| span.get_days())
}
