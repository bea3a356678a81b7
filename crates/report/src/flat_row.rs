//! A row as `results.csv` holds it: every column a field, in the order of the file.

use crate::{Cost, Goal, Outcome, ReportError, ResultRow, Role, Run, ScoreGrid, Scored};
use lacuna_metrics::{ClassScore, Empty};
use serde::{Deserialize, Serialize};

/// A row with a field for each column of the file.
#[derive(Serialize, Deserialize)]
pub(crate) struct FlatRow {
    strategy: String,
    goal: Goal,
    epochs: usize,
    forgotten: String,
    seed: u64,
    subject: Option<String>,
    role: Option<Role>,
    class: Option<String>,
    grid: Option<ScoreGrid>,
    dice: Option<f64>,
    mae: Option<f64>,
    variant: String,
    network: String,
    labels: String,
    mae_probability: Option<f64>,
    empty: Option<Empty>,
    status: Status,
    steps: Option<u64>,
    training_passes: Option<u64>,
    teacher_passes: Option<u64>,
    preparation_training_passes: Option<u64>,
    preparation_teacher_passes: Option<u64>,
    seconds: Option<f64>,
    peak_mib: Option<f64>,
    retraining_fraction: Option<f64>,
    cross_entropy: Option<f64>,
}

#[derive(Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Status {
    /// The run has scores.
    Ok,
    /// The run has scores, and predicts one class everywhere.
    Collapsed,
    /// The run has no scores: a value was not finite.
    Diverged,
}

impl From<&ResultRow> for FlatRow {
    fn from(row: &ResultRow) -> FlatRow {
        let run = row.run.clone();
        let (scored, cost) = (row.scored(), row.cost);
        FlatRow {
            strategy: run.strategy,
            goal: run.goal,
            epochs: run.epochs,
            forgotten: run.forgotten,
            seed: run.seed,
            subject: scored.map(|scored| scored.subject.clone()),
            role: scored.map(|scored| scored.role),
            class: scored.map(|scored| scored.score.name.clone()),
            grid: scored.map(|scored| scored.grid),
            dice: scored.and_then(|scored| scored.score.dice),
            mae: scored.map(|scored| scored.score.mae),
            variant: run.variant,
            network: run.network,
            labels: run.labels,
            mae_probability: scored.map(|scored| scored.score.mae_probability),
            empty: scored.map(|scored| scored.score.empty),
            status: match scored {
                Some(scored) if scored.collapsed => Status::Collapsed,
                Some(_) => Status::Ok,
                None => Status::Diverged,
            },
            steps: cost.steps,
            training_passes: cost.training_passes,
            teacher_passes: cost.teacher_passes,
            preparation_training_passes: cost.preparation_training_passes,
            preparation_teacher_passes: cost.preparation_teacher_passes,
            seconds: cost.seconds,
            peak_mib: cost.peak_mib,
            retraining_fraction: cost.retraining_fraction,
            cross_entropy: scored.and_then(|scored| scored.cross_entropy),
        }
    }
}

impl FlatRow {
    /// Converts to a result row, if the columns agree with each other.
    pub(crate) fn into_row(self, location: impl Fn() -> String) -> Result<ResultRow, ReportError> {
        let outcome = match self.status {
            Status::Ok | Status::Collapsed => Outcome::Scored(self.scored(location)?),
            Status::Diverged => self.diverged(location)?,
        };
        let cost = Cost {
            steps: self.steps,
            training_passes: self.training_passes,
            teacher_passes: self.teacher_passes,
            preparation_training_passes: self.preparation_training_passes,
            preparation_teacher_passes: self.preparation_teacher_passes,
            seconds: self.seconds,
            peak_mib: self.peak_mib,
            retraining_fraction: self.retraining_fraction,
        };
        let run = Run {
            network: self.network,
            labels: self.labels,
            goal: self.goal,
            strategy: self.strategy,
            variant: self.variant,
            epochs: self.epochs,
            forgotten: self.forgotten,
            seed: self.seed,
        };
        Ok(ResultRow { run, cost, outcome })
    }

    fn scored(&self, location: impl Fn() -> String) -> Result<Scored, ReportError> {
        let blank = |column| ReportError::Field {
            location: location(),
            column,
            found: String::new(),
            expected: "a value, since status is not `diverged`",
        };
        let score = ClassScore {
            name: self.class.clone().ok_or_else(|| blank("class"))?,
            dice: self.dice,
            empty: self.empty.ok_or_else(|| blank("empty"))?,
            mae: self.mae.ok_or_else(|| blank("mae"))?,
            mae_probability: self.mae_probability.ok_or_else(|| blank("mae_probability"))?,
            surface: None,
        };
        Ok(Scored {
            grid: self.grid.ok_or_else(|| blank("grid"))?,
            role: self.role.ok_or_else(|| blank("role"))?,
            subject: self.subject.clone().ok_or_else(|| blank("subject"))?,
            score,
            collapsed: self.status == Status::Collapsed,
            cross_entropy: self.cross_entropy,
        })
    }

    /// Checks that the row of a diverged run names no subject and holds no scores.
    fn diverged(&self, location: impl Fn() -> String) -> Result<Outcome, ReportError> {
        let filled = [
            ("subject", self.subject.is_some()),
            ("role", self.role.is_some()),
            ("class", self.class.is_some()),
            ("grid", self.grid.is_some()),
            ("dice", self.dice.is_some()),
            ("mae", self.mae.is_some()),
            ("mae_probability", self.mae_probability.is_some()),
            ("empty", self.empty.is_some()),
            ("cross_entropy", self.cross_entropy.is_some()),
        ];
        match filled.iter().find(|(_, filled)| *filled) {
            None => Ok(Outcome::Diverged),
            Some(&(column, _)) => Err(ReportError::Field {
                location: location(),
                column,
                found: "filled".to_string(),
                expected: "a blank, since status is `diverged`",
            }),
        }
    }
}
