//! What verdicts, gates and numbers of an audit are called on the page.

use crate::figure::fixed;
use lacuna_audit::report::GateReport;
use lacuna_audit::{Interval, Power, Verdict};

/// A verdict for people.
pub(super) struct VerdictWords {
    /// `pass`, `fail` or `unknown`.
    pub(super) tone: &'static str,
    /// The verdict in a word or two.
    pub(super) word: &'static str,
    /// The meaning of the verdict.
    pub(super) meaning: &'static str,
}

pub(super) fn verdict(verdict: Option<Verdict>) -> VerdictWords {
    let tone = match verdict {
        Some(verdict) if verdict.passes() => "pass",
        Some(verdict) if !verdict.is_open() => "fail",
        _ => "unknown",
    };
    let (word, meaning) = meaning(verdict);
    VerdictWords { tone, word, meaning }
}

fn meaning(verdict: Option<Verdict>) -> (&'static str, &'static str) {
    let Some(verdict) = verdict else {
        return ("Void", "A control did not come out as known, so no verdict is given.");
    };
    match verdict {
        Verdict::RetrainEquivalent => {
            ("Like retrained", "Shown to be alike within the margin, Dice kept, nothing comes back.")
        }
        Verdict::ConsistentWithRetrain => ("Consistent", "Inside what retrained models do. Inside is no proof."),
        Verdict::Exact => ("Exact", "Never trained on the subject, by its plan and its proof."),
        Verdict::ExactUnproved => {
            ("Exact, unproved", "Never trained on the subject by its plan; nothing was compared.")
        }
        Verdict::ResidualInfluence => ("Something is left", "Differs from retrained models on the originals' side."),
        Verdict::OverForgotten => ("Over-forgotten", "Differs on the other side: the erasure itself shows."),
        Verdict::UtilityLost => ("Others lost", "The others are served worse than is allowed."),
        Verdict::NotAssessable => (
            "Not assessable",
            "It is not shown whether there was anything to forget, or nothing was there to compare with. Not \
             \u{201c}forgotten\u{201d}.",
        ),
        Verdict::NotRemembered => (
            "Never remembered",
            "The originals are shown to be like models that never saw the subject: by these statistics there was nothing \
             to forget.",
        ),
        Verdict::Inconclusive => ("Inconclusive", "Neither shown alike nor shown different."),
    }
}

/// Whether a gate is passed.
pub(super) fn gate(gate: &GateReport) -> &'static str {
    match (gate.declared, gate.passed) {
        (Some(false), _) | (_, None) => "No gate was declared, so there is none to pass.",
        (_, Some(false)) => "The audit's gate is not passed.",
        (Some(true), Some(true)) => "The audit's gate is passed.",
        (None, Some(true)) => "No threshold failed; the file does not say whether a gate was declared.",
    }
}

/// What so many seeds can show, by name.
pub(super) fn power(power: &Power, epsilon_ceiling: f64) -> Vec<(&'static str, String)> {
    vec![
        ("seeds of each kind", power.seeds.to_string()),
        ("difference found with 80 % power", deviations(power.detectable)),
        ("margin shown with 80 % power, fixed", deviations(power.provable)),
        ("the same, in estimated deviations", deviations(power.provable_in_deviations)),
        ("alike models shown alike", percent(power.of_equivalence)),
        ("a difference of the margin found", percent(power.of_difference)),
        ("shift of one delivered model found", deviations(power.detectable_delivered)),
        ("largest epsilon that could ever be shown", fixed(epsilon_ceiling, 2)),
    ]
}

pub(super) fn probability(p: f64) -> String {
    if p < 0.0001 { "< 0.0001".to_string() } else { format!("= {}", fixed(p, 4)) }
}

pub(super) fn deviations(value: f64) -> String {
    format!("{} deviations", fixed(value, 2))
}

pub(super) fn percent(value: f64) -> String {
    format!("{} %", fixed(100.0 * value, 0))
}

/// An interval in brackets, each end `times` its value.
pub(super) fn within(interval: &Interval, times: f64, digits: usize) -> String {
    format!(" ({} to {})", fixed(times * interval.low, digits), fixed(times * interval.high, digits))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_gate_that_nobody_declared_has_not_passed_on_the_page() {
        for (declared, passed, words) in [
            (Some(false), None, "No gate was declared"),
            (Some(true), Some(true), "gate is passed"),
            (Some(true), Some(false), "gate is not passed"),
            (None, Some(true), "does not say whether a gate was declared"),
            (None, Some(false), "gate is not passed"),
            (None, None, "No gate was declared"),
        ] {
            let found = gate(&GateReport { declared, passed, failures: Vec::new() });
            assert!(found.contains(words), "{declared:?} {passed:?}: {found}");
            assert_eq!(found.contains("is passed"), words == "gate is passed", "{declared:?} {passed:?}: {found}");
        }
    }

    #[test]
    fn every_verdict_has_words_of_its_own_and_the_tone_of_its_strength() {
        let words: Vec<VerdictWords> = Verdict::ALL.into_iter().map(Some).chain([None]).map(verdict).collect();
        for (index, own) in words.iter().enumerate() {
            assert!(words[..index].iter().all(|other| other.word != own.word), "{}", own.word);
        }
        let tones: Vec<&str> = words.iter().map(|words| words.tone).collect();
        let expected = [vec!["pass"; 4], vec!["unknown"; 3], vec!["fail"; 3], vec!["unknown"]].concat();
        assert_eq!(tones, expected);
    }
}
