//! An id in a text or a name: found and replaced as a word of its own, so that `sub-1` is not in `sub-10`.
//!
//! Ids may hold hyphens and underscores, which also join an id to other words: `forget-sub-1`, `sub-1_labels.nii.gz`.
//! Whether `sub-1` or another subject is named there can be decided only with the list of the other ids.

/// A word to look for.
#[derive(Clone, Debug)]
pub struct Named {
    word: String,
    is_joined: bool,
}

impl Named {
    /// The word where neither letters, digits, hyphens nor underscores touch it.
    pub fn alone(word: &str) -> Named {
        Named { word: word.to_string(), is_joined: false }
    }

    /// The word also where a hyphen or an underscore joins it to others.
    ///
    /// A number is meant as such only alone: `01` is no person in `2026-01-28`.
    pub fn joined(word: &str) -> Named {
        Named { word: word.to_string(), is_joined: word.bytes().any(|byte| byte.is_ascii_alphabetic()) }
    }

    /// The word itself.
    pub fn word(&self) -> &str {
        &self.word
    }

    /// Whether bytes hold the word.
    pub fn is_in(&self, bytes: &[u8]) -> bool {
        self.positions(bytes).next().is_some()
    }

    /// The text with another word in its place.
    pub fn replaced(&self, text: &str, by: &str) -> String {
        let mut out = String::with_capacity(text.len());
        let mut after = 0;
        for at in self.positions(text.as_bytes()) {
            if at < after {
                continue;
            }
            out.push_str(&text[after..at]);
            out.push_str(by);
            after = at + self.word.len();
        }
        out.push_str(&text[after..]);
        out
    }

    fn positions<'a>(&'a self, bytes: &'a [u8]) -> impl Iterator<Item = usize> + 'a {
        let word = self.word.as_bytes();
        let touches = |byte: Option<&u8>| {
            byte.is_some_and(|byte| byte.is_ascii_alphanumeric() || (!self.is_joined && b"_-".contains(byte)))
        };
        bytes.windows(word.len().max(1)).enumerate().filter_map(move |(at, window)| {
            let alone = window == word
                && !touches(at.checked_sub(1).and_then(|before| bytes.get(before)))
                && !touches(bytes.get(at + word.len()));
            alone.then_some(at)
        })
    }
}

/// A text without any of these ids, each replaced by what stands beside it; the longest first, since one may hold
/// another.
pub fn without<'a>(text: &str, ids: impl IntoIterator<Item = (&'a str, &'a str)>) -> String {
    let mut ids: Vec<(&str, &str)> = ids.into_iter().collect();
    ids.sort_by_key(|(id, _)| std::cmp::Reverse(id.len()));
    ids.into_iter().fold(text.to_string(), |text, (id, by)| Named::joined(id).replaced(&text, by))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_is_replaced_as_a_word_and_nowhere_else() {
        let id = Named::alone("sub-1");
        assert_eq!(id.replaced("sub-1,\"sub-1\" sub-10 xsub-1 sub-1", "p"), "p,\"p\" sub-10 xsub-1 p");
        assert!(id.is_in(b"a/sub-1.nii") && !id.is_in(b"sub-12") && !id.is_in(b"sub-1_T1w") && !id.is_in(b""));
        // A word that follows itself: ids that overlap are words of neither.
        assert_eq!(id.replaced("sub-1 sub-1", "sub-1"), "sub-1 sub-1");
    }

    #[test]
    fn an_id_that_is_joined_to_other_words_is_found_where_it_cannot_be_a_number() {
        let id = Named::joined("sub-1");
        assert_eq!(id.replaced("forget-sub-1_labels, sub-10, xsub-1", "p"), "forget-p_labels, sub-10, xsub-1");
        assert!(!Named::joined("01").is_in(b"2026-01-28") && Named::joined("01").is_in(b"subject 01"));
    }

    #[test]
    fn of_ids_that_hold_each_other_the_longer_is_replaced_first() {
        assert_eq!(without("a-sub-1-2 sub-1", [("sub-1", "p"), ("sub-1-2", "q")]), "a-q p");
    }
}
