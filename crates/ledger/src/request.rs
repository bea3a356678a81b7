//! The steps of requests: each is written only if the request can take it.

use crate::course::days_between;
use crate::digest::random_hex;
use crate::{
    Counterpart, DueReason, ExtensionReason, Ground, Holidays, Ledger, LedgerError, Pseudonym, Record, RefusalGround,
    RequestState, Status, due_after_months,
};
use jiff::civil::Date;

/// The time limit of GDPR 12(3) in months, and the limit with an extension.
const MONTHS: i32 = 1;
const MONTHS_EXTENDED: i32 = 3;

/// A request to be recorded.
pub struct NewRequest<'a> {
    /// The id of the subject in the operator's data.
    pub subject: &'a str,
    /// The ground of the request.
    pub ground: Ground,
    /// The day of receipt.
    pub received: Date,
    /// The day on which the person was asked for proof of identity; `None` where the identity is established.
    pub identity_asked: Option<Date>,
}

impl Ledger {
    /// Records that a request was received, and returns its state.
    ///
    /// # Errors
    /// If the subject has a request that is still open, or the ledger cannot be written.
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

    /// All requests, in the order of receipt.
    ///
    /// # Errors
    /// If a row cannot be read.
    pub fn requests(&self) -> Result<Vec<RequestState>, LedgerError> {
        let opened = self.view().records_of_kind("request")?;
        let names = opened.iter().filter_map(Record::request);
        names.map(|name| RequestState::of(name, &self.view().records_of(name)?)).collect()
    }

    /// The request with this name, or the only one whose name begins with it.
    ///
    /// # Errors
    /// If no request matches, or several do.
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

    /// Records a step of a request, given as its records, and returns the new state.
    ///
    /// # Errors
    /// If the request cannot take this step.
    pub fn step(&mut self, request: &str, records: &[Record]) -> Result<RequestState, LedgerError> {
        self.append(|view| {
            let mut course = view.records_of(request)?;
            course.extend(records.iter().filter(|record| record.request() == Some(request)).cloned());
            let state = RequestState::of(request, &course)?;
            Ok((records.to_vec(), state))
        })
    }

    /// Records a change of status that needs no further record.
    ///
    /// # Errors
    /// If the request cannot change to this status.
    pub fn advance(&mut self, request: &str, to: Status) -> Result<RequestState, LedgerError> {
        self.step(request, &[status(request, to, None)])
    }

    /// Accepts a request; if its time limit was suspended, it runs on from the day `established`.
    ///
    /// # Errors
    /// If the request is neither new nor pending, or `established` is before the day on which the person was asked.
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

    /// Refuses a request; the last argument is the day on which the person was informed.
    ///
    /// # Errors
    /// If the request was already carried out or refused.
    pub fn refuse(&mut self, request: &str, ground: RefusalGround, told: Date) -> Result<RequestState, LedgerError> {
        let told = notification(request, DueReason::Refusal, told);
        self.step(request, &[status(request, Status::Refused, Some(ground)), told])
    }

    /// Extends a request by two months; the day is the one on which the person was informed.
    ///
    /// # Errors
    /// If the request is not accepted, was extended already, or the person was informed after the first month.
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

    /// Closes a request that is verified or refused; the day is the one on which the person was informed.
    ///
    /// # Errors
    /// Those of [`Ledger::close_as`] with [`Closing::Assessed`].
    pub fn close(&mut self, request: &str, told: Date) -> Result<RequestState, LedgerError> {
        self.close_as(Closing::Assessed, request, told, &[])
    }

    /// Closes a request; the day is the one on which the person was informed of the outcome. The `deleted` files are
    /// recorded in the same transaction.
    ///
    /// # Errors
    /// If the request cannot be closed in this way.
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

    /// Destroys the link from a pseudonym to the person; returns whether there was one.
    ///
    /// The key is deleted first. After a crash in between, the link is gone but not recorded; calling this again
    /// records it.
    ///
    /// # Errors
    /// If the key cannot be deleted.
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

/// The way in which a request is closed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Closing {
    /// The request was verified or refused.
    Assessed,
    /// The request was executed, and its last verdict is `not_assessable` or `inconclusive`.
    Unassessed,
    /// The request was accepted and carried out by removing files alone, without unlearning.
    FilesRemoved,
}

impl Closing {
    /// The records to write before the request is closed.
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
