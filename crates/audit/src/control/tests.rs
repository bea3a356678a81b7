//! Controls that behave, misbehave and cannot be tried.

use super::left_out::of_pools;
use super::*;
use crate::simulated::{at_most, pool};
use crate::{Features, Measured, Pool, Statistic};
use lacuna_seed::Seed;

#[test]
fn names_are_those_of_files_and_each_control_is_listed_once() {
    let names: Vec<&str> = CONTROLS.iter().map(|definition| definition.name.name()).collect();
    for (index, definition) in CONTROLS.iter().enumerate() {
        assert_eq!(serde_json::to_value(definition.name).unwrap(), definition.name.name());
        assert!(!names[..index].contains(&names[index]), "{names:?}");
    }
}

#[test]
fn honest_retrains_seldom_void_an_audit() {
    let mut draws = Seed(17).stream("controls").draws();
    let mut misbehaves = || {
        let pools: Vec<Pool> = (0..3).map(|_| pool(&mut draws, 6, 0.0, 1.0)).collect();
        of_pools(&pools, 0.05, 0.01).behaved == Some(false)
    };
    let found = (0..1000).filter(|_| misbehaves()).count();
    at_most(found, 1000, 0.02);
}

#[test]
fn retrains_of_two_kinds_misbehave() {
    let pool = |values: &[f64]| Pool::new("retrained", values.to_vec()).unwrap();
    let pools: Vec<Pool> = (0..6).map(|index| pool(&[0.0, 0.1, 0.05, 0.02, 9.0 + f64::from(index)])).collect();
    assert_eq!(of_pools(&pools, 0.05, 0.01).behaved, Some(false));
    assert_eq!(of_pools(&[pool(&[0.0, 1.0])], 0.05, 0.01).behaved, None);
}

/// Six models whose primary statistic lies around a value, a little apart.
fn arm(what: &'static str, around: f64) -> Arm {
    let model = |seed: u64| {
        let mut features = Features::default();
        features.set(Statistic::BandMargin, around + 0.1 * (seed as f64 - 2.5));
        Measured { seed, features, ..Measured::default() }
    };
    Arm::new(what, (0..6).map(model).collect())
}

fn references(subject: &str, original: f64) -> References {
    References { subject: subject.to_string(), original: arm("original", original), retrained: arm("retrained", 0.0) }
}

/// Everything as it must be: the recipe leaves a retrained model as it is, and an original one.
fn sound() -> Evidence {
    let sham = |strategy: &str, models| Sham { strategy: strategy.to_string(), models };
    let shams = vec![sham("noisy-label", Some(arm("control", 0.0))), sham("ssd", None)];
    Evidence {
        retrained: vec![arm("retrained", 0.0), arm("retrained", 1.0)],
        references: references("sub-1", 5.0),
        without_forget_term: Models::Given(WithoutForgetTerm { shams, fine_tuned: arm("control", 4.0) }),
        destroyed: arm("control", -9.0),
        planted: Models::Given(references("sub-2", 7.0)),
    }
}

fn judged(evidence: &Evidence) -> Vec<(ControlName, Option<String>, Option<bool>)> {
    let stream = Seed(0).stream("audit");
    let controls = judge(evidence, &Judge { protocol: &Protocol::default(), stream: &stream });
    controls.into_iter().map(|control| (control.name, control.subject, control.behaved)).collect()
}

#[test]
fn one_call_judges_all_controls_in_their_order_each_about_its_subject() {
    let of = |subject: &str| Some(subject.to_string());
    let expected = [
        (ControlName::LeftOut, None, Some(true)),
        (ControlName::Sham, of("sub-1"), Some(true)),
        (ControlName::Sham, of("sub-1"), None),
        (ControlName::FineTuned, of("sub-1"), Some(true)),
        (ControlName::Destroyed, of("sub-1"), Some(true)),
        (ControlName::Planted, of("sub-2"), Some(true)),
    ];
    assert_eq!(judged(&sound()), expected);
}

#[test]
fn each_control_misbehaves_where_its_models_are_not_as_known() {
    let sham = Sham { strategy: "noisy-label".to_string(), models: Some(arm("control", 3.0)) };
    let without = |shams, around| Models::Given(WithoutForgetTerm { shams, fine_tuned: arm("control", around) });
    for (name, evidence) in [
        (ControlName::Sham, Evidence { without_forget_term: without(vec![sham], 4.0), ..sound() }),
        (ControlName::FineTuned, Evidence { without_forget_term: without(Vec::new(), 0.0), ..sound() }),
        (ControlName::Destroyed, Evidence { destroyed: arm("control", 5.0), ..sound() }),
        (ControlName::Planted, Evidence { planted: Models::Given(references("sub-2", 0.0)), ..sound() }),
    ] {
        let bad: Vec<ControlName> =
            judged(&evidence).into_iter().filter(|found| found.2 == Some(false)).map(|found| found.0).collect();
        assert_eq!(bad, [name]);
    }
}

#[test]
fn what_is_missing_is_named_and_what_is_not_asked_for_has_no_line() {
    let missing = Models::Missing("not known".to_string());
    let found = judged(&Evidence { without_forget_term: missing, planted: Models::NotAsked, ..sound() });
    let names: Vec<ControlName> = found.iter().map(|found| found.0).collect();
    assert_eq!(names, [ControlName::LeftOut, ControlName::Sham, ControlName::FineTuned, ControlName::Destroyed]);
    assert_eq!([found[1].2, found[2].2], [None, None]);
    let none = judged(&Evidence { planted: Models::Missing("none is planted".to_string()), ..sound() });
    assert_eq!(none.last().unwrap(), &(ControlName::Planted, None, None));
}
