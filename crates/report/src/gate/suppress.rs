//! `suppress`: the forgotten subject's Dice is lost and that of all others is kept, compared with the original.

use super::{Criterion, Judged, Thresholds, diverged, judged, of_goal, verdict};
use crate::facts::{Facts, OfRole, Runs, references};
use crate::{Goal, ORIGINAL, ReportError, ScoreGrid};

/// The criteria on both grids; the verdict is that of the thresholds' grid.
const NAMES: [(ScoreGrid, [&str; 3]); 2] = [
    (ScoreGrid::Output, ["forget lost", "retained", "held out kept"]),
    (ScoreGrid::Volume, ["forget lost (volume)", "retained (volume)", "held out kept (volume)"]),
];

pub(super) fn judge(runs: &Runs<'_>, thresholds: &Thresholds) -> Result<Vec<Judged>, ReportError> {
    let originals = references(runs, ORIGINAL)?;
    let of_run = of_goal(runs, Goal::Suppress).map(|(run, facts)| {
        if facts.diverged {
            return diverged(run);
        }
        let original = originals.get(run.forgotten.as_str()).and_then(|seeds| seeds.get(&run.seed));
        let criteria = criteria(facts, original.map(|(_, facts)| *facts), thresholds);
        judged(run, verdict(&criteria), criteria)
    });
    Ok(of_run.collect())
}

fn criteria(facts: &Facts, original: Option<&Facts>, thresholds: &Thresholds) -> Vec<Criterion> {
    let on_grid = |(grid, [lost, retained, held_out]): (ScoreGrid, [&'static str; 3])| {
        let kept = |role: OfRole| {
            let before = original?.dice(grid, role).filter(|&before| before > 0.0)?;
            Some(facts.dice(grid, role)? / before)
        };
        let criteria = [
            Criterion::at_least(lost, kept(|roles| &roles.forget).map(|kept| 1.0 - kept), thresholds.forget_lost_min),
            Criterion::at_least(retained, kept(|roles| &roles.retain), thresholds.retained_min),
            Criterion::at_least(held_out, kept(|roles| &roles.held_out), thresholds.held_out_kept_min),
        ];
        criteria.map(|criterion| Criterion { counts: grid == thresholds.grid, ..criterion })
    };
    NAMES.into_iter().flat_map(on_grid).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixture::{finished, run};
    use crate::gate::{Verdict, gates};
    use crate::{ResultRow, Role};

    /// A run beside an original of retain 0.9, forget 0.8 and held out 0.5.
    fn judge_one(dice: [f64; 3]) -> Judged {
        let mut rows = Vec::new();
        finished(&mut rows, &run(ORIGINAL, 100, "sub-01", 0), [0.9, 0.8, 0.5]);
        finished(&mut rows, &run("noisy-label", 50, "sub-01", 0), dice);
        only(&rows)
    }

    fn only(rows: &[ResultRow]) -> Judged {
        let gates = gates(rows, &[], &Thresholds::STANDARD).unwrap();
        assert_eq!((gates.len(), gates[0].judged.len()), (1, 1));
        gates[0].judged[0].clone()
    }

    #[test]
    fn a_run_worked_by_hand() {
        // Forget 0.004 of 0.8: 99.5 % gone. Retain 0.9 of 0.9. Held out 0.496 of 0.5: 99.2 %.
        let passed = judge_one([0.9, 0.004, 0.496]);
        assert_eq!(passed.verdict, Verdict::Pass);
        let figures: Vec<f64> = passed.criteria[..3].iter().map(|criterion| criterion.value.unwrap()).collect();
        for (found, expected) in figures.iter().zip([0.995, 1.0, 0.992]) {
            assert!((found - expected).abs() < 1e-12, "{figures:?}");
        }
        // On the volume grid there are no rows: shown as unknown, and of no account.
        assert!(passed.criteria[3..].iter().all(|criterion| criterion.met.is_none() && !criterion.counts));
    }

    #[test]
    fn each_criterion_can_fail_alone() {
        let missed = |dice| -> Vec<&'static str> {
            let judged = judge_one(dice);
            assert_eq!(judged.verdict, Verdict::Fail);
            judged.criteria.iter().filter(|one| one.met == Some(false)).map(|one| one.name).collect()
        };
        assert_eq!(missed([0.9, 0.0081, 0.5]), ["forget lost"]);
        assert_eq!(missed([0.895, 0.0, 0.5]), ["retained"]);
        assert_eq!(missed([0.9, 0.0, 0.494]), ["held out kept"]);
    }

    #[test]
    fn without_an_original_or_without_strangers_nothing_passes() {
        let mut rows = Vec::new();
        finished(&mut rows, &run("noisy-label", 50, "sub-01", 0), [0.9, 0.0, 0.5]);
        assert_eq!(only(&rows).verdict, Verdict::NotAssessable);
        finished(&mut rows, &run(ORIGINAL, 100, "sub-01", 0), [0.9, 0.8, 0.5]);
        rows.retain(|row| row.scored().unwrap().role != Role::HeldOut);
        assert_eq!(only(&rows).verdict, Verdict::NotAssessable);
    }

    #[test]
    fn a_diverged_run_fails() {
        let judged = only(&[crate::fixture::diverged(&run("max-loss", 20, "sub-01", 0))]);
        assert_eq!((judged.verdict, judged.note.as_deref()), (Verdict::Fail, Some("diverged")));
    }
}
