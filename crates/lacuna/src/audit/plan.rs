//! What an audit could show and would cost, before anything is trained.

use super::AuditConfig;
use super::tasks::Tasks;
use crate::context::Context;
use crate::error::CliError;
use crate::output::Outcome;
use crate::studying::{self, Folders};
use crate::text_table::{aligned, named};
use lacuna_audit::epsilon::ceiling;
use lacuna_audit::{Margin, Power, power, seeds_for_epsilon, seeds_for_equivalence};
use lacuna_study::{Estimate, Machine, Task};
use serde::Serialize;

/// Numbers of seeds that people ask about.
const SEEDS: [usize; 6] = [3, 5, 7, 10, 20, 30];

#[derive(Serialize)]
struct Plan {
    name: String,
    seeds: usize,
    margin: Margin,
    power: Power,
    epsilon_ceiling: f64,
    seeds_for_equivalence: Option<usize>,
    gate_declared: bool,
    table: Vec<Line>,
    tasks: Vec<String>,
    trainings: usize,
    unlearnings: usize,
    probes: usize,
    estimate: Estimate,
}

#[derive(Serialize)]
struct Line {
    #[serde(flatten)]
    power: Power,
    epsilon_ceiling: f64,
}

/// Power, cost, and the list of tasks.
pub fn run(config: &AuditConfig, folders: &Folders, context: &Context) -> Result<Outcome, CliError> {
    let study = studying::open("audit", config.study.clone(), folders, context)?;
    let tasks = Tasks::new(&study, config);
    tasks.planted()?;
    let all = tasks.all()?;
    let estimate = study.estimate_of(&all, &Machine::measure(&context.device))?;
    let deviations = config.protocol.margin.deviations_for_power();
    let of = |seeds| Line { power: power(seeds, deviations, config.protocol.alpha), epsilon_ceiling: ceiling(seeds) };
    let count = |is: &dyn Fn(&Task) -> bool| all.iter().filter(|task| is(task)).count();
    let own = of(tasks.seeds().len());
    let plan = Plan {
        name: study.config().name.clone(),
        seeds: tasks.seeds().len(),
        margin: config.protocol.margin,
        power: own.power,
        epsilon_ceiling: own.epsilon_ceiling,
        seeds_for_equivalence: seeds_for_equivalence(deviations, config.protocol.alpha),
        gate_declared: config.gate.is_declared(),
        table: SEEDS.map(of).into(),
        tasks: all.iter().map(|task| study.describe(task)).collect(),
        trainings: count(&|task| matches!(task, Task::Train(_))),
        unlearnings: count(&|task| matches!(task, Task::Unlearn(_))),
        probes: count(&|task| matches!(task, Task::Probe(_))),
        estimate,
    };
    Ok(Outcome::new("audit-plan", &plan, text(&plan, deviations)))
}

fn text(plan: &Plan, deviations: f64) -> String {
    let mut lines =
        vec![["seeds", "difference", "margin", "alike at margin", "one model", "epsilon"].map(str::to_string).to_vec()];
    lines.extend(plan.table.iter().map(|Line { power, epsilon_ceiling }| {
        let epsilon = if *epsilon_ceiling > 0.0 { format!("{epsilon_ceiling:.2}") } else { "none".to_string() };
        vec![
            power.seeds.to_string(),
            format!("{:.2}", power.detectable),
            format!("{:.2}", power.provable_in_deviations),
            format!("{:.0} %", 100.0 * power.of_equivalence),
            format!("{:.2}", power.detectable_delivered),
            epsilon,
        ]
    }));
    let seeds = plan.seeds_for_equivalence.map_or("more than 200".to_string(), |seeds| seeds.to_string());
    let epsilon = |value: f64| seeds_for_epsilon(value).map_or("many".to_string(), |seeds| seeds.to_string());
    let alike = 100.0 * plan.power.of_equivalence;
    let in_words = match plan.seeds_for_equivalence {
        Some(enough) if enough > plan.seeds => format!(
            "With {} seeds this audit shows models that are alike to be alike with a chance of {alike:.0} %, and that a \
             subject was never remembered likewise; {enough} seeds give 80 %.\n\n",
            plan.seeds
        ),
        _ => format!(
            "With {} seeds this audit shows models that are alike to be alike with a chance of {alike:.0} %.\n\n",
            plan.seeds
        ),
    };
    let todo = named(&[
        ("this audit", format!("{} seeds, margin {deviations} deviations", plan.seeds)),
        ("chance to show alike models alike", format!("{alike:.0} %")),
        ("gate", if plan.gate_declared { "declared" } else { "none is declared, so none can be passed" }.to_string()),
        ("seeds for 80 %", seeds),
        ("seeds to show an epsilon of 1, 2, 3", format!("{}, {}, {}", epsilon(1.0), epsilon(2.0), epsilon(3.0))),
        ("tasks", format!("{} trainings, {} unlearnings, {} probes", plan.trainings, plan.unlearnings, plan.probes)),
        ("left to do", studying::describe(&plan.estimate)),
    ]);
    let key = "difference, margin, one model: in deviations of the retrained models, with 80 % power at 5 %; alike at \
               margin: the chance that alike models are shown to be; epsilon: the largest that could ever be shown\n\n";
    format!("{in_words}{}{key}{todo}", aligned(&lines))
}
