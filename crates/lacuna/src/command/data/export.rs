//! `lacuna data export`: the same data set in another layout.

use crate::arguments::DataArguments;
use crate::context::Context;
use crate::error::CliError;
use crate::interrupt;
use crate::output::Outcome;
use crate::progress::Progress;
use clap::Args;
use lacuna_cohort::{CohortFacts, layout, load, write_cohort};
use serde_json::json;
use std::path::PathBuf;

/// Write a data set in another layout, headers stripped of text that may name a person
#[derive(Args)]
#[command(after_help = "Example:\n  lacuna data export heads --to msd --out heads-msd")]
pub struct Arguments {
    #[command(flatten)]
    data: DataArguments,
    /// The layout to write: plain, list, msd, mrbrains
    #[arg(long, value_name = "NAME")]
    to: String,
    /// A new folder for it
    #[arg(long, value_name = "DIR")]
    out: PathBuf,
}

/// Copy scan after scan; only one is in memory.
pub fn run(arguments: &Arguments, context: &Context) -> Result<Outcome, CliError> {
    let layout = layout::by_name(&arguments.to)?;
    let cohort = arguments.data.open()?;
    let read = arguments.data.read.options()?;
    let facts = CohortFacts { channels: cohort.channels.clone(), classes: cohort.classes_in_file.clone() };
    let total = cohort.scans().len();
    let mut progress = Progress::begin(context, "export", "scan", total, 0);
    let mut scans = cohort.scans().iter().enumerate().map_while(|(index, scan)| {
        progress.advance(index, "");
        (!interrupt::requested()).then(|| load(scan, &read))
    });
    let written = write_cohort(layout, &arguments.out, &facts, &mut scans)?;
    progress.advance(written.len(), "");
    if written.len() < total {
        let kept = format!("{} of {total} scans lie in {}", written.len(), arguments.out.display());
        return Err(CliError::Interrupted { kept });
    }
    let record = json!({ "folder": arguments.out, "from": cohort.layout, "to": layout.name(), "scans": total });
    let folder = arguments.out.display();
    let text = format!("{total} scans in layout {}: {folder}\nnext:  lacuna data check {folder}\n", layout.name());
    Ok(Outcome::new("data.export", &record, text))
}
