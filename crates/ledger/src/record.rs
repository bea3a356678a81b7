//! What an event says. No field takes free text: what is not a digest, a number, a day or a random name is a code.

use crate::{
    Counterpart, Digest, Due, DueReason, ExtensionReason, Ground, Holds, Pseudonym, RefusalGround, RemovalKind, Status,
};
use jiff::civil::Date;
use serde::{Deserialize, Serialize};

/// One fact.
///
/// The order of variants and fields is the order in the ledger's JSON, of which hashes are taken: new ones go to the
/// end, none is renamed.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
pub enum Record {
    /// The ledger begins.
    Ledger {
        /// Its random name.
        ledger: String,
    },
    /// A subject has a pseudonym from now on.
    Subject {
        /// The pseudonym.
        subject: Pseudonym,
        /// HMAC of the id under the subject's own key.
        commitment: Digest,
    },
    /// A request was received.
    Request {
        /// Its random name.
        request: String,
        /// Who asked.
        subject: Pseudonym,
        /// On which ground.
        ground: Ground,
        /// The day of receipt.
        received: Date,
        /// When the answer is due.
        due: Due,
    },
    /// A request went on.
    Status {
        /// The request.
        request: String,
        /// To which status.
        status: Status,
        /// Why, where it was refused.
        refusal: Option<RefusalGround>,
    },
    /// The time for a request was extended.
    Extension {
        /// The request.
        request: String,
        /// When the answer is due now.
        due: Due,
        /// Why.
        reason: ExtensionReason,
        /// The day on which the person was told.
        told: Date,
    },
    /// A model came into being.
    Model {
        /// Its digest.
        model: String,
        /// The model that its weights came from.
        parent: Option<String>,
        /// The digest of all settings.
        config: Option<String>,
    },
    /// A subject is in a model, or no longer.
    Membership {
        /// The model.
        model: String,
        /// The subject.
        subject: Pseudonym,
        /// Trained on, or made to be forgotten.
        holds: Holds,
    },
    /// Something that saw a subject.
    Artefact {
        /// The digest of its content under the guard's key.
        artefact: Digest,
        /// The subject.
        subject: Pseudonym,
        /// What it is to the subject.
        holds: Holds,
    },
    /// A run that a request led to.
    Run {
        /// The request.
        request: String,
        /// Its random name.
        run: String,
        /// The strategy's name.
        strategy: String,
        /// The digest of its recipe and settings.
        recipe: String,
        /// The model that it began from.
        before: String,
        /// The model that it made, once it has.
        after: Option<String>,
    },
    /// A measurement after a run.
    Audit {
        /// The request.
        request: String,
        /// The run.
        run: String,
        /// The digest of what was to be measured; [`Record::Protocol`] before the run shows that it was settled then.
        protocol: String,
        /// The digest of what was measured.
        metrics: String,
    },
    /// What an audit found.
    Verdict {
        /// The request.
        request: String,
        /// The run.
        run: String,
        /// In one of the protocol's words.
        verdict: String,
    },
    /// A file was deleted.
    Deletion {
        /// The request.
        request: String,
        /// The digest of its content under the guard's key.
        artefact: Digest,
        /// What it was to the subject.
        holds: Holds,
        /// Its size.
        bytes: u64,
    },
    /// Somebody was told.
    Notification {
        /// The request.
        request: String,
        /// Whom.
        counterpart: Counterpart,
        /// Of what.
        about: DueReason,
        /// On which day.
        on: Date,
    },
    /// Somebody had received the data or the model and is to be told (GDPR 19).
    Recipient {
        /// The request.
        request: String,
        /// A random name; who it is stands in the operator's own records.
        recipient: String,
    },
    /// A request's evidence was written.
    Evidence {
        /// The request.
        request: String,
        /// SHA-256 of the envelope's payload.
        statement: Digest,
    },
    /// The link from a pseudonym to a person was destroyed.
    LinkDestroyed {
        /// The pseudonym.
        subject: Pseudonym,
    },
    /// What will be measured of a run, settled before the run begins.
    Protocol {
        /// The request.
        request: String,
        /// The run.
        run: String,
        /// The digest of what is to be measured.
        protocol: String,
    },
    /// Who asks was reasonably doubted, and the person was asked to prove it (GDPR 12(6)): the time stands still.
    IdentityAsked {
        /// The request.
        request: String,
        /// The day on which the person was asked.
        asked: Date,
    },
    /// Who asks is sure: the time runs on.
    IdentityEstablished {
        /// The request.
        request: String,
        /// The day on which it was sure.
        established: Date,
        /// When the answer is due now.
        due: Due,
    },
    /// A file was taken out of use for a request, or put back.
    Removal {
        /// The request.
        request: String,
        /// The digest of its content before, under the guard's key.
        artefact: Digest,
        /// What it was to the subject.
        holds: Holds,
        /// Its size before.
        bytes: u64,
        /// What was done with it.
        how: RemovalKind,
    },
}

impl Record {
    /// The request that it is about.
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
