//! `lacuna study simulate PLAN`: how long a plan takes on so many machines that fail so often.

use super::given::PlanArguments;
use crate::error::CliError;
use crate::output::Outcome;
use crate::studying::duration;
use crate::text_table::named;
use clap::{Args, ValueEnum};
use lacuna_launcher::{Cluster, Forecast, Order, repeated, simulate};
use serde::Serialize;

/// Predict how long a plan takes on a cluster, what failures cost, and what the machines cost
#[derive(Args)]
#[command(
    after_help = "Example:\n  lacuna study simulate plans/ixi7 --nodes 16 --failures 0.01 --checkpoint 60 --tasks 10000\n\n\
                  Tasks take as long as those of the plan that are measured, the others as estimated and set right by \
                  these. The queue of other people's jobs is not part of it."
)]
pub struct Arguments {
    #[command(flatten)]
    plan: PlanArguments,
    /// How many tasks run at once
    #[arg(long, value_name = "N")]
    nodes: usize,
    /// When a task may begin: when what it needs is done, or when all layers before are, as with Slurm and Kubernetes
    #[arg(long, value_enum, default_value = "tasks", value_name = "ORDER")]
    order: OrderChoice,
    /// Failures of one node per hour of computing
    #[arg(long, default_value_t = 0.0, value_name = "RATE")]
    failures: f64,
    /// Seconds between checkpoints; without, a failed attempt begins anew
    #[arg(long, value_name = "SECONDS")]
    checkpoint: Option<f64>,
    /// Seconds after a failure until node and task are back
    #[arg(long, default_value_t = 120.0, value_name = "SECONDS")]
    requeue: f64,
    /// Seconds that an attempt takes beyond its task: starting, waiting for the scheduler
    #[arg(long, default_value_t = 0.0, value_name = "SECONDS")]
    overhead: f64,
    /// Cores of each task, where tasks are not measured
    #[arg(long, default_value_t = 1, value_name = "N")]
    cpus: usize,
    /// As many copies of the plan as have so many tasks [default: one]
    #[arg(long, value_name = "N")]
    tasks: Option<usize>,
    /// The price of a node for an hour
    #[arg(long, value_name = "PRICE")]
    price: Option<f64>,
    /// The seed of the failures
    #[arg(long, default_value_t = 0, value_name = "SEED")]
    seed: u64,
}

#[derive(Clone, Copy, ValueEnum)]
enum OrderChoice {
    Tasks,
    Layers,
}

#[derive(Serialize)]
struct Record {
    nodes: usize,
    order: Order,
    /// Tasks of the plan that are measured.
    measured: usize,
    #[serde(flatten)]
    forecast: Forecast,
    efficiency: f64,
    node_hours: f64,
    cost: Option<f64>,
    /// From the first attempt's beginning to the last one's end, where the plan was carried out.
    observed_seconds: Option<f64>,
    /// How much longer the forecast is than what was observed.
    error: Option<f64>,
}

pub fn run(arguments: &Arguments) -> Result<Outcome, CliError> {
    let given = arguments.plan.read()?;
    let jobs = given.jobs(&given.seconds(arguments.cpus.max(1)));
    let order = match arguments.order {
        OrderChoice::Tasks => Order::Tasks,
        OrderChoice::Layers => Order::Layers,
    };
    let cluster = Cluster {
        nodes: arguments.nodes,
        order,
        failures_per_hour: arguments.failures,
        checkpoint_seconds: arguments.checkpoint,
        requeue_seconds: arguments.requeue,
        overhead_seconds: arguments.overhead,
        seed: arguments.seed,
    };
    let forecast = simulate(&repeated(&jobs, arguments.tasks.unwrap_or(jobs.len())), &cluster)?;
    let node_hours = arguments.nodes as f64 * forecast.makespan_seconds / 3600.0;
    let observed_seconds = given.makespan_seconds().filter(|_| arguments.tasks.is_none());
    let record = Record {
        nodes: arguments.nodes,
        order,
        measured: given.measured().len(),
        efficiency: forecast.efficiency(),
        node_hours,
        cost: arguments.price.map(|price| price * node_hours),
        observed_seconds,
        error: observed_seconds.map(|observed| forecast.makespan_seconds / observed - 1.0),
        forecast,
    };
    let text = text(&record, given.plan.tasks.len());
    Ok(Outcome::new("study-simulate", &record, text))
}

fn text(record: &Record, planned: usize) -> String {
    let Forecast { tasks, makespan_seconds, lost_seconds, failures, critical_path_seconds, .. } = record.forecast;
    let mut lines = vec![
        (
            "tasks",
            format!("{tasks} on {} nodes; {} of the plan's {planned} are measured", record.nodes, record.measured),
        ),
        ("makespan", format!("{}, {:.1} % of the ideal", duration(makespan_seconds), 100.0 * record.efficiency)),
        ("longest chain", duration(critical_path_seconds)),
        ("failures", format!("{failures}, {} of work lost", duration(lost_seconds))),
        ("node hours", format!("{:.2}", record.node_hours)),
    ];
    if let Some(cost) = record.cost {
        lines.push(("cost", format!("{cost:.2}")));
    }
    if let (Some(observed), Some(error)) = (record.observed_seconds, record.error) {
        lines.push(("observed", format!("{}; the forecast is {:+.1} % off", duration(observed), 100.0 * error)));
    }
    named(&lines)
}
