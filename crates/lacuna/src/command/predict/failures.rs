//! Scans that could not be prepared, as errors that name their files.

use crate::error::CliError;
use crate::exit::Exit;
use lacuna_cohort::Scan;
use std::path::Path;

/// An error about a scan, with its file where the error does not name it.
pub fn of_scan(scan: &Scan, error: CliError) -> CliError {
    let (words, file) = (error.to_string(), scan.images[0].display().to_string());
    match error.exit() {
        Exit::Data if !scan.images.iter().any(|image| words.contains(&image.display().to_string())) => {
            CliError::Data { what: format!("{file}: {words}") }
        }
        _ => error,
    }
}

/// The errors of the scans that could not be prepared, as one.
pub fn all_failed(mut failed: Vec<CliError>, scans: usize, folder: &Path) -> CliError {
    if scans == 1 {
        return failed.remove(0);
    }
    let (count, folder) = (failed.len(), folder.display());
    let reasons: Vec<String> =
        failed.iter().map(|error| format!("\n  {}", error.to_string().replace("; fix: ", "; "))).collect();
    let what = format!(
        "{count} of {scans} scans could not be segmented, the other {} are in {folder}:{}; fix: mend these images or leave \
         them out; the same command goes on with what is missing",
        scans - count,
        reasons.concat()
    );
    CliError::Data { what }
}
