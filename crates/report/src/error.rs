//! Errors of result files.

use lacuna_disk::DiskError;
use std::path::PathBuf;

/// An error of writing, reading or tabulating result files, with its evidence.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ReportError {
    /// The file could not be read or written.
    #[error(transparent)]
    Disk(#[from] DiskError),
    /// The file is not CSV, or a field does not have the type of its column.
    #[error("{path}: {source}")]
    Csv {
        /// The path of the file.
        path: PathBuf,
        /// The reader's error, which names the line and the field.
        source: csv::Error,
    },
    /// The file's first line differs from that of `results.csv`.
    #[error("{path}: expected the columns `{expected}`, found `{found}`")]
    Columns {
        /// The path of the file.
        path: PathBuf,
        /// The columns of `results.csv`.
        expected: String,
        /// The columns of the file.
        found: String,
    },
    /// The file is no audit result.
    #[error("{path}: expected an audit.json of lacuna.audit/1, found {found}; fix: name the run folder of an audit")]
    Audit {
        /// The path of the file.
        path: PathBuf,
        /// The place in the file and the reason.
        found: String,
    },
    /// The file is not NiiVue, or not in a form that a page can embed.
    #[error(
        "{path}: expected dist/niivue.umd.js of the npm package @niivue/niivue, found {found}; fix: npm install @niivue/niivue"
    )]
    NotNiiVue {
        /// The path of the file.
        path: PathBuf,
        /// A description of the file, or the reason why it cannot be read.
        found: String,
    },
    /// A field with a value that no run of lacuna gives.
    #[error("{location}: {column} is `{found}`, expected {expected}")]
    Field {
        /// The file and line, or the position among the given rows.
        location: String,
        /// The column of `results.csv`.
        column: &'static str,
        /// The value that was found.
        found: String,
        /// The values that are allowed.
        expected: &'static str,
    },
    /// Two rows hold the same score of the same run.
    #[error("two rows for {what}: results of different studies belong in different files")]
    Duplicate {
        /// The run, subject, class and grid.
        what: String,
    },
    /// The rows of a run disagree on whether it collapsed.
    #[error("{run}: status: expected `collapsed` in every row or in none, found both")]
    Collapsed {
        /// The run whose rows disagree.
        run: String,
    },
    /// The rows of a run disagree on its cost.
    #[error("{run}: expected the same cost in every row, found two")]
    Cost {
        /// The run whose rows disagree.
        run: String,
    },
    /// A run has two original or two retrained models to be compared with.
    #[error(
        "two models `{strategy}` for the forgotten subject {forgotten} and seed {seed}: \
         expected one to compare with; tabulate them apart"
    )]
    TwoReferences {
        /// The reference model's name: `original` or `retrain`.
        strategy: &'static str,
        /// The forgotten subject.
        forgotten: String,
        /// The seed of the two models.
        seed: u64,
    },
}
