//! What can go wrong in a study.

use lacuna_train::TrainError;
use std::path::PathBuf;

/// An error of study files, tasks and records.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StudyError {
    /// The study file is not one.
    #[error("{path}: {reason}")]
    Parse {
        /// The file.
        path: PathBuf,
        /// The parser's reason, with line and column.
        reason: String,
    },
    /// What is wrong stands in a study file.
    #[error("{path}: {source}")]
    InFile {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        source: Box<StudyError>,
    },
    /// A setting that no study can have.
    #[error("{key}: expected {expected}, found {found}")]
    BadSetting {
        /// The key in the study file.
        key: String,
        /// What would do.
        expected: String,
        /// As given.
        found: String,
    },
    /// A recipe that cannot be run.
    #[error("unlearn: strategy `{strategy}`: {source}")]
    BadRecipe {
        /// The strategy that it belongs to.
        strategy: String,
        /// What is wrong with it.
        source: Box<lacuna_unlearn::UnlearnError>,
    },
    /// The file with initial weights does not fit the network.
    #[error("{path}: network.init: expected {expected}, found {found}; fix: {fix}")]
    Init {
        /// The weight file.
        path: PathBuf,
        /// What the network needs.
        expected: String,
        /// What matched and what did not.
        found: String,
        /// What to do.
        fix: String,
    },
    /// A record, or the scores of an unfinished run, does not belong where it lies or is damaged.
    #[error("{path}: expected the record of this run, found {found}; fix: delete {delete} to have the run done again")]
    Record {
        /// The file.
        path: PathBuf,
        /// What does not fit.
        found: String,
        /// The file to delete.
        delete: PathBuf,
    },
    /// A run that was repeated came out otherwise than its record says.
    #[error(
        "run {key}: expected the recorded model {recorded}, found {found}; fix: delete {path} and records that follow from it"
    )]
    NotRepeated {
        /// The digest that names the run.
        key: String,
        /// Its record.
        path: PathBuf,
        /// The digest of the model then.
        recorded: String,
        /// The digest of the model now.
        found: String,
    },
    /// More memory is needed than there is.
    #[error("the study needs about {needed_gib:.1} GiB of memory and {available_gib:.1} GiB are available; fix: {fix}")]
    Memory {
        /// The estimate.
        needed_gib: f64,
        /// What the machine has.
        available_gib: f64,
        /// A size that fits.
        fix: String,
    },
    /// The declaration of an audit was changed.
    #[error(
        "{path}: expected the declaration that its name is the digest of, found another; fix: delete it, and the audit is \
         declared anew"
    )]
    Declaration {
        /// The file.
        path: PathBuf,
    },
    /// An audit was asked to stop between two models.
    #[error("the audit was stopped; every trained model is kept; fix: the same command goes on from here")]
    Stopped,
    /// What an audit measures could not be computed.
    #[error(transparent)]
    Audit(#[from] lacuna_audit::AuditError),
    /// The cohort, a label table, or a scan.
    #[error(transparent)]
    Cohort(#[from] lacuna_cohort::CohortError),
    /// A file.
    #[error(transparent)]
    Disk(#[from] lacuna_disk::DiskError),
    /// Where records or models lie.
    #[error(transparent)]
    Objects(#[from] lacuna_objects::ObjectError),
    /// A register of artefacts.
    #[error(transparent)]
    Artefacts(#[from] lacuna_artefacts::ArtefactError),
    /// The network or its files.
    #[error(transparent)]
    Network(#[from] lacuna_nn::NnError),
    /// Training, or a request to stop.
    #[error(transparent)]
    Train(#[from] TrainError),
    /// A recipe, or its run.
    #[error(transparent)]
    Unlearn(#[from] lacuna_unlearn::UnlearnError),
    /// The rows could not be written or averaged.
    #[error(transparent)]
    Report(#[from] lacuna_report::ReportError),
}

impl StudyError {
    /// Whether its words can hold a subject's id or the name of somebody's file, which pseudonyms must hide.
    pub fn may_name_a_subject(&self) -> bool {
        match self {
            StudyError::InFile { source, .. } => source.may_name_a_subject(),
            StudyError::BadSetting { key, .. } => {
                ["split", "data", "controls"].iter().any(|names| key.starts_with(names))
            }
            // Records, models and weights are named by digests and by the study file.
            StudyError::BadRecipe { .. }
            | StudyError::Init { .. }
            | StudyError::Record { .. }
            | StudyError::NotRepeated { .. }
            | StudyError::Memory { .. }
            | StudyError::Declaration { .. }
            | StudyError::Stopped
            | StudyError::Audit(_)
            | StudyError::Objects(_)
            | StudyError::Artefacts(_)
            | StudyError::Network(_) => false,
            StudyError::Train(error) => !matches!(
                error,
                TrainError::BadSetting { .. } | TrainError::Diverged { .. } | TrainError::Interrupted { .. }
            ),
            _ => true,
        }
    }
}
