//! `match-retrain`: indistinguishable from models that were never trained on the subject, at a small part of their
//! cost.
//!
//! The retrained models of the same forgotten subject, with all available seeds, form the band that chance alone
//! produces. Dice, loss and the two probes of a run must lie in it. As a control, the original must lie outside the
//! band: if it does not, nothing was memorised, and a run inside the band shows nothing.

use super::{Criterion, Judged, Thresholds, Unit, Verdict, diverged, judged, of_goal, verdict};
use crate::facts::{Facts, OfRole, Runs, references};
use crate::{Band, Goal, ORIGINAL, ProbeRow, RETRAIN, RelearnStatus, ReportError, Run};
use std::collections::BTreeMap;

pub(super) fn judge(runs: &Runs<'_>, probes: &[ProbeRow], thresholds: &Thresholds) -> Result<Vec<Judged>, ReportError> {
    let (originals, retrained) = (references(runs, ORIGINAL)?, references(runs, RETRAIN)?);
    let probes: BTreeMap<&Run, &ProbeRow> = probes.iter().map(|row| (&row.run, row)).collect();
    let of_run = of_goal(runs, Goal::MatchRetrain).map(|(run, facts)| {
        if facts.diverged {
            return diverged(run);
        }
        let references: Vec<Model> = retrained
            .get(run.forgotten.as_str())
            .into_iter()
            .flat_map(BTreeMap::values)
            .map(|&(run, facts)| Model { facts, probe: probes.get(run).copied() })
            .collect();
        let original = originals.get(run.forgotten.as_str()).and_then(|seeds| seeds.get(&run.seed));
        let model = Model { facts, probe: probes.get(run).copied() };
        judge_one(run, &model, original.map(|(_, facts)| *facts), &references, thresholds)
    });
    Ok(of_run.collect())
}

/// The name and unit of the relearning criterion.
const RELEARN: (&str, Unit) = ("relearn passes", Unit::Passes);

/// The facts and probe of one model.
struct Model<'a> {
    facts: &'a Facts,
    probe: Option<&'a ProbeRow>,
}

fn judge_one(
    run: &Run,
    model: &Model<'_>,
    original: Option<&Facts>,
    references: &[Model<'_>],
    thresholds: &Thresholds,
) -> Judged {
    let criteria = criteria(model, references, thresholds);
    let forget = |facts: &Facts| facts.dice(thresholds.grid, |roles| &roles.forget);
    let band = band(references, |model| forget(model.facts));
    let control = original.and_then(forget).zip(band).and_then(|(original, band)| band.deviations(original));
    let is_memorised = original
        .and_then(forget)
        .zip(band)
        .map(|(original, band)| original > band.mean && !band.holds(original, thresholds.control_deviations_min));
    let (verdict, note) = match is_memorised {
        _ if references.len() < thresholds.retrained_min => {
            (Verdict::NotAssessable, Some(too_few(references.len(), thresholds)))
        }
        None => (Verdict::NotAssessable, Some("no original to compare with".to_string())),
        Some(false) => (Verdict::SaysNothing, Some("nothing memorised".to_string())),
        Some(true) => (verdict(&criteria), None),
    };
    Judged { note, control_deviations: control, ..judged(run, verdict, criteria) }
}

fn too_few(found: usize, thresholds: &Thresholds) -> String {
    format!("{found} of {} retrained models", thresholds.retrained_min)
}

fn criteria(model: &Model<'_>, references: &[Model<'_>], thresholds: &Thresholds) -> Vec<Criterion> {
    let dice = |role: OfRole| {
        let of = move |model: &Model<'_>| model.facts.dice(thresholds.grid, role);
        (of(model), band(references, of))
    };
    let others = |_: Band| thresholds.others_difference_max;
    let inside = |band: Band| thresholds.deviations_max * band.deviation;
    let (forget, forget_band) = dice(|roles| &roles.forget);
    let (retain, retain_band) = dice(|roles| &roles.retain);
    let (held_out, held_out_band) = dice(|roles| &roles.held_out);
    let mut criteria = vec![
        Criterion::beside(("forget Dice", Unit::Dice), forget, forget_band, |band| {
            inside(band).min(thresholds.forget_difference_max)
        }),
        Criterion::beside(("retain Dice", Unit::Dice), retain, retain_band, others),
        Criterion::beside(("held-out Dice", Unit::Dice), held_out, held_out_band, others),
        Criterion::at_most("fraction", model.facts.cost.retraining_fraction, thresholds.retraining_fraction_max),
    ];
    // Rows without losses have no such figure, and a study need not probe; a criterion without a figure is left out.
    let loss = |model: &Model<'_>| model.facts.forget_cross_entropy();
    if let Some(found) = loss(model) {
        criteria.push(Criterion::beside(("cross-entropy", Unit::Nats), Some(found), band(references, loss), inside));
    }
    if model.probe.is_some_and(|probe| probe.rebound.is_some()) {
        criteria.push(Criterion::beside(
            ("rebound Dice", Unit::Dice),
            rebound(model),
            band(references, rebound),
            inside,
        ));
    }
    if model.probe.is_some_and(|probe| probe.relearn.is_some()) {
        criteria.push(relearning(model, references, thresholds));
    }
    criteria
}

/// The band of a figure; `None` if a reference model lacks the figure.
fn band(references: &[Model<'_>], of: impl Fn(&Model<'_>) -> Option<f64>) -> Option<Band> {
    references.iter().map(of).collect::<Option<Vec<f64>>>().and_then(|values| Band::of(&values))
}

fn rebound(model: &Model<'_>) -> Option<f64> {
    model.probe?.rebound?.output.forget
}

/// The relearning criterion. A model that did not relearn in time took longer than the limit: it is outside if the
/// limit already lies beyond the band, else the result is unknown.
fn relearning(model: &Model<'_>, references: &[Model<'_>], thresholds: &Thresholds) -> Criterion {
    let band = band(references, |model| model.probe?.relearn?.passes.map(|passes| passes as f64));
    let found = model.probe.and_then(|probe| probe.relearn).expect("asked only of a model that has it");
    let reach = |band: Band| thresholds.deviations_max * band.deviation;
    let beside = |passes: Option<u64>| Criterion::beside(RELEARN, passes.map(|passes| passes as f64), band, reach);
    match found.status {
        RelearnStatus::NotWithin => {
            let value = found.passes_max as f64;
            let met = band.filter(|&band| value > band.mean + reach(band)).map(|_| false);
            Criterion { met, is_limit: true, ..beside(Some(found.passes_max)) }
        }
        _ => beside(found.passes),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixture::{finished, matching, probe, references, run};
    use crate::gate::gates;
    use crate::{Outcome, ResultRow};

    fn only(rows: &[ResultRow], probes: &[ProbeRow]) -> Judged {
        let gates = gates(rows, probes, &Thresholds::STANDARD).unwrap();
        let gate = gates.iter().find(|gate| gate.goal == Goal::MatchRetrain).unwrap();
        assert_eq!(gate.judged.len(), 1);
        gate.judged[0].clone()
    }

    /// Forget Dice of five retrained models 0.48, 0.49, 0.50, 0.51, 0.52: mean 0.50, s = 0.0158.
    fn judge_one(dice: [f64; 3]) -> Judged {
        let mut rows = references(5, 0.98);
        matching(&mut rows, dice, 0.03);
        only(&rows, &[])
    }

    #[track_caller]
    fn missed(judged: &Judged, expected: &[&str]) {
        let missed: Vec<&str> =
            judged.criteria.iter().filter(|one| one.met == Some(false)).map(|one| one.name).collect();
        assert_eq!((missed.as_slice(), judged.verdict), (expected, Verdict::Fail));
    }

    #[test]
    fn a_run_worked_by_hand() {
        let passed = judge_one([0.9, 0.51, 0.6]);
        assert_eq!(passed.verdict, Verdict::Pass, "{passed:?}");
        let forget = &passed.criteria[0];
        // (0.51 - 0.50) / 0.0158 = 0.632; the original, (0.98 - 0.50) / 0.0158 = 30.36.
        assert!((forget.deviations.unwrap() - 0.632_455).abs() < 1e-5, "{forget:?}");
        assert!((passed.control_deviations.unwrap() - 30.357_8).abs() < 1e-3, "{passed:?}");
    }

    #[test]
    fn each_criterion_can_fail_alone() {
        // Within two deviations (0.0316) and yet too far from the mean.
        missed(&judge_one([0.9, 0.525, 0.6]), &["forget Dice"]);
        missed(&judge_one([0.9, 0.475, 0.6]), &["forget Dice"]);
        // Both sides: a model that keeps the others better than retraining does can be distinguished from it too.
        missed(&judge_one([0.906, 0.5, 0.6]), &["retain Dice"]);
        missed(&judge_one([0.9, 0.5, 0.594]), &["held-out Dice"]);
        let mut rows = references(5, 0.98);
        matching(&mut rows, [0.9, 0.5, 0.6], 0.051);
        missed(&only(&rows, &[]), &["fraction"]);
    }

    #[test]
    fn fewer_than_five_retrained_models_are_no_band() {
        let mut rows = references(4, 0.98);
        matching(&mut rows, [0.9, 0.495, 0.6], 0.03);
        let judged = only(&rows, &[]);
        assert_eq!(judged.verdict, Verdict::NotAssessable);
        assert_eq!(judged.note.as_deref(), Some("4 of 5 retrained models"));
        assert!(judged.criteria[0].deviations.is_some(), "what is there is shown");
    }

    #[test]
    fn where_the_original_lies_in_the_band_a_match_says_nothing() {
        for (original, verdict) in [(0.53, Verdict::SaysNothing), (0.535, Verdict::Pass), (0.40, Verdict::SaysNothing)]
        {
            let mut rows = references(5, original);
            matching(&mut rows, [0.9, 0.5, 0.6], 0.03);
            assert_eq!(only(&rows, &[]).verdict, verdict, "original {original}");
        }
        let mut rows = references(5, 0.98);
        rows.retain(|row| row.run.strategy != ORIGINAL);
        matching(&mut rows, [0.9, 0.5, 0.6], 0.03);
        assert_eq!(only(&rows, &[]).verdict, Verdict::NotAssessable);
    }

    #[test]
    fn losses_count_where_they_are_scored() {
        let with_losses = |own: f64| {
            let mut rows = references(5, 0.98);
            matching(&mut rows, [0.9, 0.5, 0.6], 0.03);
            for row in &mut rows {
                let loss = if row.run.strategy == RETRAIN { 0.7 + 0.01 * row.run.seed as f64 } else { own };
                let Outcome::Scored(scored) = &mut row.outcome else { unreachable!() };
                scored.cross_entropy = Some(loss).filter(|_| scored.score.name == "mean");
            }
            only(&rows, &[])
        };
        // Losses 0.70 to 0.74: mean 0.72, two deviations are 0.0316.
        assert_eq!(with_losses(0.75).verdict, Verdict::Pass);
        missed(&with_losses(0.76), &["cross-entropy"]);
    }

    #[test]
    fn probes_count_where_the_run_was_probed() {
        // Rebound Dice as the Dice itself, 0.48 to 0.52; relearned in 8, 9, 10, 11, 12 passes: mean 10, s = 1.58.
        let with_probe = |rebound, relearn| {
            let mut rows = references(5, 0.98);
            matching(&mut rows, [0.9, 0.5, 0.6], 0.03);
            let mut probes: Vec<ProbeRow> = (0..5)
                .map(|seed| probe(&run(RETRAIN, 100, "sub-01", seed), 0.48 + 0.01 * seed as f64, Some(8 + seed)))
                .collect();
            let own = rows.iter().find(|row| row.run.goal == Goal::MatchRetrain).unwrap().run.clone();
            probes.push(probe(&own, rebound, relearn));
            only(&rows, &probes)
        };
        assert_eq!(with_probe(0.52, Some(7)).verdict, Verdict::Pass);
        missed(&with_probe(0.56, Some(10)), &["rebound Dice"]);
        missed(&with_probe(0.52, Some(6)), &["relearn passes"]);
        // Not within 60 passes, where retrained models take 13 at the most that two deviations allow.
        missed(&with_probe(0.52, None), &["relearn passes"]);
        let mut rows = references(5, 0.98);
        matching(&mut rows, [0.9, 0.5, 0.6], 0.03);
        let own = rows.iter().find(|row| row.run.goal == Goal::MatchRetrain).unwrap().run.clone();
        let unprobed_bank = only(&rows, &[probe(&own, 0.5, Some(10))]);
        assert_eq!(unprobed_bank.verdict, Verdict::NotAssessable);
    }

    #[test]
    fn two_retrained_models_of_one_seed_are_refused() {
        let mut rows = references(5, 0.98);
        finished(&mut rows, &run(RETRAIN, 200, "sub-01", 3), [0.9, 0.5, 0.6]);
        matching(&mut rows, [0.9, 0.5, 0.6], 0.03);
        assert!(matches!(
            gates(&rows, &[], &Thresholds::STANDARD),
            Err(ReportError::TwoReferences { strategy: RETRAIN, .. })
        ));
    }
}
