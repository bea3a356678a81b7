//! The simulator against real processes that are killed at a stated rate.
//!
//! `cargo run --release -p lacuna-launcher --example disturbed -- 40 4 0.5 600` does 40 tasks on 4 slots, 0.5 s each,
//! with 600 failures of a slot per hour. Tasks sleep, so that a busy machine disturbs them little; an attempt whose
//! drawn time to failure is shorter than its task ends by kill -9, and the local launcher begins it anew. The same is
//! simulated with the durations as they were measured without failures, and both are averaged over seeds.

use lacuna_launcher::{About, Cluster, Draft, Job, Plan, Pool, TaskKind, simulate};
use lacuna_seed::Seed;
use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::process::Command;
use std::time::Instant;

type Failure = Box<dyn std::error::Error>;

const SEEDS: u64 = 10;

struct Setting {
    tasks: usize,
    slots: usize,
    seconds: f64,
    failures_per_hour: f64,
}

fn main() -> Result<(), Failure> {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let [tasks, slots, seconds, rate] = words.as_slice() else {
        return Err("give tasks, slots, seconds of a task, and failures of a slot per hour".into());
    };
    let setting = Setting {
        tasks: tasks.parse()?,
        slots: slots.parse()?,
        seconds: seconds.parse()?,
        failures_per_hour: rate.parse()?,
    };
    let (undisturbed, _) = real(&Setting { failures_per_hour: 0.0, ..setting }, 0)?;
    // What a process takes beyond its sleep, from the run without failures.
    let rounds = setting.tasks.div_ceil(setting.slots) as f64;
    let overhead = undisturbed / rounds - setting.seconds;
    println!("undisturbed  real {undisturbed:7.2} s, simulated {:7.2} s", forecast(&setting, 0.0, 0.0, 0)?.0);
    let (mut found, mut expected) = ((0.0, 0), (0.0, 0));
    for seed in 0..SEEDS {
        let (seconds, failures) = real(&setting, seed)?;
        found = (found.0 + seconds, found.1 + failures);
        // Other failures than the real ones: a forecast does not know them.
        let (seconds, failures) = forecast(&setting, setting.failures_per_hour, overhead.max(0.0), 1000 + seed)?;
        expected = (expected.0 + seconds, expected.1 + failures);
    }
    let mean = |sum: f64| sum / SEEDS as f64;
    let error = expected.0 / found.0 - 1.0;
    println!("disturbed    real {:7.2} s, {:5.1} failures, mean of {SEEDS}", mean(found.0), mean(found.1 as f64));
    println!(
        "             simulated {:7.2} s, {:5.1} failures: {:+.1} %",
        mean(expected.0),
        mean(expected.1 as f64),
        100.0 * error
    );
    Ok(())
}

/// The makespan in seconds and the number of attempts that were killed.
fn real(setting: &Setting, seed: u64) -> Result<(f64, usize), Failure> {
    let plan = plan(setting.tasks);
    let attempts: RefCell<BTreeMap<usize, usize>> = RefCell::default();
    let start = |index: usize, _slot: usize| {
        let number = *attempts.borrow_mut().entry(index).and_modify(|number| *number += 1).or_insert(1);
        let stream = Seed(seed).stream("kill").part(&index.to_string()).part(&number.to_string());
        let fails_after = -(1.0 - stream.draws().uniform()).ln() * 3600.0 / setting.failures_per_hour;
        let mut command = Command::new("sh");
        command.arg("-c").arg(if fails_after < setting.seconds {
            format!("sleep {fails_after}; kill -9 $$")
        } else {
            format!("sleep {}", setting.seconds)
        });
        command
    };
    let mut killed = 0;
    let all: BTreeSet<usize> = (0..setting.tasks).collect();
    let began = Instant::now();
    let pool = Pool { slots: setting.slots, retries: 1000 };
    let left = pool.run(&plan, &all, &start, &mut |ended| killed += usize::from(ended.code.is_none()), &|| false)?;
    assert!(left.is_empty(), "every task is done");
    Ok((began.elapsed().as_secs_f64(), killed))
}

fn forecast(setting: &Setting, rate: f64, overhead: f64, seed: u64) -> Result<(f64, usize), Failure> {
    let job = Job { seconds: setting.seconds, needs: Vec::new(), layer: 0 };
    let cluster =
        Cluster { failures_per_hour: rate, overhead_seconds: overhead, seed, ..Cluster::undisturbed(setting.slots) };
    let forecast = simulate(&vec![job; setting.tasks], &cluster)?;
    Ok((forecast.makespan_seconds, forecast.failures))
}

fn plan(tasks: usize) -> Plan {
    let none = PathBuf::new;
    let about = About {
        study: "disturbed".to_string(),
        file: none(),
        file_digest: String::new(),
        records: none().into(),
        models: none().into(),
        pseudonyms: false,
        device: "cpu".to_string(),
        isa: None,
        named_device: None,
        version: env!("CARGO_PKG_VERSION").to_string(),
    };
    let draft = |index: usize| Draft {
        key: index.to_string(),
        kind: TaskKind::Train,
        what: format!("the task {index}"),
        seed: 0,
        needs: Vec::new(),
        passes: 1,
        core_seconds: 1.0,
        gib: 0.0,
    };
    Plan::new(about, (0..tasks).map(draft).collect())
}
