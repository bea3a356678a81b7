//! The codes that records use in place of free text.

use serde::{Deserialize, Serialize};

/// The status of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Status {
    /// The request was received.
    Received,
    /// The identity of the person who asks is not established.
    IdentityPending,
    /// The request will be carried out.
    Accepted,
    /// The request will be carried out, within two months more than the first.
    Extended,
    /// The request is refused.
    Refused,
    /// A model without the subject was made.
    Executed,
    /// An audit has passed the new model.
    Verified,
    /// The request is finished and the person was informed.
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
    /// The statuses that may follow this one.
    pub fn next(self) -> &'static [Status] {
        match self {
            Status::Received => &[Status::IdentityPending, Status::Accepted, Status::Refused],
            Status::IdentityPending => &[Status::Accepted, Status::Refused],
            Status::Accepted => &[Status::Extended, Status::Refused, Status::Executed],
            Status::Extended => &[Status::Refused, Status::Executed],
            // A run whose audit failed is followed by another. A run that cannot be assessed is closed as unassessed;
            // that depends on its verdicts and not on the status alone.
            Status::Executed => &[Status::Executed, Status::Verified, Status::Closed],
            Status::Verified | Status::Refused => &[Status::Closed],
            Status::Closed => &[],
        }
    }

    /// The name in files and in the database.
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
            /// All codes, in the order of their declaration.
            pub const ALL: &'static [$name] = &[$($name::$code),+];

            /// The name in files and in the database.
            pub fn name(self) -> &'static str {
                match self { $($name::$code => $text),+ }
            }
        }
    };
}

codes! {
    /// The ground for an erasure request, by the letters of GDPR 17(1).
    Ground {
        /// The data are not needed any more for their purpose.
        NoLongerNecessary = "17-1-a",
        /// Consent was withdrawn.
        ConsentWithdrawn = "17-1-b",
        /// The person objects to the processing.
        Objection = "17-1-c",
        /// Processing was unlawful.
        Unlawful = "17-1-d",
        /// A law requires the erasure.
        LegalObligation = "17-1-e",
        /// The data were collected for a service offered to a child.
        Child = "17-1-f",
        /// The ground was not given.
        Unstated = "unstated",
    }
}

codes! {
    /// The ground for refusing a request: GDPR 12(2), 12(5), 17(3).
    RefusalGround {
        /// The identity of the person who asks could not be established.
        IdentityNotProven = "12-2",
        /// The request is manifestly unfounded or excessive.
        UnfoundedOrExcessive = "12-5",
        /// The data serve freedom of expression.
        Expression = "17-3-a",
        /// A legal obligation or a public task requires the data.
        LegalObligation = "17-3-b",
        /// Public health requires the data.
        PublicHealth = "17-3-c",
        /// Erasure would make research impossible.
        Research = "17-3-d",
        /// Legal claims require the data.
        LegalClaims = "17-3-e",
        /// The controller holds no data of this person.
        NotHeld = "not-held",
    }
}

codes! {
    /// The reason for an extension of the time limit: GDPR 12(3).
    ExtensionReason {
        /// The request is complex.
        Complexity = "complexity",
        /// There are many requests.
        Number = "number",
    }
}

codes! {
    /// The kind of data that a file or model holds about a subject.
    Holds {
        /// An image or a label map, as it was supplied.
        Volume = "volume",
        /// An image prepared for a network.
        PreparedVolume = "prepared-volume",
        /// Weights that were trained on the subject.
        Weights = "weights",
        /// The weights and optimiser state of a training on the subject.
        Checkpoint = "checkpoint",
        /// Scores or losses that were computed on the subject.
        Scores = "scores",
        /// The subject's id.
        Name = "name",
        /// A prediction or picture of the subject.
        Prediction = "prediction",
        /// Weights of a model that unlearned the subject.
        Forgotten = "forgotten",
    }
}

codes! {
    /// The operation on a file that held a subject.
    RemovalKind {
        /// Moved to quarantine, from where it can be put back until the request is closed.
        Quarantined = "quarantined",
        /// Rewritten, with the pseudonym in place of the id.
        Rewritten = "rewritten",
        /// Given a name without the id.
        Renamed = "renamed",
        /// Deleted from the file system.
        Deleted = "deleted",
        /// Put back from quarantine.
        Restored = "restored",
        /// Rewritten without the person's rows or entries.
        TakenOut = "taken-out",
    }
}

impl Ground {
    /// A short word for the ground, for readers who do not know the letters.
    pub fn word(self) -> &'static str {
        match self {
            Ground::NoLongerNecessary => "no-longer-necessary",
            Ground::ConsentWithdrawn => "consent-withdrawn",
            Ground::Objection => "objection",
            Ground::Unlawful => "unlawful-processing",
            Ground::LegalObligation => "legal-obligation",
            Ground::Child => "child",
            Ground::Unstated => "not-stated",
        }
    }
}

impl RefusalGround {
    /// A short word for the ground, for readers who do not know the letters.
    pub fn word(self) -> &'static str {
        match self {
            RefusalGround::IdentityNotProven => "identity-not-proven",
            RefusalGround::UnfoundedOrExcessive => "unfounded-or-excessive",
            RefusalGround::Expression => "freedom-of-expression",
            RefusalGround::LegalObligation => "legal-obligation",
            RefusalGround::PublicHealth => "public-health",
            RefusalGround::Research => "research",
            RefusalGround::LegalClaims => "legal-claims",
            RefusalGround::NotHeld => "nothing-held",
        }
    }
}

impl RemovalKind {
    /// A phrase for the operation on `count` files, such as "2 files deleted".
    pub fn in_words(self, count: usize) -> String {
        let files = if count == 1 { "1 file".to_string() } else { format!("{count} files") };
        let done = match self {
            RemovalKind::Quarantined => "moved to quarantine",
            RemovalKind::Rewritten => "rewritten with the pseudonym",
            RemovalKind::Renamed => "renamed with the pseudonym",
            RemovalKind::Deleted => "deleted",
            RemovalKind::Restored => "put back from quarantine",
            RemovalKind::TakenOut => "without the person's rows or entries, which were taken out",
        };
        format!("{files} {done}")
    }
}

codes! {
    /// The party that was notified.
    Counterpart {
        /// The person who made the request.
        Subject = "subject",
        /// A recipient of data or a model.
        Recipient = "recipient",
        /// The supervisory authority.
        Authority = "authority",
    }
}

codes! {
    /// The subject matter of a notification.
    DueReason {
        /// The request was received.
        Receipt = "receipt",
        /// The answer will take longer.
        Extension = "extension",
        /// The request is refused; the notice names the ways to complain.
        Refusal = "refusal",
        /// The request was carried out.
        Outcome = "outcome",
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
    fn codes_are_written_as_they_are_named() {
        for ground in RefusalGround::ALL {
            assert_eq!(serde_json::to_value(ground).unwrap(), ground.name());
        }
        for holds in Holds::ALL {
            assert_eq!(serde_json::to_value(holds).unwrap(), holds.name());
        }
        let words: BTreeSet<&str> =
            RefusalGround::ALL.iter().flat_map(|ground| [ground.name(), ground.word()]).collect();
        assert_eq!(words.len(), 2 * RefusalGround::ALL.len(), "a word means one ground");
        let words: BTreeSet<&str> = Ground::ALL.iter().flat_map(|ground| [ground.name(), ground.word()]).collect();
        assert_eq!(words.len(), 2 * Ground::ALL.len());
        for how in RemovalKind::ALL {
            assert_eq!(serde_json::to_value(how).unwrap(), how.name());
        }
    }
}
