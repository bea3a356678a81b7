//! The programs that benchmarks measure.

use crate::Failure;
use crate::machine::printed;
use serde::{Deserialize, Serialize};
use std::fmt;
use std::path::{Path, PathBuf};
use std::process::Command;

/// The case that one line of a benchmark times.
#[derive(Clone, Debug, Serialize)]
pub struct Case {
    pub mode: &'static str,
    pub depth: usize,
    pub size: [usize; 3],
    pub batch: usize,
    pub threads: usize,
}

impl Case {
    fn arguments(&self, repeats: usize) -> Vec<String> {
        let [d, h, w] = self.size;
        let mut words = vec![self.mode.to_string(), self.depth.to_string(), format!("{d}x{h}x{w}")];
        for (flag, value) in [("--batch", self.batch), ("--threads", self.threads), ("--repeats", repeats)] {
            words.extend([flag.to_string(), value.to_string()]);
        }
        words
    }
}

impl fmt::Display for Case {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [d, h, w] = self.size;
        write!(to, "{} ResNet-{} {d}x{h}x{w}", self.mode, self.depth)?;
        if self.batch > 1 { write!(to, " batch {}", self.batch) } else { Ok(()) }
    }
}

/// The timing that a program prints for a case.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Timing {
    /// The program's name, if it is not lacuna.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub peer: Option<String>,
    pub seconds_min: f64,
    pub seconds_median: f64,
    pub seconds: Vec<f64>,
    pub peak_mib: f64,
}

/// Builds lacuna; returns the path of the program.
pub fn build() -> Result<PathBuf, Failure> {
    build_with(&[])
}

/// Builds lacuna with these features; returns the path of the program.
pub fn build_with(features: &[&str]) -> Result<PathBuf, Failure> {
    let features: Vec<String> = features.iter().map(|feature| format!("lacuna/{feature}")).collect();
    built(&["--bin", "lacuna", "--features", &features.join(",")], "lacuna")
}

/// The given lacuna, or one that is built with features; an absolute path, since it is run from other folders.
pub fn given_or_built(given: Option<&Path>, features: &[&str]) -> Result<PathBuf, Failure> {
    let lacuna = given.map_or_else(|| build_with(features), |given| Ok(given.to_path_buf()))?;
    Ok(std::path::absolute(lacuna)?)
}

/// Builds an example of one of the crates; returns its path.
pub fn build_example(name: &str) -> Result<PathBuf, Failure> {
    built(&["--example", name], &format!("examples/{name}"))
}

/// Builds the whole workspace, whose features are those of every other build: a single package would have burn compiled
/// again.
fn built(what: &[&str], location: &str) -> Result<PathBuf, Failure> {
    printed(Command::new("cargo").args(["build", "--release", "--quiet", "--workspace"]).args(what))?;
    let target = std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| PathBuf::from("target"), PathBuf::from);
    Ok(target.join("release").join(location))
}

/// Runs `lacuna bench` once.
pub fn ours(lacuna: &Path, case: &Case, repeats: usize) -> Result<Timing, Failure> {
    let text = printed(Command::new(lacuna).args(["bench", "--json", "--quiet"]).args(case.arguments(repeats)))?;
    Ok(serde_json::from_str(&text)?)
}

/// Runs the PyTorch program once.
pub fn peer(python: &Path, case: &Case, repeats: usize) -> Result<Timing, Failure> {
    let script = "benches/peers/pytorch_step.py";
    let text = printed(Command::new(python).arg(script).args(case.arguments(repeats)))?;
    Ok(serde_json::from_str(&text)?)
}

/// The median of all step times of some runs.
pub fn median<'a>(timings: impl IntoIterator<Item = &'a Timing>) -> f64 {
    let mut seconds: Vec<f64> = timings.into_iter().flat_map(|timing| timing.seconds.iter().copied()).collect();
    seconds.sort_by(f64::total_cmp);
    let middle = seconds.len() / 2;
    if seconds.len() % 2 == 1 { seconds[middle] } else { 0.5 * (seconds[middle - 1] + seconds[middle]) }
}
