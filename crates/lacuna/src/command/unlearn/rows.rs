//! The rows of a run: one file per horizon, written the moment it is scored.

use super::job::Job;
use crate::context::Context;
use crate::error::CliError;
use crate::run_folder::RunFolder;
use lacuna_cohort::SubjectId;
use lacuna_nn::Network;
use lacuna_report::{
    Cost, Goal, ORIGINAL, Outcome as RunOutcome, ResultRow, Run, ScoreGrid, ScoredSubject, results, scored_rows,
};
use lacuna_study::HorizonCost;
use lacuna_train::State;
use lacuna_unlearn::{Unlearned, preparation_passes};
use std::collections::BTreeSet;

impl Job<'_> {
    /// Score all subjects after so many epochs, at what the run had cost by then, and keep the rows.
    pub(super) fn score(
        &self,
        network: &Network,
        strategy: &str,
        (epochs, cost): (usize, Cost),
        context: &Context,
        folder: &RunFolder,
    ) -> Result<(), CliError> {
        let run = self.row_of(strategy, epochs);
        let sides = self.sides.by_role();
        let mut scored = Vec::new();
        for (role, subject) in sides.iter().flat_map(|(role, side)| side.iter().map(move |subject| (*role, subject))) {
            scored.push((role, subject, self.data.score(network, subject, &context.device)?));
        }
        let collapsed = scored.iter().all(|(_, _, scores)| scores.collapsed);
        if collapsed {
            context.note(&format!("collapsed: after {epochs} epochs {strategy} says one class everywhere"));
        }
        let mut rows = Vec::new();
        for (role, subject, scores) in &scored {
            let cross_entropy = Some(scores.cross_entropy);
            for (grid, scores) in [(ScoreGrid::Volume, &scores.volume), (ScoreGrid::Output, &scores.output)] {
                let (role, subject) = (*role, subject.as_str());
                let scored = ScoredSubject { grid, role, subject, collapsed, scores, cross_entropy };
                rows.extend(scored_rows(&run, &cost, &scored));
            }
        }
        Ok(results::write(&folder.file(&rows_file(epochs)), &rows)?)
    }

    /// What a run had cost where it stands, as a study has it; what a retraining takes is not known here.
    pub(super) fn cost(&self, run: &Unlearned, state: &State, seconds: Option<f64>) -> Result<Cost, CliError> {
        let preparation = preparation_passes(run.recipe, run.sets)?;
        let measured = HorizonCost::of(state, preparation, seconds.unwrap_or_default()).beside(None);
        Ok(Cost { seconds, ..measured })
    }

    /// Divergence is a result of the strategy: one row without numbers beside those of the horizons reached.
    pub(super) fn record_divergence(&self, folder: &RunFolder) -> Result<(), CliError> {
        let mut rows = self.all_rows(folder)?;
        let missed = self.horizons().find(|&epochs| !folder.file(&rows_file(epochs)).exists());
        let run = |epochs| self.row_of(&self.run.strategy, epochs);
        let row = |epochs| ResultRow { run: run(epochs), cost: Cost::default(), outcome: RunOutcome::Diverged };
        rows.extend(missed.map(row));
        Ok(results::write(&folder.file("results.csv"), &rows)?)
    }

    /// The rows of the original and of every horizon reached.
    pub(super) fn all_rows(&self, folder: &RunFolder) -> Result<Vec<ResultRow>, CliError> {
        let mut rows = Vec::new();
        let files = [0].into_iter().chain(self.horizons()).map(|epochs| folder.file(&rows_file(epochs)));
        for file in files.filter(|file| file.exists()) {
            rows.extend(results::read(&file)?);
        }
        Ok(rows)
    }

    fn row_of(&self, strategy: &str, epochs: usize) -> Run {
        let is_original = strategy == ORIGINAL;
        let goal = match self.run.recipe.goal {
            _ if is_original => Goal::Reference,
            lacuna_unlearn::Goal::Suppress => Goal::Suppress,
            lacuna_unlearn::Goal::MatchRetrain => Goal::MatchRetrain,
        };
        let names: Vec<&str> = self.sides.split.forget().iter().map(SubjectId::as_str).collect();
        Run {
            network: self.data.architecture.name(),
            labels: self.data.labels.name().to_string(),
            goal,
            strategy: strategy.to_string(),
            variant: if is_original { String::new() } else { self.run.differences.clone() },
            epochs,
            forgotten: names.join("_"),
            seed: self.run.seed,
        }
    }

    /// Each horizon once, the nearest first.
    fn horizons(&self) -> impl Iterator<Item = usize> {
        self.run.epochs.iter().copied().collect::<BTreeSet<_>>().into_iter()
    }
}

/// The file in which the rows of one horizon lie, whatever becomes of the run.
fn rows_file(epochs: usize) -> String {
    format!("horizons/{epochs}.csv")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_lie_apart_by_horizon() {
        assert_ne!(rows_file(20), rows_file(50));
    }
}
