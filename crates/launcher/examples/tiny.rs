//! Measures the overhead of a task that computes nothing: `cargo run --release -p lacuna-launcher --example tiny --
//! [TASKS] [JOBS]`.
//!
//! Plans TASKS tasks, a tenth of which others depend on, runs them with the local launcher, and reads everything back.
//! Each task is a process that makes an attempt as `lacuna study run-task` does: it reads the plan, takes a number,
//! makes an offer, writes a result unless there is one, and notes the end. The overhead does not include the
//! computation itself, nor opening the study that the task belongs to.

use lacuna_launcher::{
    About, AttemptOutcome, Attempts, Begun, Draft, Ended, Finished, Offer, Plan, Pool, Setting, TaskKind, TaskStates,
};
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Instant;

type Failure = Box<dyn std::error::Error>;

fn main() -> Result<(), Failure> {
    let words: Vec<String> = std::env::args().skip(1).collect();
    match words.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        ["task", folder, index] => attempt(Path::new(folder), index.parse()?),
        [] => measure(10_000, 2),
        [tasks] => measure(tasks.parse()?, 2),
        [tasks, jobs, ..] => measure(tasks.parse()?, jobs.parse()?),
    }
}

fn measure(tasks: usize, slots: usize) -> Result<(), Failure> {
    let folder = std::env::temp_dir().join(format!("lacuna-tiny-{}", std::process::id()));
    let program = std::env::current_exe()?;
    let began = Instant::now();
    let lap = |what: &str, since: Instant| {
        let seconds = since.elapsed().as_secs_f64();
        println!("{what:10} {seconds:8.2} s  {:8.3} ms a task", 1e3 * seconds / tasks as f64);
    };
    plan(&folder, tasks).write(&folder)?;
    lap("planned", began);

    let since = Instant::now();
    let (plan, _) = Plan::read(&folder)?;
    let all: BTreeSet<usize> = (0..tasks).collect();
    let start = |index: usize, _slot: usize| {
        let mut command = Command::new(&program);
        command.arg("task").arg(&folder).arg(index.to_string());
        command
    };
    let mut failed = 0;
    let mut tell = |finished: &Finished| failed += usize::from(finished.code != Some(0));
    let left = Pool { slots, retries: 0 }.run(&plan, &all, &start, &mut tell, &|| false)?;
    lap("run", since);

    let since = Instant::now();
    let recorded: BTreeSet<usize> = all.iter().copied().filter(|&index| result(&folder, index).exists()).collect();
    let attempts = Attempts::of(&folder).all()?;
    let task_states = TaskStates::of(&plan, &recorded, &attempts);
    for &index in &recorded {
        assert_eq!(lacuna_disk::read_text(&result(&folder, index), 1 << 10)?, plan.tasks[index].key);
    }
    lap("collected", since);
    lap("in all", began);
    println!("{} done, {} left, {failed} failed, {} attempts", recorded.len(), left.len(), attempts.len());
    assert!(task_states.pending().is_empty(), "every task has its result");
    Ok(std::fs::remove_dir_all(folder)?)
}

fn plan(folder: &Path, tasks: usize) -> Plan {
    let about = About {
        study: "tiny".to_string(),
        file: folder.join("none.toml"),
        file_digest: String::new(),
        records: folder.join("results").into(),
        models: folder.join("models").into(),
        pseudonyms: false,
        device: "cpu".to_string(),
        isa: None,
        named_device: None,
        version: env!("CARGO_PKG_VERSION").to_string(),
    };
    let trained = tasks.div_ceil(10);
    let draft = |index: usize| Draft {
        key: format!("{index:032x}"),
        kind: if index < trained { TaskKind::Train } else { TaskKind::Unlearn },
        what: format!("the task {index}"),
        seed: 0,
        needs: if index < trained { Vec::new() } else { vec![format!("{:032x}", index % trained)] },
        passes: 1,
        core_seconds: 1.0,
        gib: 0.1,
    };
    Plan::new(about, (0..tasks).map(draft).collect())
}

fn result(folder: &Path, index: usize) -> PathBuf {
    folder.join("results").join(index.to_string())
}

fn attempt(folder: &Path, index: usize) -> Result<(), Failure> {
    let began = Instant::now();
    let (_, _, task, _) = Plan::read_task(folder, index)?;
    let setting = Setting {
        version: env!("CARGO_PKG_VERSION").to_string(),
        binary: String::new(),
        isa: "portable".to_string(),
        device: "cpu".to_string(),
        threads: 1,
        node: None,
        job: BTreeMap::new(),
    };
    let begun = Begun { key: task.key.clone(), at: String::new(), setting };
    let attempt = Attempts::of(folder).begin(index, &begun)?;
    attempt.offer(&Offer { file: lacuna_disk::digest(task.key.as_bytes()), outcome: String::new() })?;
    let first = lacuna_disk::write_new(&result(folder, index), task.key.as_bytes())?;
    let ending = if first { AttemptOutcome::Committed } else { AttemptOutcome::Same };
    let ended = Ended { ending, at: String::new(), seconds: began.elapsed().as_secs_f64(), exit_code: 0 };
    Ok(attempt.end(&ended)?)
}
