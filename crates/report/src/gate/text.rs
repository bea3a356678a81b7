//! The gates as text: for a terminal, and the parts that Markdown shares.

use super::{Criterion, Gate, Met, Summary, Unit};
use crate::Goal;
use crate::figure::{fixed, name_of};
use crate::text::wrap;

impl Gate {
    /// Gates as plain text, one paragraph per goal and one line per strategy and horizon, ending in a newline.
    pub fn texts(gates: &[Gate]) -> String {
        gates.iter().map(Gate::text).collect::<Vec<_>>().join("\n")
    }

    fn text(&self) -> String {
        let mut lines = wrap(&self.heading());
        for summary in &self.summaries {
            lines.extend(indented(&wrap(&self.line(summary))));
        }
        lines.extend(wrap(&self.explanation()));
        lines.join("\n") + "\n"
    }

    fn line(&self, summary: &Summary) -> String {
        let Summary { strategy, variant, epochs, runs, passed, not_assessable, says_nothing, .. } = summary;
        let mut line = format!("{}, {epochs} epochs: {passed} of {runs} passed", name_of(strategy, variant));
        for (count, words) in [(not_assessable, "not assessable"), (says_nothing, "say nothing")] {
            if *count > 0 {
                line += &format!(", {count} {words}");
            }
        }
        let counts = |name: &str| {
            let mut criteria = self.judged.iter().flat_map(|judged| &judged.criteria);
            criteria.any(|criterion| criterion.name == name && criterion.counts)
        };
        let met = |name: &str| summary.criteria.get(name).map(|Met { met, of }| format!("{name} {met}/{of}"));
        let met: Vec<String> = self.names().into_iter().filter(|name| counts(name)).filter_map(met).collect();
        if met.is_empty() { line } else { line + "; " + &met.join(", ") }
    }

    /// The heading of a gate, in one line.
    pub(super) fn heading(&self) -> String {
        let Gate { goal, network, labels, .. } = self;
        format!("Gate {goal}: Dice on grid {}, network {network}, labels {labels}.", self.thresholds.grid)
    }

    /// The criteria of a gate, in words.
    pub(crate) fn explanation(&self) -> String {
        let limits = &self.thresholds;
        let percent = |part: f64| fixed(100.0 * part, 1);
        match self.goal {
            Goal::MatchRetrain => format!(
                "Asked of a run, against at least {} models retrained without the same subject: forget Dice within {} \
                 sample standard deviations (s) of their mean and within {} of it, retain and held-out Dice within {} \
                 of theirs, at most {} % of a retraining; where they are there, cross-entropy of the forgotten \
                 subject, its Dice after the rebound and the passes to relearn it within {} s. Before that the \
                 original's forget Dice must lie more than {} s above them, or the run says nothing. ✓ met, ✗ missed, \
                 ? unknown.",
                limits.retrained_min,
                limits.deviations_max,
                limits.forget_difference_max,
                limits.others_difference_max,
                percent(limits.retraining_fraction_max),
                limits.deviations_max,
                limits.control_deviations_min,
            ),
            _ => format!(
                "Asked of a run, against the original of the same subject and seed: at least {} % of the forget Dice \
                 lost, {} % of the retain and {} % of the held-out Dice kept. The figures on the other grid are shown \
                 and do not count. ✓ met, ✗ missed, ? unknown.",
                percent(limits.forget_lost_min),
                percent(limits.retained_min),
                percent(limits.held_out_kept_min),
            ),
        }
    }
}

impl Criterion {
    /// The figure as text, its distance from the retrained models, and whether the criterion is met.
    pub(crate) fn in_words(&self) -> String {
        let mark = match self.met {
            Some(true) => "✓",
            Some(false) => "✗",
            None => "?",
        };
        let Some(value) = self.value else { return mark.to_string() };
        let figure = match self.unit {
            Unit::Part => format!("{} %", fixed(100.0 * value, 1)),
            Unit::Dice => fixed(value, 4),
            Unit::Nats => fixed(value, 3),
            Unit::Passes => fixed(value, 0),
        };
        let more_than = if self.is_limit { ">" } else { "" };
        let distance = self.deviations.map_or(String::new(), |deviations| format!(" ({deviations:+.1} s)"));
        format!("{more_than}{figure}{distance} {mark}")
    }
}

fn indented(lines: &[String]) -> Vec<String> {
    lines.iter().map(|line| format!("  {line}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixture::{assert_golden, gated};
    use crate::{Thresholds, gates};

    #[test]
    fn the_text_is_the_golden_file() {
        let (rows, probes) = gated();
        assert_golden("gates.txt", &Gate::texts(&gates(&rows, &probes, &Thresholds::STANDARD).unwrap()));
    }
}
