//! In which order an epoch passes over the retain and the forget subjects.

use lacuna_cohort::Case;
use lacuna_seed::Stream;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// How the two sides alternate. Every case is passed once per epoch, in [`Interleave::Alternate`] every retain case.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Interleave {
    /// One case per step, all in one order drawn for the epoch.
    Shuffled,
    /// One case per step, the forget subjects first, so the retain term has the last word.
    ForgetFirst,
    /// One case per step, the forget subjects last.
    ForgetLast,
    /// A step sums the losses of one retain and, while there are any, one forget case, spread
    /// evenly: the loss as the equation writes it.
    Joint,
    /// One case per step: a forget case, then some retain cases, and so on until every retain case was passed; the
    /// forget cases take turns.
    Alternate,
}

/// The cases of one optimiser step, by their place among the retain and the forget cases.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Step {
    pub retain: Option<usize>,
    pub forget: Option<usize>,
}

/// The order that a recipe asks for.
#[derive(Clone, Copy)]
pub(crate) struct Order {
    pub interleave: Interleave,
    pub retain_per_forget: usize,
}

/// The steps of one epoch. Without a retain term, pass no retain cases.
pub(crate) fn steps(order: Order, retain: &[&Case], forget: &[&Case], stream: &Stream, epoch: usize) -> Vec<Step> {
    let retain = keyed(retain, stream, epoch);
    let forget = keyed(forget, stream, epoch);
    match order.interleave {
        Interleave::Alternate => alternate(&retain, &forget, order.retain_per_forget),
        Interleave::Joint => joint(&retain, &forget),
        Interleave::Shuffled => {
            let mut all: Vec<(f64, Step)> = retain.iter().map(|&(key, case)| (key, retain_step(case))).collect();
            all.extend(forget.iter().map(|&(key, case)| (key, forget_step(case))));
            all.sort_by(|a, b| a.0.total_cmp(&b.0));
            all.into_iter().map(|(_, step)| step).collect()
        }
        Interleave::ForgetFirst => forget_steps(&forget).chain(retain_steps(&retain)).collect(),
        Interleave::ForgetLast => retain_steps(&retain).chain(forget_steps(&forget)).collect(),
    }
}

type Keyed = (f64, usize);

/// The cases in the order of keys that each draws for itself, so that one more subject leaves the
/// others in place.
fn keyed(cases: &[&Case], stream: &Stream, epoch: usize) -> Vec<Keyed> {
    let mut keyed: Vec<Keyed> = cases
        .iter()
        .enumerate()
        .map(|(index, case)| {
            let key = stream.subject(case.subject.as_str()).part(&case.scan).epoch(epoch).draws().uniform();
            (key, index)
        })
        .collect();
    keyed.sort_by(|a, b| a.0.total_cmp(&b.0));
    keyed
}

fn retain_step(case: usize) -> Step {
    Step { retain: Some(case), forget: None }
}

fn forget_step(case: usize) -> Step {
    Step { retain: None, forget: Some(case) }
}

fn retain_steps(keyed: &[Keyed]) -> impl Iterator<Item = Step> {
    keyed.iter().map(|&(_, case)| retain_step(case))
}

fn forget_steps(keyed: &[Keyed]) -> impl Iterator<Item = Step> {
    keyed.iter().map(|&(_, case)| forget_step(case))
}

/// Groups of retain cases, each behind a forget case; without either side, the other alone.
fn alternate(retain: &[Keyed], forget: &[Keyed], retain_per_forget: usize) -> Vec<Step> {
    if retain.is_empty() || forget.is_empty() {
        return forget_steps(forget).chain(retain_steps(retain)).collect();
    }
    let turns = forget.iter().cycle();
    let groups = retain.chunks(retain_per_forget).zip(turns);
    groups.flat_map(|(group, &(_, case))| std::iter::once(forget_step(case)).chain(retain_steps(group))).collect()
}

/// As many steps as the longer side has cases, the shorter side spread over them.
fn joint(retain: &[Keyed], forget: &[Keyed]) -> Vec<Step> {
    let count = retain.len().max(forget.len());
    let mut steps = vec![Step::default(); count];
    for (position, &(_, case)) in retain.iter().enumerate() {
        steps[position * count / retain.len()].retain = Some(case);
    }
    for (position, &(_, case)) in forget.iter().enumerate() {
        steps[position * count / forget.len()].forget = Some(case);
    }
    steps
}

#[cfg(test)]
mod tests {
    use super::*;
    use lacuna_cohort::SubjectId;
    use lacuna_seed::Seed;
    use lacuna_train::test_cases::heads;
    use std::collections::BTreeSet;

    const ALL: [Interleave; 4] =
        [Interleave::Shuffled, Interleave::ForgetFirst, Interleave::ForgetLast, Interleave::Joint];

    /// People of whom nothing but the name counts here.
    fn people(prefix: &str, count: usize) -> Vec<Case> {
        let head = heads(1).remove(0);
        let name = |index| SubjectId::new(format!("{prefix}-{index}")).unwrap();
        (0..count).map(|index| Case { subject: name(index), ..head.clone() }).collect()
    }

    fn plan(interleave: Interleave, retain: &[Case], forget: &[Case], epoch: usize) -> Vec<Step> {
        let (retain, forget): (Vec<&Case>, Vec<&Case>) = (retain.iter().collect(), forget.iter().collect());
        let order = Order { interleave, retain_per_forget: 2 };
        steps(order, &retain, &forget, &Seed(3).stream("unlearning order"), epoch)
    }

    fn retain_of(steps: &[Step]) -> Vec<usize> {
        steps.iter().filter_map(|step| step.retain).collect()
    }

    fn forget_of(steps: &[Step]) -> Vec<usize> {
        steps.iter().filter_map(|step| step.forget).collect()
    }

    /// Every variant with up to five retain and one to five forget cases.
    fn for_each_plan(check: impl Fn(Interleave, usize, usize, &[Step])) {
        let (retain, forget) = (people("r", 5), people("f", 5));
        for interleave in ALL {
            for r in 0..=5 {
                for f in 1..=5 {
                    for epoch in 0..4 {
                        check(interleave, r, f, &plan(interleave, &retain[..r], &forget[..f], epoch));
                    }
                }
            }
        }
    }

    #[test]
    fn each_epoch_passes_every_case_once() {
        for_each_plan(|interleave, r, f, steps| {
            let mut passed = (retain_of(steps), forget_of(steps));
            passed.0.sort_unstable();
            passed.1.sort_unstable();
            assert_eq!(passed, ((0..r).collect(), (0..f).collect()), "{interleave:?} with {r} and {f}");
            assert!(!steps.contains(&Step::default()), "{interleave:?} with {r} and {f}: a step without a case");
        });
    }

    #[test]
    fn only_joint_steps_hold_two_cases() {
        for_each_plan(|interleave, r, f, steps| {
            let expected = if interleave == Interleave::Joint { r.max(f) } else { r + f };
            assert_eq!(steps.len(), expected, "{interleave:?} with {r} and {f}");
        });
    }

    #[test]
    fn forget_first_and_last_are_what_they_say() {
        for_each_plan(|interleave, r, f, steps| match interleave {
            Interleave::ForgetFirst => assert!(steps[..f].iter().all(|step| step.forget.is_some())),
            Interleave::ForgetLast => assert!(steps[r..].iter().all(|step| step.forget.is_some())),
            Interleave::Shuffled | Interleave::Joint | Interleave::Alternate => {}
        });
    }

    #[test]
    fn joint_spreads_the_shorter_side_evenly() {
        // Gaps between neighbours differ by one step at most, the wrap into the next epoch included.
        for_each_plan(|interleave, r, f, steps| {
            if interleave != Interleave::Joint || r == 0 {
                return;
            }
            let is_shorter = |step: &Step| if r < f { step.retain.is_some() } else { step.forget.is_some() };
            let positions: Vec<usize> = (0..steps.len()).filter(|&position| is_shorter(&steps[position])).collect();
            let next = positions.iter().copied().skip(1).chain([steps.len() + positions[0]]);
            let gaps: BTreeSet<usize> = positions.iter().zip(next).map(|(position, next)| next - position).collect();
            assert!(gaps.last().unwrap() - gaps.first().unwrap() <= 1, "{r} and {f}: gaps {gaps:?}");
        });
    }

    #[test]
    fn five_retain_cases_and_two_forget_cases_alternating_by_two() {
        // f0 r r f1 r r f0 r: every retain case once, the forget cases in turn before each pair.
        let steps = plan(Interleave::Alternate, &people("r", 5), &people("f", 2), 0);
        let is_forget: Vec<bool> = steps.iter().map(|step| step.forget.is_some()).collect();
        assert_eq!(is_forget, [true, false, false, true, false, false, true, false]);
        let turns = forget_of(&steps);
        assert!(turns[0] == turns[2] && turns[0] != turns[1], "{turns:?}");
        let mut passed = retain_of(&steps);
        passed.sort_unstable();
        assert_eq!(passed, [0, 1, 2, 3, 4]);
    }

    #[test]
    fn three_retain_cases_and_one_forget_case_joined() {
        // 3 steps, each with a retain case; the forget case joins the first.
        let steps = plan(Interleave::Joint, &people("r", 3), &people("f", 1), 0);
        assert_eq!(steps.iter().map(|step| step.forget).collect::<Vec<_>>(), [Some(0), None, None]);
        assert!(steps.iter().all(|step| step.retain.is_some()));
    }

    #[test]
    fn the_order_of_the_others_does_not_depend_on_who_is_forgotten() {
        let (retain, forget) = (people("r", 5), people("f", 3));
        for interleave in ALL {
            for epoch in 0..20 {
                let alone = retain_of(&plan(interleave, &retain, &forget[..1], epoch));
                assert_eq!(retain_of(&plan(interleave, &retain, &forget, epoch)), alone, "{interleave:?}");
                assert_eq!(retain_of(&plan(interleave, &retain, &forget[1..2], epoch)), alone, "{interleave:?}");
                // One retain case fewer: the last, so the indices of the others stay.
                let fewer = retain_of(&plan(interleave, &retain[..4], &forget, epoch));
                assert_eq!(fewer, alone.into_iter().filter(|&case| case != 4).collect::<Vec<_>>(), "{interleave:?}");
            }
        }
    }

    #[test]
    fn shuffled_orders_change_from_epoch_to_epoch_and_mix_both_sides() {
        let (retain, forget) = (people("r", 3), people("f", 1));
        let position = |epoch| {
            let steps = plan(Interleave::Shuffled, &retain, &forget, epoch);
            steps.iter().position(|step| step.forget.is_some()).unwrap()
        };
        let positions: BTreeSet<usize> = (0..40).map(position).collect();
        assert_eq!(positions, (0..4).collect());
    }
}
