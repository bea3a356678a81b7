//! The records that a run folder holds, each a type of its own.
//!
//! | file | type | content |
//! |---|---|---|
//! | `run.json` | [`RunRecord`] | what the run was made of: command line, seeds, digests of its inputs |
//! | `status.json` | [`Status`] | how the run stands |
//! | `lineage.json` | [`Lineage`] | whom the model beside it was trained on, and whom it was made to forget |
//! | `NAME.subjects.json` | [`Shown`] | whose slices the page `NAME.html` shows |
//!
//! The verbs write these files and a trace reads them, so both use the same types: a field that changes its name changes
//! it for both, and a file that cannot be read as its type is an error, never an empty value.
//!
//! Deliberately absent: making run folders, networks, and printing.

mod error;
mod lineage;
mod run_record;
mod shown;

pub use error::RunsError;
pub use lineage::{ErasedBy, Erasure, Init, LINEAGE, Lineage, check_file};
pub use run_record::{Maker, RUN, RunRecord, RunState, STATUS, Status, read_record, read_status, timestamp};
pub use shown::Shown;
