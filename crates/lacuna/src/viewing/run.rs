//! The models of a finished run, found again from its folder.

use super::of_study;
use crate::arguments::ImageArguments;
use crate::command::unlearn_pictures;
use crate::config;
use crate::context::Context;
use crate::error::CliError;
use crate::reporting::Report;
use crate::run_folder::read_record;
use crate::studying::{self, Folders};
use lacuna_report::html::Pictures;
use lacuna_report::{Thresholds, gates};
use lacuna_study::StudyConfig;
use std::path::Path;

/// Scans of a finished run; `data` is where its data lie now, if not where they were.
///
/// # Errors
/// A folder of another kind of run, or models or data that are gone.
pub fn of_run(
    folder: &Path,
    data: Option<&Path>,
    report: &Report,
    folders: &Folders,
    images: &ImageArguments,
    context: &Context,
) -> Result<Pictures, CliError> {
    let of_another_kind = |found: &str| CliError::Config {
        what: format!(
            "{}: --images: expected a run folder of study, demo or unlearn, found {found}; fix: name one, or leave \
             --images out",
            folder.display()
        ),
    };
    if !folder.join("run.json").is_file() {
        return Err(of_another_kind("no run.json"));
    }
    match read_record(folder)?.verb.as_str() {
        "unlearn" => unlearn_pictures(folder, images, context),
        "study" | "demo" => {
            let study = studying::open("report", study_of(folder, data)?, folders, context)?;
            let gates = gates(&report.rows, &report.probes, &Thresholds::STANDARD)?;
            of_study(&study, &gates, images, context)
        }
        verb => Err(of_another_kind(&format!("one of {verb}"))),
    }
}

/// The study as its run folder has it: paths go out from where it was run.
fn study_of(folder: &Path, data: Option<&Path>) -> Result<StudyConfig, CliError> {
    let file = folder.join(config::FILE);
    let mut study: StudyConfig = config::typed(config::read_table(&file)?, &file.display().to_string())?;
    if study.pseudonyms {
        let what = format!(
            "{}: pseudonyms: this run does not say who is who; fix: `lacuna study FILE --images others`, which does",
            file.display()
        );
        return Err(CliError::Config { what });
    }
    if let Some(data) = data {
        study.data.root = data.to_path_buf();
    }
    if !study.data.root.exists() {
        let what = format!(
            "{}: data.root: expected the data at {}, found nothing; fix: call from where the run was started, or say \
             --data DIR",
            file.display(),
            study.data.root.display()
        );
        return Err(CliError::Config { what });
    }
    Ok(study)
}
