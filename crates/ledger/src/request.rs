//! A request's state, computed from its events, and the steps that it can take.

use crate::digest::random_hex;
use crate::{
    Counterpart, Digest, Due, DueReason, ExtensionReason, Ground, Holidays, Ledger, LedgerError, Pseudonym, Record,
    RefusalGround, RemovalKind, Status, due_after_months, is_open, weakest,
};
use jiff::civil::Date;
use serde::Serialize;
use std::collections::BTreeMap;

/// The month of GDPR 12(3), and what it can be extended to.
const MONTHS: i32 = 1;
const MONTHS_EXTENDED: i32 = 3;

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
    /// The weakest of the verdicts of its last runs, if any.
    pub verdict: Option<String>,
    /// Whether it was closed though no audit could assess the model.
    pub closed_unassessed: bool,
    /// The verdict of each run since the request was executed anew.
    #[serde(skip)]
    verdicts: BTreeMap<String, String>,
    /// Whether the next finished run begins another round, whose verdicts replace those of this one.
    #[serde(skip)]
    round_is_over: bool,
}

/// A request that comes in.
pub struct NewRequest<'a> {
    /// The id in the operator's data.
    pub subject: &'a str,
    /// On which ground.
    pub ground: Ground,
    /// The day of receipt.
    pub received: Date,
    /// The day on which the person was asked to prove who they are; none where that is sure.
    pub identity_asked: Option<Date>,
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

    fn opened(record: &Record, name: &str) -> Result<RequestState, LedgerError> {
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
            verdict: None,
            closed_unassessed: false,
            verdicts: BTreeMap::new(),
            round_is_over: false,
        })
    }

    fn after(mut self, record: &Record) -> Result<RequestState, LedgerError> {
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
                    self.expect_open_verdict()?;
                    self.closed_unassessed = true;
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
            Record::Evidence { statement, .. } => self.evidence_earlier.extend(self.evidence.replace(*statement)),
            Record::Protocol { .. } | Record::Run { .. } | Record::Audit { .. } | Record::Verdict { .. } => {
                let standing = [Status::Accepted, Status::Extended, Status::Executed];
                if !standing.contains(&self.status) {
                    return Err(self.cannot("a request that was accepted and is not verified yet"));
                }
                self.take_verdict(record);
            }
            // A request may be refused after its files went to quarantine: then they are put back.
            Record::Removal { how: RemovalKind::Restored, .. } if self.status == Status::Refused => {}
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
        let before: Vec<&str> = crate::record::STATUSES
            .iter()
            .filter(|from| from.next().contains(&status))
            .map(|from| from.name())
            .collect();
        Err(self.cannot(&format!("one that is {} before it is {}", before.join(" or "), status.name())))
    }

    fn cannot(&self, expected: &str) -> LedgerError {
        LedgerError::Step {
            request: self.request.clone(),
            expected: expected.to_string(),
            found: self.status.name().to_string(),
        }
    }
}

impl Ledger {
    /// Write down that a request came in.
    ///
    /// # Errors
    /// A subject with a request that is still open, or a ledger that cannot be written.
    pub fn receive(&mut self, new: &NewRequest, holidays: &Holidays) -> Result<RequestState, LedgerError> {
        let (subject, commitment) = self.keyring().subject(new.subject)?;
        let request = format!("req-{}", random_hex::<16>());
        self.append(|view| {
            let known = view.records_of_subject(&subject)?;
            let mut records = Vec::new();
            if !known.iter().any(|record| matches!(record, Record::Subject { .. })) {
                records.push(Record::Subject { subject: subject.clone(), commitment });
            }
            for record in &known {
                let Record::Request { request, .. } = record else { continue };
                let state = RequestState::of(request, &view.records_of(request)?)?;
                if state.status != Status::Closed {
                    return Err(state.cannot("no other request of the same subject to be open"));
                }
            }
            let opened = Record::Request {
                request: request.clone(),
                subject: subject.clone(),
                ground: new.ground,
                received: new.received,
                due: due_after_months(new.received, MONTHS, holidays),
            };
            let mut course = vec![opened];
            if let Some(asked) = new.identity_asked {
                course.push(Record::IdentityAsked { request: request.clone(), asked });
                course.push(status(&request, Status::IdentityPending, None));
            }
            let state = RequestState::of(&request, &course)?;
            Ok(([records, course].concat(), state))
        })
    }

    /// Every request, in the order of receipt.
    ///
    /// # Errors
    /// A row that cannot be read.
    pub fn requests(&self) -> Result<Vec<RequestState>, LedgerError> {
        let opened = self.view().records_of_kind("request")?;
        let names = opened.iter().filter_map(Record::request);
        names.map(|name| RequestState::of(name, &self.view().records_of(name)?)).collect()
    }

    /// The request of this name, or of the only name that begins like this.
    ///
    /// # Errors
    /// None of that name, or several.
    pub fn find_request(&self, name: &str) -> Result<RequestState, LedgerError> {
        let mut found: Vec<RequestState> = self.requests()?;
        let begins = |state: &RequestState| {
            !name.is_empty() && (state.request.starts_with(name) || state.request["req-".len()..].starts_with(name))
        };
        found.retain(begins);
        match found.len() {
            1 => Ok(found.remove(0)),
            0 => Err(LedgerError::NoRequest { request: name.to_string() }),
            several => Err(LedgerError::Malformed {
                what: format!("request {name}"),
                expected: "the beginning of one request's name".to_string(),
                found: format!("that of {several}"),
            }),
        }
    }

    /// Let a request take a step, with what else is to be written with it.
    ///
    /// # Errors
    /// A step that it cannot take.
    pub fn step(&mut self, request: &str, records: &[Record]) -> Result<RequestState, LedgerError> {
        self.append(|view| {
            let mut course = view.records_of(request)?;
            course.extend(records.iter().filter(|record| record.request() == Some(request)).cloned());
            let state = RequestState::of(request, &course)?;
            Ok((records.to_vec(), state))
        })
    }

    /// Go to a status that needs nothing besides.
    ///
    /// # Errors
    /// A status that it cannot go to.
    pub fn advance(&mut self, request: &str, to: Status) -> Result<RequestState, LedgerError> {
        self.step(request, &[status(request, to, None)])
    }

    /// Accept a request; where the time stood still, it runs on from the day on which it was sure who asks.
    ///
    /// # Errors
    /// One that is neither new nor pending, or a day before that on which the person was asked.
    pub fn accept(
        &mut self,
        request: &str,
        established: Date,
        holidays: &Holidays,
    ) -> Result<RequestState, LedgerError> {
        let state = self.find_request(request)?;
        let mut records = Vec::new();
        if let Some(since) = state.paused_since {
            let due = state.due.later_by(days_between(since, established), holidays);
            records.push(Record::IdentityEstablished { request: request.to_string(), established, due });
        }
        records.push(status(request, Status::Accepted, None));
        self.step(request, &records)
    }

    /// Refuse a request.
    ///
    /// # Errors
    /// One that was carried out or refused already.
    pub fn refuse(&mut self, request: &str, ground: RefusalGround, told: Date) -> Result<RequestState, LedgerError> {
        let told = notification(request, DueReason::Refusal, told);
        self.step(request, &[status(request, Status::Refused, Some(ground)), told])
    }

    /// Extend a request by two months, which the person was told on a day within the first.
    ///
    /// # Errors
    /// One that is not accepted, was extended already, or was told too late.
    pub fn extend(
        &mut self,
        request: &str,
        reason: ExtensionReason,
        told: Date,
        holidays: &Holidays,
    ) -> Result<RequestState, LedgerError> {
        let RequestState { received, paused_days, .. } = self.find_request(request)?;
        let due = due_after_months(received, MONTHS_EXTENDED, holidays).later_by(paused_days, holidays);
        let extension = Record::Extension { request: request.to_string(), due, reason, told };
        let told = notification(request, DueReason::Extension, told);
        self.step(request, &[extension, status(request, Status::Extended, None), told])
    }

    /// Close a request of whose outcome the person was told.
    ///
    /// # Errors
    /// One that is neither verified nor refused.
    pub fn close(&mut self, request: &str, told: Date) -> Result<RequestState, LedgerError> {
        let state = self.find_request(request)?;
        if state.status == Status::Executed {
            return Err(LedgerError::Unassessed { request: request.to_string() });
        }
        self.closed(request, told)
    }

    /// Close a request that was executed and cannot be assessed, of which the person was told.
    ///
    /// # Errors
    /// One that is not executed, or whose last verdict is neither `not_assessable` nor `inconclusive`.
    pub fn close_unassessed(&mut self, request: &str, told: Date) -> Result<RequestState, LedgerError> {
        let state = self.find_request(request)?;
        if state.status != Status::Executed {
            return Err(state.cannot("one that is executed, which alone is closed without an assessment"));
        }
        self.closed(request, told)
    }

    fn closed(&mut self, request: &str, told: Date) -> Result<RequestState, LedgerError> {
        let told = notification(request, DueReason::Outcome, told);
        self.step(request, &[told, status(request, Status::Closed, None)])
    }

    /// Destroy the link from a pseudonym to the person; whether there was one.
    ///
    /// The key goes first: a crash in between leaves a link that is gone and not yet written down, and asking again
    /// writes it.
    ///
    /// # Errors
    /// A key that cannot be deleted.
    pub fn destroy_link(&mut self, subject: &Pseudonym) -> Result<bool, LedgerError> {
        let there = self.keyring().destroy(subject)?;
        let record = Record::LinkDestroyed { subject: subject.clone() };
        self.append(|view| {
            let written = view.records_of_kind("link_destroyed")?.contains(&record);
            Ok((if written { Vec::new() } else { vec![record.clone()] }, ()))
        })?;
        Ok(there)
    }
}

/// Days from one to the other, negative where the other is earlier.
fn days_between(from: Date, to: Date) -> i32 {
    from.until(to).map_or(0, |span| span.get_days())
}

fn status(request: &str, status: Status, refusal: Option<RefusalGround>) -> Record {
    Record::Status { request: request.to_string(), status, refusal }
}

fn notification(request: &str, about: DueReason, on: Date) -> Record {
    Record::Notification { request: request.to_string(), counterpart: Counterpart::Subject, about, on }
}
