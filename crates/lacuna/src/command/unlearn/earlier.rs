//! Whether a request brought those back whom an earlier one had removed.

use lacuna_metrics::MEAN;
use lacuna_report::{Outcome, ResultRow, Role, ScoreGrid, Scored};
use serde::Serialize;
use std::collections::BTreeMap;

/// Dice that moves by more is worth a warning: the margin of the gate of `match-retrain`.
const DICE_MOVED_MAX: f64 = 0.02;

/// A subject forgotten earlier, before and after this request, on the network's output grid.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct EarlierErasure {
    pub subject: String,
    /// Mean Dice of the model that this request began from; none if all masks are empty.
    pub dice_before: Option<f64>,
    /// Mean Dice of the model that came of it.
    pub dice_after: Option<f64>,
    /// Mean cross-entropy before.
    pub cross_entropy_before: Option<f64>,
    /// Mean cross-entropy after.
    pub cross_entropy_after: Option<f64>,
    /// Whether Dice moved by more than 0.02.
    pub moved: bool,
}

/// All subjects that were forgotten earlier, from the rows of epoch 0 and of the last horizon.
pub fn measured_again(rows: &[ResultRow], horizon: usize) -> Vec<EarlierErasure> {
    let (before, after) = (scored(rows, 0), scored(rows, horizon));
    let compare = |(subject, before): (&str, &Scored)| {
        let after = after.get(subject)?;
        let (dice_before, dice_after) = (before.score.dice, after.score.dice);
        let moved = dice_before.zip(dice_after).is_some_and(|(before, after)| (after - before).abs() > DICE_MOVED_MAX);
        let (cross_entropy_before, cross_entropy_after) = (before.cross_entropy, after.cross_entropy);
        let subject = subject.to_string();
        Some(EarlierErasure { subject, dice_before, dice_after, cross_entropy_before, cross_entropy_after, moved })
    };
    before.iter().filter_map(|(subject, scored)| compare((subject, scored))).collect()
}

/// The means over classes on the output grid after so many epochs, by subject.
fn scored(rows: &[ResultRow], epochs: usize) -> BTreeMap<&str, &Scored> {
    let of_horizon = rows.iter().filter(|row| row.run.epochs == epochs).filter_map(|row| match &row.outcome {
        Outcome::Scored(scored) => Some(scored),
        Outcome::Diverged => None,
    });
    let is_mean = |scored: &&Scored| {
        scored.role == Role::ForgottenEarlier && scored.grid == ScoreGrid::Output && scored.score.name == MEAN
    };
    of_horizon.filter(is_mean).map(|scored| (scored.subject.as_str(), scored)).collect()
}

impl EarlierErasure {
    pub fn line(&self) -> String {
        let dice = |value: Option<f64>| value.map_or("-".to_string(), |value| format!("{value:.3}"));
        let moved = if self.moved { "; it moved: see whether the earlier erasure still holds" } else { "" };
        format!(
            "{} forgotten earlier: Dice {} -> {}{moved}",
            self.subject,
            dice(self.dice_before),
            dice(self.dice_after)
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use lacuna_metrics::{ClassScore, Empty};
    use lacuna_report::{Cost, Goal, Run};

    fn row(subject: &str, role: Role, epochs: usize, grid: ScoreGrid, dice: Option<f64>) -> ResultRow {
        let run = Run {
            network: "resnet10".to_string(),
            labels: "tissue".to_string(),
            goal: Goal::MatchRetrain,
            strategy: "atlas-matching".to_string(),
            variant: String::new(),
            epochs,
            forgotten: "b".to_string(),
            seed: 0,
        };
        let score = ClassScore {
            name: MEAN.to_string(),
            dice,
            mae: 0.0,
            mae_probability: 0.0,
            empty: Empty::None,
            surface: None,
        };
        let subject = subject.to_string();
        let scored = Scored { grid, role, subject, collapsed: false, score, cross_entropy: Some(epochs as f64) };
        ResultRow { run, cost: Cost::default(), outcome: Outcome::Scored(scored) }
    }

    #[test]
    fn only_those_forgotten_earlier_are_compared_and_a_move_is_told() {
        let earlier = Role::ForgottenEarlier;
        let rows = [
            row("a", earlier, 0, ScoreGrid::Output, Some(0.50)),
            row("a", earlier, 0, ScoreGrid::Volume, Some(0.90)),
            row("a", earlier, 5, ScoreGrid::Output, Some(0.99)),
            row("a", earlier, 7, ScoreGrid::Output, Some(0.53)),
            row("b", Role::Forget, 0, ScoreGrid::Output, Some(1.0)),
            row("b", Role::Forget, 7, ScoreGrid::Output, Some(0.5)),
            row("c", earlier, 0, ScoreGrid::Output, None),
            row("c", earlier, 7, ScoreGrid::Output, None),
            row("d", earlier, 0, ScoreGrid::Output, Some(0.50)),
            row("d", earlier, 7, ScoreGrid::Output, Some(0.49)),
        ];
        let found = measured_again(&rows, 7);
        let moved: Vec<_> = found.iter().map(|found| (found.subject.as_str(), found.moved)).collect();
        assert_eq!(moved, [("a", true), ("c", false), ("d", false)]);
        assert_eq!((found[0].dice_after, found[0].cross_entropy_after), (Some(0.53), Some(7.0)));
        assert!(found[0].line().contains("0.500 -> 0.530; it moved"), "{}", found[0].line());
    }
}
