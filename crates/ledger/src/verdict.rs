//! The verdicts of an audit of a new model.

/// All verdicts, the strongest first; the weakest of several models counts.
pub const VERDICTS: &[&str] = &[
    "exact",
    "retrain_equivalent",
    "consistent_with_retrain",
    "not_remembered",
    "exact_unproved",
    "inconclusive",
    "not_assessable",
    "utility_lost",
    "over_forgotten",
    "residual_influence",
    "no_effect",
];
/// The verdicts with which a request is verified. `not_remembered`: the original model never detectably remembered the
/// person, so there was nothing to forget.
const PASSING: &[&str] = &["exact", "retrain_equivalent", "consistent_with_retrain", "not_remembered"];
/// The verdicts that show neither that the person is forgotten nor that the person is not.
const OPEN: &[&str] = &["exact_unproved", "inconclusive", "not_assessable"];

/// Whether a request with this verdict is verified.
pub fn is_passing(verdict: &str) -> bool {
    PASSING.contains(&verdict)
}

/// Whether the verdict leaves open what the model still holds; the request can then be closed as unassessed.
pub fn is_open(verdict: &str) -> bool {
    OPEN.contains(&verdict)
}

/// The weakest of some verdicts; an unknown verdict is weaker than all known ones.
pub fn weakest<'a>(verdicts: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let weakness = |verdict: &&str| VERDICTS.iter().position(|known| known == verdict).unwrap_or(VERDICTS.len());
    verdicts.into_iter().max_by_key(weakness)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_verdict_that_passes_is_stronger_than_every_one_that_leaves_it_open_and_those_than_all_others() {
        let kind = |verdict: &&str| {
            if is_passing(verdict) {
                0
            } else if is_open(verdict) {
                1
            } else {
                2
            }
        };
        let kinds: Vec<i32> = VERDICTS.iter().map(kind).collect();
        assert!(kinds.is_sorted() && kinds.contains(&1) && kinds.contains(&2), "{kinds:?}");
        assert_eq!((PASSING.len(), OPEN.len()), (4, 3));
    }

    #[test]
    fn the_weakest_verdict_counts_and_an_unknown_one_passes_for_nothing() {
        assert_eq!(weakest(VERDICTS.iter().copied()), Some("no_effect"));
        assert_eq!(weakest(["exact", "inconclusive", "not_remembered"]), Some("inconclusive"));
        assert_eq!(weakest(["exact", "excellent"]), Some("excellent"));
        assert!(!is_passing("excellent") && !is_open("excellent") && weakest([]).is_none());
    }
}
