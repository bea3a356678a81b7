//! In which order an epoch passes over the retain and the forget subjects.

use lacuna_cohort::Case;
use lacuna_seed::Stream;
use serde::{Deserialize, Serialize};

/// How the two sides alternate. Every case is passed once per epoch in each of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
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
}

/// The cases of one optimiser step, by their place among the retain and the forget cases.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Step {
    pub retain: Option<usize>,
    pub forget: Option<usize>,
}

/// The steps of one epoch. Without a retain term, pass no retain cases.
pub(crate) fn steps(
    interleave: Interleave,
    retain: &[&Case],
    forget: &[&Case],
    stream: &Stream,
    epoch: usize,
) -> Vec<Step> {
    let retain = keyed(retain, stream, epoch);
    let forget = keyed(forget, stream, epoch);
    match interleave {
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

/// As many steps as the longer side has cases, the shorter side spread over them.
fn joint(retain: &[Keyed], forget: &[Keyed]) -> Vec<Step> {
    let count = retain.len().max(forget.len());
    let mut steps = vec![Step::default(); count];
    for (place, &(_, case)) in retain.iter().enumerate() {
        steps[place * count / retain.len()].retain = Some(case);
    }
    for (place, &(_, case)) in forget.iter().enumerate() {
        steps[place * count / forget.len()].forget = Some(case);
    }
    steps
}
