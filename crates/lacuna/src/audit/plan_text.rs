//! What an audit could show and would cost, as people read it.

use crate::context::Context;
use crate::error::CliError;
use crate::output::Outcome;
use crate::studying::{self, Folders};
use crate::text_table::{aligned, named};
use lacuna_audit::seeds_for_epsilon;
use lacuna_study::Machine;
use lacuna_study::audit::{self, AuditConfig, Plan, PlanLine};

/// Power, cost, and the list of tasks.
pub fn plan(config: &AuditConfig, folders: &Folders, context: &Context) -> Result<Outcome, CliError> {
    let study = studying::open("audit", config.study.clone(), folders, context)?;
    let plan = audit::plan(&study, config, &Machine::measure(&context.device))?;
    Ok(Outcome::new("audit-plan", &plan, text(&plan, config.protocol.margin.deviations_for_power())))
}

fn text(plan: &Plan, deviations: f64) -> String {
    let mut lines =
        vec![["seeds", "difference", "margin", "alike at margin", "one model", "epsilon"].map(str::to_string).to_vec()];
    lines.extend(plan.table.iter().map(|PlanLine { power, epsilon_ceiling }| {
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
        ("left to do", plan.estimate.to_string()),
    ]);
    let key = "difference, margin, one model: in deviations of the retrained models, with 80 % power at 5 %; alike at \
               margin: the chance that alike models are shown to be; epsilon: the largest that could ever be shown\n\n";
    format!("{in_words}{}{key}{todo}", aligned(&lines))
}
