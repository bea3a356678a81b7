//! Measures the overhead of a real study of very many small tasks: planned, run by the local engine, collected.

use crate::Failure;
use crate::machine::{Setting, printed};
use crate::program;
use clap::Args;
use serde::Serialize;
use serde_json::Value;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Instant;

/// Plan, run and collect a study of very many tiny tasks, and measure each
#[derive(Args)]
#[command(
    after_help = "Examples:\n  cargo xtask tasks\n  cargo xtask tasks --tasks 1000 --jobs 2\n\nWhat was interrupted goes on \
                  with --continue, and is measured from there."
)]
pub struct Arguments {
    /// How many tasks; four for each seed
    #[arg(long, default_value_t = 10_000)]
    tasks: usize,
    /// Processes at once
    #[arg(long, default_value_t = 2)]
    jobs: usize,
    /// A built lacuna; built if unsaid
    #[arg(long, value_name = "FILE")]
    lacuna: Option<PathBuf>,
    /// Keep the tasks that an earlier call has done
    #[arg(long = "continue")]
    goes_on: bool,
}

const FOLDER: &str = "target/tasks";

/// The tasks of each seed: an original, a retrained reference, and two unlearning runs.
const TASKS_PER_SEED: usize = 4;

/// A U-Net of two stages, trained for an epoch on three heads, one of them held out.
const STUDY: &str = r#"
data = { root = "heads", labels = "brain" }
preprocess = { kind = "canonical", size = [16, 8, 8], crop = "none", foreground = "above-zero" }
split = { held_out_subjects = ["phantom-002"], forget = { only = ["phantom-000"] } }

[network.unet]
features_per_stage = [4, 8]
kernel_sizes = [[3, 3, 3], [3, 3, 3]]
strides = [[1, 1, 1], [2, 2, 2]]
n_conv_per_stage = [1, 1]
n_conv_per_stage_decoder = [1]

[train]
epochs = 1
learning_rate = 1e-2
head_multiplier = 1.0

[unlearn]
epochs = [1]
strategies = ["noisy-label", "max-loss"]
"#;

#[derive(Serialize)]
struct Figures {
    setting: Setting,
    tasks: usize,
    jobs: usize,
    /// Whether some tasks were done by an earlier call.
    goes_on: bool,
    /// Seconds of planning; `None` if an earlier call has planned.
    plan_seconds: Option<f64>,
    /// The summary that `lacuna study submit` prints.
    run: Value,
    collect_seconds: f64,
    /// The number of bytes in the collected folder.
    collected_bytes: u64,
}

/// Plans, runs and collects the study.
pub fn run(arguments: &Arguments) -> Result<(), Failure> {
    let setting = Setting::here()?;
    let lacuna = program::given_or_built(arguments.lacuna.as_deref(), &[])?;
    let seeds = arguments.tasks.div_ceil(TASKS_PER_SEED);
    let folder = Path::new(FOLDER);
    let timed = |words: &str| -> Result<(String, f64), Failure> {
        let began = Instant::now();
        let mut command = Command::new(&lacuna);
        command.current_dir(folder).args(["--quiet", "--json", "--progress", "none"]).args(words.split_whitespace());
        let said = printed(&mut command)?;
        Ok((said, began.elapsed().as_secs_f64()))
    };
    if folder.exists() && !arguments.goes_on {
        std::fs::remove_dir_all(folder)?;
    }
    if !folder.exists() {
        write_study(&lacuna, folder, seeds)?;
    }
    let mut plan_seconds = None;
    // A plan is made only once, since another one would have other estimates.
    if !folder.join("plan").exists() {
        let (_, seconds) = timed("study plan tiny.toml --out plan --records records --models models")?;
        println!("planned    {seconds:.1} s");
        plan_seconds = Some(seconds);
    }
    let (said, _) = timed(&format!("study submit plan --jobs {}", arguments.jobs))?;
    let run: Value = serde_json::from_str(&said)?;
    println!("run        {run}");
    // A run folder of this call alone, so that an earlier call's results are not counted.
    let runs = format!("runs-{}", std::process::id());
    let (_, collect_seconds) = timed(&format!("--runs {runs} study collect plan"))?;
    let collected_bytes = bytes_of(&folder.join(runs))?;
    println!("collected  {collect_seconds:.1} s, {collected_bytes} bytes");
    let path = setting.file("tasks.json");
    let (tasks, jobs, goes_on) = (seeds * TASKS_PER_SEED, arguments.jobs, arguments.goes_on);
    let figures = Figures { setting, tasks, jobs, goes_on, plan_seconds, run, collect_seconds, collected_bytes };
    std::fs::write(&path, serde_json::to_string_pretty(&figures)? + "\n")?;
    println!("figures in {}", path.display());
    Ok(())
}

/// Writes a folder with `tiny.toml`, a study of `seeds` seeds, and the heads that it reads.
pub fn write_study(lacuna: &Path, folder: &Path, seeds: usize) -> Result<(), Failure> {
    std::fs::create_dir_all(folder)?;
    let mut phantom = Command::new(lacuna);
    phantom.current_dir(folder).args(["phantom", "--out", "heads", "--subjects", "3", "--dims", "16x18x12"]);
    printed(phantom.args(["--quiet", "--progress", "none"]))?;
    let seeds: Vec<usize> = (0..seeds).collect();
    std::fs::write(folder.join("tiny.toml"), format!("name = \"tiny\"\nseeds = {seeds:?}\n{STUDY}"))?;
    Ok(())
}

fn bytes_of(folder: &Path) -> Result<u64, Failure> {
    let mut bytes = 0;
    for entry in std::fs::read_dir(folder)? {
        let entry = entry?;
        bytes += if entry.file_type()?.is_dir() { bytes_of(&entry.path())? } else { entry.metadata()?.len() };
    }
    Ok(bytes)
}
