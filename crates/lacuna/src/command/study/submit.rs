//! `lacuna study submit PLAN --engine ENGINE`: have the tasks of a plan done.

use super::given::{Given, PlanArguments};
use crate::arguments::isa;
use crate::config::absolute;
use crate::context::Context;
use crate::error::CliError;
use crate::exit::{self, Exit};
use crate::interrupt;
use crate::output::Outcome;
use crate::studying::duration;
use clap::Args;
use clap::builder::{PossibleValue, PossibleValuesParser, TypedValueParser};
use lacuna_launcher::{
    Cluster, Finished, Kubernetes, LAUNCHERS, Launcher, LauncherError, Pool, Resources, StartMode, Submission, Work,
    find, simulate,
};
use lacuna_study::Store;
use serde::Serialize;
use std::collections::BTreeSet;
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Instant;

/// Have the tasks of a plan done that are not over: here, or by the scheduler of a cluster
#[derive(Args)]
#[command(
    after_help = "Examples:\n  lacuna study submit plans/ixi7 --jobs 2\n  lacuna study submit plans/ixi7 --engine slurm \
                  --cpus 4 --option=--partition=gpu --dry-run\n  lacuna study submit plans/ixi7 --engine k8s --image \
                  registry/lacuna:0.2.0 --claim lacuna --mount /shared"
)]
pub struct Arguments {
    #[command(flatten)]
    plan: PlanArguments,
    /// Who starts the tasks
    #[arg(long, value_parser = launchers(), default_value = "local", value_name = "ENGINE")]
    engine: &'static Launcher,
    /// Cores, and as many threads, of each task
    #[arg(long, default_value = "1", value_name = "N")]
    cpus: NonZeroUsize,
    /// Processes at once, of the local engine [default: the machine's cores by --cpus]
    #[arg(long, value_name = "N")]
    jobs: Option<NonZeroUsize>,
    /// NVIDIA processors of this machine, of the local engine: one task at a time on each [default: the first]
    #[arg(long, value_delimiter = ',', conflicts_with = "jobs", value_name = "cuda:N,...")]
    devices: Vec<String>,
    /// How often a task is tried again that was stopped or killed
    #[arg(long, default_value_t = 5, value_name = "N")]
    retries: usize,
    /// An option for sbatch, as its command line has it; may be repeated
    #[arg(long = "option", value_name = "OPTION", allow_hyphen_values = true)]
    options: Vec<String>,
    /// The most tasks of one array, at most Slurm's MaxArraySize - 1
    #[arg(long, default_value = "1000", value_name = "N")]
    array_max: NonZeroUsize,
    /// The container image, for k8s
    #[arg(long, default_value = concat!("lacuna:", env!("CARGO_PKG_VERSION")), value_name = "IMAGE")]
    image: String,
    /// The volume claim that holds plan, study file, scans, records and models, for k8s
    #[arg(long, default_value = "lacuna", value_name = "CLAIM")]
    claim: String,
    /// Where that claim is mounted: a folder above all of these paths, for k8s
    #[arg(long, default_value = "/shared", value_name = "DIR")]
    mount: PathBuf,
    /// Show what would be submitted, and stop
    #[arg(long)]
    dry_run: bool,
}

fn launchers() -> impl TypedValueParser<Value = &'static Launcher> {
    let values = LAUNCHERS.iter().map(|engine| PossibleValue::new(engine.name).help(engine.about));
    PossibleValuesParser::new(values).map(|name| find(&name).expect("the parser lets only these names pass"))
}

#[derive(Serialize)]
struct Submitted {
    engine: &'static str,
    /// Tasks that are not over.
    tasks: usize,
    jobs: Vec<Sent>,
}

#[derive(Serialize)]
struct Sent {
    file: PathBuf,
    command: Vec<String>,
    /// What the engine calls it.
    job: Option<String>,
}

#[derive(Serialize)]
struct Here {
    engine: &'static str,
    tasks: usize,
    attempts: usize,
    jobs: usize,
    seconds: f64,
    /// All processes together.
    busy_seconds: f64,
    /// Processes together, by those that could have run.
    utilisation: f64,
    /// The longest that is unavoidable (work shared out evenly, or the longest chain), by the time it took.
    efficiency: f64,
}

pub fn run(arguments: &Arguments, context: &Context) -> Result<Outcome, CliError> {
    let given = arguments.plan.read()?;
    let pending = given.task_states.pending();
    let program = program(&given, context)?;
    let folder = absolute(&arguments.plan.plan);
    let folders = arguments.plan.folders(&given.plan.about);
    let work = Work {
        plan: &given.plan,
        folder: &folder,
        pending: &pending,
        program: &program,
        resources: resources(&given, &folders.store()?, arguments.cpus.get())?,
        options: &arguments.options,
        retries: arguments.retries,
        array_max: arguments.array_max.get(),
        kubernetes: Kubernetes {
            image: arguments.image.clone(),
            claim: arguments.claim.clone(),
            mount: arguments.mount.clone(),
        },
    };
    match arguments.engine.start_mode {
        StartMode::Here if arguments.dry_run => list(&given, &pending),
        StartMode::Here => run_here(arguments, &given, &work, context),
        StartMode::Submitted(render) if arguments.dry_run => show(arguments.engine, &work, &render(&work)),
        StartMode::Submitted(render) => submit(arguments.engine, &work, &render(&work), context),
    }
}

/// This program with the options that decide how a task computes.
fn program(given: &Given, context: &Context) -> Result<Vec<String>, CliError> {
    let asked = context.isa.map(isa::name);
    if asked.is_some() && asked != given.plan.about.isa.as_deref() {
        let what =
            "--isa: expected the one of the plan, found another; fix: give it to `lacuna study plan`".to_string();
        return Err(CliError::Config { what });
    }
    let program =
        std::env::current_exe().map_err(|error| CliError::TryAgain { what: format!("this program: {error}") })?;
    let words = [program.display().to_string()].into_iter().chain(context.passed_on.iter().cloned());
    Ok(words.collect())
}

/// What tasks take, set right by those that are measured.
fn resources(given: &Given, store: &Store, cpus: usize) -> Result<Resources, CliError> {
    let measured = given.measured();
    let estimated: f64 = measured.keys().map(|&index| given.plan.tasks[index].core_seconds).sum();
    let slower = if estimated > 0.0 { measured.values().sum::<f64>() * cpus as f64 / estimated } else { 1.0 };
    let mut mib_measured: Option<f64> = None;
    for index in measured.keys() {
        let record = store.record(&given.plan.tasks[*index].key)?;
        let peaks =
            record.iter().flat_map(|record| &record.horizons).filter_map(|scores| scores.cost.as_ref()?.peak_mib);
        mib_measured = peaks.fold(mib_measured, |most, peak| Some(most.map_or(peak, |most| most.max(peak))));
    }
    Ok(Resources { cpus, slower: slower.max(1.0), mib_measured })
}

fn list(given: &Given, pending: &BTreeSet<usize>) -> Result<Outcome, CliError> {
    let tasks: Vec<_> = pending.iter().map(|&index| &given.plan.tasks[index]).collect();
    let text: String = tasks.iter().map(|task| format!("{:4}  {}\n", task.index, task.what)).collect();
    Ok(Outcome::new("study-submit", &serde_json::json!({ "engine": "local", "tasks": tasks }), text))
}

fn show(engine: &Launcher, work: &Work, submissions: &[Submission]) -> Result<Outcome, CliError> {
    let mut text = String::new();
    for submission in submissions {
        let path = file_of(work, submission);
        let after: Vec<String> = submission.after.iter().map(|position| format!("JOB-{position}")).collect();
        text.push_str(&format!("== {}\n{}", path.display(), submission.text));
        text.push_str(&format!("$ {}\n", submission.command_for(&path, &after).join(" ")));
        if let Some(wait) = &submission.wait {
            text.push_str(&format!("$ {}\n", wait.join(" ")));
        }
    }
    let files: Vec<_> =
        submissions.iter().map(|one| serde_json::json!({ "name": one.name, "text": one.text })).collect();
    let record = serde_json::json!({ "engine": engine.name, "tasks": work.pending.len(), "files": files });
    Ok(Outcome::new("study-submit", &record, text))
}

fn file_of(work: &Work, submission: &Submission) -> PathBuf {
    work.folder.join("submit").join(&submission.name)
}

fn submit(engine: &Launcher, work: &Work, submissions: &[Submission], context: &Context) -> Result<Outcome, CliError> {
    make_folder(&work.folder.join("logs"))?;
    let mut sent: Vec<Sent> = Vec::new();
    for (position, submission) in submissions.iter().enumerate() {
        let file = file_of(work, submission);
        lacuna_disk::write_bytes(&file, submission.text.as_bytes())?;
        let after: Vec<String> = submission.after.iter().filter_map(|&position| sent[position].job.clone()).collect();
        let command = submission.command_for(&file, &after);
        let job = said_by(&command)?;
        context.note(&format!("submit   {}  {job}", file.display()));
        // No submission waits for the last one.
        if let Some(wait) = submission.wait.as_ref().filter(|_| position + 1 < submissions.len()) {
            context.note(&format!("wait     {}", wait.join(" ")));
            said_by(wait)?;
        }
        sent.push(Sent { file, command, job: Some(job).filter(|job| !job.is_empty()) });
    }
    let text: String = sent.iter().map(|sent| format!("{}\n", sent.job.as_deref().unwrap_or("submitted"))).collect();
    let record = Submitted { engine: engine.name, tasks: work.pending.len(), jobs: sent };
    Ok(Outcome::new("study-submit", &record, if record.tasks == 0 { "every task is over\n".to_string() } else { text }))
}

fn make_folder(path: &Path) -> Result<(), CliError> {
    std::fs::create_dir_all(path).map_err(crate::run_folder::refused(path, "create"))
}

/// The first line that a command prints.
fn said_by(command: &[String]) -> Result<String, CliError> {
    let program = command[0].clone();
    let output = Command::new(&program).args(&command[1..]).output();
    let output = output.map_err(|source| LauncherError::Start { program, source })?;
    if !output.status.success() {
        let said = String::from_utf8_lossy(&output.stderr);
        let what = format!("{}: refused: {}", command.join(" "), said.trim());
        return Err(CliError::TryAgain { what });
    }
    let said = String::from_utf8_lossy(&output.stdout);
    Ok(said.lines().next().unwrap_or_default().trim().to_string())
}

fn run_here(arguments: &Arguments, given: &Given, work: &Work, context: &Context) -> Result<Outcome, CliError> {
    let cores = std::thread::available_parallelism().map_or(1, NonZeroUsize::get);
    let cpus = arguments.cpus.get();
    let devices = devices(&arguments.devices, &given.plan.about.device)?;
    let or_by_cores = || arguments.jobs.map_or((cores / cpus).max(1), NonZeroUsize::get);
    let slots = if devices.is_empty() { or_by_cores() } else { devices.len() };
    let folders = arguments.plan.folders(&given.plan.about);
    let start = |index: usize, slot: usize| {
        let mut command = Command::new(&work.program[0]);
        command.args(&work.program[1..]).args(["--quiet", "--threads", &cpus.to_string(), "study", "run-task"]);
        command.arg(work.folder).args(["--index", &index.to_string()]);
        command.args(["--records", &folders.records.to_string(), "--models", &folders.models.to_string()]);
        if let Some(device) = devices.get(slot) {
            // The process sees this one alone, as its first.
            command.env("CUDA_VISIBLE_DEVICES", device);
        }
        command
    };
    let began = Instant::now();
    let mut told = Told { ended: 0, seconds: vec![0.0; given.plan.tasks.len()], failed: Vec::new() };
    let total = work.pending.len();
    let mut tell = |finished: &Finished| {
        told.hears(finished);
        let code = finished.code.map_or("killed".to_string(), |code| format!("code {code}"));
        let how = if finished.again { format!("{code}, again") } else { code };
        let what = &given.plan.tasks[finished.index].what;
        context.note(&format!("task     {:4}  {how}, {:.1} s  {what}", finished.index, finished.seconds));
    };
    let pool = Pool { slots, retries: arguments.retries };
    let left = pool.run(&given.plan, work.pending, &start, &mut tell, &interrupt::requested)?;
    let seconds = began.elapsed().as_secs_f64();
    if interrupt::requested() {
        let kept = format!("{} of {total} tasks are done; fix: the same command goes on from here", total - left.len());
        return Err(CliError::Interrupted { kept });
    }
    if let Some(first) = told.failed.first() {
        let what = format!("{} of {total} tasks are not done; the first that failed: {}", left.len(), first.1);
        return Err(CliError::Tasks { what, exit: first.0 });
    }
    let busy_seconds: f64 = told.seconds.iter().sum();
    let record = Here {
        engine: "local",
        tasks: total,
        attempts: told.ended,
        jobs: slots,
        seconds,
        busy_seconds,
        utilisation: busy_seconds / (slots as f64 * seconds),
        efficiency: unavoidable(given, &told.seconds, slots)? / seconds,
    };
    let text = format!(
        "{total} tasks in {}, {slots} at once, busy {:.1} % of the time; {:.1} % of the ideal\n",
        duration(seconds),
        100.0 * record.utilisation,
        100.0 * record.efficiency
    );
    Ok(Outcome::new("study-submit", &record, text))
}

/// Devices as the driver's variable names them: by number, or by UUID.
fn devices(given: &[String], planned: &str) -> Result<Vec<String>, CliError> {
    let refuse = |expected: &str, found: &str, fix: &str| {
        let what = format!("--devices: expected {expected}, found {found}; fix: {fix}");
        Err(CliError::Config { what })
    };
    if !given.is_empty() && planned != "cuda" {
        return refuse("a plan for cuda", &format!("one for {planned}"), "plan with --device cuda, or leave it out");
    }
    let named: Vec<String> = given.iter().map(|name| name.trim_start_matches("cuda:").to_string()).collect();
    let distinct: BTreeSet<&String> = named.iter().collect();
    match named.iter().position(String::is_empty) {
        Some(position) => {
            refuse("cuda:0, cuda:1 and so on", &format!("`{}`", given[position]), "name each by its number")
        }
        None if distinct.len() < named.len() => {
            refuse("each device once", &given.join(","), "one task at a time computes on a device")
        }
        None => Ok(named),
    }
}

/// The time below which no order could bring these tasks.
fn unavoidable(given: &Given, seconds: &[f64], slots: usize) -> Result<f64, CliError> {
    let forecast = simulate(&given.jobs(seconds), &Cluster::undisturbed(slots))?;
    Ok(forecast.ideal_seconds.max(forecast.critical_path_seconds))
}

/// What was heard of the processes.
struct Told {
    ended: usize,
    seconds: Vec<f64>,
    failed: Vec<(Exit, String)>,
}

impl Told {
    fn hears(&mut self, finished: &Finished) {
        self.ended += 1;
        self.seconds[finished.index] += finished.seconds;
        if finished.code != Some(0) && !finished.again {
            let exit = finished.code.and_then(exit::of_code).unwrap_or(Exit::TryAgain);
            let said = finished.said.trim_start_matches("error: ").lines().map(str::trim).collect::<Vec<_>>().join(" ");
            self.failed.push((exit, format!("task {}: {said}", finished.index)));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn named(given: &[&str], planned: &str) -> Result<Vec<String>, String> {
        let given: Vec<String> = given.iter().map(|name| name.to_string()).collect();
        devices(&given, planned).map_err(|error| error.to_string())
    }

    #[test]
    fn devices_are_named_as_their_driver_wants_them() {
        assert_eq!(named(&["cuda:0", "cuda:3"], "cuda").unwrap(), ["0", "3"]);
        assert_eq!(named(&["GPU-8932f937"], "cuda").unwrap(), ["GPU-8932f937"]);
        assert!(named(&[], "cpu").unwrap().is_empty());
    }

    #[test]
    fn devices_that_cannot_each_have_a_task_are_refused() {
        for (given, planned, said) in [
            (vec!["cuda:0"], "cpu", "one for cpu"),
            (vec!["1", "cuda:1"], "cuda", "once"),
            (vec!["cuda:"], "cuda", "`cuda:`"),
        ] {
            let words = named(&given, planned).unwrap_err();
            assert!(words.contains(said) && words.contains("; fix: "), "{words}");
        }
    }
}
