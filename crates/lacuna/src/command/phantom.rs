//! `lacuna phantom`: a synthetic cohort as files.

use crate::arguments::{spacing_mm, voxels};
use crate::context::Context;
use crate::error::CliError;
use crate::interrupt;
use crate::output::Outcome;
use crate::progress::Progress;
use crate::text_table::{by, named};
use clap::{Args, ValueEnum};
use lacuna_cohort::phantom::{self, Contrast, Memorable, PhantomConfig, PhantomSubject};
use lacuna_cohort::{BUILT_IN, CohortError, CohortFacts, LAYOUTS, ScanData, layout, write_cohort};
use lacuna_seed::Seed;
use lacuna_volume::SpacingMm;
use serde::Serialize;
use std::collections::BTreeMap;
use std::path::PathBuf;

/// Make a synthetic cohort of heads, labelled with MRBrainS18 numbers
#[derive(Args)]
#[command(
    after_help = "Example:\n  lacuna phantom --out heads --subjects 7 --memorable phantom-003=0.8\n  lacuna data check heads"
)]
pub struct Arguments {
    /// A new folder for the cohort
    #[arg(long, value_name = "DIR")]
    out: PathBuf,
    /// Number of subjects
    #[arg(long, default_value_t = PhantomConfig::default().subjects, value_name = "N")]
    subjects: usize,
    /// The grid to begin with; --dims, --spacing and --channels change it
    #[arg(long, value_enum, default_value = "small")]
    grid: GridChoice,
    /// Voxels along i (right), j (front) and k (up), for example 64x72x48; the field of view stays
    #[arg(long, value_parser = voxels, value_name = "IxJxK")]
    dims: Option<[usize; 3]>,
    /// Voxel edges along i, j and k in mm
    #[arg(long, value_parser = spacing_mm, value_name = "IxJxK")]
    spacing: Option<[f64; 3]>,
    /// Sequences, one image each
    #[arg(long, value_enum, value_delimiter = ',', value_name = "NAMES")]
    channels: Option<Vec<Sequence>>,
    /// How the files are arranged: plain, list, msd, mrbrains
    #[arg(long, default_value = LAYOUTS[0].name(), value_name = "NAME")]
    layout: String,
    /// A subject with an odd lesion and how odd it is, 0 to 1; may be repeated
    #[arg(long, value_name = "SUBJECT=DIAL")]
    memorable: Vec<String>,
    /// What every draw follows from
    #[arg(long, default_value_t = 0, value_name = "N")]
    seed: u64,
}

#[derive(Clone, Copy, ValueEnum)]
enum GridChoice {
    /// 64 x 72 x 48 voxels of 3 x 3 x 3.2 mm, T1
    Small,
    /// MRBrainS18's 240 x 240 x 48 voxels of 0.958 x 0.958 x 3 mm; T1, IR and FLAIR
    Mrbrains,
}

#[derive(Clone, Copy, ValueEnum)]
enum Sequence {
    T1,
    Ir,
    Flair,
}

#[derive(Serialize)]
struct Record<'a> {
    #[serde(serialize_with = "lacuna_artefacts::portable::path")]
    folder: &'a PathBuf,
    layout: &'a str,
    config: &'a PhantomConfig,
    subjects: Vec<String>,
}

/// Make subject after subject; only one is in memory.
pub fn run(arguments: &Arguments, context: &Context) -> Result<Outcome, CliError> {
    let layout = layout::by_name(&arguments.layout)?;
    let config = config(arguments)?;
    let facts = facts(&config);
    let mut progress = Progress::begin(context, "phantom", "subject", config.subjects, 0);
    let mut scans = (0..config.subjects).map_while(|index| {
        progress.advance(index, "");
        (!interrupt::requested()).then(|| Ok::<_, CohortError>(scan(phantom::subject(&config, index))))
    });
    let written = write_cohort(layout, &arguments.out, &facts, &mut scans)?;
    if written.len() < config.subjects {
        let kept = format!("{} of {} subjects lie in {}", written.len(), config.subjects, arguments.out.display());
        return Err(CliError::Interrupted { kept });
    }
    progress.advance(config.subjects, "");
    let subjects = written.iter().map(|scan| scan.subject.to_string()).collect();
    let record = Record { folder: &arguments.out, layout: layout.name(), config: &config, subjects };
    Ok(Outcome::new("phantom", &record, text(&record)))
}

fn config(arguments: &Arguments) -> Result<PhantomConfig, CliError> {
    let begin = match arguments.grid {
        GridChoice::Small => PhantomConfig::default(),
        GridChoice::Mrbrains => PhantomConfig::mrbrains(),
    };
    let grid = arguments.dims.map_or(begin.clone(), |dims| stretched(&begin, dims));
    let channels = arguments.channels.as_ref().map(|names| names.iter().map(|name| name.contrast()).collect());
    let memorable = arguments.memorable.iter().map(|text| memorable(text, arguments.subjects));
    let config = PhantomConfig {
        subjects: arguments.subjects,
        dims: grid.dims,
        spacing_mm: arguments.spacing.map_or(grid.spacing_mm, SpacingMm),
        channels: channels.unwrap_or(begin.channels),
        seed: Seed(arguments.seed),
        memorable: memorable.collect::<Result<_, _>>()?,
        ..PhantomConfig::default()
    };
    config.check()?;
    Ok(config)
}

/// Other numbers of voxels over the same field of view.
fn stretched(config: &PhantomConfig, dims: [usize; 3]) -> PhantomConfig {
    let edge_mm = |axis: usize| config.spacing_mm.0[axis] * config.dims[axis] as f64 / dims[axis] as f64;
    PhantomConfig { dims, spacing_mm: SpacingMm(std::array::from_fn(edge_mm)), ..config.clone() }
}

/// `phantom-003=0.8` or `3=0.8`.
fn memorable(text: &str, subjects: usize) -> Result<Memorable, CliError> {
    let parsed = text.split_once('=').and_then(|(subject, dial)| {
        let named = (0..subjects).find(|&index| phantom::subject_id(index).as_str() == subject);
        Some(Memorable { subject: named.or_else(|| subject.parse().ok())?, dial: dial.parse().ok()? })
    });
    parsed.ok_or_else(|| CliError::Config {
        what: format!(
            "--memorable: expected SUBJECT=DIAL with one of {} to {}, found `{text}`; fix: for example {}=0.8",
            phantom::subject_id(0),
            phantom::subject_id(subjects.saturating_sub(1)),
            phantom::subject_id(0)
        ),
    })
}

/// The facts of a synthetic cohort that a layout writes.
pub fn facts(config: &PhantomConfig) -> CohortFacts {
    let table = BUILT_IN.iter().find(|table| table.name == "mrbrains").expect("the built-in tables have mrbrains");
    let name_of = |(name, values): &(&str, &'static [u16])| (values[0], name.to_string());
    CohortFacts {
        channels: config.channels.iter().map(|channel| channel.name().to_string()).collect(),
        classes: Some(table.classes.iter().map(name_of).collect::<BTreeMap<_, _>>()),
    }
}

fn scan(subject: PhantomSubject) -> ScanData {
    let PhantomSubject { id, images, labels } = subject;
    ScanData { name: id.to_string(), subject: id, images, labels: Some(labels), header: None, notices: Vec::new() }
}

fn text(record: &Record) -> String {
    let config = record.config;
    let memorable: Vec<String> = config
        .memorable
        .iter()
        .map(|entry| format!("{} ({})", phantom::subject_id(entry.subject), entry.dial))
        .collect();
    let folder = record.folder.display();
    let mut text = named(&[
        ("folder", folder.to_string()),
        ("layout", record.layout.to_string()),
        ("subjects", record.subjects.len().to_string()),
        ("voxels", by(config.dims)),
        ("spacing", format!("{} mm", by(config.spacing_mm.0.map(|mm| format!("{mm:.3}"))))),
        ("memorable", if memorable.is_empty() { "none".to_string() } else { memorable.join(", ") }),
    ]);
    text.push_str(&format!("next:  lacuna data check {folder} --labels tissue\n"));
    text
}

impl Sequence {
    fn contrast(self) -> Contrast {
        match self {
            Sequence::T1 => Contrast::T1,
            Sequence::Ir => Contrast::Ir,
            Sequence::Flair => Contrast::Flair,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_memorable_subject_is_named_by_id_or_number() {
        let expected = Memorable { subject: 3, dial: 0.8 };
        assert_eq!(memorable("phantom-003=0.8", 7).unwrap(), expected);
        assert_eq!(memorable("3=0.8", 7).unwrap(), expected);
        let message = memorable("sub-03=0.8", 7).unwrap_err().to_string();
        assert!(message.contains("phantom-006"), "{message}");
    }
}
