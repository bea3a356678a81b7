//! An audit from a cohort to its report, without the command: one epoch of a small network on heads of 16 voxels.

use super::*;
use crate::{Loading, Store, StudyConfig, StudyError};
use lacuna_audit::report::Report;
use lacuna_audit::{ControlName, Gate, Lineage, Object, Protocol, Verdict};
use lacuna_cohort::layout::{self, CohortFacts, write_cohort};
use lacuna_cohort::phantom::{self, PhantomConfig};
use lacuna_cohort::{CohortError, ScanData, SubjectId};
use lacuna_nn::Device;
use std::collections::BTreeMap;
use std::path::Path;

const STUDY: &str = r#"
name = "small"
seeds = [0, 1]
data = { root = "heads", labels = "tissue" }
preprocess = { kind = "canonical", size = [16, 16, 16], crop = "none", foreground = "all-voxels" }
network.unet = { features_per_stage = [4, 8], kernel_sizes = [[3, 3, 3], [3, 3, 3]], strides = [[1, 1, 1], [2, 2, 2]], n_conv_per_stage = [1, 1], n_conv_per_stage_decoder = [1] }
split = { held_out_subjects = ["phantom-003"], forget = { only = ["phantom-000", "phantom-001"] } }
train = { epochs = 1, learning_rate = 1e-2 }
unlearn = { epochs = [1], strategies = ["noisy-label", "ssd"] }
probe = { relearn = { epochs_max = 1, learning_rate = 1e-3, cross_entropy_max = 0.05 } }
"#;

/// A folder with four heads, and places for records and models.
struct Site(tempfile::TempDir);

impl Site {
    fn new() -> Site {
        let site = Site(tempfile::tempdir().unwrap());
        let config = PhantomConfig { subjects: 4, ..PhantomConfig::with_dims([16, 16, 16]) };
        let facts = CohortFacts { channels: vec!["T1".to_string()], classes: None };
        let mut scans = phantom::subjects(&config).map(|subject| Ok::<_, CohortError>(ScanData::from(subject)));
        write_cohort(layout::by_name("plain").unwrap(), &site.path("heads"), &facts, &mut scans).unwrap();
        site
    }

    fn path(&self, name: &str) -> std::path::PathBuf {
        self.0.path().join(name)
    }

    /// The audit's file, with some lines more.
    fn config(&self, more: &str) -> Result<AuditConfig, StudyError> {
        let file = self.path("audit.toml");
        std::fs::write(&file, format!("{STUDY}{more}")).unwrap();
        AuditConfig::read(&file)
    }

    fn study(&self, config: &AuditConfig) -> Study {
        self.study_with(config.study.clone(), "records")
    }

    fn study_with(&self, config: StudyConfig, records: &str) -> Study {
        let store = Store::new(self.path(records), self.path("models"));
        Study::open(config, store, Device::flex(), &Loading::default(), &mut |_, _| ()).unwrap()
    }

    fn audit<'a>(&self, study: &'a Study, config: &'a AuditConfig) -> Audit<'a> {
        let audit_run = AuditRun { name: "small".to_string(), run: self.path("run"), models: "models".to_string() };
        Audit { study, config, audit_run }
    }
}

fn controls(report: &Report) -> Vec<(ControlName, Option<&str>)> {
    report.controls.iter().map(|control| (control.name, control.subject.as_deref())).collect()
}

/// Counts what it hears, and stops before a model.
#[derive(Default)]
struct Counting {
    declared: usize,
    measured: Vec<String>,
    stops: bool,
}

impl Progress for Counting {}

impl Watch for Counting {
    fn declared(&mut self, _held: &lacuna_audit::Held) {
        self.declared += 1;
    }

    fn measured(&mut self, done: usize, seeds: usize, subject: &str) {
        self.measured.push(format!("{subject} {done}/{seeds}"));
    }

    fn wants_to_stop(&self) -> bool {
        self.stops
    }
}

#[test]
fn an_audit_of_strategies_needs_no_command_and_is_the_same_again() {
    let site = Site::new();
    let config = site.config("[controls]\nplanted = 'phantom-002'\n[gate]\nmodels_min = 2\n").unwrap();
    let study = site.study(&config);
    let audit = site.audit(&study, &config);
    let records = site.path("records");

    // Stopped before a model is measured, it has declared and trained; the same call goes on.
    let mut stopping = Counting { stops: true, ..Counting::default() };
    assert!(matches!(of_strategies(&audit, &records, &mut stopping), Err(StudyError::Stopped)));
    let mut counting = Counting::default();
    let report = of_strategies(&audit, &records, &mut counting).unwrap();
    assert_eq!((stopping.declared, stopping.measured.len(), counting.declared), (1, 0, 1));
    assert_eq!(counting.measured, ["phantom-000 1/2", "phantom-000 2/2", "phantom-001 1/2", "phantom-001 2/2"]);

    // A planted subject that the file does not forget is in the controls alone.
    let rows: Vec<(&str, &str)> =
        report.results.iter().map(|row| (row.strategy.as_str(), row.subject.as_str())).collect();
    let of = |strategy| [(strategy, "phantom-000"), (strategy, "phantom-001")];
    assert_eq!(rows, [of("noisy-label"), of("ssd")].concat());
    for row in &report.results {
        assert_eq!((row.object, row.statistics.models), (Object::Procedure, 2));
        assert_eq!(row.verdict.is_none(), report.void);
        assert!(row.attacks.as_ref().unwrap().margin.is_some() && !row.distances.is_empty());
        assert_eq!(row.retained.len(), 1, "the other audited subject");
    }
    let on_first = Some("phantom-000");
    let expected = [
        (ControlName::LeftOut, None),
        (ControlName::Sham, on_first),
        (ControlName::Sham, on_first),
        (ControlName::FineTuned, on_first),
        (ControlName::Destroyed, on_first),
        (ControlName::Planted, Some("phantom-002")),
    ];
    assert_eq!(controls(&report), expected);
    assert!(report.controls[2].observed.starts_with("ssd: nothing is left of it"), "{:?}", report.controls[2]);
    assert_eq!(report.gate.declared, Some(true));
    assert_eq!(report.identification.len(), 3, "two strategies and retrained models");
    let held = report.protocol.as_ref().unwrap();
    assert!(held.file.starts_with(records.join("audits")) && held.file.is_file());
    assert_eq!(held.unlearned_before, 0);

    // Measured again from the records, the report is equal to the last bit, and it survives being written.
    let again = of_strategies(&audit, &records, &mut Unwatched).unwrap();
    assert_eq!(again, report);
    let text = serde_json::to_string(&report.file()).unwrap();
    assert_eq!(serde_json::to_string(&Report::parse(&text).unwrap().file()).unwrap(), text);

    delivered(&site, &config, &study);
}

/// Of one model: judged beside the bank, by its lineage, or with a hint where there is no bank.
fn delivered(site: &Site, config: &AuditConfig, study: &Study) {
    let (subject, split) = &study.splits()[0];
    let task = crate::Task::Train(study.train_task(split.retain(), split, 0));
    let network = study.model(&task, &mut Unwatched).unwrap();
    let unseen = BTreeMap::from([(SubjectId::new("phantom-001").unwrap(), Lineage::ExactUnproved)]);
    let model = |recipe, lineage| Delivered { network: network.clone(), recipe, lineage };
    let recipe = Some(study.variants()[0].clone());
    let report = of_model(&site.audit(study, config), &model(recipe, unseen), Bank::AsFound, &mut Unwatched).unwrap();
    assert_eq!(report.results[0].subject, subject.as_str());
    assert!(report.results[0].statistics.delivered.is_some(), "beside the bank");
    assert_eq!(report.results[1].verdict.unwrap_or(Verdict::ExactUnproved), Verdict::ExactUnproved, "by lineage");
    assert_eq!(controls(&report).len(), 5, "one sham, by the recipe of the model");

    // By what it was unlearned is not known: the controls of recipes are named with the reason.
    let unknown = model(None, BTreeMap::new());
    let report = of_model(&site.audit(study, config), &unknown, Bank::AsFound, &mut Unwatched).unwrap();
    let sham = report.controls.iter().find(|control| control.name == ControlName::Sham).unwrap();
    assert!(sham.behaved.is_none() && sham.observed.contains("is not known here"), "{sham:?}");

    let empty = site.study_with(config.study.clone(), "nothing");
    let report = of_model(&site.audit(&empty, config), &unknown, Bank::AsFound, &mut Unwatched).unwrap();
    assert_eq!((report.results[0].verdict, report.power), (Some(Verdict::NotAssessable), None));
    assert!(report.controls.is_empty() && !site.path("nothing").exists(), "nothing is trained unasked");
}

#[test]
fn a_plan_counts_what_an_audit_will_do() {
    let site = Site::new();
    let config = site.config("").unwrap();
    let machine = crate::Machine { multiply_adds_per_second: 1e9, available_gib: None };
    let plan = plan(&site.study(&config), &config, &machine).unwrap();
    // Originals and two sets of retrained models by two seeds; two strategies of two subjects, and one recipe's sham and
    // fine-tuning.
    assert_eq!((plan.trainings, plan.unlearnings, plan.seeds), (6, 12, 2));
    assert_eq!(plan.tasks.len(), plan.trainings + plan.unlearnings + plan.probes);
}

#[test]
fn a_file_that_no_audit_can_have_is_refused_with_its_path_and_what_would_do() {
    let site = Site::new();
    for (more, words) in [
        ("[references]\nseeds = [7]", "references: expected none: `seeds` is the bank of an audit"),
        ("[protocol]\nalpha = 0.7", "protocol.alpha: expected above 0 and below 0.5, found 0.7"),
        ("[protocol]\nprimray = 'entropy'", "protocol: unknown field `primray`"),
        ("[gate]\nverdicts = ['verified']", "gate: unknown variant `verified`"),
        ("[controls]\nwho = 'me'", "controls: unknown field `who`"),
    ] {
        let message = site.config(more).unwrap_err().to_string();
        assert!(message.contains(words), "{more}: {message}");
    }
    let one = StudyConfig { seeds: vec![0], ..site.config("").unwrap().study };
    let refused = AuditConfig::new(one, Protocol::default(), Controls::default(), Gate::default()).unwrap_err();
    assert!(refused.to_string().starts_with("seeds: expected at least 2"), "{refused}");
}

#[test]
fn controls_on_subjects_that_are_not_there_are_refused_and_hidden_where_pseudonyms_are_asked_for() {
    let site = Site::new();
    for (more, words) in [
        ("[controls]\nsubject = 'phantom-002'", "controls.subject: expected a subject that split.forget names"),
        ("[controls]\nplanted = 'phantom-003'", "phantom-003"),
    ] {
        let config = site.config(more).unwrap();
        let refused = Study::open(
            config.study.clone(),
            Store::new(site.path("records"), site.path("models")),
            Device::flex(),
            &Loading::default(),
            &mut |_, _| (),
        )
        .and_then(|study| of_strategies(&site.audit(&study, &config), Path::new("unused"), &mut Unwatched))
        .unwrap_err();
        assert!(refused.to_string().contains(words) && refused.may_name_a_subject(), "{more}: {refused}");
    }
}

#[test]
fn a_declaration_that_was_changed_is_refused_by_its_file() {
    let site = Site::new();
    let config = site.config("").unwrap();
    let study = site.study(&config);
    let tasks = super::tasks::Tasks::new(&study, &config).all().unwrap();
    let declare = || super::declaration::declare(&study, &config, &tasks, &site.path("records"));
    let held = declare().unwrap();
    assert_eq!(declare().unwrap(), held);
    let text = std::fs::read_to_string(&held.file).unwrap();
    std::fs::write(&held.file, text.replace("band-margin", "entropy")).unwrap();
    let message = declare().unwrap_err().to_string();
    assert!(message.contains(&held.digest) && message.contains("fix: delete it"), "{message}");
}
