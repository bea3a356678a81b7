//! Subjects, dataset layouts, label tables, splits by subject, the synthetic cohort.
//!
//! A subject is a person and the unit of forgetting; a scan is one visit to the scanner. All
//! scans of a person always stay on the same side of every split.

mod subject;

pub use subject::{Scan, SubjectId, SubjectIdError};
