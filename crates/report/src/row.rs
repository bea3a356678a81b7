//! One row of results: a run, and its outcome.

use crate::{Cost, ReportError};
use lacuna_metrics::{ClassScore, Empty, MEAN, SubjectScores};
use serde::{Deserialize, Serialize};
use std::cmp::Ordering;
use std::fmt;

/// The name of the model trained on all training subjects, which unlearning starts from.
pub const ORIGINAL: &str = "original";

/// The name of the model trained the same way without the forgotten subject.
pub const RETRAIN: &str = "retrain";

/// The goal of a strategy. The two goals are never mixed in one number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Goal {
    /// None: a reference model, which the others are compared with.
    Reference,
    /// A low Dice on the forgotten subject while the others keep theirs: the paper's protocol.
    Suppress,
    /// To be indistinguishable from a model retrained without the subject.
    MatchRetrain,
}

/// The role of a scored subject in a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// Trained on, and to be retained.
    Retain,
    /// Trained on, to be forgotten.
    Forget,
    /// Never trained on.
    HeldOut,
    /// Trained on, and forgotten by an earlier run; no table or gate counts it among the retained or the forgotten.
    ForgottenEarlier,
}

/// The grid on which prediction and labels are compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ScoreGrid {
    /// The volume's own voxels, after upsampling.
    Volume,
    /// The network's output at a quarter of the resolution, where memorisation shows.
    Output,
}

/// One model of a study: a strategy's, at one horizon.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Run {
    /// The name of the network, for example `resnet10`.
    pub network: String,
    /// The name of the label table, for example `tissue`.
    pub labels: String,
    /// The goal of the strategy.
    pub goal: Goal,
    /// The strategy's name in kebab case.
    pub strategy: String,
    /// The differences from the named strategy, as `key=value` separated by `; `; empty if there are none.
    pub variant: String,
    /// The number of epochs of unlearning, or of training for a reference model.
    pub epochs: usize,
    /// The id of the forgotten subject.
    pub forgotten: String,
    /// The seed of the run.
    pub seed: u64,
}

/// The scores of one class of one subject.
#[derive(Clone, Debug, PartialEq)]
pub struct Scored {
    /// The grid on which it was scored.
    pub grid: ScoreGrid,
    /// The role of the subject in the run.
    pub role: Role,
    /// The id of the subject.
    pub subject: String,
    /// The class, or the mean over classes, with its scores.
    pub score: ClassScore,
    /// Whether the model has collapsed: it predicts one class everywhere, for all subjects. The scores of such a model
    /// are kept.
    pub collapsed: bool,
    /// The mean cross-entropy of the subject on the output grid in nats; only in the row of the mean on that grid.
    pub cross_entropy: Option<f64>,
}

/// The scores of all classes of one subject on one grid.
#[derive(Clone, Copy, Debug)]
pub struct ScoredSubject<'a> {
    /// The grid on which it was scored.
    pub grid: ScoreGrid,
    /// The role of the subject in the run.
    pub role: Role,
    /// The id of the subject.
    pub subject: &'a str,
    /// Whether the model has collapsed; see [`Scored::collapsed`].
    pub collapsed: bool,
    /// The scores of all classes.
    pub scores: &'a SubjectScores,
    /// The mean cross-entropy of the subject on the output grid, in nats.
    pub cross_entropy: Option<f64>,
}

/// The outcome of a run.
#[derive(Clone, Debug, PartialEq)]
pub enum Outcome {
    /// A score; a finished run has many rows.
    Scored(Scored),
    /// The run diverged: a value was not finite. It has no scores, and this one row.
    Diverged,
}

/// One row of `results.csv`.
#[derive(Clone, Debug, PartialEq)]
pub struct ResultRow {
    /// The run that the row belongs to.
    pub run: Run,
    /// The cost of the run up to this horizon.
    pub cost: Cost,
    /// A score, or the divergence of the run.
    pub outcome: Outcome,
}

/// The rows of one subject scored on one grid: one per class, then the mean.
pub fn scored_rows(run: &Run, cost: &Cost, scored: &ScoredSubject) -> Vec<ResultRow> {
    let &ScoredSubject { grid, role, subject, collapsed, scores, cross_entropy } = scored;
    let row = |score: &ClassScore| {
        let cross_entropy = cross_entropy.filter(|_| grid == ScoreGrid::Output && score.name == MEAN);
        let (subject, score) = (subject.to_string(), score.clone());
        let scored = Scored { grid, role, subject, score, collapsed, cross_entropy };
        ResultRow { run: run.clone(), cost: *cost, outcome: Outcome::Scored(scored) }
    };
    scores.classes.iter().chain([&scores.mean]).map(row).collect()
}

/// Checks that a text may stand in results; `Err` holds a description of the allowed texts.
///
/// Results are opened in spreadsheets and printed on terminals. A cell that begins with `=`, `+`, `@`, or with `-` and
/// holds more than an id, is run as a formula there, however well it is quoted, and a control character can end a line
/// or control a terminal. Changing the text would break the round trip, so it is refused; callers check names from
/// outside before any work.
pub fn check_text(text: &str) -> Result<(), &'static str> {
    let is_id = |text: &str| text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'-');
    if text.starts_with(['=', '+', '@']) || text.starts_with('-') && !is_id(text) {
        return Err("a text that no spreadsheet takes for a formula (not beginning with =, +, - or @)");
    }
    if text.chars().any(char::is_control) {
        return Err("a text without control characters");
    }
    Ok(())
}

/// Sorts rows into the order of files, and checks that each occurs once.
///
/// # Errors
/// [`ReportError::Duplicate`] if two rows are about the same score, or a run both has scores and diverged;
/// [`ReportError::Collapsed`] if rows of one run disagree on its collapse, [`ReportError::Cost`] on its cost.
pub(crate) fn sorted(rows: &[ResultRow]) -> Result<Vec<&ResultRow>, ReportError> {
    let mut sorted: Vec<&ResultRow> = rows.iter().collect();
    sorted.sort_by(|one, two| one.order(two));
    for pair in sorted.windows(2) {
        // A diverged row sorts after the scores of its run.
        let contradicts = pair[0].run == pair[1].run && pair[1].outcome == Outcome::Diverged;
        if contradicts || pair[0].order(pair[1]).is_eq() {
            return Err(ReportError::Duplicate { what: pair[0].to_string() });
        }
        if pair[0].run == pair[1].run && pair[0].collapsed() != pair[1].collapsed() {
            return Err(ReportError::Collapsed { run: pair[0].run.to_string() });
        }
        if pair[0].run == pair[1].run && pair[0].cost != pair[1].cost {
            return Err(ReportError::Cost { run: pair[0].run.to_string() });
        }
    }
    Ok(sorted)
}

impl ResultRow {
    /// Checks the values that the types do not restrict; `location` names the row in the error.
    pub(crate) fn check(&self, location: impl Fn() -> String) -> Result<(), ReportError> {
        let refuse = |column, found: &dyn fmt::Display, expected| {
            Err(ReportError::Field { location: location(), column, found: found.to_string(), expected })
        };
        for (column, text) in self.texts() {
            if let Err(expected) = check_text(text) {
                return refuse(column, &text.escape_debug(), expected);
            }
        }
        for (column, text) in self.names() {
            if text.is_empty() {
                return refuse(column, &text, "a name");
            }
        }
        if let Some((column, found)) = self.cost.fault() {
            return refuse(column, &found, "a finite number, 0 or more, or a blank");
        }
        let Outcome::Scored(Scored { score, grid, cross_entropy, .. }) = &self.outcome else { return Ok(()) };
        match score.dice {
            Some(dice) if !(0.0..=1.0).contains(&dice) => return refuse("dice", &dice, "a number from 0 to 1"),
            Some(dice) if score.empty == Empty::Both => return refuse("dice", &dice, "a blank: both masks are empty"),
            None if score.empty != Empty::Both => return refuse("dice", &"", "a number: a mask is not empty"),
            _ => {}
        }
        for (column, error) in [("mae", score.mae), ("mae_probability", score.mae_probability)] {
            if !(error.is_finite() && error >= 0.0) {
                return refuse(column, &error, "a finite number, 0 or more");
            }
        }
        match cross_entropy {
            Some(found) if *grid != ScoreGrid::Output || score.name != MEAN => {
                return refuse("cross_entropy", found, "a blank but for the mean on the output grid");
            }
            Some(found) if !(found.is_finite() && *found >= 0.0) => {
                return refuse("cross_entropy", found, "a finite number, 0 or more");
            }
            _ => {}
        }
        Ok(())
    }

    /// The score; `None` if the run diverged.
    pub fn scored(&self) -> Option<&Scored> {
        match &self.outcome {
            Outcome::Scored(scored) => Some(scored),
            Outcome::Diverged => None,
        }
    }

    fn collapsed(&self) -> bool {
        self.scored().is_some_and(|scored| scored.collapsed)
    }

    /// The order of rows in files: by table, then strategy, run, grid, role, subject and class,
    /// the mean after the classes.
    fn order(&self, other: &ResultRow) -> Ordering {
        self.run.cmp(&other.run).then_with(|| match (&self.outcome, &other.outcome) {
            (Outcome::Scored(one), Outcome::Scored(two)) => one.key().cmp(&two.key()),
            (one, two) => matches!(one, Outcome::Diverged).cmp(&matches!(two, Outcome::Diverged)),
        })
    }

    /// The texts of the row that may be empty, with their columns.
    fn texts(&self) -> Vec<(&'static str, &str)> {
        let mut texts = self.names();
        texts.push(("variant", self.run.variant.as_str()));
        texts
    }

    /// The texts of the row that must not be empty, with their columns.
    fn names(&self) -> Vec<(&'static str, &str)> {
        let run = &self.run;
        let mut names = vec![
            ("strategy", run.strategy.as_str()),
            ("forgotten", &run.forgotten),
            ("network", &run.network),
            ("labels", &run.labels),
        ];
        if let Outcome::Scored(scored) = &self.outcome {
            names.extend([("subject", scored.subject.as_str()), ("class", &scored.score.name)]);
        }
        names
    }
}

impl Scored {
    /// The fields that distinguish the scores of a run, in the order of files.
    fn key(&self) -> (ScoreGrid, Role, &str, bool, &str) {
        let name = self.score.name.as_str();
        (self.grid, self.role, &self.subject, name == MEAN, name)
    }
}

impl Role {
    /// The name in files.
    pub fn name(self) -> &'static str {
        match self {
            Role::Retain => "retain",
            Role::Forget => "forget",
            Role::HeldOut => "held_out",
            Role::ForgottenEarlier => "forgotten_earlier",
        }
    }
}

impl fmt::Display for Goal {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.pad(match self {
            Goal::Reference => "reference",
            Goal::Suppress => "suppress",
            Goal::MatchRetrain => "match-retrain",
        })
    }
}

impl fmt::Display for ScoreGrid {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.pad(match self {
            ScoreGrid::Volume => "volume",
            ScoreGrid::Output => "output",
        })
    }
}

impl fmt::Display for Run {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Run { network, labels, goal: _, strategy, variant, epochs, forgotten, seed } = self;
        write!(formatter, "{strategy}")?;
        if !variant.is_empty() {
            write!(formatter, " [{variant}]")?;
        }
        write!(formatter, " after {epochs} epochs, {forgotten} forgotten, seed {seed}, {network} on {labels}")
    }
}

impl fmt::Display for ResultRow {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}", self.run)?;
        match &self.outcome {
            Outcome::Scored(scored) => {
                write!(formatter, ", {} of {} on grid {}", scored.score.name, scored.subject, scored.grid)
            }
            Outcome::Diverged => write!(formatter, ", diverged"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixture;

    #[track_caller]
    fn refused(change: impl FnOnce(&mut Run, &mut Scored), expected: &str) {
        let ResultRow { mut run, cost, outcome: Outcome::Scored(mut score) } =
            fixture::scored(&fixture::run("noisy-label", 20, "sub-01", 0), Role::Forget, "sub-01", "csf", Some(0.5))
        else {
            panic!("a scored row")
        };
        change(&mut run, &mut score);
        let row = ResultRow { run, cost, outcome: Outcome::Scored(score) };
        assert_eq!(row.check(|| "row 3".into()).unwrap_err().to_string(), expected);
    }

    #[test]
    fn a_formula_is_refused() {
        refused(
            |_, scored| scored.score.name = "=1+1".into(),
            "row 3: class is `=1+1`, expected a text that no spreadsheet takes for a formula \
             (not beginning with =, +, - or @)",
        );
    }

    #[test]
    fn a_terminal_code_is_refused_and_not_printed() {
        refused(
            |run, _| run.labels = "\u{1b}[2J".into(),
            "row 3: labels is `\\u{1b}[2J`, expected a text without control characters",
        );
    }

    #[test]
    fn a_number_that_no_score_can_be_is_refused() {
        refused(|_, scored| scored.score.dice = Some(1.5), "row 3: dice is `1.5`, expected a number from 0 to 1");
        refused(|_, scored| scored.score.dice = Some(f64::NAN), "row 3: dice is `NaN`, expected a number from 0 to 1");
        refused(|_, scored| scored.score.mae = f64::NAN, "row 3: mae is `NaN`, expected a finite number, 0 or more");
    }

    #[test]
    fn a_loss_stands_beside_the_mean_on_the_output_grid_and_a_cost_is_a_number() {
        let expected = "row 3: cross_entropy is `0.5`, expected a blank but for the mean on the output grid";
        refused(|_, scored| scored.cross_entropy = Some(0.5), expected);
        let mut row =
            fixture::scored(&fixture::run("noisy-label", 20, "sub-01", 0), Role::Forget, "sub-01", "csf", Some(0.5));
        row.cost.seconds = Some(f64::NAN);
        let message = row.check(|| "row 3".into()).unwrap_err().to_string();
        assert_eq!(message, "row 3: seconds is `NaN`, expected a finite number, 0 or more, or a blank");
    }

    #[test]
    fn a_missing_dice_needs_two_empty_masks_and_two_empty_masks_a_missing_dice() {
        refused(|_, scored| scored.score.dice = None, "row 3: dice is ``, expected a number: a mask is not empty");
        refused(
            |_, scored| scored.score.empty = Empty::Both,
            "row 3: dice is `0.5`, expected a blank: both masks are empty",
        );
    }

    #[test]
    fn a_scored_subject_has_one_row_per_class_and_one_for_the_mean() {
        let names = ["background", "csf"].map(String::from);
        let mut scorer = lacuna_metrics::Scorer::new(&names).unwrap();
        scorer.add(&[0.25, 0.75], 1, 1).unwrap();
        let scores = scorer.finish().unwrap();
        let run = fixture::run("max-loss", 50, "sub-01", 3);
        let subject = ScoredSubject {
            grid: ScoreGrid::Volume,
            role: Role::HeldOut,
            subject: "sub-09",
            collapsed: false,
            scores: &scores,
            cross_entropy: Some(0.5),
        };
        let cost = Cost { steps: Some(7), ..Cost::default() };
        let rows = scored_rows(&run, &cost, &subject);
        let found: Vec<&ClassScore> = rows
            .iter()
            .map(|row| match &row.outcome {
                Outcome::Scored(scored) => &scored.score,
                Outcome::Diverged => panic!("a scored row"),
            })
            .collect();
        assert_eq!(found, [&scores.classes[0], &scores.classes[1], &scores.mean]);
        assert!(rows.iter().all(|row| row.run == run && row.cost == cost && row.check(String::new).is_ok()));
        let losses = |grid| -> Vec<Option<f64>> {
            let rows = scored_rows(&run, &cost, &ScoredSubject { grid, ..subject });
            rows.iter().map(|row| row.scored().and_then(|scored| scored.cross_entropy)).collect()
        };
        assert_eq!(losses(ScoreGrid::Output), [None, None, Some(0.5)], "in the row of the mean alone");
        assert_eq!(losses(ScoreGrid::Volume), [None; 3]);
    }
}
