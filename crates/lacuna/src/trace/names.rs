//! An id in a text: found and replaced as a word of its own, so that `sub-1` is not in `sub-10`.

use lacuna_cohort::SubjectId;

/// Whether bytes hold the id.
pub fn is_named(bytes: &[u8], subject: &SubjectId) -> bool {
    places(bytes, subject.as_str()).next().is_some()
}

/// The text with another word wherever the id stands.
pub fn replaced(text: &str, subject: &SubjectId, by: &str) -> String {
    word_replaced(text, subject.as_str(), by)
}

/// The same of any word.
pub fn word_replaced(text: &str, word: &str, by: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut after = 0;
    for at in places(text.as_bytes(), word) {
        if at < after {
            continue;
        }
        out.push_str(&text[after..at]);
        out.push_str(by);
        after = at + word.len();
    }
    out.push_str(&text[after..]);
    out
}

fn places<'a>(bytes: &'a [u8], id: &'a str) -> impl Iterator<Item = usize> + 'a {
    let id = id.as_bytes();
    let in_id = |byte: Option<&u8>| byte.is_some_and(|byte| byte.is_ascii_alphanumeric() || b"_-".contains(byte));
    bytes.windows(id.len()).enumerate().filter_map(move |(at, window)| {
        let alone = window == id
            && !in_id(at.checked_sub(1).and_then(|before| bytes.get(before)))
            && !in_id(bytes.get(at + id.len()));
        alone.then_some(at)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_is_replaced_as_a_word_and_nowhere_else() {
        let id = SubjectId::new("sub-1").unwrap();
        assert_eq!(replaced("sub-1,\"sub-1\" sub-10 xsub-1 sub-1", &id, "p"), "p,\"p\" sub-10 xsub-1 p");
        assert!(is_named(b"a/sub-1.nii", &id) && !is_named(b"sub-12", &id) && !is_named(b"", &id));
        // A word that follows itself: ids that overlap are words of neither.
        assert_eq!(replaced("sub-1 sub-1", &id, "sub-1"), "sub-1 sub-1");
    }
}
