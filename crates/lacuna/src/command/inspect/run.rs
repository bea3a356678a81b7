//! A run folder: what it was made of, how it stands, whether its files are as they were.

use crate::error::CliError;
use crate::exit::Exit;
use crate::output::Outcome;
use crate::run_folder::{RunRecord, Status, read_record, read_status};
use crate::text_table::named;
use lacuna_disk::manifest::altered_files;
use serde::Serialize;
use std::collections::BTreeMap;
use std::path::Path;

#[derive(Serialize)]
struct Record<'a> {
    kind: &'static str,
    #[serde(serialize_with = "lacuna_artefacts::portable::path")]
    folder: &'a Path,
    run: RunRecord,
    status: Status,
    /// `None` while the run has no manifest.
    altered: Option<BTreeMap<String, &'static str>>,
}

/// Read the records and compare every file with the manifest.
pub fn inspect(path: &Path) -> Result<Outcome, CliError> {
    if !path.join("run.json").is_file() {
        let what = format!("{}: no run folder; fix: for a data set use `lacuna data check`", path.display());
        return Err(CliError::Config { what });
    }
    let record = Record {
        kind: "run",
        folder: path,
        run: read_record(path)?,
        status: read_status(path)?,
        altered: altered_files(path)?,
    };
    let intact = record.altered.as_ref().is_none_or(BTreeMap::is_empty);
    let exit = if intact { Exit::Done } else { Exit::Data };
    Ok(Outcome::new("inspect", &record, text(&record)).exiting(exit))
}

fn text(record: &Record) -> String {
    let listed = |map: &BTreeMap<String, String>| {
        map.iter().map(|(name, value)| format!("{name}={value}")).collect::<Vec<_>>().join(" ")
    };
    let seeds = record.run.seeds.iter().map(|(name, seed)| (name.clone(), seed.to_string())).collect();
    let files = match &record.altered {
        None => "no manifest yet".to_string(),
        Some(altered) if altered.is_empty() => "as the manifest says".to_string(),
        Some(altered) => altered.iter().map(|(name, how)| format!("{name} {how}")).collect::<Vec<_>>().join(", "),
    };
    let mut lines = vec![
        ("run", record.folder.display().to_string()),
        ("verb", record.run.verb.clone()),
        ("status", format!("{:?}", record.status.status).to_lowercase()),
        ("began", record.run.began.clone()),
        ("lacuna", format!("{} (burn {})", record.run.lacuna, record.run.burn)),
        ("seeds", listed(&seeds)),
        ("parents", listed(&record.run.parents)),
        ("files", files),
    ];
    if let Some(message) = &record.status.message {
        lines.insert(3, ("message", message.clone()));
    }
    named(&lines)
}
