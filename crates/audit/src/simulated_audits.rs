//! Thousands of audits of scores whose truth is known: does each verdict come as seldom as it promises?

use crate::simulated::{at_most, within_binomial_slack};
use crate::*;
use lacuna_seed::{Draws, Seed};

/// How the arms of a simulated audit truly lie, in deviations of the retrained models.
#[derive(Clone, Copy)]
struct Truth {
    original: f64,
    unlearned: f64,
    dice_loss: f64,
    models: usize,
}

const FORGOTTEN: Truth = Truth { original: 8.0, unlearned: 0.0, dice_loss: 0.0, models: 10 };

/// Four statistics that share half of their noise, as those of one model do.
fn arm(what: &'static str, draws: &mut Draws, shift: f64, dice_loss: f64, models: usize) -> Arm {
    let mut model = |seed: u64| {
        let shared = draws.normal();
        let mut features = Features::default();
        for statistic in [Statistic::BandMargin, Statistic::CrossEntropyBand, Statistic::SoftDice, Statistic::Entropy] {
            let noise = (shared + draws.normal()) / 2f64.sqrt();
            let sign = if statistic.is_larger_if_known() { 1.0 } else { -1.0 };
            features.set(statistic, sign * (shift + noise));
        }
        let dice = Some(0.8 - dice_loss + 0.004 * draws.normal());
        Measured { seed, features, retain_dice: dice, held_out_dice: dice, ..Measured::default() }
    };
    Arm::new(what, (0..models as u64).map(&mut model).collect())
}

fn audits(name: &str, truth: Truth, count: usize) -> Vec<Assessment> {
    let mut draws = Seed(20).stream("simulated audits").part(name).draws();
    let protocol = Protocol::default();
    let mut audit = |number: usize| {
        let original = arm("original", &mut draws, truth.original, 0.0, truth.models);
        let unlearned = arm("unlearned", &mut draws, truth.unlearned, truth.dice_loss, truth.models);
        let retrained = arm("retrained", &mut draws, 0.0, 0.0, truth.models);
        let arms = Arms { original: &original, unlearned: &unlearned, retrained: &retrained };
        let stream = Seed(number as u64).stream("audit");
        procedure(arms, &protocol, &stream).unwrap()
    };
    (0..count).map(&mut audit).collect()
}

fn count(audits: &[Assessment], verdicts: &[Verdict]) -> usize {
    audits.iter().filter(|audit| verdicts.contains(&audit.verdict)).count()
}

/// With so few models no order is sampled and no bootstrap drawn, which makes thousands of audits a matter of seconds.
const FEW: usize = 6;

#[test]
fn a_subject_truly_forgotten_is_accused_no_more_than_one_time_in_twenty() {
    let found = audits("null", Truth { models: FEW, ..FORGOTTEN }, 2000);
    let primary = found.iter().filter(|audit| audit.statistics.primary.as_ref().unwrap().comparison.p <= 0.05).count();
    within_binomial_slack(primary, 2000, 0.05);
    // Secondary statistics have a chance of their own, but only beyond the margin.
    at_most(count(&found, &[Verdict::ResidualInfluence, Verdict::OverForgotten]), 2000, 0.06);
    assert_eq!(count(&found, &[Verdict::UtilityLost, Verdict::NotAssessable]), 0);
}

#[test]
fn a_subject_at_the_margin_is_called_forgotten_no_more_than_one_time_in_twenty() {
    for (name, unlearned) in [("left", 1.5), ("beyond", -1.5)] {
        let found = audits(name, Truth { unlearned, models: FEW, ..FORGOTTEN }, 2000);
        at_most(count(&found, &[Verdict::RetrainEquivalent]), 2000, 0.05);
    }
}

#[test]
fn ten_models_mostly_earn_what_is_true() {
    let found = audits("ten", FORGOTTEN, 60);
    assert!(count(&found, &[Verdict::RetrainEquivalent]) >= 40, "{}", count(&found, &[Verdict::RetrainEquivalent]));
    let left = audits("ten left", Truth { unlearned: 4.0, ..FORGOTTEN }, 40);
    assert_eq!(count(&left, &[Verdict::ResidualInfluence]), 40);
    let beyond = audits("ten beyond", Truth { unlearned: -4.0, dice_loss: 0.5, ..FORGOTTEN }, 40);
    assert_eq!(count(&beyond, &[Verdict::OverForgotten]), 40);
    let lost = audits("ten lost", Truth { dice_loss: 0.05, ..FORGOTTEN }, 40);
    assert!(count(&lost, &[Verdict::UtilityLost]) >= 36, "{}", count(&lost, &[Verdict::UtilityLost]));
}

#[test]
fn three_models_are_mostly_inconclusive_and_say_how_many_it_takes() {
    let found = audits("three", Truth { models: 3, ..FORGOTTEN }, 500);
    assert!(count(&found, &[Verdict::Inconclusive]) > 400, "{}", count(&found, &[Verdict::Inconclusive]));
    let inconclusive = found.iter().find(|audit| audit.verdict == Verdict::Inconclusive).unwrap();
    assert!(inconclusive.statistics.seeds_needed.unwrap() > 3);
}

#[test]
fn what_was_never_remembered_cannot_be_assessed_but_by_chance() {
    let found = audits("nothing", Truth { original: 0.0, models: FEW, ..FORGOTTEN }, 2000);
    at_most(2000 - count(&found, &[Verdict::NotAssessable, Verdict::NotRemembered]), 2000, 0.05);
}

#[test]
fn a_subject_remembered_at_the_margin_is_called_not_remembered_no_more_than_one_time_in_twenty() {
    for (name, original) in [("known", 1.5), ("known less", -1.5)] {
        let found = audits(name, Truth { original, models: FEW, ..FORGOTTEN }, 2000);
        at_most(count(&found, &[Verdict::NotRemembered]), 2000, 0.05);
    }
}

#[test]
fn ten_models_mostly_show_that_nothing_was_remembered_and_three_never_do() {
    let nothing = Truth { original: 0.0, ..FORGOTTEN };
    let found = audits("nothing, ten", nothing, 60);
    assert!(count(&found, &[Verdict::NotRemembered]) >= 30, "{}", count(&found, &[Verdict::NotRemembered]));
    let few = audits("nothing, three", Truth { models: 3, ..nothing }, 500);
    assert_eq!(count(&few, &[Verdict::NotRemembered]), 0);
    let open = few.iter().find(|audit| audit.verdict == Verdict::NotAssessable).unwrap();
    assert!(
        open.statistics.reasons.iter().any(|reason| reason.contains("with a chance of 0 %")),
        "{:?}",
        open.statistics.reasons
    );
    assert!(open.statistics.seeds_needed.unwrap() > 3);
}

#[test]
fn what_differs_from_retrained_models_is_never_called_not_remembered() {
    let nothing = Truth { original: 0.0, ..FORGOTTEN };
    for (name, truth) in [
        ("beyond", Truth { unlearned: -6.0, ..nothing }),
        ("left", Truth { unlearned: 6.0, ..nothing }),
        ("lost", Truth { dice_loss: 0.2, ..nothing }),
    ] {
        let found = audits(name, truth, 40);
        assert_eq!(count(&found, &[Verdict::NotRemembered]), 0, "{name}");
        let open = found.iter().find(|audit| audit.verdict == Verdict::NotAssessable).unwrap();
        assert!(
            open.statistics.reasons.iter().any(|reason| reason.contains("all the same")),
            "{name}: {:?}",
            open.statistics.reasons
        );
    }
}

#[test]
fn a_lineage_without_the_subject_needs_no_statistics_and_scores_that_are_missing_are_no_lineage() {
    assert_eq!(Assessment::by_lineage(Lineage::Exact).verdict, Verdict::Exact);
    assert_eq!(Assessment::by_lineage(Lineage::ExactUnproved).verdict, Verdict::ExactUnproved);
    let none = Arm::new("none", Vec::new());
    let arms = Arms { original: &none, unlearned: &none, retrained: &none };
    let found = procedure(arms, &Protocol::default(), &Seed(0).stream("audit")).unwrap();
    assert_eq!(found.verdict, Verdict::NotAssessable);
}

/// Delivered models at a distance from ten or fewer retrained ones.
fn delivered(name: &str, shift: f64, models: usize, count: usize) -> Vec<Verdict> {
    delivered_of(name, 8.0, shift, models, count)
}

/// The same where the originals are so far from the retrained models.
fn delivered_of(name: &str, original: f64, shift: f64, models: usize, count: usize) -> Vec<Verdict> {
    let mut draws = Seed(21).stream("delivered models").part(name).draws();
    let mut one = || {
        let original = arm("original", &mut draws, original, 0.0, models);
        let retrained = arm("retrained", &mut draws, 0.0, 0.0, models);
        let model = arm("delivered", &mut draws, shift, 0.0, 1).models()[0].clone();
        delivered_model(&model, &original, &retrained, &Protocol::default()).unwrap().verdict
    };
    (0..count).map(|_| one()).collect()
}

#[test]
fn a_retrained_model_is_accused_one_time_in_twenty_and_never_called_equivalent() {
    let found = delivered("retrained", 0.0, 10, 2000);
    let consistent = found.iter().filter(|verdict| **verdict == Verdict::ConsistentWithRetrain).count();
    within_binomial_slack(2000 - consistent, 2000, 0.05);
    assert!(!found.contains(&Verdict::RetrainEquivalent));
    let untouched = delivered("untouched", 8.0, 10, 100);
    assert!(untouched.iter().all(|verdict| *verdict == Verdict::ResidualInfluence));
    let destroyed = delivered("destroyed", -8.0, 10, 100);
    assert!(destroyed.iter().all(|verdict| *verdict == Verdict::OverForgotten));
}

#[test]
fn beside_three_retrained_models_nothing_is_called_consistent() {
    let found = delivered("three", 0.0, 3, 200);
    assert!(!found.contains(&Verdict::ConsistentWithRetrain));
}

#[test]
fn one_model_of_a_subject_never_remembered_is_called_that_where_it_is_shown_and_the_model_is_like_the_others() {
    let of = |found: &[Verdict], verdict| found.iter().filter(|found| **found == verdict).count();
    let shown = delivered_of("never remembered", 0.0, 0.0, 10, 200);
    assert!(of(&shown, Verdict::NotRemembered) >= 100, "{shown:?}");
    assert_eq!(of(&shown, Verdict::ConsistentWithRetrain) + of(&shown, Verdict::RetrainEquivalent), 0, "{shown:?}");
    let margin = delivered_of("remembered at the margin", 1.5, 0.0, 10, 1000);
    at_most(of(&margin, Verdict::NotRemembered), 1000, 0.05);
    for (name, shift, models) in [("destroyed", -8.0, 10), ("few", 0.0, 4)] {
        let found = delivered_of(name, 0.0, shift, models, 100);
        assert_eq!(of(&found, Verdict::NotRemembered), 0, "{name}");
    }
}

#[test]
fn what_comes_back_contradicts_equal_outputs() {
    let mut draws = Seed(22).stream("probes").draws();
    let with = |mut models: Vec<Measured>, rebound: f64, passes: f64, draws: &mut Draws| {
        for model in &mut models {
            model.rebound = Some(rebound + 0.01 * draws.normal());
            model.relearn_passes = Some(passes + draws.normal());
        }
        models
    };
    let original = arm("original", &mut draws, 8.0, 0.0, FEW);
    let models = arm("retrained", &mut draws, 0.0, 0.0, FEW).models().to_vec();
    let retrained = Arm::new("retrained", with(models.clone(), 0.0, 50.0, &mut draws));
    let verdict = |rebound: f64, passes: f64, draws: &mut Draws| {
        let unlearned = Arm::new("unlearned", with(models.clone(), rebound, passes, draws));
        let arms = Arms { original: &original, unlearned: &unlearned, retrained: &retrained };
        procedure(arms, &Protocol::default(), &Seed(0).stream("audit")).unwrap().verdict
    };
    // The very scores of the retrained models: alike, unless something comes back.
    assert_eq!(verdict(0.0, 50.0, &mut draws), Verdict::RetrainEquivalent);
    assert_eq!(verdict(0.3, 50.0, &mut draws), Verdict::ResidualInfluence);
    assert_eq!(verdict(0.0, 20.0, &mut draws), Verdict::ResidualInfluence);
}

#[test]
fn the_declared_statistic_speaks_before_the_others() {
    // Noise learnt as the subject's labels: the margin falls far below, and the cross-entropy below that of models that
    // are sure and wrong, which alone would read as memory.
    let mut draws = Seed(23).stream("two directions").draws();
    let original = arm("original", &mut draws, 8.0, 0.0, FEW);
    let retrained = arm("retrained", &mut draws, 0.0, 0.0, FEW);
    let mut verdict = |margin: f64| {
        let mut models = arm("unlearned", &mut draws, margin, 0.0, FEW).models().to_vec();
        for model in &mut models {
            model.features.set(Statistic::CrossEntropyBand, -8.0 + draws.normal());
        }
        let unlearned = Arm::new("unlearned", models);
        let arms = Arms { original: &original, unlearned: &unlearned, retrained: &retrained };
        procedure(arms, &Protocol::default(), &Seed(0).stream("audit")).unwrap()
    };
    let noisy = verdict(-20.0);
    assert_eq!(noisy.verdict, Verdict::OverForgotten);
    assert!(
        noisy.statistics.reasons.iter().any(|reason| reason.contains("cross-entropy-band")),
        "it is told all the same"
    );
    assert_eq!(verdict(0.0).verdict, Verdict::ResidualInfluence, "where the first says nothing, the others answer");
}

#[test]
fn a_gate_fails_what_is_unknown_and_names_what_it_asks() {
    let found = &audits("gate", Truth { models: FEW, unlearned: 4.0, ..FORGOTTEN }, 1)[0];
    let gate: Gate = toml::from_str(
        "verdicts = ['retrain_equivalent', 'exact']\ncompleteness_min = 0.9\ncompleteness_max = 1.2\ndice_loss_max = 0.02\nmodels_min = 10",
    )
    .unwrap();
    let failures = gate.checked().unwrap().failures("noisy-label", "sub-01", found);
    let named: Vec<&str> = failures.iter().map(|failure| failure.threshold.name()).collect();
    assert_eq!(named, ["verdicts", "completeness_min", "models_min"]);
    assert_eq!(failures[0].found, "residual_influence");
    let mut unknown = found.clone();
    (unknown.statistics.utility, unknown.statistics.completeness) = (Vec::new(), None);
    let gate = Gate { dice_loss_max: Some(1.0), completeness_max: Some(9.0), ..Gate::default() };
    assert_eq!(gate.failures("a", "b", &unknown).len(), 2);
    assert!(gate.failures("a", "b", found).is_empty());
    assert!(Gate { verdicts: Some(vec![]), ..Gate::default() }.checked().is_err());
    assert!(gate.is_declared() && !Gate::default().is_declared());
}
