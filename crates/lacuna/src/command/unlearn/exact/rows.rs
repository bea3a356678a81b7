//! The scores of an exact erase as rows of `results.csv`, beside those of the model it was erased from.

use super::Job;
use crate::exact::SubjectScore;
use crate::scores::Side;
use lacuna_cohort::SubjectId;
use lacuna_report::{Cost, Goal, ORIGINAL, ResultRow, Role, Run, ScoreGrid, ScoredSubject, scored_rows};

/// The rows of all scored subjects, on both grids, under the strategy's name or [`ORIGINAL`].
pub fn rows(job: &Job, strategy: &str, cost: &Cost, scored: &[SubjectScore]) -> Vec<ResultRow> {
    let run = run_of(job, strategy);
    let collapsed = scored.iter().all(|one| one.scores.collapsed);
    let of_grid = |one: &SubjectScore, grid| {
        let scores = if grid == ScoreGrid::Volume { &one.scores.volume } else { &one.scores.output };
        let (role, subject, cross_entropy) = (role(one.side), one.subject.as_str(), Some(one.scores.cross_entropy));
        scored_rows(&run, cost, &ScoredSubject { grid, role, subject, collapsed, scores, cross_entropy })
    };
    scored
        .iter()
        .flat_map(|one| [ScoreGrid::Volume, ScoreGrid::Output].into_iter().flat_map(|grid| of_grid(one, grid)))
        .collect()
}

fn run_of(job: &Job, strategy: &str) -> Run {
    let is_original = strategy == ORIGINAL;
    let names: Vec<&str> = job.leaving.iter().map(SubjectId::as_str).collect();
    Run {
        network: job.data.architecture.name(),
        labels: job.data.labels.name().to_string(),
        goal: if is_original { Goal::Reference } else { Goal::MatchRetrain },
        strategy: strategy.to_string(),
        variant: String::new(),
        epochs: if is_original { 0 } else { job.run.train.train.epochs },
        forgotten: names.join("_"),
        seed: job.run.train.seed,
    }
}

fn role(side: Side) -> Role {
    match side {
        Side::Train => Role::Retain,
        Side::Forget => Role::Forget,
        Side::HeldOut => Role::HeldOut,
        Side::Scored => unreachable!("an erase knows the side of every subject"),
    }
}
