//! Every error of the command, with its exit code.
//!
//! The libraries word their errors alike: `FILE: FIELD: expected …, found …; fix: …`. Here the
//! parts are set on lines of their own and each error is given its one exit code.

use crate::config::with_suggestion;
use crate::exit::Exit;
use lacuna_artefacts::ArtefactError;
use lacuna_audit::AuditError;
use lacuna_cohort::CohortError;
use lacuna_cohort::phantom::PhantomConfigError;
use lacuna_disk::DiskError;
use lacuna_erase::EraseError;
use lacuna_exact::ExactError;
use lacuna_inference::InferenceError;
use lacuna_launcher::LauncherError;
use lacuna_ledger::LedgerError;
use lacuna_metrics::MetricsError;
use lacuna_nn::{DeviceError, NnError};
use lacuna_objects::ObjectError;
use lacuna_report::ReportError;
use lacuna_runs::RunsError;
use lacuna_study::StudyError;
use lacuna_trace::TraceError;
use lacuna_train::TrainError;
use lacuna_unlearn::UnlearnError;
use lacuna_volume::{InverseTransformError, PreprocessError, VolumeError};
use lacuna_weights::WeightsError;
use std::io::ErrorKind;

/// Why a verb could not do its work.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CliError {
    /// Arguments that are each sound and do not go together.
    #[error("{what}")]
    Usage { what: String },
    /// A request that cannot be carried out as stated.
    #[error("{what}")]
    Config {
        /// In words: what was expected, what was found, what to do.
        what: String,
    },
    /// A file that is not what it should be.
    #[error("{what}")]
    Data {
        /// In words: the file, what was expected, what was found, what to do.
        what: String,
    },
    /// The device asked for cannot be had.
    #[error("--device {0}")]
    NoDevice(#[from] DeviceError),
    /// The device cannot be used as asked.
    #[error("{what}")]
    Device { what: String },
    /// What cannot be done now and may be done later.
    #[error("{what}")]
    TryAgain {
        /// In words: what was expected, what was found, what to do.
        what: String,
    },
    /// Tasks that other processes did and that failed there.
    #[error("{what}")]
    Tasks {
        /// The names of the failed parts and their errors.
        what: String,
        /// The code that the first of them ended with.
        exit: Exit,
    },
    /// The user stopped the work.
    #[error("interrupted: {kept}")]
    Interrupted {
        /// What is kept and how to go on.
        kept: String,
    },
    /// What is wrong may name a subject, and pseudonyms were asked for.
    #[error(
        "what is wrong may name a subject or a file, which --pseudonyms hides; fix: the same command with --dry-run and \
         without pseudonyms says it"
    )]
    Hidden {
        /// The code of the error that is not shown.
        exit: Exit,
    },
    /// What is wrong may name a subject or a file, and `--redact` was given.
    #[error(
        "the process ends with the code {}, and what is wrong may name a subject or a file, which --redact hides; fix: the \
         same command without --redact says it, to those who may read it",
        exit.code()
    )]
    Redacted {
        /// The code of the error that is not shown.
        exit: Exit,
    },
    /// Reading or writing a file failed.
    #[error(transparent)]
    Disk(#[from] DiskError),
    /// A site's key or a register cannot be used.
    #[error(transparent)]
    Artefact(#[from] ArtefactError),
    /// A volume could not be read or written.
    #[error(transparent)]
    Volume(#[from] VolumeError),
    /// Images could not be preprocessed.
    #[error(transparent)]
    Preprocess(#[from] PreprocessError),
    /// A prediction could not be brought back to its image.
    #[error(transparent)]
    InverseTransform(#[from] InverseTransformError),
    /// A cohort cannot be used.
    #[error(transparent)]
    Cohort(#[from] CohortError),
    /// A recipe makes no synthetic cohort.
    #[error(transparent)]
    Phantom(#[from] PhantomConfigError),
    /// A network or its file cannot be used.
    #[error(transparent)]
    Network(#[from] NnError),
    /// A file of tensors cannot be read or written.
    #[error(transparent)]
    Weights(#[from] WeightsError),
    /// Training failed.
    #[error(transparent)]
    Train(#[from] TrainError),
    /// Scores could not be computed.
    #[error(transparent)]
    Metrics(#[from] MetricsError),
    /// A recipe cannot be run, or its run failed.
    #[error(transparent)]
    Unlearn(#[from] UnlearnError),
    /// An exact model cannot be trained, erased from or used.
    #[error(transparent)]
    Exact(#[from] ExactError),
    /// A model's notes cannot be read, or it cannot be asked as wished.
    #[error(transparent)]
    Inference(#[from] InferenceError),
    /// An audit cannot be computed.
    #[error(transparent)]
    Audit(#[from] AuditError),
    /// A ledger or evidence cannot be used, or is not as it was written.
    #[error(transparent)]
    Ledger(#[from] LedgerError),
    /// A plan, an attempt at one of its tasks, or an engine.
    #[error(transparent)]
    Launcher(#[from] LauncherError),
    /// A request for erasure cannot go on.
    #[error(transparent)]
    Erase(#[from] EraseError),
    /// A trace or a purge failed.
    #[error(transparent)]
    Trace(#[from] TraceError),
    /// A record of a run cannot be read, or is not what its name says.
    #[error(transparent)]
    Runs(#[from] RunsError),
    /// A bucket, or what lies in one.
    #[error(transparent)]
    Objects(#[from] ObjectError),
    /// A study cannot be run.
    #[error(transparent)]
    Study(Box<StudyError>),
    /// Results could not be written or averaged.
    #[error(transparent)]
    Report(#[from] ReportError),
}

impl From<StudyError> for CliError {
    /// Boxed, since its evidence is large and every result here would carry the room for it.
    fn from(error: StudyError) -> CliError {
        CliError::Study(Box::new(error))
    }
}

impl CliError {
    /// The code the process ends with.
    pub fn exit(&self) -> Exit {
        match self {
            CliError::Usage { .. } => Exit::Usage,
            CliError::Config { .. } | CliError::Phantom(_) => Exit::Config,
            CliError::NoDevice(_) | CliError::Device { .. } => Exit::Device,
            CliError::Interrupted { .. } => Exit::Interrupted,
            CliError::Hidden { exit } | CliError::Redacted { exit } | CliError::Tasks { exit, .. } => *exit,
            CliError::TryAgain { .. } => Exit::TryAgain,
            CliError::Launcher(error) => of_launcher(error),
            CliError::Objects(error) => of_objects(error),
            CliError::Disk(error) => of_disk(error),
            CliError::Artefact(ArtefactError::Disk(error)) => of_disk(error),
            CliError::Artefact(_) => Exit::Data,
            CliError::Runs(error) => of_runs(error),
            CliError::Trace(error) => of_trace(error),
            CliError::Erase(error) => of_erase(error),
            CliError::Volume(error) => of_volume(error),
            CliError::Preprocess(error) => of_preprocessing(error),
            CliError::Cohort(error) => of_cohort(error),
            CliError::Network(error) => of_network(error),
            CliError::Weights(error) => of_weights(error),
            CliError::Train(error) => of_training(error),
            CliError::Unlearn(error) => of_unlearning(error),
            CliError::Exact(error) => of_exact(error),
            CliError::Audit(error) => of_audit(error),
            CliError::Ledger(error) => of_ledger(error),
            CliError::Study(error) => of_study(error),
            CliError::Report(error) => of_report(error),
            CliError::Metrics(MetricsError::Tolerance { .. }) => Exit::Config,
            CliError::Inference(error) => of_inference(error),
            CliError::Data { .. } | CliError::InverseTransform(_) | CliError::Metrics(_) => Exit::Data,
        }
    }

    /// The error as lines: what, then expected, found and fix, each where there is one.
    pub fn report(&self) -> String {
        format!("error: {}", set_apart(&self.words()))
    }

    /// The error as JSON.
    pub fn record(&self) -> serde_json::Value {
        serde_json::json!({
            "schema": "lacuna.error/1",
            "error": self.words(),
            "exit_code": self.exit().code(),
        })
    }

    /// The error's text; a study's unknown keys and strategies come with the nearest one known.
    fn words(&self) -> String {
        match self {
            CliError::Study(error) => with_suggestion(&error.to_string()),
            other => other.to_string(),
        }
    }
}

fn of_disk(error: &DiskError) -> Exit {
    match error {
        DiskError::Io { source, .. } => match source.kind() {
            ErrorKind::StorageFull
            | ErrorKind::QuotaExceeded
            | ErrorKind::FileTooLarge
            | ErrorKind::ResourceBusy
            | ErrorKind::TimedOut => Exit::TryAgain,
            ErrorKind::OutOfMemory => Exit::Device,
            _ => Exit::Data,
        },
        _ => Exit::Data,
    }
}

fn of_runs(error: &RunsError) -> Exit {
    match error {
        RunsError::Disk(error) => of_disk(error),
        _ => Exit::Data,
    }
}

fn of_erase(error: &EraseError) -> Exit {
    match error {
        EraseError::Disk(error) => of_disk(error),
        EraseError::Ledger(error) => of_ledger(error),
        EraseError::NoRow | EraseError::NotAccepted { .. } | EraseError::OtherRuns { .. } => Exit::Config,
        _ => Exit::Data,
    }
}

fn of_trace(error: &TraceError) -> Exit {
    match error {
        TraceError::Disk(error) | TraceError::Artefact(ArtefactError::Disk(error)) => of_disk(error),
        TraceError::Cohort(error) => of_cohort(error),
        TraceError::Ledger(error) => of_ledger(error),
        TraceError::ChangedSince { .. } | TraceError::AgainstEvidence { .. } => Exit::Config,
        _ => Exit::Data,
    }
}

fn of_objects(error: &ObjectError) -> Exit {
    match error {
        ObjectError::Disk(error) => of_disk(error),
        error if error.is_passing() => Exit::TryAgain,
        ObjectError::Damaged { .. } | ObjectError::TooLarge { .. } | ObjectError::NoSet { .. } => Exit::Data,
        _ => Exit::Config,
    }
}

fn of_volume(error: &VolumeError) -> Exit {
    match error {
        VolumeError::Disk(error) => of_disk(error),
        VolumeError::OutOfMemory { .. } => Exit::Device,
        VolumeError::FileName { .. } => Exit::Config,
        _ => Exit::Data,
    }
}

fn of_preprocessing(error: &PreprocessError) -> Exit {
    match error {
        PreprocessError::SizeAndSpacing | PreprocessError::Target { .. } => Exit::Config,
        _ => Exit::Data,
    }
}

fn of_cohort(error: &CohortError) -> Exit {
    match error {
        CohortError::Disk(error) => of_disk(error),
        CohortError::Volume(error) => of_volume(error),
        CohortError::Preprocess { source, .. } => of_preprocessing(source),
        error if error.is_config() => Exit::Config,
        _ => Exit::Data,
    }
}

fn of_audit(error: &AuditError) -> Exit {
    match error {
        AuditError::BadSetting { .. } | AuditError::Parse { .. } => Exit::Config,
        _ => Exit::Data,
    }
}

fn of_network(error: &NnError) -> Exit {
    match error {
        NnError::Disk(error) => of_disk(error),
        NnError::Weights(error) => of_weights(error),
        NnError::UnknownDepth { .. }
        | NnError::BadCount { .. }
        | NnError::BadPlan { .. }
        | NnError::Plans { .. }
        | NnError::NoGraph { .. }
        | NnError::Mismatch { .. } => Exit::Config,
        _ => Exit::Data,
    }
}

fn of_weights(error: &WeightsError) -> Exit {
    match error {
        WeightsError::Disk(error) => of_disk(error),
        WeightsError::Unwritable { .. } => Exit::Config,
        _ => Exit::Data,
    }
}

fn of_training(error: &TrainError) -> Exit {
    match error {
        // A divergence is the work of a learning rate or a loss that was asked for.
        TrainError::BadSetting { .. } | TrainError::Diverged { .. } => Exit::Config,
        TrainError::Interrupted { .. } => Exit::Interrupted,
        TrainError::Disk(error) => of_disk(error),
        TrainError::Network(error) => of_network(error),
        TrainError::Inference(error) => of_inference(error),
        TrainError::Monitor { .. } => Exit::TryAgain,
        _ => Exit::Data,
    }
}

fn of_inference(error: &InferenceError) -> Exit {
    match error {
        InferenceError::Overlap { .. } | InferenceError::Window { .. } => Exit::Usage,
        InferenceError::Stopped => Exit::Interrupted,
        InferenceError::Case(error) => of_cohort(error),
        _ => Exit::Data,
    }
}

fn of_unlearning(error: &UnlearnError) -> Exit {
    match error {
        UnlearnError::Train(error) => of_training(error),
        UnlearnError::ShapesDiffer { .. } => Exit::Data,
        _ => Exit::Config,
    }
}

fn of_exact(error: &ExactError) -> Exit {
    match error {
        ExactError::Train(error) => of_training(error),
        ExactError::Network(error) => of_network(error),
        ExactError::Disk(error) => of_disk(error),
        ExactError::Unfit { .. } => Exit::Data,
        _ => Exit::Config,
    }
}

fn of_ledger(error: &LedgerError) -> Exit {
    match error {
        LedgerError::Disk(error) => of_disk(error),
        LedgerError::Busy { .. } | LedgerError::Storage { .. } => Exit::TryAgain,
        LedgerError::Tampered { .. }
        | LedgerError::NotALedger { .. }
        | LedgerError::Gone { .. }
        | LedgerError::Unproven { .. } => Exit::Ledger,
        LedgerError::NoLedger { .. }
        | LedgerError::NotBegun { .. }
        | LedgerError::NewerVersion { .. }
        | LedgerError::ReadOnly { .. }
        | LedgerError::Log { .. }
        | LedgerError::Key { .. }
        | LedgerError::KeysMissing { .. }
        | LedgerError::LinkElsewhere { .. }
        | LedgerError::Sqlite { .. } => Exit::Data,
        _ => Exit::Config,
    }
}

fn of_study(error: &StudyError) -> Exit {
    match error {
        StudyError::Cohort(error) => of_cohort(error),
        StudyError::Disk(error) => of_disk(error),
        StudyError::Objects(error) => of_objects(error),
        StudyError::Artefacts(ArtefactError::Disk(error)) => of_disk(error),
        StudyError::Artefacts(_) => Exit::Data,
        StudyError::Network(error) => of_network(error),
        StudyError::Train(error) => of_training(error),
        StudyError::Unlearn(error) => of_unlearning(error),
        StudyError::Report(error) => of_report(error),
        StudyError::InFile { source, .. } => of_study(source),
        StudyError::Memory { .. } => Exit::Device,
        StudyError::Audit(error) => of_audit(error),
        StudyError::Stopped => Exit::Interrupted,
        StudyError::Declaration { .. } => Exit::Data,
        StudyError::Record { .. } | StudyError::NotRepeated { .. } => Exit::Data,
        _ => Exit::Config,
    }
}

fn of_launcher(error: &LauncherError) -> Exit {
    match error {
        LauncherError::Disk(error) => of_disk(error),
        LauncherError::Objects(error) => of_objects(error),
        LauncherError::NotAPlan { .. } | LauncherError::Attempt { .. } | LauncherError::NotRepeated { .. } => {
            Exit::Data
        }
        _ => Exit::Config,
    }
}

fn of_report(error: &ReportError) -> Exit {
    match error {
        ReportError::Disk(error) => of_disk(error),
        _ => Exit::Data,
    }
}

/// `A: expected B, found C; fix: D` on up to four lines; what is worded otherwise stays as it is.
fn set_apart(message: &str) -> String {
    let (rest, fix) = split_last(message, "; fix: ");
    let (rest, found) = split_last(rest, ", found ");
    let (what, expected) = match found {
        Some(_) => split_last(rest, ": expected "),
        None => (rest, None),
    };
    // "found" without "expected" in front belongs to a sentence, which is left whole.
    let (what, found) = if expected.is_some() { (what, found) } else { (split_last(message, "; fix: ").0, None) };
    let mut lines = what.to_string();
    for (name, part) in [("expected: ", expected), ("found:    ", found), ("fix:      ", fix)] {
        if let Some(part) = part {
            lines.push_str(&format!("\n  {name}{part}"));
        }
    }
    lines
}

fn split_last<'a>(text: &'a str, separator: &str) -> (&'a str, Option<&'a str>) {
    match text.rsplit_once(separator) {
        Some((before, after)) => (before, Some(after)),
        None => (text, None),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_of_an_error_stand_on_lines_of_their_own() {
        assert_eq!(
            set_apart("a.nii: field dim[0]: expected 3 dimensions, found 4; fix: save each volume"),
            "a.nii: field dim[0]\n  expected: 3 dimensions\n  found:    4\n  fix:      save each volume"
        );
    }

    #[test]
    fn an_error_worded_otherwise_stays_whole() {
        assert_eq!(set_apart("no scan, found nothing"), "no scan, found nothing");
        assert_eq!(set_apart("one; fix: two"), "one\n  fix:      two");
    }

    #[test]
    fn errors_of_the_disk_keep_their_code_however_deep_they_lie() {
        let full = || DiskError::Io {
            path: "x".into(),
            action: "write",
            source: std::io::Error::from(ErrorKind::StorageFull),
        };
        assert_eq!(CliError::from(full()).exit(), Exit::TryAgain);
        assert_eq!(CliError::from(CohortError::from(VolumeError::from(full()))).exit(), Exit::TryAgain);
        assert_eq!(CliError::from(TrainError::from(NnError::from(full()))).exit(), Exit::TryAgain);
    }
}
