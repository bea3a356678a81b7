//! A plan as the verbs are given it: its folder, where its records lie, and how its tasks stand.

use crate::arguments::isa;
use crate::context::Context;
use crate::error::CliError;
use crate::studying::{Folders, without_names};
use clap::Args;
use lacuna_kernels::InstructionSet;
use lacuna_launcher::{
    About, Alarm, AllAttempts, AttemptOutcome, Attempts, Job, Plan, PlannedTask, TaskKind, TaskStates, alarms,
};
use lacuna_objects::{Address, Location};
use lacuna_study::{StudyConfig, StudyError};
use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

#[derive(Args)]
pub struct PlanArguments {
    /// The folder that `lacuna study plan --out` made
    #[arg(value_name = "PLAN")]
    pub plan: PathBuf,
    /// Where the records lie on this machine, if not where the plan says
    #[arg(long, env = "LACUNA_RECORDS", value_name = "DIR")]
    records: Option<Address>,
    /// Where the models lie on this machine, if not where the plan says
    #[arg(long, env = "LACUNA_MODELS", value_name = "DIR")]
    models: Option<Address>,
}

/// A plan with all that is known of its attempts.
pub struct Given {
    pub plan: Plan,
    pub digest: String,
    pub attempts: AllAttempts,
    /// How each task stands.
    pub task_states: TaskStates,
    /// Results that should have been another's.
    pub alarms: Vec<Alarm>,
}

impl PlanArguments {
    /// Where records and models lie.
    pub fn folders(&self, about: &About) -> Folders {
        let or = |given: &Option<Address>, planned: &Address| given.clone().unwrap_or_else(|| planned.clone());
        let (records, models) = (or(&self.records, &about.records), or(&self.models, &about.models));
        Folders { records, models, work: self.plan.join("models"), plan: Some(self.plan.clone()) }
    }

    /// The attempts at the tasks of this plan: noted beside it, or beside records in a bucket, which every machine
    /// sees.
    pub fn attempts(&self, about: &About, digest: &str) -> Result<Attempts, CliError> {
        let records = self.folders(about).records;
        if records.folder().is_some() {
            return Ok(Attempts::of(&self.plan));
        }
        let shared = Location::open(&records).map_err(StudyError::from)?.within(&format!("plans/{digest}"));
        Ok(Attempts::shared_at(shared, &self.plan))
    }

    /// The plan and how it stands.
    pub fn read(&self) -> Result<Given, CliError> {
        let (plan, digest) = Plan::read(&self.plan)?;
        let store = self.folders(&plan.about).store()?;
        let keys = store.recorded(plan.tasks.iter().map(|task| task.key.as_str()))?;
        let recorded: BTreeSet<usize> =
            plan.tasks.iter().filter(|task| keys.contains(task.key.as_str())).map(|task| task.index).collect();
        let noted = self.attempts(&plan.about, &digest)?;
        let (attempts, alarms) = (noted.all()?, alarms(&noted)?);
        let task_states = TaskStates::of(&plan, &recorded, &attempts);
        Ok(Given { plan, digest, attempts, task_states, alarms })
    }
}

/// The study of a plan, if its file is still what was planned; this process computes as the plan says from here on.
pub fn study_of(about: &About, context: &Context) -> Result<StudyConfig, CliError> {
    let found = context.device_kind.name();
    if found != about.device {
        let what = format!("--device: expected {}, as planned, found {found}; fix: give that device", about.device);
        return Err(CliError::Config { what });
    }
    pin(about, context)?;
    let digest = lacuna_disk::digest_file(&about.file)?;
    if digest != about.file_digest {
        let file = about.file.display();
        let what = format!("{file}: expected the study that was planned, found one that was changed; fix: plan again");
        return Err(CliError::Config { what });
    }
    let hide = |error: StudyError| if about.pseudonyms { without_names(error.into()) } else { error.into() };
    let config = StudyConfig::read(&about.file).map_err(hide)?;
    Ok(StudyConfig { pseudonyms: config.pseudonyms || about.pseudonyms, ..config })
}

fn pin(about: &About, context: &Context) -> Result<(), CliError> {
    let Some(planned) = &about.isa else { return Ok(()) };
    let set = InstructionSet::ALL.into_iter().find(|set| isa::name(*set) == planned);
    match (set, context.isa) {
        (Some(set), None) => isa::pin(set),
        (Some(set), Some(asked)) if asked == set => Ok(()),
        (_, asked) => {
            let found = asked.map_or("none that this lacuna knows", isa::name);
            let what = format!("--isa: expected {planned}, as planned, found {found}; fix: leave it out");
            Err(CliError::Config { what })
        }
    }
}

impl Given {
    /// How long the tasks took that have their record from an attempt, by number.
    pub fn measured(&self) -> BTreeMap<usize, f64> {
        let committed = self.attempts.iter().filter_map(|((index, _), (_, ended))| {
            let ended = ended.as_ref().filter(|ended| ended.ending == AttemptOutcome::Committed)?;
            Some((*index, ended.seconds))
        });
        committed.collect()
    }

    /// The plan's tasks as the simulator knows them, each of so many seconds.
    pub fn jobs(&self, seconds: &[f64]) -> Vec<Job> {
        let job =
            |task: &PlannedTask| Job { seconds: seconds[task.index], needs: task.needs.clone(), layer: task.layer };
        self.plan.tasks.iter().map(job).collect()
    }

    /// How long each task takes: as measured, or as estimated for so many cores and set right by the median of its
    /// kind where some are measured.
    pub fn seconds(&self, cpus: usize) -> Vec<f64> {
        let measured = self.measured();
        let estimated = |index: usize| self.plan.tasks[index].core_seconds / cpus as f64;
        let mut slower: BTreeMap<TaskKind, Vec<f64>> = BTreeMap::new();
        for (&index, seconds) in &measured {
            let ratio = seconds / estimated(index).max(1e-3);
            slower.entry(self.plan.tasks[index].kind).or_default().push(ratio);
        }
        let slower: BTreeMap<TaskKind, f64> = slower.into_iter().map(|(kind, ratios)| (kind, median(ratios))).collect();
        let of = |index: usize| {
            let kind = self.plan.tasks[index].kind;
            let expected = || estimated(index).max(1e-3) * slower.get(&kind).copied().unwrap_or(1.0);
            measured.get(&index).copied().unwrap_or_else(expected)
        };
        (0..self.plan.tasks.len()).map(of).collect()
    }

    /// From the first attempt's beginning to the last one's end, if every task is over.
    pub fn makespan_seconds(&self) -> Option<f64> {
        let moment = |text: &str| text.parse::<jiff::Timestamp>().ok();
        let first = self.attempts.values().filter_map(|(begun, _)| moment(&begun.at)).min()?;
        let last = self.attempts.values().filter_map(|(_, ended)| moment(&ended.as_ref()?.at)).max()?;
        self.task_states.pending().is_empty().then(|| last.duration_since(first).as_secs_f64())
    }
}

/// The middle of some numbers, at least one.
fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    let middle = values.len() / 2;
    if values.len() % 2 == 1 { values[middle] } else { 0.5 * (values[middle - 1] + values[middle]) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_middle_of_some_numbers() {
        assert_eq!([median(vec![3.0, 1.0, 2.0]), median(vec![4.0, 1.0]), median(vec![7.0])], [2.0, 2.5, 7.0]);
    }
}
