//! Errors of studies.

use lacuna_train::TrainError;
use std::path::PathBuf;

/// An error of study files, tasks and records.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StudyError {
    /// The file is no valid study file.
    #[error("{path}: {reason}")]
    Parse {
        /// The path of the file.
        path: PathBuf,
        /// The parser's message, with line and column.
        reason: String,
    },
    /// An error in the content of a study file.
    #[error("{path}: {source}")]
    InFile {
        /// The path of the study file.
        path: PathBuf,
        /// The error in the file.
        source: Box<StudyError>,
    },
    /// A setting that no study can have.
    #[error("{key}: expected {expected}, found {found}")]
    BadSetting {
        /// The key in the study file.
        key: String,
        /// The values that are allowed.
        expected: String,
        /// The value that was given.
        found: String,
    },
    /// A recipe that cannot be run.
    #[error("unlearn: strategy `{strategy}`: {source}")]
    BadRecipe {
        /// The strategy that the recipe belongs to.
        strategy: String,
        /// The error in the recipe.
        source: Box<lacuna_unlearn::UnlearnError>,
    },
    /// The file with initial weights does not fit the network.
    #[error("{path}: network.init: expected {expected}, found {found}; fix: {fix}")]
    Init {
        /// The weight file.
        path: PathBuf,
        /// The tensors that the network needs.
        expected: String,
        /// The tensors that matched and those that did not.
        found: String,
        /// The suggested repair.
        fix: String,
    },
    /// A record, or the scores of an unfinished run, is damaged or belongs to another run.
    #[error("{path}: expected the record of this run, found {found}; fix: delete {delete} to have the run done again")]
    Record {
        /// The path of the file.
        path: PathBuf,
        /// A description of the defect.
        found: String,
        /// The path of the file to delete.
        delete: PathBuf,
    },
    /// A repeated run gave another model than its record states.
    #[error(
        "run {key}: expected the recorded model {recorded}, found {found}; fix: delete {path} and records that follow from it"
    )]
    NotRepeated {
        /// The digest that names the run.
        key: String,
        /// The path of the record.
        path: PathBuf,
        /// The digest of the recorded model.
        recorded: String,
        /// The digest of the repeated run's model.
        found: String,
    },
    /// The study needs more memory than the machine has.
    #[error("the study needs about {needed_gib:.1} GiB of memory and {available_gib:.1} GiB are available; fix: {fix}")]
    Memory {
        /// The estimated need in GiB.
        needed_gib: f64,
        /// The available memory in GiB.
        available_gib: f64,
        /// A size that fits, as a suggestion.
        fix: String,
    },
    /// The declaration of an audit was changed.
    #[error(
        "{path}: expected the declaration that its name is the digest of, found another; fix: delete it, and the audit is \
         declared anew"
    )]
    Declaration {
        /// The path of the declaration.
        path: PathBuf,
    },
    /// An audit was asked to stop between two models.
    #[error("the audit was stopped; every trained model is kept; fix: the same command goes on from here")]
    Stopped,
    /// The measurements of an audit could not be computed.
    #[error(transparent)]
    Audit(#[from] lacuna_audit::AuditError),
    /// An error of the cohort, a label table, or a scan.
    #[error(transparent)]
    Cohort(#[from] lacuna_cohort::CohortError),
    /// An error of reading or writing a file.
    #[error(transparent)]
    Disk(#[from] lacuna_disk::DiskError),
    /// An error of the location of records or models.
    #[error(transparent)]
    Objects(#[from] lacuna_objects::ObjectError),
    /// An error of a register of artefacts.
    #[error(transparent)]
    Artefacts(#[from] lacuna_artefacts::ArtefactError),
    /// An error of the network or its files.
    #[error(transparent)]
    Network(#[from] lacuna_nn::NnError),
    /// An error of training, or a request to stop it.
    #[error(transparent)]
    Train(#[from] TrainError),
    /// An error of a recipe or its run.
    #[error(transparent)]
    Unlearn(#[from] lacuna_unlearn::UnlearnError),
    /// The rows could not be written or averaged.
    #[error(transparent)]
    Report(#[from] lacuna_report::ReportError),
}

impl From<lacuna_inference::InferenceError> for StudyError {
    fn from(error: lacuna_inference::InferenceError) -> StudyError {
        StudyError::Train(error.into())
    }
}

impl StudyError {
    /// Whether the message can contain a subject's id or the name of a user's file, which pseudonyms must hide.
    pub fn may_name_a_subject(&self) -> bool {
        match self {
            StudyError::InFile { source, .. } => source.may_name_a_subject(),
            StudyError::BadSetting { key, .. } => {
                ["split", "data", "controls"].iter().any(|names| key.starts_with(names))
            }
            // These errors name records, models and weights only by digests and by the study file.
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
