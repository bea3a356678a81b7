//! An audit of procedures: strategies over seeds, with controls.

use super::AuditConfig;
use super::arms::{Asking, Models, One, arm};
use super::attacks::{attacks, distances, retained, shared_variance};
use super::controls;
use super::declaration::declare;
use super::report::{GateReport, Pointing, Report, Row};
use super::table;
use super::tasks::Tasks;
use crate::context::Context;
use crate::error::CliError;
use crate::exit::Exit;
use crate::output::Outcome;
use crate::reporting::{FILE, Report as Page};
use crate::run_folder::{RunFolder, RunRecord};
use crate::studying::{self, Folders, carry_out, in_run_folder};
use lacuna_audit::attack::{identification, most_unusual};
use lacuna_audit::control::{Control, is_void};
use lacuna_audit::epsilon::ceiling;
use lacuna_audit::{Arms, Assessment, Lineage, Protocol, power, procedure};
use lacuna_cohort::{Split, SubjectId};
use lacuna_seed::{Seed, Stream};
use lacuna_study::{Machine, Study, Variant};
use std::collections::BTreeMap;

/// Train what is missing, measure, judge, and leave `audit.json`.
pub fn run(config: &AuditConfig, folders: &Folders, context: &Context) -> Result<Outcome, CliError> {
    let study = studying::open("audit", config.study.clone(), folders, context)?;
    let record = RunRecord::new(context, "audit", studying::seeds(&study), BTreeMap::new());
    in_run_folder(&study, &record, context, |folder| run_in(config, &study, folder, folders, context))
}

fn run_in(
    config: &AuditConfig,
    study: &Study,
    folder: &RunFolder,
    folders: &Folders,
    context: &Context,
) -> Result<Outcome, CliError> {
    folder.write("config.toml", config.shown(study).as_bytes())?;
    let tasks = Tasks::new(study, config);
    let all = tasks.all()?;
    tasks.planted()?;
    let held = declare(study, config, &all, folders.records_folder()?)?;
    context.note(&format!("protocol {} declared", &held.digest[..16]));
    if held.unlearned_before > 0 {
        let found = held.unlearned_before;
        context.note(&format!("note     {found} of the unlearned models had been made before it was declared"));
    }
    let estimate = study.estimate_of(&all, &Machine::measure(&context.device))?;
    context.note(&format!("estimate {}", studying::describe(&estimate)));
    carry_out("audit", study, &all, folder, folders, context)??;
    let asking = Asking { study, tasks: &tasks, all: &all, context };
    let (control_subject, _) = tasks.control_subject()?;
    let mut audited: Vec<(&SubjectId, &Split, Models)> = Vec::new();
    for who in tasks.audited() {
        audited.push((&who.0, &who.1, asking.models(who, who.0 == *control_subject)?));
    }
    let planted = match tasks.planted()? {
        Some(who) if !audited.iter().any(|(subject, ..)| **subject == who.0) => {
            Some((&who.0, asking.bank_models(who, false)?))
        }
        _ => None,
    };
    let judging = Judging { config, study, stream: Seed(config.study.split.seed).stream("audit"), tasks: &tasks };
    let controls = judging.controls(&audited, planted.as_ref())?;
    let void = is_void(&controls);
    let mut results = Vec::new();
    for (place, variant) in study.variants().iter().enumerate() {
        results.extend(judging.rows(place, variant, &audited, void)?);
    }
    let gate = GateReport::of(&config.gate, &results, void);
    let report = Report {
        name: study.config().name.clone(),
        run: folder.path().to_path_buf(),
        void,
        protocol: Some(held),
        power: Some(judging.power()),
        epsilon_ceiling: ceiling(tasks.seeds().len()),
        identification: judging.identification(&audited),
        results,
        controls,
        gate,
        models: folders.models.clone(),
    };
    finish(&report, study, folder)
}

/// Write the report, and end with code 6 if it is void or does not pass a gate that was declared.
pub fn finish(report: &Report, study: &Study, folder: &RunFolder) -> Result<Outcome, CliError> {
    let text = table::text(report);
    folder.write("audit.txt", text.as_bytes())?;
    folder.write_json("audit.json", &Schema { schema: "lacuna.audit/1", report })?;
    page(report, study, folder)?;
    let files = format!("audit    {}\nreport   {}\n", folder.file("audit.json").display(), folder.file(FILE).display());
    let outcome = Outcome::new("audit", report, format!("{text}{files}"));
    Ok(if report.is_refusal() { outcome.exiting(Exit::Gate) } else { outcome })
}

/// The page, from the file that was just written: what cannot be read again is not worth keeping.
fn page(report: &Report, study: &Study, folder: &RunFolder) -> Result<(), CliError> {
    let audit = Some(lacuna_report::html::Audit::read(&folder.file("audit.json"))?);
    Page { title: report.name.clone(), audit, ..Page::of_study(study) }.write(folder)
}

#[derive(serde::Serialize)]
struct Schema<'a> {
    schema: &'static str,
    #[serde(flatten)]
    report: &'a Report,
}

struct Judging<'a> {
    config: &'a AuditConfig,
    study: &'a Study,
    stream: Stream,
    tasks: &'a Tasks<'a>,
}

type Audited<'a> = [(&'a SubjectId, &'a Split, Models)];

impl Judging<'_> {
    fn protocol(&self) -> &Protocol {
        &self.config.protocol
    }

    fn power(&self) -> lacuna_audit::Power {
        let margin = self.protocol().margin.deviations_for_power();
        power(self.tasks.seeds().len(), margin, self.protocol().alpha)
    }

    fn controls(&self, audited: &Audited, planted: Option<&(&SubjectId, Models)>) -> Result<Vec<Control>, CliError> {
        let mut everybody: Vec<&Models> = audited.iter().map(|(.., models)| models).collect();
        everybody.extend(planted.map(|(_, models)| models));
        let mut controls = vec![controls::left_out(&everybody, self.protocol())];
        let (subject, _) = self.tasks.control_subject()?;
        let (.., models) = audited.iter().find(|(audited, ..)| *audited == subject).expect("it is audited");
        let shown = self.study.shown(subject);
        controls.extend(controls::of_subject(self.tasks, &shown, models, self.protocol(), &self.stream));
        let expected = "flagged in its originals";
        controls.push(match (self.tasks.planted()?, planted) {
            (None, _) => {
                Control::not_tried(lacuna_audit::control::PLANTED, expected, "no subject of the cohort is planted")
            }
            (Some(_), Some((subject, models))) => {
                controls::planted(&self.study.shown(subject), models, self.protocol())
            }
            (Some((subject, _)), None) => {
                let (.., models) = audited.iter().find(|(audited, ..)| *audited == subject).expect("it is audited");
                controls::planted(&self.study.shown(subject), models, self.protocol())
            }
        });
        Ok(controls)
    }

    fn rows(&self, place: usize, variant: &Variant, audited: &Audited, void: bool) -> Result<Vec<Row>, CliError> {
        let pairs: Vec<(&[One], &[One])> = audited
            .iter()
            .map(|(.., models)| (models.unlearned[place].as_slice(), models.retrained.as_slice()))
            .collect();
        let shared = shared_variance(self.protocol(), &pairs);
        let row = |(subject, _, models): &(&SubjectId, &Split, Models)| {
            let (unlearned, retrained) = (&models.unlearned[place], &models.retrained);
            let shown = self.study.shown(subject);
            let stream = self.stream.subject(&shown).part(&variant.strategy).part(&variant.differences);
            let statistics = self.assessment(models, unlearned, &stream)?;
            Ok(Row {
                strategy: variant.strategy.clone(),
                variant: variant.differences.clone(),
                epochs: Some(variant.longest_horizon()),
                subject: shown,
                object: statistics.object,
                verdict: (!void).then_some(statistics.verdict),
                statistics,
                attacks: Some(attacks(unlearned, retrained, self.protocol(), shared, &stream)),
                retained: retained(unlearned, retrained, self.protocol(), &|subject| self.study.shown(subject)),
                distances: distances(unlearned, retrained, self.protocol().level)?,
            })
        };
        audited.iter().map(row).collect()
    }

    fn assessment(&self, models: &Models, unlearned: &[One], stream: &Stream) -> Result<Assessment, CliError> {
        let seeds = self.tasks.seeds().len();
        if unlearned.len() < seeds {
            return Ok(Assessment::diverged(seeds - unlearned.len(), seeds));
        }
        let (original, unlearned, retrained) =
            (arm("original", &models.original), arm("unlearned", unlearned), arm("retrained", &models.retrained));
        let arms = Arms { original: &original, unlearned: &unlearned, retrained: &retrained };
        Ok(procedure(arms, Lineage::Approximate, self.protocol(), stream)?)
    }

    /// Whether the erased subject is the most unusual one of those audited, by strategy and for retrained models.
    fn identification(&self, audited: &Audited) -> Vec<Pointing> {
        let mut found = Vec::new();
        let retrained = |models: &Models| models.retrained.clone();
        let hits = self.hits(audited, &retrained);
        let candidates = audited.len();
        let mut add = |strategy: &str, variant: &str, hits: Vec<Vec<bool>>| {
            if let Some(identification) = identification(&hits, candidates, self.protocol().level) {
                found.push(Pointing { strategy: strategy.into(), variant: variant.into(), found: identification });
            }
        };
        for (place, variant) in self.study.variants().iter().enumerate() {
            let hits = self.hits(audited, &|models: &Models| models.unlearned[place].clone());
            add(&variant.strategy, &variant.differences, hits);
        }
        add(lacuna_report::RETRAIN, "", hits);
        found
    }

    fn hits(&self, audited: &Audited, of: &dyn Fn(&Models) -> Vec<One>) -> Vec<Vec<bool>> {
        let primary = self.protocol().primary;
        let pools: BTreeMap<&SubjectId, lacuna_audit::Pool> = audited
            .iter()
            .filter_map(|(subject, _, models)| {
                Some((*subject, arm("retrained", &models.retrained).feature(primary).ok()?))
            })
            .collect();
        let unusual = |subject: &SubjectId, one: &One| -> Option<bool> {
            let mut names = vec![subject];
            let own = pools.get(subject)?;
            let z = |pool: &lacuna_audit::Pool, score: f64| (score - pool.mean()) / pool.deviation();
            let mut deviations = vec![z(own, one.measured.features.get(primary)?)];
            for (other, measured) in &one.others {
                names.push(other);
                deviations.push(z(pools.get(other)?, measured.features.get(primary)?));
            }
            // Fewer candidates than the chance reckons with would flatter the attack.
            (names.len() == audited.len()).then(|| most_unusual(&deviations) == Some(0))
        };
        let of_subject = |(subject, _, models): &(&SubjectId, &Split, Models)| {
            of(models).iter().filter_map(|one| unusual(subject, one)).collect()
        };
        audited.iter().map(of_subject).collect()
    }
}
