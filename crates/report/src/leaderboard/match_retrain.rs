//! The panel of `match-retrain`: the distance from retrained models against the cost.

use super::{Axis, Ground, NOTES, Panel, Value, Values, add, ranked, title};
use crate::facts::{Facts, Runs, references};
use crate::{Band, Gate, Goal, ORIGINAL, ProbeRow, RETRAIN, ReportError, Run};
use std::collections::BTreeMap;

pub(super) fn panel(gate: &Gate, runs: &Runs<'_>, probes: &[ProbeRow]) -> Result<Option<Panel>, ReportError> {
    let retrained = references(runs, RETRAIN)?;
    let forget = |facts: &Facts| facts.dice(gate.thresholds.grid, |roles| &roles.forget);
    let rebounds: BTreeMap<&Run, f64> =
        probes.iter().filter_map(|row| Some((&row.run, row.rebound?.output.forget?))).collect();
    let of_bank = |forgotten: &str, of: &dyn Fn(&Run, &Facts) -> Option<f64>| -> Vec<f64> {
        let models = retrained.get(forgotten).into_iter().flat_map(BTreeMap::values);
        models.filter_map(|&(run, facts)| of(run, facts)).collect()
    };
    let dice = |forgotten: &str| of_bank(forgotten, &|_, facts| forget(facts));
    let rebound = |forgotten: &str| of_bank(forgotten, &|run, _| rebounds.get(run).copied());

    let (mut values, mut costless) = (Values::new(), 0);
    for (&run, facts) in runs.iter().filter(|(run, facts)| run.goal == Goal::MatchRetrain && !facts.diverged) {
        let Some(up) = forget(facts).zip(mean(&dice(&run.forgotten))).map(|(own, theirs)| own - theirs) else {
            continue;
        };
        let Some(across) = facts.cost.retraining_fraction.filter(|&fraction| fraction > 0.0) else {
            costless += 1;
            continue;
        };
        let rebound = rebounds.get(run).zip(mean(&rebound(&run.forgotten))).map(|(own, theirs)| own - theirs);
        add(&mut values, run, Value { across, up, rebound });
    }
    if values.is_empty() {
        return Ok(None);
    }
    let originals: Vec<f64> = references(runs, ORIGINAL)?
        .iter()
        .flat_map(|(forgotten, seeds)| seeds.values().map(move |(_, facts)| (forgotten, facts)))
        .filter_map(|(forgotten, facts)| Some(forget(facts)? - mean(&dice(forgotten))?))
        .collect();
    let spread = spread(retrained.keys().map(|forgotten| dice(forgotten)));
    let series = ranked(gate, values, |point| point.up.abs());
    Ok(Some(draw(gate, series, spread, mean(&originals), costless)))
}

/// The standard deviation of the retrained models from their own subject's mean, over all subjects; the gate's limit is
/// a multiple of it.
fn spread(reference_sets: impl Iterator<Item = Vec<f64>>) -> Option<f64> {
    let (mut squares, mut degrees) = (0.0, 0);
    for band in reference_sets.filter_map(|references| Band::of(&references)) {
        squares += band.deviation.powi(2) * (band.n - 1) as f64;
        degrees += band.n - 1;
    }
    (degrees > 0).then(|| (squares / degrees as f64).sqrt())
}

fn draw(gate: &Gate, series: Vec<super::Series>, spread: Option<f64>, original: Option<f64>, costless: usize) -> Panel {
    let limits = &gate.thresholds;
    let half = spread.map(|spread| limits.deviations_max * spread);
    let points = || series.iter().flat_map(|series| &series.points);
    let heights = points().flat_map(|point| [point.range[0], point.range[1], point.rebound.unwrap_or(point.up)]);
    let reach = [limits.forget_difference_max, half.unwrap_or(0.0)].into_iter().chain(heights.map(f64::abs));
    let reach = 1.1 * reach.fold(0.0, f64::max);
    let across = Axis::share("cost, as a part of a retraining", points().map(|point| point.across).chain([1.0, 0.02]));
    let target = limits.forget_difference_max.min(half.unwrap_or(f64::INFINITY));
    let mut ground =
        vec![Ground::Target { across: [across.low, limits.retraining_fraction_max], up: [-target, target] }];
    ground.extend(half.map(|half| Ground::Band {
        up: [-half, half],
        name: format!("retrained models, mean ± {} standard deviations", limits.deviations_max),
    }));
    let mut notes = NOTES.map(String::from).to_vec();
    notes.push("Above 0 something of the subject is left, below 0 the model marks it.".to_string());
    let original = original.inspect(|&original| {
        if original.abs() > reach {
            notes.push(format!("The original lies beyond the upper edge, at {original:+.2}."));
        }
    });
    let line = original.filter(|original| original.abs() <= reach);
    ground.extend(line.map(|up| Ground::Line { up, name: "original".to_string() }));
    if points().any(|point| point.rebound.is_some()) {
        notes.push("Hollow: after the rebound, beside retrained models after theirs.".to_string());
    }
    if costless > 0 {
        notes.push(format!("{costless} results without a known cost are not drawn."));
    }
    let up = Axis::difference("forget Dice, minus retrained", [-reach, reach]);
    Panel { title: title(gate), across, up, ground, series, notes }
}

fn mean(values: &[f64]) -> Option<f64> {
    crate::estimate::mean(values)
}
