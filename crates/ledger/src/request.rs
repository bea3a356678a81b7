//! What can be done with requests: each step is written only where a request can take it.

use crate::course::days_between;
use crate::digest::random_hex;
use crate::{
    Counterpart, DueReason, ExtensionReason, Ground, Holidays, Ledger, LedgerError, Pseudonym, Record, RefusalGround,
    RequestState, Status, due_after_months,
};
use jiff::civil::Date;

/// The month of GDPR 12(3), and what it can be extended to.
const MONTHS: i32 = 1;
const MONTHS_EXTENDED: i32 = 3;

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

    /// Close a request of whose outcome the person was told, and that is verified or refused.
    ///
    /// # Errors
    /// As [`Ledger::close_as`] with [`Closing::Assessed`].
    pub fn close(&mut self, request: &str, told: Date) -> Result<RequestState, LedgerError> {
        self.close_as(Closing::Assessed, request, told, &[])
    }

    /// Close a request of whose outcome the person was told, with what is `deleted` for good because of it, in one
    /// transaction.
    ///
    /// # Errors
    /// A request that cannot be closed in that way.
    pub fn close_as(
        &mut self,
        closing: Closing,
        request: &str,
        told: Date,
        deleted: &[Record],
    ) -> Result<RequestState, LedgerError> {
        let before = closing.before(&self.find_request(request)?)?;
        let end = [notification(request, DueReason::Outcome, told), status(request, Status::Closed, None)];
        self.step(request, &[deleted, &before, &end].concat())
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

/// In what way a request is closed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Closing {
    /// It was verified or refused.
    Assessed,
    /// It was executed, and its last verdict is `not_assessable` or `inconclusive`.
    Unassessed,
    /// It was accepted and carried out by removing files alone: no model was made to forget.
    FilesRemoved,
}

impl Closing {
    /// What is written of the request before it is closed.
    fn before(self, state: &RequestState) -> Result<Vec<Record>, LedgerError> {
        let accepted = [Status::Accepted, Status::Extended].contains(&state.status);
        match self {
            Closing::Assessed if state.status == Status::Executed => {
                Err(LedgerError::Unassessed { request: state.request.clone() })
            }
            Closing::Unassessed if state.status != Status::Executed => {
                Err(state.cannot("one that is executed, which alone is closed without an assessment"))
            }
            Closing::FilesRemoved if !accepted || !state.is_removal_alone() => Err(state.cannot(
                "one that is accepted, for which files were removed (`lacuna trace PERSON --purge`) and no run was made",
            )),
            Closing::FilesRemoved => Ok(vec![status(&state.request, Status::Executed, None)]),
            Closing::Assessed | Closing::Unassessed => Ok(Vec::new()),
        }
    }
}

fn status(request: &str, status: Status, refusal: Option<RefusalGround>) -> Record {
    Record::Status { request: request.to_string(), status, refusal }
}

fn notification(request: &str, about: DueReason, on: Date) -> Record {
    Record::Notification { request: request.to_string(), counterpart: Counterpart::Subject, about, on }
}
