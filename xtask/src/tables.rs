//! The tables that two runs of one study must have in common to the last byte, wherever their tasks ran.

use crate::Failure;
use std::path::Path;

/// The files that must be equal; of `results.csv`, all columns that are not measured.
const EQUAL: [&str; 4] = ["table.md", "table.json", "gates.md", "gates.json"];
const MEASURED: [&str; 2] = ["seconds", "peak_mib"];

/// File names with their contents.
pub type Tables = Vec<(String, String)>;

/// The tables of the one study in a folder of runs, and its result rows without measured columns.
pub fn of_runs(runs: &Path) -> Result<Tables, Failure> {
    let study = runs.join("study");
    let collected = std::fs::read_dir(&study)?.next().ok_or("no run folder")??.path();
    let read = |name: &str| -> Result<(String, String), Failure> {
        Ok((name.to_string(), std::fs::read_to_string(collected.join(name))?))
    };
    let mut files = EQUAL.iter().map(|name| read(name)).collect::<Result<Vec<_>, _>>()?;
    let (name, rows) = read("results.csv")?;
    files.push((name, without_measured(&rows)));
    Ok(files)
}

/// Fails if the tables differ from those of another run.
pub fn must_equal(here: &Tables, there: &Tables, what: &str) -> Result<(), Failure> {
    match here.iter().zip(there).find(|(here, there)| here != there) {
        Some(((file, _), _)) => Err(format!("{what}: {file} differs from the local engine's").into()),
        None => Ok(()),
    }
}

/// The lines of `results.csv` without the measured columns, which differ in every run; its fields have no commas.
fn without_measured(text: &str) -> String {
    let columns: Vec<&str> = text.lines().next().unwrap_or_default().split(',').collect();
    let line = |line: &str| {
        let kept =
            line.split(',').zip(&columns).filter(|(_, column)| !MEASURED.contains(column)).map(|(field, _)| field);
        kept.collect::<Vec<_>>().join(",") + "\n"
    };
    text.lines().map(line).collect()
}
