//! The ledger's codes in words.

use crate::{Ground, Holds};

/// The ground of a request in words, by Article 17(1) of Regulation (EU) 2016/679.
pub fn ground_in_words(ground: Ground) -> &'static str {
    match ground {
        Ground::NoLongerNecessary => "the data are no longer necessary for their purpose (Article 17(1)(a))",
        Ground::ConsentWithdrawn => "the person withdrew consent (Article 17(1)(b))",
        Ground::Objection => "the person objects to the processing (Article 17(1)(c))",
        Ground::Unlawful => "the data were processed unlawfully (Article 17(1)(d))",
        Ground::LegalObligation => "a law requires the erasure (Article 17(1)(e))",
        Ground::Child => "the data were collected from a child (Article 17(1)(f))",
        Ground::Unstated => "not stated",
    }
}

/// The kind of data in words.
pub fn holds_in_words(holds: Holds) -> &'static str {
    match holds {
        Holds::Volume => "image or label map",
        Holds::PreparedVolume => "image prepared for a network",
        Holds::Weights => "model weights",
        Holds::Checkpoint => "state of a training",
        Holds::Scores => "file of scores",
        Holds::Name => "text with the person's id",
        Holds::Prediction => "prediction or picture",
        Holds::Forgotten => "model made to forget the person",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn every_code_has_words_of_its_own() {
        let grounds: BTreeSet<_> = Ground::ALL.iter().map(|ground| ground_in_words(*ground)).collect();
        assert_eq!(grounds.len(), Ground::ALL.len());
        let kinds: BTreeSet<_> = Holds::ALL.iter().map(|holds| holds_in_words(*holds)).collect();
        assert_eq!(kinds.len(), Holds::ALL.len());
        for words in grounds.iter().chain(&kinds) {
            assert!(!words.contains('|') && !words.to_lowercase().contains("gdpr"), "{words}");
        }
    }
}
