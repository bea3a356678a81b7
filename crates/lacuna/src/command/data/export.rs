//! `lacuna data export`: the same data set in another layout.

use crate::arguments::{DataArguments, LabelArguments};
use crate::confine::folder_of;
use crate::context::Context;
use crate::error::CliError;
use crate::interrupt;
use crate::output::Outcome;
use crate::progress::Progress;
use crate::registering;
use clap::Args;
use lacuna_artefacts::{Artefact, Kind, PortablePath, Site};
use lacuna_cohort::{
    Cohort, CohortError, CohortFacts, LabelTable, ReadOptions, Scan, ScanData, ScanFiles, layout, load,
    write_cohort_entered,
};
use lacuna_volume::{IGNORED, Notice};
use serde_json::json;
use std::cell::RefCell;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// Write a data set in another layout, headers stripped of text that may name a person
///
/// With --labels, label maps hold the table's class numbers, which have no gaps, and the number
/// behind the last class where voxels are ignored.
#[derive(Args)]
#[command(after_help = "Examples:\n  lacuna data export heads --to msd --out heads-msd\n  \
                  lacuna data export heads --to nnunet --labels tissue --out Dataset001_Heads")]
pub struct Arguments {
    #[command(flatten)]
    data: DataArguments,
    /// The layout to write: plain, list, msd, nnunet, bids, mrbrains
    #[arg(long, value_name = "NAME")]
    to: String,
    #[command(flatten)]
    labels: LabelArguments,
    /// A new folder for it
    #[arg(long, value_name = "DIR")]
    out: PathBuf,
}

impl Arguments {
    /// Beneath which folders something is written: the one above, since the new folder is not there yet.
    pub fn may_write(&self) -> Vec<PathBuf> {
        vec![folder_of(&self.out)]
    }
}

/// Copy scan after scan; only one is in memory.
pub fn run(arguments: &Arguments, context: &Context) -> Result<Outcome, CliError> {
    let layout = layout::by_name(&arguments.to)?;
    let cohort = arguments.data.open()?;
    let read = cohort.read;
    let table = arguments.labels.table(&cohort)?;
    let facts = CohortFacts { channels: cohort.channels.clone(), classes: classes(&cohort, table.as_ref()) };
    let total = cohort.scans().len();
    let mut progress = Progress::begin(context, "export", "scan", total, 0);
    let rounded = RefCell::new(Vec::new());
    let mut scans = cohort.scans().iter().enumerate().map_while(|(index, scan)| {
        progress.advance(index, "");
        (!interrupt::requested()).then(|| {
            let data = relabelled(scan, &read, table.as_ref())?;
            let is_changed = |notice: &Notice| matches!(notice, Notice::Rounded { .. } | Notice::RoundedLabels { .. });
            rounded.borrow_mut().extend(data.notices.iter().filter(|(_, notice)| is_changed(notice)).cloned());
            Ok(data)
        })
    });
    let site = context.site()?;
    let entering = Entering { site: &site, cohort: &cohort, out: &arguments.out };
    let mut unentered = None;
    let mut enter = |scan: &ScanData, files: &ScanFiles| {
        entering.scan(scan, files).map_err(|error| {
            unentered = Some(error);
            CohortError::NotEntered { scan: scan.name.clone() }
        })
    };
    let written = write_cohort_entered(layout, &arguments.out, &facts, &mut scans, &mut enter);
    let written = written.map_err(|error| unentered.unwrap_or_else(|| error.into()))?;
    progress.advance(written.len(), "");
    if written.len() < total {
        let kept = format!("{} of {total} scans lie in {}", written.len(), arguments.out.display());
        return Err(CliError::Interrupted { kept });
    }
    for notice in told(&cohort, &rounded.into_inner()) {
        context.note(&notice);
    }
    let record = json!({ "folder": PortablePath::from(arguments.out.as_path()), "from": cohort.layout, "to": layout.name(), "scans": total });
    let folder = arguments.out.display();
    let text = format!("{total} scans in layout {}: {folder}\nnext:  lacuna data check {folder}\n", layout.name());
    Ok(Outcome::new("data.export", &record, text))
}

/// What is not written as it was read, or not at all: images become 32-bit floats.
fn told(cohort: &Cohort, rounded: &[(PathBuf, Notice)]) -> Vec<String> {
    let files = |count: usize| if count == 1 { "1 file".to_string() } else { format!("{count} files") };
    let of_kind = |labels: bool| {
        let mut of_kind =
            rounded.iter().filter(move |(_, notice)| matches!(notice, Notice::RoundedLabels { .. }) == labels);
        let (count, first) = (of_kind.clone().count(), of_kind.next());
        first.map(|(path, notice)| format!("note: {}, the first {}: {notice}", files(count), path.display()))
    };
    let passed_over = cohort.passed_over.first().map(|one| {
        let (count, path) = (files(cohort.passed_over.len()), one.path.display());
        format!("note: {count} not read, the first {path}: {}; lacuna data check lists each", one.found)
    });
    [of_kind(false), of_kind(true), passed_over].into_iter().flatten().collect()
}

/// What the label values written are called.
fn classes(cohort: &Cohort, table: Option<&LabelTable>) -> Option<BTreeMap<u16, String>> {
    let Some(table) = table else { return cohort.classes_in_file.clone() };
    let names = table.classes().iter().cloned().chain(table.ignores().then(|| "ignore".to_string()));
    Some((0..).zip(names).collect())
}

/// A scan with its label map as the table has it.
fn relabelled(scan: &Scan, read: &ReadOptions, table: Option<&LabelTable>) -> Result<ScanData, CohortError> {
    let mut data = load(scan, read)?;
    if let (Some(table), Some(labels)) = (table, &data.labels) {
        let refused = |outside| CohortError::LabelsOutsideTable {
            label_source: scan.label.as_ref().map_or_else(|| scan.name.clone(), |path| path.display().to_string()),
            outside,
        };
        let classes = table.apply(labels).map_err(refused)?;
        let ignored = table.classes().len() as u16;
        data.labels = Some(classes.map(|&class| if class == IGNORED { ignored } else { u16::from(class) }));
    }
    Ok(data)
}

/// The registers of a data set that is being written. Its tables are searched by their columns and need no entry.
struct Entering<'a> {
    site: &'a Site,
    cohort: &'a Cohort,
    out: &'a Path,
}

impl Entering<'_> {
    /// The files of a scan, which are written next.
    fn scan(&self, scan: &ScanData, files: &ScanFiles) -> Result<(), CliError> {
        self.site.remember(self.out, false)?;
        let source = self.cohort.scans_of(&scan.subject).iter().find(|source| source.name == scan.name);
        let sources: Vec<PathBuf> =
            source.iter().flat_map(|source| source.images.iter().chain(&source.label)).cloned().collect();
        let whom = registering::of_file(Path::new(""), Kind::Volume);
        let whom = registering::holding(whom, self.site, [scan.subject.as_str(), &scan.name]);
        let whom = registering::made_of(whom, self.site, &sources)?;
        for file in files.images.iter().chain([&files.label]) {
            self.enter(&self.out.join(file), &whom)?;
        }
        Ok(())
    }

    fn enter(&self, file: &Path, whom: &Artefact) -> Result<(), CliError> {
        let named = registering::of_file(file, whom.kind).file;
        registering::enter_below(self.site, file, &Artefact { file: named, ..whom.clone() })
    }
}
