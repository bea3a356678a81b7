//! Measures the peak memory of `lacuna predict` on large volumes, as the system counts it.

use crate::Failure;
use crate::machine::{Setting, printed};
use crate::program;
use clap::Args;
use lacuna_volume::{Grid, SpacingMm, Volume, write_volume};
use serde::Serialize;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

/// Measure the memory of predicting large volumes; write benches/runs
#[derive(Args)]
#[command(after_help = "Example:\n  cargo xtask memory")]
pub struct Arguments {
    /// Voxels along each axis of a volume
    #[arg(long, default_value_t = 512, value_name = "N")]
    voxels: usize,
    /// A built lacuna; built if unsaid
    #[arg(long, value_name = "FILE")]
    lacuna: Option<PathBuf>,
}

const FOLDER: &str = "target/memory";

/// The ways of predicting, with their options.
const WAYS: [(&str, &[&str]); 4] = [
    ("one volume", &["scans/a.nii.gz", "--largest-component"]),
    ("a folder of two", &["scans", "--largest-component"]),
    ("one, probabilities", &["scans/a.nii.gz", "--probabilities"]),
    (
        "one, windows at 1 mm",
        &[
            "scans/a.nii.gz",
            "--preprocess",
            "canonical",
            "--spacing",
            "1x1x1",
            "--window",
            "128x128x128",
            "--overlap",
            "0.25",
        ],
    ),
];

#[derive(Serialize)]
struct Measured {
    how: &'static str,
    words: Vec<String>,
    peak_mib: f64,
    seconds: f64,
}

#[derive(Serialize)]
struct Run {
    setting: Setting,
    voxels: usize,
    measured: Vec<Measured>,
}

/// Makes volumes and a model, predicts in each way, and writes the peaks.
pub fn run(arguments: &Arguments) -> Result<(), Failure> {
    let setting = Setting::here()?;
    let lacuna = program::given_or_built(arguments.lacuna.as_deref(), &[])?;
    let folder = Path::new(FOLDER);
    if folder.exists() {
        std::fs::remove_dir_all(folder)?;
    }
    for name in ["a", "b"] {
        write_volume(&folder.join("scans").join(name).with_extension("nii.gz"), &head(arguments.voxels), None)?;
    }
    let model = model(&lacuna, folder)?;
    let mut measured = Vec::new();
    for (number, (how, words)) in WAYS.into_iter().enumerate() {
        let out = format!("out-{number}");
        let mut words: Vec<String> = words.iter().map(|word| word.to_string()).collect();
        words.extend(["--model".to_string(), model.clone(), "--out".to_string(), out]);
        let begun = Instant::now();
        let mut command = Command::new(&lacuna);
        command.args(["predict", "--quiet"]).args(&words).current_dir(folder).stdout(Stdio::null());
        let peak_mib = peak_mib(&mut command)?;
        let seconds = begun.elapsed().as_secs_f64();
        println!("{how:22} {peak_mib:6.0} MiB {seconds:6.0} s");
        measured.push(Measured { how, words, peak_mib, seconds });
    }
    let file = setting.file("memory.json");
    let run = Run { setting, voxels: arguments.voxels, measured };
    std::fs::write(&file, serde_json::to_string_pretty(&run)? + "\n")?;
    std::fs::remove_dir_all(folder)?;
    println!("raw numbers in {}", file.display());
    Ok(())
}

/// A ball in a field of view of 256 mm, with a texture that does not compress well.
fn head(voxels: usize) -> Volume {
    let grid = Grid::axis_aligned([voxels; 3], SpacingMm([256.0 / voxels as f64; 3]));
    let centred = |index: usize| 2.0 * index as f32 / voxels as f32 - 1.0;
    let mut values = Vec::with_capacity(grid.len());
    for k in 0..voxels {
        for j in 0..voxels {
            for i in 0..voxels {
                let radius = (centred(i).powi(2) + centred(j).powi(2) + centred(k).powi(2)).sqrt();
                let texture = ((i * 7 + j * 13 + k * 29) % 64) as f32;
                values.push(if radius < 0.8 { (400.0 * (1.0 - radius)).round() + texture } else { 0.0 });
            }
        }
    }
    Volume::new(grid, values)
}

/// A network trained for a single epoch: its predictions do not matter, only their memory.
fn model(lacuna: &Path, folder: &Path) -> Result<String, Failure> {
    let command = |words: &str| {
        let mut command = Command::new(lacuna);
        command.args(words.split(' ')).current_dir(folder);
        command
    };
    printed(&mut command("phantom --quiet --out heads --subjects 2 --dims 16x18x12"))?;
    let train = "train --json --quiet --data heads --labels tissue --preprocess canonical --size 48x64x64 --depth 10 \
                 --epochs 1 --name memory";
    let record: serde_json::Value = serde_json::from_str(&printed(&mut command(train))?)?;
    Ok(record["model"].as_str().ok_or("a training says where its model is")?.to_string())
}

/// The peak resident memory of a process in MiB, polled until the process ends.
fn peak_mib(command: &mut Command) -> Result<f64, Failure> {
    let mut child = command.spawn()?;
    let status = PathBuf::from(format!("/proc/{}/status", child.id()));
    let mut peak_kib = 0.0f64;
    let ended = loop {
        if let Some(ended) = child.try_wait()? {
            break ended;
        }
        // The system keeps a high-water mark, so only an increase after the last poll can be missed.
        let text = std::fs::read_to_string(&status).unwrap_or_default();
        let line = text.lines().find_map(|line| line.strip_prefix("VmHWM:"));
        let kib = line.and_then(|line| line.trim().strip_suffix("kB")?.trim().parse().ok());
        peak_kib = peak_kib.max(kib.unwrap_or(0.0));
        std::thread::sleep(Duration::from_millis(20));
    };
    if !ended.success() {
        return Err(format!("{command:?} failed ({ended})").into());
    }
    Ok(peak_kib / 1024.0)
}
