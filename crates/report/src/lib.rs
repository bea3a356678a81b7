//! Result files of runs, and the paper's table from them.
//!
//! A [`ResultRow`] holds the score of one class of one subject on one grid in one run, or that the run diverged.
//! [`results`] keeps rows in a file; [`tables`] averages them into a [`Table`], which prints itself as plain text,
//! Markdown or JSON. Everything but [`results`] is a pure function of rows: the same rows, in any order, give the same
//! bytes.
//!
//! Deliberately absent: burn, the clock, and any number that is not derived from the rows.

mod axis;
mod band;
mod compare;
mod cost;
pub mod curves;
mod error;
mod estimate;
mod facts;
mod figure;
#[cfg(test)]
mod fixture;
mod flat_row;
mod gate;
pub mod html;
mod leaderboard;
mod markdown;
mod probe;
pub mod probes;
mod ranking;
pub mod results;
mod row;
mod run_scores;
mod table;
mod text;

pub use band::Band;
pub use compare::{Comparison, Means, NamedRows, Setting, compare};
pub use cost::Cost;
pub use curves::CurveRow;
pub use error::ReportError;
pub use estimate::{Estimate, Spread};
pub use gate::{Criterion, GATE_SCHEMA, Gate, Judged, Met, Summary, Thresholds, Unit, Verdict, gates};
pub use leaderboard::leaderboard;
pub use probe::{ProbeRow, Rebound, ReboundStatus, Relearn, RelearnStatus};
pub use ranking::{Ranked, ranked};
pub use row::{
    Goal, ORIGINAL, Outcome, RETRAIN, ResultRow, Role, Run, ScoreGrid, Scored, ScoredSubject, check_text, scored_rows,
};
pub use table::{Column, Line, Roles, SCHEMA, Table, tables};
