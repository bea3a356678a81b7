//! Compares the speed of lacuna with PyTorch: the same network and sizes, the two programs in turn, on one machine in
//! one run.
//!
//! Times of different runs are not compared, since machines are noisy; the result is the ratio of the two programs.

use crate::Failure;
use crate::machine::{Setting, printed};
use crate::program::{self, Case, Timing, median};
use clap::Args;
use serde::Serialize;
use std::path::PathBuf;
use std::process::Command;

/// Time lacuna beside PyTorch and keep the raw numbers in benches/runs
#[derive(Args)]
#[command(after_help = "Example:\n  python3 -m venv peer && peer/bin/pip install torch numpy\n  \
                        cargo xtask bench --peer peer/bin/python")]
pub struct Arguments {
    /// A Python that has PyTorch
    #[arg(long, value_name = "PYTHON")]
    peer: PathBuf,
    /// How often the two programs take turns on each case
    #[arg(long, default_value_t = 3)]
    rounds: usize,
    /// Steps timed in each turn
    #[arg(long, default_value_t = 7)]
    repeats: usize,
    /// Threads of both; all cores if unsaid
    #[arg(long)]
    threads: Option<usize>,
}

const SHAPES: [(usize, [usize; 3]); 3] = [(50, [64, 64, 64]), (50, [48, 96, 96]), (10, [64, 64, 64])];

#[derive(Serialize)]
struct Compared {
    case: Case,
    ours: Vec<Timing>,
    peer: Vec<Timing>,
}

#[derive(Serialize)]
struct Run {
    setting: Setting,
    compared: Vec<Compared>,
    /// The output of the kernels' example: each layer beside the measured peak.
    layers: Vec<String>,
}

/// Measures, prints the ratios, and writes the file of raw numbers.
pub fn run(arguments: &Arguments) -> Result<(), Failure> {
    let setting = Setting::here()?;
    let lacuna = program::build()?;
    let threads = arguments.threads.unwrap_or(setting.cores);
    println!(
        "{:34} {:>9} {:>9} {:>6} {:>9} {:>9} {:>6}",
        "median seconds", "lacuna", "PyTorch", "ratio", "MiB", "MiB", "ratio"
    );
    let mut compared = Vec::new();
    for (depth, size) in SHAPES {
        for mode in ["train", "infer"] {
            let mut row = Compared { case: Case { mode, depth, size, batch: 1, threads }, ours: vec![], peer: vec![] };
            for _ in 0..arguments.rounds.max(1) {
                row.peer.push(program::peer(&arguments.peer, &row.case, arguments.repeats)?);
                row.ours.push(program::ours(&lacuna, &row.case, arguments.repeats)?);
            }
            println!("{}", line(&row));
            compared.push(row);
        }
    }
    let layers = layers(threads)?;
    layers.iter().for_each(|line| println!("{line}"));
    let file = setting.file("pytorch.json");
    let run = Run { setting, compared, layers };
    std::fs::write(&file, serde_json::to_string_pretty(&run)? + "\n")?;
    println!("raw numbers in {}", file.display());
    Ok(())
}

fn line(row: &Compared) -> String {
    let (ours, peer) = (median(&row.ours), median(&row.peer));
    let peak = |timings: &[Timing]| timings.iter().map(|timing| timing.peak_mib).fold(0.0, f64::max);
    let (our_peak, peer_peak) = (peak(&row.ours), peak(&row.peer));
    let case = row.case.to_string();
    format!(
        "{case:34} {ours:9.3} {peer:9.3} {:6.2} {our_peak:9.0} {peer_peak:9.0} {:6.2}",
        ours / peer,
        our_peak / peer_peak
    )
}

fn layers(threads: usize) -> Result<Vec<String>, Failure> {
    let mut command = Command::new(program::build_example("layers")?);
    let text = printed(command.env("RAYON_NUM_THREADS", threads.to_string()))?;
    Ok(text.lines().map(str::to_string).collect())
}
