//! The leaderboard as a picture, with one panel for each goal; no panel mixes two goals.
//!
//! `match-retrain`: the distance of the forgotten subject's Dice from that of retrained models, against the cost.
//! `suppress`: the loss of forget Dice, against the share of retain Dice that is kept. A point is a mean over forgotten
//! subjects and seeds; a line connects the horizons of one strategy. Colours are those of Okabe and Ito, which are
//! distinguishable with every colour vision, and each strategy has a shape as well.

mod draw;
mod match_retrain;
mod suppress;

use crate::axis::Axis;
use crate::facts::by_setting;
use crate::gate::{Summary, gates};
use crate::{Gate, Goal, ProbeRow, ReportError, ResultRow, Run, Thresholds};
use std::collections::BTreeMap;

/// The notes below every panel.
const NOTES: [&str; 2] = [
    "Each point: mean over subjects and seeds, with the range of its runs; numbers are epochs.",
    "In the green box the gate lets these two figures through.",
];

/// The picture of one goal.
struct Panel {
    title: String,
    across: Axis,
    up: Axis,
    /// The areas and lines beneath the points.
    ground: Vec<Ground>,
    series: Vec<Series>,
    notes: Vec<String>,
}

/// An area or line beneath the points, in the units of the axes.
enum Ground {
    /// The area that passes the gate; its name is in the corner.
    Target { across: [f64; 2], up: [f64; 2] },
    /// A band between two heights, from edge to edge.
    Band { up: [f64; 2], name: String },
    /// A line at one height, from edge to edge.
    Line { up: f64, name: String },
}

/// A strategy, with its points at all horizons.
struct Series {
    name: String,
    /// The number of its runs that passed the gate, at the horizon where most did.
    passed: String,
    points: Vec<Point>,
}

/// A strategy at one horizon.
#[derive(Clone, Copy)]
struct Point {
    epochs: usize,
    across: f64,
    up: f64,
    /// The heights of the lowest and the highest run.
    range: [f64; 2],
    /// The height after the rebound, if it was probed.
    rebound: Option<f64>,
}

/// Draws the rows as SVG, one panel below the other; `None` if no goal has anything to draw.
///
/// # Errors
/// Those of [`gates`].
pub fn leaderboard(
    rows: &[ResultRow],
    probes: &[ProbeRow],
    thresholds: &Thresholds,
) -> Result<Option<String>, ReportError> {
    let gates = gates(rows, probes, thresholds)?;
    let settings = by_setting(rows)?;
    let mut panels = Vec::new();
    for gate in &gates {
        let runs = &settings[&(gate.network.as_str(), gate.labels.as_str())];
        panels.extend(match gate.goal {
            Goal::MatchRetrain => match_retrain::panel(gate, runs, probes)?,
            _ => suppress::panel(gate, runs)?,
        });
    }
    Ok((!panels.is_empty()).then(|| draw::svg(&panels)))
}

/// The values of every run of a goal, by strategy, variant and horizon.
type Values<'a> = BTreeMap<(&'a str, &'a str), BTreeMap<usize, Vec<Value>>>;

/// The position of one run.
#[derive(Clone, Copy)]
struct Value {
    across: f64,
    up: f64,
    rebound: Option<f64>,
}

fn add<'a>(values: &mut Values<'a>, run: &'a Run, value: Value) {
    values.entry((&run.strategy, &run.variant)).or_default().entry(run.epochs).or_default().push(value);
}

/// The strategies, by the number of runs that passed the gate, most first, then by `worth`, the smallest first.
fn ranked(gate: &Gate, values: Values<'_>, worth: impl Fn(&Point) -> f64) -> Vec<Series> {
    let mut series: Vec<(usize, f64, Series)> = Vec::new();
    for ((strategy, variant), horizons) in values {
        let best = gate
            .summaries
            .iter()
            .filter(|summary| (summary.strategy.as_str(), summary.variant.as_str()) == (strategy, variant))
            .max_by_key(|summary| summary.passed);
        let points: Vec<Point> = horizons.iter().map(|(&epochs, values)| point(epochs, values)).collect();
        let worth = points.iter().map(&worth).fold(f64::INFINITY, f64::min);
        let passed = best.map_or(0, |summary| summary.passed);
        let name = crate::figure::name_of(strategy, variant);
        series.push((passed, worth, Series { name, passed: best.map_or(String::new(), in_words), points }));
    }
    series.sort_by(|one, two| two.0.cmp(&one.0).then(one.1.total_cmp(&two.1)).then(one.2.name.cmp(&two.2.name)));
    series.into_iter().map(|(_, _, series)| series).collect()
}

fn in_words(summary: &Summary) -> String {
    let Summary { passed, runs, not_assessable, says_nothing, .. } = summary;
    if not_assessable + says_nothing == *runs { "not judged".to_string() } else { format!("{passed} of {runs}") }
}

fn point(epochs: usize, values: &[Value]) -> Point {
    let mean = |of: fn(&Value) -> f64| values.iter().map(of).sum::<f64>() / values.len() as f64;
    let ups = || values.iter().map(|value| value.up);
    let rebounds: Vec<f64> = values.iter().filter_map(|value| value.rebound).collect();
    Point {
        epochs,
        across: mean(|value| value.across),
        up: mean(|value| value.up),
        range: [ups().fold(f64::INFINITY, f64::min), ups().fold(f64::NEG_INFINITY, f64::max)],
        rebound: crate::estimate::mean(&rebounds).filter(|_| rebounds.len() == values.len()),
    }
}

fn title(gate: &Gate) -> String {
    let Gate { goal, network, labels, thresholds, .. } = gate;
    let n = gate.judged.iter().map(|judged| &judged.forgotten).collect::<std::collections::BTreeSet<_>>().len();
    let people = if n == 1 { "subject" } else { "subjects" };
    format!("{goal}: {network} on {labels}, grid {}, {n} forgotten {people}", thresholds.grid)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixture::{gated, study};

    fn drawn(rows: &[ResultRow], probes: &[ProbeRow]) -> Option<String> {
        leaderboard(rows, probes, &Thresholds::STANDARD).unwrap()
    }

    #[test]
    fn the_picture_is_the_golden_file() {
        let (rows, probes) = gated();
        crate::fixture::assert_golden("leaderboard.svg", &drawn(&rows, &probes).unwrap());
    }

    #[test]
    fn the_order_of_rows_does_not_matter_and_names_cannot_leave_their_element() {
        let mut rows = study();
        for row in rows.iter_mut().filter(|row| row.run.strategy == "max-loss") {
            row.run.strategy = "a<b&\"c".into();
        }
        let forwards = drawn(&rows, &[]).unwrap();
        rows.reverse();
        assert_eq!(drawn(&rows, &[]).unwrap(), forwards);
        assert!(forwards.contains("a&lt;b&amp;&quot;c") && !forwards.contains("a<b"));
    }

    #[test]
    fn references_alone_are_no_leaderboard() {
        assert_eq!(drawn(&crate::fixture::references(5, 0.98), &[]), None);
    }
}
