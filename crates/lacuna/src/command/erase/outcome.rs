//! What a run came to: its own effect and an audit's verdict, as one outcome. This is the one place that maps them.

use super::progress::{Audited, How, Progress, Run};
use lacuna_audit::Verdict;
use lacuna_ledger::evidence::Outcome;

/// What came of one run.
pub fn of_run(run: &Run) -> Outcome {
    match &run.made {
        Some(made) => of(&made.how, run.audited.as_ref()),
        None => Outcome::Judged(Verdict::NotAssessable),
    }
}

/// The weakest of all runs.
pub fn of_all(progress: &Progress) -> Outcome {
    progress.runs.iter().map(of_run).max().unwrap_or(Outcome::Judged(Verdict::NotAssessable))
}

/// A run without effect has erased nothing, whatever an audit cannot tell; only where an audit has shown that there was
/// nothing to forget is that no fault of the run.
fn of(how: &How, audited: Option<&Audited>) -> Outcome {
    let verdict = audited.and_then(|audited| audited.verdict);
    match how {
        How::Approximate { effect } if effect.is_nothing && verdict != Some(Verdict::NotRemembered) => {
            Outcome::NoEffect
        }
        How::Approximate { .. } => verdict.map_or(Outcome::Judged(Verdict::NotAssessable), Outcome::Judged),
        How::Exact { proven: Some(true) } => Outcome::Judged(Verdict::Exact),
        How::Exact { proven: None } if verdict == Some(Verdict::Exact) => Outcome::Judged(Verdict::Exact),
        How::Exact { proven: None } => Outcome::Judged(Verdict::ExactUnproved),
        // A replay that gives other bytes is no replay; what it gives, only an audit can tell.
        How::Exact { proven: Some(false) } => {
            let by_scores = |verdict: &Verdict| ![Verdict::Exact, Verdict::ExactUnproved].contains(verdict);
            verdict.filter(by_scores).map_or(Outcome::Judged(Verdict::NotAssessable), Outcome::Judged)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use lacuna_train::Passes;
    use lacuna_unlearn::Effect;

    fn approximate(is_nothing: bool) -> How {
        let passes = Passes { training: 0, teacher: 2 };
        How::Approximate { effect: Effect { moved: 0.0, relabelled: 0.0, is_nothing, passes } }
    }

    fn audited(verdict: Option<Verdict>) -> Audited {
        Audited::of_verdict(verdict)
    }

    #[test]
    fn a_run_without_effect_is_no_effect_unless_there_was_nothing_to_forget() {
        assert_eq!(of(&approximate(true), None), Outcome::NoEffect);
        for verdict in Verdict::ALL {
            let expected = if verdict == Verdict::NotRemembered {
                Outcome::Judged(Verdict::NotRemembered)
            } else {
                Outcome::NoEffect
            };
            assert_eq!(of(&approximate(true), Some(&audited(Some(verdict)))), expected, "{verdict:?}");
        }
    }

    #[test]
    fn without_an_audit_or_with_a_void_one_nothing_is_assessed() {
        assert_eq!(of(&approximate(false), None), Outcome::Judged(Verdict::NotAssessable));
        assert_eq!(of(&approximate(false), Some(&audited(None))), Outcome::Judged(Verdict::NotAssessable));
    }

    #[test]
    fn every_verdict_keeps_its_name() {
        for verdict in Verdict::ALL {
            let found = of(&approximate(false), Some(&audited(Some(verdict))));
            assert_eq!(found.name(), verdict.name());
        }
    }

    #[test]
    fn an_exact_run_is_exact_where_it_was_proved_and_not_where_the_proof_failed() {
        assert_eq!(of(&How::Exact { proven: Some(true) }, None), Outcome::Judged(Verdict::Exact));
        assert_eq!(of(&How::Exact { proven: None }, None), Outcome::Judged(Verdict::ExactUnproved));
        for verdict in Verdict::ALL.map(Some).into_iter().chain([None]) {
            let proven = of(&How::Exact { proven: Some(false) }, Some(&audited(verdict)));
            assert!(
                ![Outcome::Judged(Verdict::Exact), Outcome::Judged(Verdict::ExactUnproved)].contains(&proven),
                "{verdict:?}"
            );
        }
    }
}
