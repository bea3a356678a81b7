//! Runs a study through a real Slurm on this machine, undisturbed and disturbed, and compares it with the local engine.
//!
//! The tables must be the same to the last byte: undisturbed; after kill -9 of a step; of a node's daemon, whose step
//! continues beside the attempt that replaces it; and of the controller.

mod cluster;

use crate::Failure;
use crate::machine::{Setting, printed};
use crate::program;
use crate::tables::{self, Tables};
use clap::Args;
use cluster::{CORES, Cluster, NODES};
use serde::Serialize;
use serde_json::Value;
use std::fmt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

/// Run a study through Slurm, kill what can be killed, and compare its tables with the local engine's
#[derive(Args)]
#[command(
    after_help = "Example:\n  cargo xtask slurm\n  cargo xtask slurm --study studies/ixi7.toml --only undisturbed\n\nNeeds \
                  root on a Debian machine, to install and start slurmctld, slurmd and munge; what it starts it stops."
)]
pub struct Arguments {
    /// The study
    #[arg(long, value_name = "FILE.toml", default_value = "studies/ixi7-slurm.toml")]
    study: PathBuf,
    /// A built lacuna; built if unsaid
    #[arg(long, value_name = "FILE")]
    lacuna: Option<PathBuf>,
    /// These scenarios alone
    #[arg(long, value_name = "NAME")]
    only: Vec<String>,
}

const FOLDER: &str = "target/slurm";
/// A study that takes longer than this is stuck.
const PATIENCE: Duration = Duration::from_secs(3 * 3600);
/// A disturbance during a study; each is tried with cores for one task and for several on a node.
struct Scenario {
    name: &'static str,
    cpus: usize,
    disturb: fn(&Run) -> Result<(), Failure>,
}

const SCENARIOS: [Scenario; 4] = [
    Scenario { name: "undisturbed", cpus: CORES, disturb: |_| Ok(()) },
    Scenario { name: "step killed", cpus: CORES, disturb: |run| run.kill_step() },
    Scenario { name: "node killed", cpus: 1, disturb: |run| run.kill_node() },
    Scenario { name: "controller killed", cpus: CORES, disturb: |run| run.kill_controller() },
];

#[derive(Serialize)]
struct Figures {
    setting: Setting,
    study: String,
    runs: Vec<Figure>,
}

#[derive(Serialize)]
struct Figure {
    scenario: String,
    tasks: Value,
    attempts: Value,
    /// The number of attempts at a task that another attempt was running, with the same result.
    confirmed: usize,
    /// The longest time in seconds for which two attempts at one task ran at once.
    overlap_seconds: f64,
    seconds: f64,
    /// The simulator's forecast for the same number of nodes, from the measured durations of the tasks.
    forecast: Value,
}

impl fmt::Display for Figure {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Figure { scenario, tasks, attempts, confirmed, overlap_seconds, seconds, .. } = self;
        write!(to, "{scenario:20} {tasks} tasks, {attempts} attempts, {seconds:.0} s")?;
        write!(to, "; {confirmed} came second with the same result, at most {overlap_seconds:.0} s beside each other")
    }
}

/// Starts the cluster, runs the scenarios, compares the tables, and stops the cluster.
pub fn run(arguments: &Arguments) -> Result<(), Failure> {
    let lacuna = program::given_or_built(arguments.lacuna.as_deref(), &[])?;
    let folder = std::path::absolute(FOLDER)?;
    let cluster = Cluster::start(&folder.join("cluster"))?;
    println!("cluster    {}", cluster.said("sinfo", &["-h", "-N", "-o", "%N %T %c"])?.replace('\n', ", "));
    let begin = |name: &str| Run::begin(&cluster, &lacuna, &arguments.study, &folder.join(name.replace(' ', "-")));
    let local = begin("local")?;
    let began = Instant::now();
    local.said(&["--quiet", "study", "submit", &local.plan(), "--jobs", "2"])?;
    let mut figures = vec![local.figure("local", began, 2, "tasks")?];
    let expected = local.tables()?;
    println!("{}", figures[0]);
    for Scenario { name, cpus, disturb } in SCENARIOS {
        if !arguments.only.is_empty() && !arguments.only.iter().any(|only| only == name) {
            continue;
        }
        let run = begin(name)?;
        let began = Instant::now();
        run.said(&["study", "submit", &run.plan(), "--engine", "slurm", "--cpus", &cpus.to_string()])?;
        disturb(&run)?;
        run.wait_until_over()?;
        let slots = NODES.len() * CORES / cpus;
        let figure = run.figure(name, began, slots, "layers")?;
        println!("{figure}");
        figures.push(figure);
        tables::must_equal(&run.tables()?, &expected, name)?;
        println!("{name:20} tables as those of the local engine, byte for byte");
    }
    let setting = Setting::here()?;
    let path = setting.file("slurm.json");
    let figures = Figures { setting, study: arguments.study.display().to_string(), runs: figures };
    std::fs::write(&path, serde_json::to_string_pretty(&figures)? + "\n")?;
    println!("figures in {}", path.display());
    Ok(())
}

/// A plan of the study, with records of its own.
struct Run<'a> {
    cluster: &'a Cluster,
    lacuna: PathBuf,
    folder: PathBuf,
}

impl Run<'_> {
    fn begin<'a>(cluster: &'a Cluster, lacuna: &Path, study: &Path, folder: &Path) -> Result<Run<'a>, Failure> {
        if folder.exists() {
            std::fs::remove_dir_all(folder)?;
        }
        let run = Run { cluster, lacuna: lacuna.to_path_buf(), folder: folder.to_path_buf() };
        let at = |name: &str| folder.join(name).display().to_string();
        let study = study.display().to_string();
        let plan = ["--quiet", "study", "plan", &study, "--out", &run.plan()];
        run.said(&[&plan[..], &["--records", &at("records"), "--models", &at("models")]].concat())?;
        Ok(run)
    }

    fn plan(&self) -> String {
        self.folder.join("plan").display().to_string()
    }

    fn said(&self, arguments: &[&str]) -> Result<String, Failure> {
        let mut command = self.cluster.command(&self.lacuna.display().to_string());
        // Scans are prepared once for all scenarios.
        command.env("LACUNA_CACHE", self.folder.with_file_name("cache"));
        printed(command.args(["--progress", "none"]).args(arguments))
    }

    fn status(&self) -> Result<Value, Failure> {
        Ok(serde_json::from_str(&self.said(&["--json", "study", "status", &self.plan()])?)?)
    }

    fn wait_until_over(&self) -> Result<(), Failure> {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let status = self.status()?;
            if status["over"] == status["tasks"] {
                break;
            }
            let queue = self.cluster.said("squeue", &["-h"])?;
            if queue.is_empty() || Instant::now() > deadline {
                return Err(format!(
                    "the queue is empty or stuck with {} of {} tasks over",
                    status["over"], status["tasks"]
                )
                .into());
            }
            std::thread::sleep(Duration::from_secs(1));
        }
        // An attempt whose task was finished by another may still be running.
        self.cluster.wait("every attempt has ended", || {
            Ok(self.attempts()?.iter().all(|attempt| attempt.ended.is_some() || attempt.killed))
        })
    }

    fn tables(&self) -> Result<Tables, Failure> {
        let runs = self.folder.join("runs");
        self.said(&["--quiet", "--runs", &runs.display().to_string(), "study", "collect", &self.plan()])?;
        tables::of_runs(&runs)
    }

    fn figure(&self, name: &str, began: Instant, slots: usize, order: &str) -> Result<Figure, Failure> {
        let seconds = began.elapsed().as_secs_f64();
        let status = self.status()?;
        if !status["alarms"].as_array().is_some_and(Vec::is_empty) {
            return Err(format!("{name}: {}", status["alarms"]).into());
        }
        let simulate = ["--json", "study", "simulate", &self.plan(), "--nodes", &slots.to_string(), "--order", order];
        let forecast: Value = serde_json::from_str(&self.said(&simulate)?)?;
        let pick = |field: &str| (field.to_string(), forecast[field].clone());
        let attempts = self.attempts()?;
        Ok(Figure {
            scenario: name.to_string(),
            tasks: status["tasks"].clone(),
            attempts: status["attempts"].clone(),
            confirmed: attempts.iter().filter(|attempt| attempt.how == "same").count(),
            overlap_seconds: overlap(&attempts),
            seconds,
            forecast: ["makespan_seconds", "observed_seconds", "error"].map(pick).into_iter().collect(),
        })
    }

    /// Waits until a task is computing and has a checkpoint; returns its attempt.
    fn wait_for_attempt(&self, node: Option<&str>) -> Result<Attempt, Failure> {
        let is_it = |attempt: &Attempt| {
            attempt.ended.is_none() && node.is_none_or(|node| attempt.node == node) && self.has_checkpoint(attempt)
        };
        self.cluster.wait("an attempt has a checkpoint", || Ok(self.attempts()?.iter().any(is_it)))?;
        self.attempts()?.into_iter().find(is_it).ok_or_else(|| "it has just ended; try again".into())
    }

    fn has_checkpoint(&self, attempt: &Attempt) -> bool {
        let scratch = self.folder.join(format!("plan/scratch/{:06}.{}", attempt.index, attempt.number));
        let names = std::fs::read_dir(scratch).into_iter().flatten().filter_map(Result::ok);
        names.into_iter().any(|entry| entry.file_name().to_string_lossy().ends_with(".checkpoint"))
    }

    fn kill_step(&self) -> Result<(), Failure> {
        self.wait_for_attempt(None)?;
        let pid = self.pids()?.into_iter().next().ok_or("no step runs")?;
        printed(Command::new("kill").args(["-9", &pid])).map(drop)
    }

    /// Kills a node's daemon and marks the node as down; waits until a task that still computes there is begun
    /// elsewhere.
    fn kill_node(&self) -> Result<(), Failure> {
        let node = NODES[0];
        let orphan = self.wait_for_attempt(Some(node))?;
        self.cluster.kill(node)?;
        self.cluster.said("scontrol", &["update", &format!("NodeName={node}"), "State=DOWN", "Reason=killed"])?;
        self.cluster.wait("the task is begun again", || {
            // Slurm holds a requeued job back for two minutes.
            for job in self.cluster.said("squeue", &["-h", "-r", "-t", "PENDING", "-o", "%i %r"])?.lines() {
                if let Some(id) = job.strip_suffix(" BeginTime") {
                    let _ = self.cluster.said("scontrol", &["update", &format!("JobId={id}"), "StartTime=now"]);
                }
            }
            Ok(self.attempts()?.iter().any(|attempt| attempt.index == orphan.index && attempt.number > orphan.number))
        })?;
        let has_ended = |attempt: &Attempt| {
            (attempt.index, attempt.number) == (orphan.index, orphan.number) && attempt.ended.is_some()
        };
        self.cluster.wait("the orphan has ended", || Ok(self.attempts()?.iter().any(has_ended)))?;
        self.cluster.start_node(node)?;
        let _ = self.cluster.said("scontrol", &["update", &format!("NodeName={node}"), "State=RESUME"]);
        Ok(())
    }

    fn kill_controller(&self) -> Result<(), Failure> {
        self.wait_for_attempt(None)?;
        self.cluster.kill("slurmctld")?;
        std::thread::sleep(Duration::from_secs(5));
        self.cluster.start_controller()
    }

    /// The process ids of lacuna that work on this plan.
    fn pids(&self) -> Result<Vec<String>, Failure> {
        let (lacuna, plan) = (self.lacuna.display().to_string(), self.plan());
        let is_ours = |command: &[u8]| {
            let words: Vec<String> =
                command.split(|byte| *byte == 0).map(|word| String::from_utf8_lossy(word).into_owned()).collect();
            words[0] == lacuna && words.contains(&"run-task".to_string()) && words.contains(&plan)
        };
        let mut pids = Vec::new();
        for entry in std::fs::read_dir("/proc")? {
            let name = entry?.file_name().to_string_lossy().into_owned();
            // A process may end while its folder is read.
            let command = std::fs::read(format!("/proc/{name}/cmdline")).unwrap_or_default();
            if name.bytes().all(|byte| byte.is_ascii_digit()) && is_ours(&command) {
                pids.push(name);
            }
        }
        Ok(pids)
    }

    fn attempts(&self) -> Result<Vec<Attempt>, Failure> {
        let folder = self.folder.join("plan/attempts");
        let mut attempts = Vec::new();
        for entry in std::fs::read_dir(&folder).into_iter().flatten() {
            let name = entry?.file_name().to_string_lossy().into_owned();
            let Some(at) = name.strip_suffix(".json").filter(|at| at.split('.').count() == 2) else { continue };
            let (index, number) = at.split_once('.').ok_or("two numbers")?;
            let read = |name: String| -> Option<Value> {
                serde_json::from_str(&std::fs::read_to_string(folder.join(name)).ok()?).ok()
            };
            let begun = read(name.clone()).ok_or("an attempt has begun")?;
            let ended = read(format!("{at}.end.json"));
            attempts.push(Attempt {
                index: index.parse()?,
                number: number.parse()?,
                node: begun["setting"]["node"].as_str().unwrap_or_default().to_string(),
                began: moment(&begun["at"])?,
                ended: ended.as_ref().map(|ended| moment(&ended["at"])).transpose()?,
                how: ended
                    .as_ref()
                    .map_or(String::new(), |ended| ended["ending"]["how"].as_str().unwrap_or_default().to_string()),
                killed: false,
            });
        }
        // An attempt without a note of its end and without a process was killed.
        if self.pids()?.is_empty() {
            attempts.iter_mut().for_each(|attempt| attempt.killed = attempt.ended.is_none());
        }
        attempts.sort_by_key(|attempt| (attempt.index, attempt.number));
        Ok(attempts)
    }
}

struct Attempt {
    index: usize,
    number: usize,
    node: String,
    began: jiff::Timestamp,
    ended: Option<jiff::Timestamp>,
    how: String,
    killed: bool,
}

fn moment(value: &Value) -> Result<jiff::Timestamp, Failure> {
    Ok(value.as_str().ok_or("a time")?.parse()?)
}

/// The longest time in seconds for which two attempts at one task ran at once.
fn overlap(attempts: &[Attempt]) -> f64 {
    let pairs = attempts.windows(2).filter(|pair| pair[0].index == pair[1].index);
    let of = |pair: &[Attempt]| {
        let (Some(one), Some(other)) = (pair[0].ended, pair[1].ended) else { return 0.0 };
        one.min(other).duration_since(pair[0].began.max(pair[1].began)).as_secs_f64()
    };
    pairs.map(of).fold(0.0, f64::max)
}
