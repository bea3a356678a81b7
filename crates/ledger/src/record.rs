//! What an event says. No field takes free text: what is not a digest, a number, a day or a random name is a code.

use crate::{Digest, Due, Pseudonym};
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

/// Where a request stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Status {
    /// It came in.
    Received,
    /// Who asks is not yet sure.
    IdentityPending,
    /// It will be carried out.
    Accepted,
    /// It will be, and two months later than a month.
    Extended,
    /// It will not be.
    Refused,
    /// A model without the subject was made.
    Executed,
    /// An audit has found what it was to find.
    Verified,
    /// All is done and the person told.
    Closed,
}

/// Every status, in the order of a request's life.
pub const STATUSES: [Status; 8] = [
    Status::Received,
    Status::IdentityPending,
    Status::Accepted,
    Status::Extended,
    Status::Refused,
    Status::Executed,
    Status::Verified,
    Status::Closed,
];

impl Status {
    /// Where a request can go from here.
    pub fn next(self) -> &'static [Status] {
        match self {
            Status::Received => &[Status::IdentityPending, Status::Accepted, Status::Refused],
            Status::IdentityPending => &[Status::Accepted, Status::Refused],
            Status::Accepted => &[Status::Extended, Status::Refused, Status::Executed],
            Status::Extended => &[Status::Refused, Status::Executed],
            // A run whose audit failed is followed by another.
            // One that cannot be assessed is closed as that, which its verdicts decide and not its status alone.
            Status::Executed => &[Status::Executed, Status::Verified, Status::Closed],
            Status::Verified | Status::Refused => &[Status::Closed],
            Status::Closed => &[],
        }
    }

    /// As it is written.
    pub fn name(self) -> &'static str {
        match self {
            Status::Received => "received",
            Status::IdentityPending => "identity_pending",
            Status::Accepted => "accepted",
            Status::Extended => "extended",
            Status::Refused => "refused",
            Status::Executed => "executed",
            Status::Verified => "verified",
            Status::Closed => "closed",
        }
    }
}

macro_rules! codes {
    ($(#[$about:meta])* $name:ident { $($(#[$doc:meta])* $code:ident = $text:literal),+ $(,)? }) => {
        $(#[$about])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
        pub enum $name { $($(#[$doc])* #[serde(rename = $text)] $code),+ }

        impl $name {
            /// Every code.
            pub const ALL: &'static [$name] = &[$($name::$code),+];

            /// As it is written.
            pub fn name(self) -> &'static str {
                match self { $($name::$code => $text),+ }
            }
        }
    };
}

codes! {
    /// Why a person may ask, by the letters of GDPR 17(1).
    Ground {
        /// The data are needed no more.
        NoLongerNecessary = "17-1-a",
        /// Consent was withdrawn.
        ConsentWithdrawn = "17-1-b",
        /// The person objects.
        Objection = "17-1-c",
        /// Processing was unlawful.
        Unlawful = "17-1-d",
        /// A law demands it.
        LegalObligation = "17-1-e",
        /// Offered to a child.
        Child = "17-1-f",
        /// Nobody has said.
        Unstated = "unstated",
    }
}

codes! {
    /// Why a request is refused: GDPR 12(2), 12(5), 17(3).
    RefusalGround {
        /// Who asks could not be established.
        IdentityNotProven = "12-2",
        /// Manifestly unfounded or excessive.
        UnfoundedOrExcessive = "12-5",
        /// Freedom of expression.
        Expression = "17-3-a",
        /// A legal obligation or public task.
        LegalObligation = "17-3-b",
        /// Public health.
        PublicHealth = "17-3-c",
        /// Research that erasure would make impossible.
        Research = "17-3-d",
        /// Legal claims.
        LegalClaims = "17-3-e",
        /// Nothing here is of that person.
        NotHeld = "not-held",
    }
}

codes! {
    /// Why more time is needed: GDPR 12(3).
    ExtensionReason {
        /// The request is complex.
        Complexity = "complexity",
        /// There are many.
        Number = "number",
    }
}

codes! {
    /// What something is to a subject.
    Holds {
        /// An image, or a label map, as it was given.
        Volume = "volume",
        /// An image prepared for a network.
        PreparedVolume = "prepared-volume",
        /// Weights that were trained on the subject.
        Weights = "weights",
        /// The state of an optimiser that was, with its weights.
        Checkpoint = "checkpoint",
        /// Scores or losses of the subject.
        Scores = "scores",
        /// The subject's id.
        Name = "name",
        /// A prediction or picture of the subject.
        Prediction = "prediction",
        /// Weights that were made to forget the subject.
        Forgotten = "forgotten",
    }
}

codes! {
    /// What was done with a file that held a subject.
    RemovalKind {
        /// Moved to quarantine, from where it can be put back until the request is closed.
        Quarantined = "quarantined",
        /// Written anew, with the pseudonym in place of the id.
        Rewritten = "rewritten",
        /// Given a name without the id.
        Renamed = "renamed",
        /// Deleted.
        Deleted = "deleted",
        /// Put back from quarantine.
        Restored = "restored",
    }
}

impl RemovalKind {
    /// What was done with so many files, in words.
    pub fn in_words(self, count: usize) -> String {
        let files = if count == 1 { "1 file".to_string() } else { format!("{count} files") };
        let done = match self {
            RemovalKind::Quarantined => "moved to quarantine",
            RemovalKind::Rewritten => "rewritten with the pseudonym",
            RemovalKind::Renamed => "renamed with the pseudonym",
            RemovalKind::Deleted => "deleted",
            RemovalKind::Restored => "put back from quarantine",
        };
        format!("{files} {done}")
    }
}

codes! {
    /// Who was told.
    Counterpart {
        /// Who asked.
        Subject = "subject",
        /// Who had received data or a model.
        Recipient = "recipient",
        /// The supervisory authority.
        Authority = "authority",
    }
}

codes! {
    /// Of what somebody was told.
    DueReason {
        /// The request came in.
        Receipt = "receipt",
        /// It takes longer.
        Extension = "extension",
        /// It is refused, with the ways to complain.
        Refusal = "refusal",
        /// It was carried out.
        Outcome = "outcome",
    }
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
    use std::collections::BTreeSet;

    #[test]
    fn every_status_can_be_reached_and_only_closed_is_the_end() {
        let mut reached = BTreeSet::from([Status::Received]);
        for _ in STATUSES {
            reached.extend(reached.clone().into_iter().flat_map(Status::next));
        }
        assert_eq!(reached, STATUSES.into());
        for status in STATUSES {
            assert_eq!(status.next().is_empty(), status == Status::Closed, "{status:?}");
            assert!(!status.next().contains(&Status::Received), "nothing is received twice");
            assert_eq!(serde_json::to_value(status).unwrap(), status.name());
        }
    }

    #[test]
    fn nothing_is_executed_that_was_not_accepted_and_nothing_verified_that_was_not_executed() {
        for status in STATUSES {
            let next = status.next();
            let accepted = [Status::Accepted, Status::Extended, Status::Executed].contains(&status);
            assert_eq!(next.contains(&Status::Executed), accepted, "{status:?}");
            assert_eq!(next.contains(&Status::Verified), status == Status::Executed, "{status:?}");
        }
    }

    #[test]
    fn a_record_reads_back_and_one_with_an_unknown_field_does_not() {
        let record = Record::Status { request: "r".to_string(), status: Status::Accepted, refusal: None };
        let text = serde_json::to_string(&record).unwrap();
        assert_eq!(text, r#"{"kind":"status","request":"r","status":"accepted","refusal":null}"#);
        assert_eq!(serde_json::from_str::<Record>(&text).unwrap(), record);
        let more = text.replace("null}", r#"null,"name":"x"}"#);
        assert!(serde_json::from_str::<Record>(&more).is_err());
    }

    #[test]
    fn codes_are_written_as_they_are_named() {
        for ground in RefusalGround::ALL {
            assert_eq!(serde_json::to_value(ground).unwrap(), ground.name());
        }
        for holds in Holds::ALL {
            assert_eq!(serde_json::to_value(holds).unwrap(), holds.name());
        }
        for how in RemovalKind::ALL {
            assert_eq!(serde_json::to_value(how).unwrap(), how.name());
        }
    }
}
