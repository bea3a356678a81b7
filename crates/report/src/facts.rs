//! The facts of each run in a results file, gathered for gates and charts.

use crate::estimate::mean;
use crate::row::sorted;
use crate::run_scores::{RoleScores, RunScores};
use crate::{Cost, Outcome, ReportError, ResultRow, Role, Roles, Run, ScoreGrid};
use std::collections::BTreeMap;

/// Selects the scores of one role.
pub(crate) type OfRole = fn(&Roles<RoleScores>) -> &RoleScores;

/// The facts of one run.
#[derive(Default)]
pub(crate) struct Facts {
    pub(crate) diverged: bool,
    pub(crate) cost: Cost,
    output: RunScores,
    volume: RunScores,
    cross_entropy: Vec<f64>,
}

impl Facts {
    /// Dice of a role on a grid, averaged over subjects.
    pub(crate) fn dice(&self, grid: ScoreGrid, role: OfRole) -> Option<f64> {
        match grid {
            ScoreGrid::Output => self.output.dice_of(role),
            ScoreGrid::Volume => self.volume.dice_of(role),
        }
    }

    /// Cross-entropy of the forgotten subject on the output grid.
    pub(crate) fn forget_cross_entropy(&self) -> Option<f64> {
        mean(&self.cross_entropy)
    }

    fn add(&mut self, row: &ResultRow) {
        self.cost = row.cost;
        let Outcome::Scored(scored) = &row.outcome else {
            self.diverged = true;
            return;
        };
        match scored.grid {
            ScoreGrid::Output => self.output.add(scored),
            ScoreGrid::Volume => self.volume.add(scored),
        }
        self.cross_entropy.extend(scored.cross_entropy.filter(|_| scored.role == Role::Forget));
    }
}

/// The runs of one network and label table, with their facts.
pub(crate) type Runs<'a> = BTreeMap<&'a Run, Facts>;

/// Gathers all runs, by network and label table.
///
/// # Errors
/// If there are rows that no study writes.
pub(crate) fn by_setting(rows: &[ResultRow]) -> Result<BTreeMap<(&str, &str), Runs<'_>>, ReportError> {
    for (index, row) in rows.iter().enumerate() {
        row.check(|| format!("row {index}"))?;
    }
    let mut settings: BTreeMap<(&str, &str), Runs> = BTreeMap::new();
    for row in sorted(rows)? {
        let runs = settings.entry((&row.run.network, &row.run.labels)).or_default();
        runs.entry(&row.run).or_default().add(row);
    }
    Ok(settings)
}

/// Reference models by forgotten subject and seed.
pub(crate) type References<'a> = BTreeMap<&'a str, BTreeMap<u64, (&'a Run, &'a Facts)>>;

/// The reference models with this strategy name.
///
/// # Errors
/// [`ReportError::TwoReferences`] if two of them have the same forgotten subject and seed.
pub(crate) fn references<'a>(runs: &'a Runs<'a>, strategy: &'static str) -> Result<References<'a>, ReportError> {
    let mut found = References::new();
    for (&run, facts) in runs.iter().filter(|(run, facts)| run.strategy == strategy && !facts.diverged) {
        if found.entry(&run.forgotten).or_default().insert(run.seed, (run, facts)).is_some() {
            return Err(ReportError::TwoReferences { strategy, forgotten: run.forgotten.clone(), seed: run.seed });
        }
    }
    Ok(found)
}
