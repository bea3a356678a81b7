//! One delivered model: beside a bank where there is one, beside held-out subjects where there is none.

use super::controls::{Controlled, Measured as MeasuredSubject};
use super::measure::{Controls, Measurer, Quiet};
use super::models::{SubjectModels, arm};
use super::recorded::{add_probe, add_utility};
use super::tasks::Tasks;
use super::{Audit, Watch};
use crate::{Estimate, Machine, ProbeConfig, StudyError, Task, Variant};
use lacuna_audit::control::Models;
use lacuna_audit::report::{Conclusion, Found, Report};
use lacuna_audit::{Arm, Assessment, Control, Lineage, Measured, delivered_model};
use lacuna_cohort::{Split, SubjectId};
use lacuna_nn::Network;
use std::collections::BTreeMap;

/// A model that was handed over.
pub struct Delivered {
    /// The network of the model.
    pub network: Network,
    /// What it was unlearned by last, where that is known.
    pub recipe: Option<Variant>,
    /// The subjects that it was never trained on, neither by its plan nor through the weights that it began from, and
    /// what shows that. A subject that is missing here is judged by scores.
    pub lineage: BTreeMap<SubjectId, Lineage>,
}

/// Whether retrained models may be trained for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Bank {
    /// Use what is recorded; say what more would cost.
    AsFound,
    /// Train what is missing.
    Build,
}

const FORGOTTEN_BY_WHAT: &str = "by what the model was made to forget is not known here; hand over its run folder";

/// Audit one model of the study's network.
///
/// # Errors
/// As [`of_strategies`](super::of_strategies), but nothing is declared.
pub fn of_model(audit: &Audit, model: &Delivered, bank: Bank, watch: &mut dyn Watch) -> Result<Report, StudyError> {
    let Audit { study, config, .. } = *audit;
    let tasks = Tasks::of_delivered(study, config, model.recipe.as_ref());
    let needed = [tasks.bank()?, tasks.controls()?].concat();
    let estimate = study.estimate_of(&needed, &Machine::measure(study.device()))?;
    if bank == Bank::Build {
        watch.estimated(&estimate);
        study.run_tasks(&needed, watch)?;
    }
    let mut judging = Judging { audit, model, tasks: &tasks, needed: &needed, estimate, watch };
    let missing = judging.unrecorded(&|task| matches!(task, Task::Train(_)))?;
    let banks = if missing == 0 { judging.banks()? } else { BTreeMap::new() };
    let controls = if banks.is_empty() { Vec::new() } else { judging.controls(&banks)? };
    let results = tasks.audited().map(|who| judging.conclude(who, banks.get(&who.0), missing));
    let results = results.collect::<Result<_, _>>()?;
    let seeds = if missing == 0 { tasks.seeds().len() } else { 0 };
    let found = Found { held: None, seeds, results, controls, identification: Vec::new() };
    Ok(Report::new(audit.audit_run.clone(), &config.protocol, &config.gate, found))
}

/// Models by subject.
type Banks<'a> = BTreeMap<&'a SubjectId, SubjectModels>;

struct Judging<'a> {
    audit: &'a Audit<'a>,
    model: &'a Delivered,
    tasks: &'a Tasks<'a>,
    needed: &'a [Task],
    estimate: Estimate,
    watch: &'a mut dyn Watch,
}

impl<'a> Judging<'a> {
    /// How many of the needed tasks of a kind were never done.
    fn unrecorded(&self, is_of_kind: &dyn Fn(&Task) -> bool) -> Result<usize, StudyError> {
        let mut count = 0;
        for task in self.needed.iter().filter(|task| is_of_kind(task)) {
            count += usize::from(self.audit.study.store().record(task.key())?.is_none());
        }
        Ok(count)
    }

    /// Why the controls that the recipe makes cannot be tried, if they cannot.
    fn without_recipe(&self) -> Result<Option<String>, StudyError> {
        if self.model.recipe.is_none() {
            return Ok(Some(FORGOTTEN_BY_WHAT.to_string()));
        }
        let runs = self.unrecorded(&|task| matches!(task, Task::Unlearn(_)))?;
        Ok((runs > 0).then(|| format!("{runs} of their runs are not trained; --build-bank trains them")))
    }

    /// Originals and retrained models of every audited subject and of the planted one.
    fn banks(&mut self) -> Result<Banks<'a>, StudyError> {
        let of_controlled = if self.without_recipe()?.is_none() { Controls::All } else { Controls::OfBank };
        let (controlled, _) = self.tasks.control_subject()?;
        let mut banks = Banks::new();
        for who in self.tasks.audited().chain(self.tasks.planted()?) {
            if banks.contains_key(&who.0) {
                continue;
            }
            let controls = if who.0 == *controlled { of_controlled } else { Controls::Without };
            let (study, tasks, all) = (self.audit.study, self.tasks, self.needed);
            let models = Measurer { study, tasks, all, watch: &mut *self.watch }.bank_models(who, controls)?;
            banks.insert(&who.0, models);
        }
        Ok(banks)
    }

    /// Those that a bank allows. A planted subject is asked for only where the file names one.
    fn controls(&self, banks: &Banks) -> Result<Vec<Control>, StudyError> {
        let everybody: Vec<MeasuredSubject> = banks.iter().map(|(subject, models)| (*subject, models)).collect();
        let of = |wanted: &SubjectId| *everybody.iter().find(|(subject, _)| *subject == wanted).expect("it has a bank");
        let subject = of(&self.tasks.control_subject()?.0);
        let without_forget_term = match self.without_recipe()? {
            None => Models::Given(subject.1.controls.without_forget_term()),
            Some(why) => Models::Missing(why),
        };
        let planted = self.tasks.planted()?.map_or(Models::NotAsked, |(planted, _)| Models::Given(of(planted)));
        Ok(Controlled { subject, without_forget_term, planted, everybody }.judge(self.audit))
    }

    /// By lineage, beside the bank, or beside held-out subjects.
    fn conclude(
        &mut self,
        who: &(SubjectId, Split),
        bank: Option<&SubjectModels>,
        missing: usize,
    ) -> Result<Conclusion, StudyError> {
        let assessment = match (self.model.lineage.get(&who.0), bank) {
            (Some(lineage), _) => Assessment::by_lineage(*lineage),
            (None, Some(models)) => {
                let (original, retrained) = (arm("original", &models.original), arm("retrained", &models.retrained));
                let measured = self.measured(who, &retrained)?;
                delivered_model(&measured, &original, &retrained, &self.audit.config.protocol)?
            }
            (None, None) => self.beside_held_out(who, missing)?,
        };
        Ok(Conclusion::of_delivered(self.audit.study.shown(&who.0), assessment))
    }

    /// Everything that is measured of the delivered model. Probes train copies of it, so they are made only where the
    /// retrained models were probed too.
    fn measured(&mut self, (subject, split): &(SubjectId, Split), bank: &Arm) -> Result<Measured, StudyError> {
        let (study, network) = (self.audit.study, &self.model.network);
        let dice = |subject: &SubjectId| Ok(study.data().score(network, subject, study.device())?.output.mean.dice);
        let features = study.data().see(network, subject, study.device())?.features;
        let mut measured = Measured { features, ..Measured::default() };
        add_utility(&mut measured, split, &dice)?;
        if bank.models().iter().all(|model| model.rebound.is_none() && model.relearn_passes.is_none()) {
            return Ok(measured);
        }
        // The seed drives the probe's order of scans; any of the bank's would do.
        let retrained = self.tasks.retrained(split, self.tasks.seeds()[0]);
        let before = dice(subject)?;
        let probes = study.config().probe.iter().flat_map(ProbeConfig::probes).collect();
        let progress = &mut Quiet(&*self.watch);
        let probed = study.executor().probe_delivered(network, &retrained, subject, probes, progress)?;
        for (probe, record) in probed {
            add_probe(&mut measured, &probe, &record, before, &study.shown(subject));
        }
        Ok(measured)
    }

    /// Without retrained models there are only held-out subjects to compare with: a hint, and what a verdict would
    /// take.
    fn beside_held_out(&self, (subject, split): &(SubjectId, Split), missing: usize) -> Result<Assessment, StudyError> {
        let (study, protocol) = (self.audit.study, &self.audit.config.protocol);
        let score = |subject: &SubjectId| -> Result<Option<f64>, StudyError> {
            let seen = study.data().see(&self.model.network, subject, study.device())?;
            Ok(seen.features.get(protocol.primary))
        };
        let held_out: Vec<Option<f64>> = split.held_out().iter().map(score).collect::<Result<_, _>>()?;
        let held_out = held_out.into_iter().flatten().collect();
        let reason = format!("no bank: {missing} of its models are not trained");
        let mut found = Assessment::hinted(reason, score(subject)?, held_out, protocol)?;
        let cost = &self.estimate;
        found.statistics.reasons.push(format!("a verdict takes the bank: {cost}; --build-bank trains it"));
        Ok(found)
    }
}
