//! What a run came to: its own effect and an audit's verdict, as one outcome. This is the one place that maps them.

use crate::progress::{Audited, How, Progress, Run};
use lacuna_audit::Verdict;
use lacuna_ledger::evidence::Outcome;

/// The outcome of one run: its own effect on the model's answers, and the verdict of an audit.
pub fn outcome_of(run: &Run) -> Outcome {
    match &run.made {
        Some(made) => of(&made.how, run.audited.as_ref()),
        None => Outcome::Judged(Verdict::NotAssessable),
    }
}

/// The outcome of a request: the weakest of its runs.
pub fn weakest_outcome(progress: &Progress) -> Outcome {
    progress.runs.iter().map(outcome_of).max().unwrap_or(Outcome::Judged(Verdict::NotAssessable))
}

/// Whether a removal that was asked for is carried out: a request that left its models as they were removes nothing.
pub fn may_purge(asked: bool, outcome: Outcome) -> bool {
    asked && outcome.replaces_the_model()
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
    fn the_weakest_run_decides_and_nothing_is_removed_where_a_model_stayed_as_it_was() {
        let run = |is_nothing: bool| Run {
            run: "r".to_string(),
            from: "m".into(),
            before: lacuna_ledger::Digest([0; 32]),
            made: Some(crate::Made {
                model: "n".into(),
                after: lacuna_ledger::Digest([1; 32]),
                digests: ["d".to_string(), "e".to_string()],
                how: approximate(is_nothing),
                tables: Vec::new(),
                cost: crate::Cost { training_passes: 0, teacher_passes: None },
            }),
            audited: Some(audited(Some(Verdict::RetrainEquivalent))),
        };
        let outcome = |runs: Vec<Run>| {
            let protocol = lacuna_ledger::Digest([2; 32]);
            weakest_outcome(&Progress::new("s".to_string(), "r".to_string(), protocol, runs))
        };
        assert_eq!(outcome(vec![run(false)]), Outcome::Judged(Verdict::RetrainEquivalent));
        assert_eq!(outcome(vec![run(false), run(true)]), Outcome::NoEffect);
        assert_eq!(outcome(Vec::new()), Outcome::Judged(Verdict::NotAssessable));
        for (asked, runs, removes) in
            [(true, vec![run(false)], true), (true, vec![run(true)], false), (false, vec![run(false)], false)]
        {
            assert_eq!(may_purge(asked, outcome(runs)), removes);
        }
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
