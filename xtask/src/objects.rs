//! Runs a study whose scans, records and models lie in a bucket of a real server, with workers that share nothing else.
//!
//! Its tables must equal those of the local engine on a local folder, to the last byte, although one attempt is killed
//! and another continues after it was given up for dead.

mod server;
mod workers;

use crate::Failure;
use crate::machine::{Setting, printed};
use crate::program;
use crate::tables::{self, Tables};
use clap::Args;
use serde::Serialize;
use serde_json::Value;
use server::{BUCKET, PACKAGE, Server};
use std::collections::BTreeMap;
use std::fmt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Instant;
use workers::{Harm, Worker};

/// Run a study on a real S3 server with two workers, kill one, and compare its tables with the local engine's
#[derive(Args)]
#[command(
    after_help = "Example:\n  cargo xtask objects\n\nInstalls moto's server into target/objects/venv; what it starts it \
                  stops."
)]
pub struct Arguments {
    /// A lacuna built with the feature object-store; built if unsaid
    #[arg(long, value_name = "FILE")]
    lacuna: Option<PathBuf>,
}

const FOLDER: &str = "target/objects";

/// Of four heads, two are forgotten in two ways: an original, two references, four times unlearned, seven probes.
const STUDY: &str = r#"
name = "objects"
data = { root = "heads", labels = "brain" }
preprocess = { kind = "canonical", size = [16, 24, 24], crop = "none", foreground = "above-zero" }
network = { depth = 10 }
split = { held_out_subjects = ["phantom-003"], forget = { only = ["phantom-000", "phantom-001"] } }

[train]
epochs = 8
learning_rate = 1e-2
head_multiplier = 1.0
checkpoint_epochs = 1

[unlearn]
epochs = [2, 4]
strategies = ["noisy-label", "max-loss"]

[probe]
rebound = { epochs = 2, learning_rate = 5e-3 }
"#;

#[derive(Serialize)]
struct Figures {
    setting: Setting,
    server: &'static str,
    local: Run,
    bucket: Run,
    /// What was done to which attempt, in words.
    disturbed: Vec<String>,
    /// How many objects hold a subject who was forgotten, by bucket.
    traced: Value,
    /// The number of the server's answers, by method and status.
    answers: BTreeMap<String, usize>,
}

#[derive(Serialize)]
struct Run {
    seconds: f64,
    tasks: Value,
    attempts: Value,
    /// The number of attempts that came second with the same result.
    spare_attempts: Value,
}

impl fmt::Display for Run {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Run { seconds, tasks, attempts, spare_attempts } = self;
        write!(
            to,
            "{tasks} tasks, {attempts} attempts, {spare_attempts} of them second with the same result, {seconds:.0} s"
        )
    }
}

/// Starts the server, runs the study, compares the tables, and stops the server.
pub fn run(arguments: &Arguments) -> Result<(), Failure> {
    let setting = Setting::here()?;
    let lacuna = program::given_or_built(arguments.lacuna.as_deref(), &["object-store"])?;
    let folder = std::path::absolute(FOLDER)?;
    let study = folder.join("study");
    if study.exists() {
        std::fs::remove_dir_all(&study)?;
    }
    std::fs::create_dir_all(&study)?;
    let server = Server::start(&folder)?;
    let trial = Trial { lacuna, folder: study, environment: server.environment() };
    let heads = ["phantom", "--out", "heads", "--subjects", "4", "--dims", "24x24x16"];
    trial.said(&heads)?;
    std::fs::write(trial.folder.join("local.toml"), STUDY)?;
    let data = format!("s3://{BUCKET}/heads");
    let there = STUDY.replace("root = \"heads\"", &format!("root = \"{data}\""));
    std::fs::write(trial.folder.join("bucket.toml"), there)?;
    trial.said(&["data", "send", "heads", &data])?;

    let (local, expected) = trial.on_this_machine()?;
    println!("local      {local}");
    // From here on only the bucket holds the data.
    std::fs::remove_dir_all(trial.folder.join("heads"))?;
    let (bucket, found, disturbed) = trial.on_workers()?;
    println!("bucket     {bucket}; {}", disturbed.join(", "));
    tables::must_equal(&found, &expected, "the bucket")?;
    println!("tables as those of the local engine, byte for byte");
    let traced = trial.traced()?;
    println!("traced     {traced}");
    let answers = server.answers()?;
    println!("answered   {answers:?}");

    let path = setting.file("objects.json");
    let figures = Figures { setting, server: PACKAGE, local, bucket, disturbed, traced, answers };
    std::fs::write(&path, serde_json::to_string_pretty(&figures)? + "\n")?;
    println!("figures in {}", path.display());
    Ok(())
}

/// The program and its folder, with the environment that it needs to reach the server.
struct Trial {
    lacuna: PathBuf,
    folder: PathBuf,
    environment: [(&'static str, String); 5],
}

impl Trial {
    fn command(&self) -> Command {
        let mut command = Command::new(&self.lacuna);
        command.current_dir(&self.folder).envs(self.environment.clone()).args(["--quiet", "--progress", "none"]);
        command
    }

    fn said(&self, words: &[&str]) -> Result<String, Failure> {
        printed(self.command().args(words))
    }

    fn on_this_machine(&self) -> Result<(Run, Tables), Failure> {
        self.said(&["study", "plan", "local.toml", "--out", "plan", "--records", "records", "--models", "models"])?;
        let began = Instant::now();
        self.said(&["study", "submit", "plan", "--jobs", "2"])?;
        self.collected("plan", began)
    }

    /// Collects the plan's results: its counts, and its tables.
    fn collected(&self, plan: &str, began: Instant) -> Result<(Run, Tables), Failure> {
        let seconds = began.elapsed().as_secs_f64();
        let runs = format!("runs-of-{}", plan.replace('/', "-"));
        self.said(&["--runs", &runs, "--cache", &plan.replace("plan", "cache"), "study", "collect", plan])?;
        let status: Value = serde_json::from_str(&self.said(&["--json", "study", "status", plan])?)?;
        let [tasks, attempts, spare_attempts] = ["tasks", "attempts", "spare_attempts"].map(|key| status[key].clone());
        Ok((Run { seconds, tasks, attempts, spare_attempts }, tables::of_runs(&self.folder.join(runs))?))
    }

    /// Runs a plan with records and models in the bucket, and two workers with a copy of the plan each.
    fn on_workers(&self) -> Result<(Run, Tables, Vec<String>), Failure> {
        let [records, models] = ["records", "models"].map(|part| format!("s3://{BUCKET}/study/{part}"));
        let plan = ["study", "plan", "bucket.toml", "--out", "worker-0/plan", "--cache", "worker-0/cache"];
        self.said(&[&plan[..], &["--records", &records, "--models", &models]].concat())?;
        let workers = [("worker-0", Harm::Killed), ("worker-1", Harm::GivenUp)];
        let workers = workers.map(|(name, harm)| Worker { folder: self.folder.join(name), harm });
        let plans = workers.each_ref().map(|worker| worker.folder.join("plan"));
        std::fs::create_dir_all(&plans[1])?;
        std::fs::copy(plans[0].join("plan.jsonl"), plans[1].join("plan.jsonl"))?;
        let attempt = |folder: &Path, index: usize| {
            let mut command = self.command();
            command.args(["--threads", "1", "--cache"]).arg(folder.join("cache"));
            command.args(["study", "run-task"]).arg(folder.join("plan")).args(["--index", &index.to_string()]);
            command
        };
        let began = Instant::now();
        let disturbed = workers::work(&workers, &needs(&plans[0])?, &attempt)?;
        if disturbed.len() < workers.len() {
            return Err(format!("expected {} disturbed attempts, found {disturbed:?}", workers.len()).into());
        }
        let (run, tables) = self.collected("worker-1/plan", began)?;
        Ok((run, tables, disturbed))
    }

    /// The report of `lacuna trace` on a subject, for a user who has a worker's folders, which name the buckets.
    fn traced(&self) -> Result<Value, Failure> {
        let words = ["--json", "trace", "phantom-000", "--root", "worker-1/plan", "--cache", "worker-1/cache"];
        let said: Value = serde_json::from_str(&self.said(&words)?)?;
        let mut counts = serde_json::Map::new();
        for bucket in said["buckets"].as_array().into_iter().flatten() {
            let objects = bucket["objects"].as_object().map_or(0, |objects| objects.len());
            counts.insert(bucket["address"].as_str().unwrap_or_default().to_string(), objects.into());
        }
        if counts.len() == 3 && counts.values().all(|objects| *objects != 0) {
            Ok(counts.into())
        } else {
            Err(format!("expected objects in three places, found {counts:?}").into())
        }
    }
}

/// The dependencies of each task of a plan.
fn needs(plan: &Path) -> Result<Vec<Vec<usize>>, Failure> {
    let text = std::fs::read_to_string(plan.join("plan.jsonl"))?;
    let of = |line: &str| -> Result<Vec<usize>, Failure> {
        Ok(serde_json::from_value(serde_json::from_str::<Value>(line)?["needs"].clone())?)
    };
    text.lines().skip(1).map(of).collect()
}
