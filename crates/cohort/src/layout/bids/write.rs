//! Names that BIDS allows, and the files that describe a BIDS data set.
//!
//! A label in BIDS is of letters and digits alone, so `phantom-001` becomes `phantom001`. What was
//! lost that way stands in `subjects.tsv`, which `.bidsignore` hides from validators.

use super::super::{CohortFacts, ScanFiles, ScanName, WrittenScan};
use super::{ANATOMY, Bids, DERIVATIVES, DESCRIPTION, Layout};
use crate::{CohortError, SUBJECTS_FILE};
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

/// The pipeline that label maps are written as.
const PIPELINE: &str = "labels";
const VERSION: &str = "1.9.0";

/// Suffixes of images of the anatomy in BIDS.
const SUFFIXES: [&str; 17] = [
    "T1w",
    "T2w",
    "PDw",
    "T2starw",
    "FLAIR",
    "T1map",
    "T2map",
    "PDmap",
    "T2starmap",
    "UNIT1",
    "inplaneT1",
    "inplaneT2",
    "PDT2",
    "angio",
    "FLASH",
    "T2star",
    "MTRmap",
];

/// Where a scan goes: below its subject, and below a session unless the scan is all there is of it.
pub(super) fn scan_files(scan: &ScanName<'_>, channels: &[String]) -> Result<ScanFiles, CohortError> {
    let subject = format!("sub-{}", label(scan.subject.as_str()));
    let (folder, prefix) = match session(scan) {
        Some(session) => (format!("{subject}/ses-{session}"), format!("{subject}_ses-{session}")),
        None => (subject.clone(), subject),
    };
    let anatomy = Path::new(&folder).join(ANATOMY);
    let image = |channel: &String| Ok(anatomy.join(format!("{prefix}_{}.nii.gz", behind_session(channel)?)));
    Ok(ScanFiles {
        images: channels.iter().map(image).collect::<Result<_, CohortError>>()?,
        label: Path::new(DERIVATIVES).join(PIPELINE).join(&anatomy).join(format!("{prefix}_dseg.nii.gz")),
        folder: Some(PathBuf::from(folder)),
    })
}

/// Letters and digits alone.
fn label(text: &str) -> String {
    text.chars().filter(char::is_ascii_alphanumeric).collect()
}

/// What tells this scan from the subject's others: its name without the subject's, if anything.
fn session(scan: &ScanName<'_>) -> Option<String> {
    let without = |text: &'_ str, prefix: &str| text.strip_prefix(prefix).map(str::to_string);
    let subject = scan.subject.as_str();
    let rest = without(scan.name, &format!("sub-{subject}")).or_else(|| without(scan.name, subject));
    let rest = rest.unwrap_or_else(|| scan.name.to_string());
    let rest = rest.trim_start_matches(['_', '-']);
    let session = label(rest.strip_prefix("ses-").unwrap_or(rest));
    (!session.is_empty()).then_some(session)
}

/// A channel as BIDS has it: entities and a suffix that the specification lists.
fn behind_session(channel: &str) -> Result<String, CohortError> {
    let usual = match channel.to_ascii_lowercase().as_str() {
        "t1" | "reg_t1" => "T1w",
        "ir" | "reg_ir" => "acq-IR_T1w",
        "t2" => "T2w",
        "pd" => "PDw",
        "flair" => "FLAIR",
        _ => channel,
    };
    let (entities, suffix) = usual.rsplit_once('_').map_or((None, usual), |(before, after)| (Some(before), after));
    let is_label = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_alphanumeric());
    let is_entity = |text: &str| text.split_once('-').is_some_and(|(key, value)| is_label(key) && is_label(value));
    let allowed = SUFFIXES.contains(&suffix) && entities.is_none_or(|entities| entities.split('_').all(is_entity));
    allowed.then(|| usual.to_string()).ok_or_else(|| CohortError::Channels {
        layout: Bids.name(),
        expected: format!("one of {}, with entities such as acq-X_ before it or none", SUFFIXES.join(", ")),
        found: channel.to_string(),
        fix: "say what the images are with --channels, for example --channels T1w".into(),
    })
}

/// Everything but images and label maps.
pub(super) fn index(folder: &Path, facts: &CohortFacts, scans: &[WrittenScan]) -> Result<(), CohortError> {
    let pipeline = folder.join(DERIVATIVES).join(PIPELINE);
    write_json(&folder.join(DESCRIPTION), &description("raw"))?;
    write_json(&pipeline.join(DESCRIPTION), &description("derivative"))?;
    write_text(&folder.join(".bidsignore"), &format!("{SUBJECTS_FILE}\n"))?;
    write_text(&folder.join("README"), &readme())?;
    write_text(&folder.join("participants.tsv"), &participants(scans))?;
    if let Some(classes) = &facts.classes {
        let rows = classes.iter().map(|(value, name)| format!("{value}\t{name}\n"));
        write_text(&pipeline.join("dseg.tsv"), &format!("index\tname\n{}", rows.collect::<String>()))?;
    }
    Ok(())
}

fn description(kind: &str) -> Value {
    json!({
        "Name": if kind == "raw" { "Scans" } else { "Label maps" },
        "BIDSVersion": VERSION,
        "DatasetType": kind,
        "GeneratedBy": [{ "Name": "lacuna", "Version": env!("CARGO_PKG_VERSION") }],
    })
}

fn readme() -> String {
    format!(
        "Images and label maps in BIDS, written by `lacuna data export`. The label maps are in\n\
         {DERIVATIVES}/{PIPELINE}. {SUBJECTS_FILE} holds the names that scans had before.\n"
    )
}

fn participants(scans: &[WrittenScan]) -> String {
    let labels: BTreeSet<String> = scans.iter().map(|scan| label(scan.subject.as_str())).collect();
    labels.iter().fold("participant_id\n".to_string(), |text, label| format!("{text}sub-{label}\n"))
}

fn write_json(path: &Path, value: &Value) -> Result<(), CohortError> {
    let mut text = serde_json::to_string_pretty(value).expect("strings always serialise");
    text.push('\n');
    write_text(path, &text)
}

fn write_text(path: &Path, text: &str) -> Result<(), CohortError> {
    Ok(lacuna_disk::write_bytes(path, text.as_bytes())?)
}
