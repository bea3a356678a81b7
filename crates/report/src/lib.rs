//! Records of finished runs in, `results.csv` and the paper's table out.
//!
//! A [`ResultRow`] says how one run scored one class of one subject on one grid, or that the run
//! diverged. [`results`] keeps rows in a file; [`tables`] averages them into a [`Table`], which
//! prints itself as plain text, Markdown or JSON. Everything but [`results`] is a pure function
//! of rows: the same rows, in any order, give the same bytes.
//!
//! Deliberately absent: burn, the clock, and any number that the rows do not hold.

mod cost;
mod error;
mod estimate;
mod figure;
#[cfg(test)]
mod fixture;
mod flat_row;
mod markdown;
pub mod results;
mod row;
mod run_scores;
mod table;
mod text;

pub use cost::Cost;
pub use error::ReportError;
pub use estimate::{Estimate, Spread};
pub use row::{
    Goal, ORIGINAL, Outcome, RETRAIN, ResultRow, Role, Run, ScoreGrid, Scored, ScoredSubject, check_text, scored_rows,
};
pub use table::{Column, Line, Roles, SCHEMA, Table, tables};
