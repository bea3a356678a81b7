//! Subjects, dataset layouts, label tables, splits by subject, the synthetic cohort.
//!
//! A subject is a person and the unit of forgetting; a scan is one visit to the scanner. All
//! scans of a person always stay on the same side of every split.
//!
//! One pass of the data: [`Cohort::open`] recognises the [`layout`], lists the scans and
//! attributes them to people; [`check()`] says what is wrong with the files; a [`LabelTable`]
//! gives label numbers their meaning; a [`Split`] divides the subjects; [`prepare`] turns a scan
//! into the [`Case`] a network trains on and is scored by.
//!
//! Deliberately absent: networks, scores, and any printing.

mod cache;
mod case;
mod check;
mod cohort;
mod error;
mod labels;
pub mod layout;
mod named;
mod people;
pub mod phantom;
mod scan_data;
mod split;
mod split_file;
mod subject;
mod voxel_cache;

pub use cache::{CacheUsage, CaseCache};
pub use case::{Case, Preparation, prepare, prepare_each, prepare_loaded};
pub use check::{CheckReport, FaultInfo, ImageSummary, Problem, ScanSummary, Severity, check, faults};
pub use cohort::Cohort;
pub use error::CohortError;
pub use labels::{AS_IS, BUILT_IN, BuiltIn, LabelTable, OutsideTable, Target, WrittenTable, count_labels};
pub use layout::{
    CohortFacts, Excluded, LAYOUTS, Layout, LayoutOptions, PassedOver, ScanFiles, ScanName, write_cohort,
    write_cohort_entered,
};
pub use named::{Named, without};
pub use people::{SUBJECTS_FILE, SubjectPattern};
pub use scan_data::{GridMismatch, ReadOptions, ScanData, load};
pub use split::{Folds, Split, SplitLists};
pub use split_file::nnunet_folds;
pub use subject::{Scan, SubjectId, SubjectIdError};
pub use voxel_cache::{CaseVoxels, Fetch, VoxelCache, Voxels};
