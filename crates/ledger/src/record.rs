//! The content of an event. No field takes free text: each is a digest, a number, a day, a random name or a code.

use crate::{
    Counterpart, Digest, Due, DueReason, ExtensionReason, Ground, Holds, Pseudonym, RefusalGround, RemovalKind, Status,
};
use jiff::civil::Date;
use serde::{Deserialize, Serialize};

/// One fact that the ledger records.
///
/// The order of variants and fields is the order in the ledger's JSON, which is hashed: new ones go to the end, none is
/// renamed.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
pub enum Record {
    /// The ledger begins with this record.
    Ledger {
        /// The random name of the ledger.
        ledger: String,
    },
    /// A subject gets a pseudonym.
    Subject {
        /// The pseudonym of the subject.
        subject: Pseudonym,
        /// HMAC of the id under the subject's own key.
        commitment: Digest,
    },
    /// A request was received.
    Request {
        /// The random name of the request.
        request: String,
        /// The pseudonym of the person who made the request.
        subject: Pseudonym,
        /// The ground of the request.
        ground: Ground,
        /// The day of receipt.
        received: Date,
        /// The day by which to answer.
        due: Due,
    },
    /// A request changes its status.
    Status {
        /// The name of the request.
        request: String,
        /// The new status of the request.
        status: Status,
        /// The ground of a refusal, if the request was refused.
        refusal: Option<RefusalGround>,
    },
    /// The time limit of a request is extended.
    Extension {
        /// The name of the request.
        request: String,
        /// The day by which to answer after the extension.
        due: Due,
        /// The reason for the extension.
        reason: ExtensionReason,
        /// The day on which the person was informed.
        told: Date,
    },
    /// A model was made or registered.
    Model {
        /// The digest of the model.
        model: String,
        /// The digest of the model that its weights came from, if any.
        parent: Option<String>,
        /// The digest of all settings, if known.
        config: Option<String>,
    },
    /// A subject enters a model, or is unlearned from it.
    Membership {
        /// The digest of the model.
        model: String,
        /// The pseudonym of the subject.
        subject: Pseudonym,
        /// Whether the model was trained on the subject or unlearned it.
        holds: Holds,
    },
    /// A file that holds data of a subject.
    Artefact {
        /// The digest of its content under the guard's key.
        artefact: Digest,
        /// The pseudonym of the subject.
        subject: Pseudonym,
        /// The kind of data that the file holds.
        holds: Holds,
    },
    /// A run that carries out a request.
    Run {
        /// The name of the request.
        request: String,
        /// The random name of the run.
        run: String,
        /// The name of the strategy.
        strategy: String,
        /// The digest of the recipe and settings.
        recipe: String,
        /// The digest of the model that the run begins from.
        before: String,
        /// The digest of the model that the run made; `None` while it runs.
        after: Option<String>,
    },
    /// The measurements of an audit after a run.
    Audit {
        /// The name of the request.
        request: String,
        /// The name of the run.
        run: String,
        /// The digest of the audit's protocol; [`Record::Protocol`] before the run shows that it was fixed in advance.
        protocol: String,
        /// The digest of the measurements.
        metrics: String,
    },
    /// The verdict of an audit.
    Verdict {
        /// The name of the request.
        request: String,
        /// The name of the run.
        run: String,
        /// The verdict, as one of the protocol's words.
        verdict: String,
    },
    /// A file was deleted for a request.
    Deletion {
        /// The name of the request.
        request: String,
        /// The digest of its content under the guard's key.
        artefact: Digest,
        /// The kind of data that the file held.
        holds: Holds,
        /// The size of the file in bytes.
        bytes: u64,
    },
    /// A party was notified about a request.
    Notification {
        /// The name of the request.
        request: String,
        /// The party that was notified.
        counterpart: Counterpart,
        /// The subject matter of the notification.
        about: DueReason,
        /// The day of the notification.
        on: Date,
    },
    /// A recipient of data or a model, who must be notified (GDPR 19).
    Recipient {
        /// The name of the request.
        request: String,
        /// The random name of the recipient; the operator's own records hold the identity.
        recipient: String,
    },
    /// Evidence for a request was written.
    Evidence {
        /// The name of the request.
        request: String,
        /// The SHA-256 digest of the envelope's payload.
        statement: Digest,
    },
    /// The link from a pseudonym to a person was destroyed.
    LinkDestroyed {
        /// The pseudonym whose link was destroyed.
        subject: Pseudonym,
    },
    /// The protocol of a run's audit, fixed before the run begins.
    Protocol {
        /// The name of the request.
        request: String,
        /// The name of the run.
        run: String,
        /// The digest of the protocol.
        protocol: String,
    },
    /// The person's identity was reasonably doubted, and the person was asked for proof (GDPR 12(6)): the time limit is
    /// suspended.
    IdentityAsked {
        /// The name of the request.
        request: String,
        /// The day on which the person was asked.
        asked: Date,
    },
    /// The person's identity is established: the time limit runs on.
    IdentityEstablished {
        /// The name of the request.
        request: String,
        /// The day on which the identity was established.
        established: Date,
        /// The day by which to answer after the suspension.
        due: Due,
    },
    /// A file was removed for a request, or restored.
    Removal {
        /// The name of the request.
        request: String,
        /// The digest of its content before the operation, under the guard's key.
        artefact: Digest,
        /// The kind of data that the file held.
        holds: Holds,
        /// The size of the file in bytes before the operation.
        bytes: u64,
        /// The operation on the file.
        how: RemovalKind,
    },
}

impl Record {
    /// The name of the request that the record belongs to, if it belongs to one.
    pub fn request(&self) -> Option<&str> {
        match self {
            Record::Request { request, .. }
            | Record::Status { request, .. }
            | Record::Extension { request, .. }
            | Record::Run { request, .. }
            | Record::Audit { request, .. }
            | Record::Verdict { request, .. }
            | Record::Deletion { request, .. }
            | Record::Notification { request, .. }
            | Record::Recipient { request, .. }
            | Record::Evidence { request, .. }
            | Record::Protocol { request, .. }
            | Record::IdentityAsked { request, .. }
            | Record::IdentityEstablished { request, .. }
            | Record::Removal { request, .. } => Some(request),
            Record::Ledger { .. }
            | Record::Subject { .. }
            | Record::Model { .. }
            | Record::Membership { .. }
            | Record::Artefact { .. }
            | Record::LinkDestroyed { .. } => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_record_reads_back_and_one_with_an_unknown_field_does_not() {
        let record = Record::Status { request: "r".to_string(), status: Status::Accepted, refusal: None };
        let text = serde_json::to_string(&record).unwrap();
        assert_eq!(text, r#"{"kind":"status","request":"r","status":"accepted","refusal":null}"#);
        assert_eq!(serde_json::from_str::<Record>(&text).unwrap(), record);
        let more = text.replace("null}", r#"null,"name":"x"}"#);
        assert!(serde_json::from_str::<Record>(&more).is_err());
    }
}
