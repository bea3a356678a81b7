//! What can be wrong with records.

use lacuna_disk::DiskError;
use std::path::PathBuf;

/// Records that cannot be written, read or tabulated, with the evidence.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ReportError {
    /// The file could not be read or written.
    #[error(transparent)]
    Disk(#[from] DiskError),
    /// The file is not CSV, or a field is not of its column's kind.
    #[error("{path}: {source}")]
    Csv {
        /// The file.
        path: PathBuf,
        /// Where and why; it names the line and the field.
        source: csv::Error,
    },
    /// The file's first line is not that of `results.csv`.
    #[error("{path}: expected the columns `{expected}`, found `{found}`")]
    Columns {
        /// The file.
        path: PathBuf,
        /// The columns of `results.csv`.
        expected: String,
        /// The file's own.
        found: String,
    },
    /// The file is no audit.
    #[error("{path}: expected an audit.json of lacuna.audit/1, found {found}; fix: name the run folder of an audit")]
    Audit {
        /// The file.
        path: PathBuf,
        /// Where and why.
        found: String,
    },
    /// The file is not NiiVue as a page can hold it.
    #[error(
        "{path}: expected dist/niivue.umd.js of the npm package @niivue/niivue, found {found}; fix: npm install @niivue/niivue"
    )]
    NotNiiVue {
        /// The file.
        path: PathBuf,
        /// What it is, or why it cannot be read.
        found: String,
    },
    /// A field holds what no run of lacuna can give.
    #[error("{place}: {column} is `{found}`, expected {expected}")]
    Field {
        /// The file and line, or which row of those given.
        place: String,
        /// The column of `results.csv`.
        column: &'static str,
        /// What it holds.
        found: String,
        /// What it may hold.
        expected: &'static str,
    },
    /// The same run scored the same thing twice.
    #[error("two rows for {what}: results of different studies belong in different files")]
    Duplicate {
        /// Which run, subject, class and grid.
        what: String,
    },
    /// Some rows say that a run collapsed and some that it did not.
    #[error("{run}: status: expected `collapsed` in every row or in none, found both")]
    Collapsed {
        /// Which run.
        run: String,
    },
    /// Some rows say that a run cost this and some that it cost that.
    #[error("{run}: expected the same cost in every row, found two")]
    Cost {
        /// Which run.
        run: String,
    },
    /// A run has two originals or two retrained models to be compared with.
    #[error(
        "two models `{strategy}` for the forgotten subject {forgotten} and seed {seed}: \
         expected one to compare with; tabulate them apart"
    )]
    TwoReferences {
        /// `original` or `retrain`.
        strategy: &'static str,
        /// The forgotten subject.
        forgotten: String,
        /// The seed.
        seed: u64,
    },
}
