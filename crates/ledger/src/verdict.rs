//! Verdicts by their names in records. [`Outcome`] defines which there are, which pass and which is the weakest.

use crate::evidence::Outcome;

/// Whether a request with this verdict is verified; a name that no version of lacuna knows passes for nothing.
pub fn is_passing(verdict: &str) -> bool {
    Outcome::of_name(verdict).is_some_and(Outcome::passes)
}

/// Whether the verdict leaves open what the model still holds; the request can then be closed as unassessed.
pub fn is_open(verdict: &str) -> bool {
    Outcome::of_name(verdict).is_some_and(Outcome::is_open)
}

/// The weakest of some verdicts; an unknown name is weaker than all known ones.
pub fn weakest<'a>(verdicts: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let weakness = |verdict: &&str| {
        let outcome = Outcome::of_name(verdict);
        (outcome.is_none(), outcome)
    };
    verdicts.into_iter().max_by_key(weakness)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_weakest_verdict_counts_and_an_unknown_one_passes_for_nothing() {
        assert_eq!(weakest(Outcome::ALL.map(Outcome::name)), Some("no_effect"));
        assert_eq!(weakest(["exact", "inconclusive", "not_remembered"]), Some("inconclusive"));
        assert_eq!(weakest(["exact", "excellent", "no_effect"]), Some("excellent"));
        assert!(!is_passing("excellent") && !is_open("excellent") && weakest([]).is_none());
        assert!(is_passing("not_remembered") && is_open("exact_unproved") && !is_open("no_effect"));
    }
}
