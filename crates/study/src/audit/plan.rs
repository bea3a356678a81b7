//! What an audit could show and would cost, before anything is trained.

use super::AuditConfig;
use super::tasks::Tasks;
use crate::{Estimate, Machine, Study, StudyError, Task};
use lacuna_audit::epsilon::ceiling;
use lacuna_audit::{Margin, Power, power, seeds_for_equivalence};
use serde::Serialize;

/// Numbers of seeds that are often considered.
const SEEDS: [usize; 6] = [3, 5, 7, 10, 20, 30];

/// Power, cost, and the list of tasks.
#[derive(Clone, Debug, Serialize)]
pub struct Plan {
    /// What the audit is called.
    pub name: String,
    /// The number of seeds per arm.
    pub seeds: usize,
    /// The declared margin.
    pub margin: Margin,
    /// What so many seeds can show.
    pub power: Power,
    /// The largest epsilon that so many models could ever show.
    pub epsilon_ceiling: f64,
    /// The fewest seeds that show alike models to be alike with 80 % power; absent beyond 200.
    pub seeds_for_equivalence: Option<usize>,
    /// Whether the file sets a threshold.
    pub gate_declared: bool,
    /// The same for other numbers of seeds.
    pub table: Vec<PlanLine>,
    /// Every task in words, in the order in which they are done.
    pub tasks: Vec<String>,
    /// How many are trainings.
    pub trainings: usize,
    /// How many are unlearnings.
    pub unlearnings: usize,
    /// How many are probes.
    pub probes: usize,
    /// What is left to do.
    pub estimate: Estimate,
}

/// What a number of seeds can show.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct PlanLine {
    /// The power of the tests.
    #[serde(flatten)]
    pub power: Power,
    /// The largest epsilon that an attack could show.
    pub epsilon_ceiling: f64,
}

/// Plan an audit.
///
/// # Errors
/// Controls on a subject that is not audited; a record that cannot be read.
pub fn plan(study: &Study, config: &AuditConfig, machine: &Machine) -> Result<Plan, StudyError> {
    let tasks = Tasks::new(study, config);
    tasks.planted()?;
    let all = tasks.all()?;
    let (margin, alpha) = (config.protocol.margin, config.protocol.alpha);
    let deviations = margin.deviations_for_power();
    let line = |seeds| PlanLine { power: power(seeds, deviations, alpha), epsilon_ceiling: ceiling(seeds) };
    let count = |is: &dyn Fn(&Task) -> bool| all.iter().filter(|task| is(task)).count();
    let own = line(tasks.seeds().len());
    Ok(Plan {
        name: study.config().name.clone(),
        seeds: tasks.seeds().len(),
        margin,
        power: own.power,
        epsilon_ceiling: own.epsilon_ceiling,
        seeds_for_equivalence: seeds_for_equivalence(deviations, alpha),
        gate_declared: config.gate.is_declared(),
        table: SEEDS.map(line).into(),
        tasks: all.iter().map(|task| study.describe(task)).collect(),
        trainings: count(&|task| matches!(task, Task::Train(_))),
        unlearnings: count(&|task| matches!(task, Task::Unlearn(_))),
        probes: count(&|task| matches!(task, Task::Probe(_))),
        estimate: study.estimate_of(&all, machine)?,
    })
}
