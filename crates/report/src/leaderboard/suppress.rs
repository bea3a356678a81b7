//! The panel of `suppress`: the loss of forget Dice against the kept retain Dice.

use super::{Axis, Ground, NOTES, Panel, Value, Values, add, ranked, title};
use crate::facts::{OfRole, Runs, references};
use crate::{Gate, Goal, ORIGINAL, ReportError};

pub(super) fn panel(gate: &Gate, runs: &Runs<'_>) -> Result<Option<Panel>, ReportError> {
    let originals = references(runs, ORIGINAL)?;
    let limits = &gate.thresholds;
    let mut values = Values::new();
    for (&run, facts) in runs.iter().filter(|(run, facts)| run.goal == Goal::Suppress && !facts.diverged) {
        let Some((_, original)) = originals.get(run.forgotten.as_str()).and_then(|seeds| seeds.get(&run.seed)) else {
            continue;
        };
        let kept = |role: OfRole| {
            let before = original.dice(limits.grid, role).filter(|&before| before > 0.0)?;
            Some(facts.dice(limits.grid, role)? / before)
        };
        if let Some((across, left)) = kept(|roles| &roles.retain).zip(kept(|roles| &roles.forget)) {
            add(&mut values, run, Value { across, up: 1.0 - left, rebound: None });
        }
    }
    if values.is_empty() {
        return Ok(None);
    }
    // Ranked by the distance to the corner that passes the gate.
    let series = ranked(gate, values, |point| (1.0 - point.up).max(0.0) + (1.0 - point.across).max(0.0));
    let points = || series.iter().flat_map(|series| &series.points);
    let across = Axis::percent("retain Dice kept, of the original's", points().map(|point| point.across).chain([1.0]));
    let ranges = points().flat_map(|point| point.range);
    let up = Axis::percent("forget Dice lost, of the original's", ranges.chain([0.0, 1.0]));
    let ground =
        vec![Ground::Target { across: [limits.retained_min, across.high], up: [limits.forget_lost_min, up.high] }];
    let mut notes = NOTES.map(String::from).to_vec();
    notes.push("A low forget Dice is not erasure.".to_string());
    Ok(Some(Panel { title: title(gate), across, up, ground, series, notes }))
}
