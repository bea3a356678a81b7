//! A study through a real HyperQueue server and worker on this machine, against the local engine.

use crate::Failure;
use crate::machine::{Setting, printed, python_with};
use crate::program;
use crate::tables::{self, Tables};
use crate::tasks;
use clap::Args;
use serde::Serialize;
use serde_json::Value;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Instant;

/// Run a study on a real HyperQueue server and worker, and compare its tables with the local engine's
#[derive(Args)]
#[command(
    after_help = "Example:\n  cargo xtask hyperqueue\n\nInstalls HyperQueue's Python package, which holds server and \
                  worker, into target/hyperqueue/venv; it needs Python 3.11."
)]
pub struct Arguments {
    /// The study; a tiny one of forty tasks if unsaid
    #[arg(long, value_name = "FILE.toml")]
    study: Option<PathBuf>,
    /// A built lacuna; built if unsaid
    #[arg(long, value_name = "FILE")]
    lacuna: Option<PathBuf>,
}

const FOLDER: &str = "target/hyperqueue";
const PACKAGE: &str = "hyperqueue==0.27.0";
const SCRIPT: &str = "xtask/src/hyperqueue/submit.py";
const CORES: usize = 2;
/// The number of seeds of the tiny study; each has four tasks.
const SEEDS: usize = 10;

#[derive(Serialize)]
struct Figures {
    setting: Setting,
    server: &'static str,
    study: String,
    tasks: Value,
    attempts: Value,
    local_seconds: f64,
    /// Seconds with HyperQueue, the server's start included.
    hyperqueue_seconds: f64,
}

/// Starts the server and worker, runs the study, compares the tables, and stops what it started.
pub fn run(arguments: &Arguments) -> Result<(), Failure> {
    let setting = Setting::here()?;
    let lacuna = program::given_or_built(arguments.lacuna.as_deref(), &[])?;
    let folder = std::path::absolute(FOLDER)?;
    let python = python_with(Path::new("python3"), &folder.join("venv"), &[PACKAGE])?;
    let study = match &arguments.study {
        Some(study) => study.clone(),
        None => tiny(&lacuna, &folder.join("study"))?,
    };
    let begin = |name: &str| Run::begin(&lacuna, &study, &folder.join(name));

    let local = begin("local")?;
    let began = Instant::now();
    local.said(&["study", "submit", &local.at("plan"), "--jobs", &CORES.to_string()])?;
    let local_seconds = began.elapsed().as_secs_f64();
    println!("local       {local_seconds:.0} s");

    let run = begin("run")?;
    let began = Instant::now();
    let shown = ["--json", "study", "submit", &run.at("plan"), "--engine", "hyperqueue", "--cpus", "1", "--dry-run"];
    let shown: Value = serde_json::from_str(&run.said(&shown)?)?;
    let file = run.folder.join("hyperqueue.toml");
    std::fs::write(&file, shown["files"][0]["text"].as_str().ok_or("expected a job definition file")?)?;
    printed(Command::new(python).arg(SCRIPT).arg(file).arg(CORES.to_string()).arg(&run.folder))?;
    let hyperqueue_seconds = began.elapsed().as_secs_f64();
    let status: Value = serde_json::from_str(&run.said(&["--json", "study", "status", &run.at("plan")])?)?;
    let [tasks, attempts] = ["tasks", "attempts"].map(|key| status[key].clone());
    println!("hyperqueue  {hyperqueue_seconds:.0} s, {tasks} tasks, {attempts} attempts");
    tables::must_equal(&run.tables()?, &local.tables()?, "hyperqueue")?;
    println!("tables as those of the local engine, byte for byte");

    let path = setting.file("hyperqueue.json");
    let study = arguments.study.as_ref().map_or("tiny".to_string(), |study| study.display().to_string());
    let figures = Figures { setting, server: PACKAGE, study, tasks, attempts, local_seconds, hyperqueue_seconds };
    std::fs::write(&path, serde_json::to_string_pretty(&figures)? + "\n")?;
    println!("figures in {}", path.display());
    Ok(())
}

fn tiny(lacuna: &Path, folder: &Path) -> Result<PathBuf, Failure> {
    if folder.exists() {
        std::fs::remove_dir_all(folder)?;
    }
    tasks::write_study(lacuna, folder, SEEDS)?;
    Ok(folder.join("tiny.toml"))
}

/// A plan of the study, with records of its own.
struct Run {
    lacuna: PathBuf,
    folder: PathBuf,
}

impl Run {
    fn begin(lacuna: &Path, study: &Path, folder: &Path) -> Result<Run, Failure> {
        if folder.exists() {
            std::fs::remove_dir_all(folder)?;
        }
        std::fs::create_dir_all(folder)?;
        let run = Run { lacuna: lacuna.to_path_buf(), folder: folder.to_path_buf() };
        let locations = ["--records", &run.at("records"), "--models", &run.at("models")];
        run.said(
            &[&["study", "plan", &study.display().to_string(), "--out", &run.at("plan")][..], &locations].concat(),
        )?;
        Ok(run)
    }

    fn at(&self, name: &str) -> String {
        self.folder.join(name).display().to_string()
    }

    fn said(&self, words: &[&str]) -> Result<String, Failure> {
        printed(Command::new(&self.lacuna).args(["--quiet", "--progress", "none"]).args(words))
    }

    fn tables(&self) -> Result<Tables, Failure> {
        self.said(&["--runs", &self.at("runs"), "study", "collect", &self.at("plan")])?;
        tables::of_runs(&self.folder.join("runs"))
    }
}
