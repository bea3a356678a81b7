//! What a conversion says, for scripts and for people.

use super::forward::Summary;
use crate::text_table::named;
use lacuna_nn::{Architecture, MatchReport, Part, Shortcut};
use lacuna_weights::WeightFile;
use serde::Serialize;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// Names of a kind that people are shown; `--json` has them all.
const NAMES_SHOWN: usize = 8;

/// What was read, how it matched, what it computes, and where it went.
#[derive(Serialize)]
pub struct Record {
    #[serde(serialize_with = "lacuna_artefacts::portable::path")]
    file: PathBuf,
    format: String,
    /// The key of the state dict that was taken; `null` where it is the whole file.
    state_dict: Option<String>,
    /// Keys of the file's other state dicts, which were not taken.
    other_state_dicts: Vec<String>,
    network: String,
    /// Of MedicalNet's alone.
    #[serde(skip_serializing_if = "Option::is_none")]
    depth: Option<usize>,
    #[serde(skip_serializing_if = "Option::is_none")]
    shortcut: Option<Shortcut>,
    channels: usize,
    /// `None` of a file without a head.
    classes: Option<usize>,
    /// Whether head and encoder were taken over.
    whole: bool,
    #[serde(flatten)]
    report: MatchReport,
    /// Entries of the file that are no tensors.
    skipped: BTreeMap<String, String>,
    /// Numbers and texts beside the tensors.
    notes: BTreeMap<String, String>,
    forward: Summary,
    #[serde(serialize_with = "lacuna_artefacts::portable::option")]
    out: Option<PathBuf>,
}

impl Record {
    pub fn new(
        file: &WeightFile,
        architecture: &Architecture,
        classes: Option<usize>,
        part: Part,
        report: MatchReport,
        forward: Summary,
        out: Option<&Path>,
    ) -> Record {
        Record {
            file: file.path().to_path_buf(),
            format: file.format().to_string(),
            state_dict: file.state_dict().map(str::to_string),
            other_state_dicts: file.other_state_dicts().to_vec(),
            network: architecture.about(),
            depth: architecture.resnet().map(|resnet| resnet.depth),
            shortcut: architecture.resnet().map(|resnet| resnet.shortcut),
            channels: architecture.channels(),
            classes,
            whole: part == Part::Whole,
            report,
            skipped: file.skipped().clone(),
            notes: file.notes().clone(),
            forward,
            out: out.map(Path::to_path_buf),
        }
    }

    pub fn text(&self) -> String {
        let head = match self.classes {
            Some(classes) if self.whole => format!("{classes} classes"),
            Some(classes) => format!("left out ({classes} classes)"),
            None => "none".to_string(),
        };
        let mut lines = vec![("file", self.file.display().to_string()), ("format", self.format.clone())];
        lines.extend(state_dicts(self.state_dict.as_deref(), &self.other_state_dicts).map(|text| ("state dict", text)));
        lines.extend([
            ("network", self.network.clone()),
            ("channels", self.channels.to_string()),
            ("head", head),
            ("matched", self.report.matched.len().to_string()),
        ]);
        let always = |kind: &str, names: &[String]| kind != "not read" || !names.is_empty();
        let kinds = kinds(&self.report).into_iter().filter(|(kind, names)| always(kind, names));
        lines.extend(kinds.map(|(kind, names)| (kind, told(&names))));
        lines.extend(self.skipped.iter().map(|(name, what)| ("no tensor", format!("{name}: {what}"))));
        let summary = &self.forward;
        lines.extend([
            ("output", format!("{} {:?}, length {:.6}", summary.output, summary.output_shape, summary.norm)),
            ("digest", format!("{} of the {}", summary.digest, summary.output)),
        ]);
        lines.extend(self.out.iter().map(|out| ("written", out.display().to_string())));
        named(&lines)
    }
}

/// Which state dict of a checkpoint was taken and which others there are; `None` where it is the whole file.
pub fn state_dicts(taken: Option<&str>, others: &[String]) -> Option<String> {
    let others = match others {
        [] => String::new(),
        others => format!("; not taken: {} (choose with --state-dict)", others.join(", ")),
    };
    match (taken, others.is_empty()) {
        (None, true) => None,
        (None, false) => Some(format!("the whole file{others}")),
        (Some(key), _) => Some(format!("{key}{others}")),
    }
}

/// A report as one line for an error, with the names.
pub fn by_name(report: &MatchReport) -> String {
    let kinds: Vec<String> = kinds(report)
        .into_iter()
        .filter(|(_, names)| !names.is_empty())
        .map(|(kind, names)| format!("{kind} {}", told(&names)))
        .collect();
    format!("{} tensors matched, {}", report.matched.len(), kinds.join(", "))
}

fn kinds(report: &MatchReport) -> Vec<(&'static str, Vec<String>)> {
    let shapes = report.wrong_shape.iter();
    let shapes = shapes.map(|(name, ours, theirs)| format!("{name} (network {ours:?}, file {theirs:?})")).collect();
    vec![
        ("missing", report.missing.clone()),
        ("unexpected", report.unexpected.clone()),
        ("wrong shape", shapes),
        ("folded", report.folded.clone()),
        ("not read", report.unread.iter().map(|(name, what)| format!("{name} ({what})")).collect()),
    ]
}

fn told(names: &[String]) -> String {
    let shown = names.iter().take(NAMES_SHOWN).cloned().collect::<Vec<_>>().join(", ");
    match names.len() {
        0 => "0".to_string(),
        count if count > NAMES_SHOWN => format!("{count}: {shown}, …"),
        count => format!("{count}: {shown}"),
    }
}
