//! An audit in a run folder of its own.

use super::{opened, text};
use crate::context::Context;
use crate::error::CliError;
use crate::exit::Exit;
use crate::output::Outcome;
use crate::reporting::{FILE, Report as Page};
use crate::run_folder::{RunFolder, RunRecord};
use crate::studying::{self, Ends, Folders, Running, Watch, in_run_folder};
use lacuna_audit::Report;
use lacuna_audit::report::AuditRun;
use lacuna_study::audit::{self, Audit, AuditConfig, Bank};
use lacuna_study::{Study, StudyError};
use std::collections::BTreeMap;
use std::path::Path;

const VERB: &str = "audit";

/// A model that is to be audited.
pub struct Delivery<'a> {
    /// Its file or run folder.
    pub model: &'a Path,
    /// Whether retrained models may be trained for it.
    pub bank: Bank,
}

/// Audit the strategies of a file.
pub fn of_strategies(config: &AuditConfig, folders: &Folders, context: &Context) -> Result<Report, CliError> {
    let study = studying::open(VERB, config.study.clone(), folders, context)?;
    let record = RunRecord::new(context, VERB, studying::seeds(&study), BTreeMap::new());
    in_run_folder(&study, &record, context, |folder| {
        let records = folders.records_folder()?;
        let act = |audit: &Audit, watch: &mut Watch| audit::of_strategies(audit, records, watch);
        in_folder(config, &Running { verb: VERB, study: &study, folder, folders, context }, act)
    })
}

/// Audit one model.
pub fn of_model(
    config: &AuditConfig,
    delivery: &Delivery,
    folders: &Folders,
    context: &Context,
) -> Result<Report, CliError> {
    let study = studying::open(VERB, config.study.clone(), folders, context)?;
    let delivered = opened::open(delivery.model, &study)?;
    let parents = BTreeMap::from([("model".to_string(), delivered.network.digest())]);
    let record = RunRecord::new(context, VERB, BTreeMap::new(), parents);
    in_run_folder(&study, &record, context, |folder| {
        let act = |audit: &Audit, watch: &mut Watch| audit::of_model(audit, &delivered, delivery.bank, watch);
        in_folder(config, &Running { verb: VERB, study: &study, folder, folders, context }, act)
    })
}

fn in_folder(
    config: &AuditConfig,
    running: &Running,
    act: impl FnOnce(&Audit, &mut Watch) -> Result<Report, StudyError>,
) -> Result<Report, CliError> {
    let Running { study, folder, folders, .. } = *running;
    folder.write("config.toml", config.shown(study).as_bytes())?;
    let run = folder.path().to_path_buf();
    let audit_run = AuditRun { name: study.config().name.clone(), run, models: folders.models.to_string() };
    let audit = Audit { study, config, audit_run };
    let report = running.watched(|watch| act(&audit, watch))??;
    leave(&report, study, folder)?;
    Ok(report)
}

/// Write the report as text, as JSON and as a page.
fn leave(report: &Report, study: &Study, folder: &RunFolder) -> Result<(), CliError> {
    folder.write("audit.txt", text::text(report).as_bytes())?;
    folder.write_json("audit.json", &report.file())?;
    Page { title: report.name.clone(), audit: Some(report.clone()), ..Page::of_study(study) }.write(folder)
}

/// The report as a verb's result, with its files.
pub fn outcome(report: &Report) -> Outcome {
    let file = |name: &str| report.run.join(name).display().to_string();
    let files = format!("audit    {}\nreport   {}\n", file("audit.json"), file(FILE));
    Outcome::new(VERB, report, format!("{}{files}", text::text(report))).exiting(report.exit())
}

impl Ends for Report {
    /// A report that is void, or does not pass the gate that was declared, is a measured "no".
    fn exit(&self) -> Exit {
        if self.is_refusal() { Exit::Gate } else { Exit::Done }
    }
}
