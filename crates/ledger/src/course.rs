//! A request's state, computed from its events, and the steps that it can take from there.

use crate::{
    Digest, Due, Ground, Holidays, LedgerError, Pseudonym, Record, RefusalGround, RemovalKind, STATUSES, Status,
    is_open, weakest,
};
use jiff::civil::Date;
use serde::Serialize;
use std::collections::{BTreeMap, BTreeSet};

/// The state of a request, computed from its events.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct RequestState {
    /// The random name of the request.
    pub request: String,
    /// The pseudonym of the person who made the request.
    pub subject: Pseudonym,
    /// The ground of the request.
    pub ground: Ground,
    /// The day of receipt.
    pub received: Date,
    /// The day by which to answer.
    pub due: Due,
    /// The day by which to answer, without the extension; `None` if the request was not extended.
    pub due_before_extension: Option<Date>,
    /// The day on which the time limit was suspended, while the person's identity is in doubt; `None` if it runs.
    pub paused_since: Option<Date>,
    /// The number of days of earlier suspensions.
    pub paused_days: i32,
    /// The current status of the request.
    pub status: Status,
    /// The ground of a refusal, if the request was refused.
    pub refusal: Option<RefusalGround>,
    /// The digest of the last statement about the request, if any.
    pub evidence: Option<Digest>,
    /// The digests of earlier statements about the request, oldest first.
    pub evidence_earlier: Vec<Digest>,
    /// The number of files that were removed after the last statement; that statement does not name them.
    pub removed_after_evidence: usize,
    /// The number of files that the last statement lists as removed and that were restored after it.
    pub restored_after_evidence: usize,
    /// The weakest verdict of the last round of runs, if any.
    pub verdict: Option<String>,
    /// Whether the request was closed although no audit could assess the model.
    pub closed_unassessed: bool,
    /// Whether the request was carried out by removing files alone, without unlearning.
    pub closed_by_removal: bool,
    /// Whether a run was registered for the request.
    #[serde(skip)]
    has_run: bool,
    /// The contents that were removed for the request and not restored.
    #[serde(skip)]
    taken_out: BTreeSet<Digest>,
    /// The contents that were removed after the last statement.
    #[serde(skip)]
    removed_since: BTreeSet<Digest>,
    /// The contents that the last statement lists as removed and that were restored after it.
    #[serde(skip)]
    restored_since: BTreeSet<Digest>,
    /// The verdict of each run of the current round, by run.
    #[serde(skip)]
    verdicts: BTreeMap<String, String>,
    /// Whether the next finished run begins another round, whose verdicts replace the current ones.
    #[serde(skip)]
    round_is_over: bool,
}

impl RequestState {
    /// Computes the state of a request from its records, in their order.
    ///
    /// # Errors
    /// If there are no records, or one is a step that the request could not take.
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

    /// Whether `today` is after the day by which to answer.
    pub fn is_overdue(&self, today: Date) -> bool {
        self.status != Status::Closed && self.counted_until(today) > self.due.day
    }

    /// Days until the answer is due, negative after it. While the time limit is suspended: the days that were left when
    /// the suspension began.
    pub fn days_left(&self, today: Date) -> i32 {
        days_between(self.counted_until(today), self.due.day)
    }

    /// The day up to which time is counted: the day of the suspension, or `today`. It stays right if the clock is set
    /// back.
    fn counted_until(&self, today: Date) -> Date {
        self.paused_since.unwrap_or(today)
    }

    /// The state of a request that begins with this record.
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

    /// The state after one more record of this request.
    ///
    /// # Errors
    /// If the request cannot take this step.
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
                // The extended due date comes from the extension's own record, which precedes this status.
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
                    return Err(self.cannot(&format!("one extension to a later day, stated from receipt until {day}")));
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
                // A run without effect also ends in evidence, and leaves the status as it was.
                self.round_is_over = true;
            }
            Record::Protocol { .. } | Record::Run { .. } | Record::Audit { .. } | Record::Verdict { .. } => {
                let standing = [Status::Accepted, Status::Extended, Status::Executed];
                if !standing.contains(&self.status) {
                    return Err(self.cannot("a request that was accepted and is not verified yet"));
                }
                self.take_verdict(record);
            }
            // A request can be refused after its files went to quarantine; the files are then restored or deleted.
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

    /// Counts operations on files that the last statement does not list, or that contradict it.
    fn compare_with_evidence(&mut self, record: &Record) {
        match record {
            Record::Evidence { .. } => {
                self.removed_since.clear();
                self.restored_since.clear();
            }
            // Deleting a file from quarantine does not contradict the statement.
            Record::Removal { how: RemovalKind::Deleted, .. } => {}
            Record::Removal { how, artefact, .. } if self.evidence.is_some() => {
                // A removal and a restoration of the same content after the statement cancel each other.
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

    /// Keeps the last verdict of each run of the last round of runs.
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

    /// Whether files were removed for the request and nothing else was done.
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

    /// An executed request can be closed only if its models could not be assessed, not if they failed their audit.
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

/// The number of days from `from` to `to`, negative if `to` is earlier.
pub fn days_between(from: Date, to: Date) -> i32 {
    from.until(to).map_or(0, |span| span.get_days())
}
