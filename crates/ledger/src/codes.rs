//! The codes that records use in place of free text.

use serde::{Deserialize, Serialize};

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
        /// Written anew without the person's rows or entries.
        TakenOut = "taken-out",
    }
}

impl Ground {
    /// The same in a word, for those who do not know the letters.
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
    /// The same in a word, for those who do not know the letters.
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
    /// What was done with so many files, in words.
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
