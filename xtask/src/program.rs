//! The programs that are measured.

use crate::Failure;
use crate::machine::printed;
use serde::{Deserialize, Serialize};
use std::fmt;
use std::path::{Path, PathBuf};
use std::process::Command;

/// What is timed: one line of a benchmark.
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

/// What a program says of a case.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Timing {
    /// Which program, if it is not lacuna.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub peer: Option<String>,
    pub seconds_min: f64,
    pub seconds_median: f64,
    pub seconds: Vec<f64>,
    pub peak_mib: f64,
}

/// Builds lacuna and says where it is.
pub fn build() -> Result<PathBuf, Failure> {
    build_with(&[])
}

/// The same with features of its own.
pub fn build_with(features: &[&str]) -> Result<PathBuf, Failure> {
    let features: Vec<String> = features.iter().map(|feature| format!("lacuna/{feature}")).collect();
    built(&["--bin", "lacuna", "--features", &features.join(",")], "lacuna")
}

/// The lacuna that is given, or one that is built with features; its whole path, since it is run from other folders.
pub fn given_or_built(given: Option<&Path>, features: &[&str]) -> Result<PathBuf, Failure> {
    let lacuna = given.map_or_else(|| build_with(features), |given| Ok(given.to_path_buf()))?;
    Ok(std::path::absolute(lacuna)?)
}

/// Builds an example of one of the crates and says where it is.
pub fn build_example(name: &str) -> Result<PathBuf, Failure> {
    built(&["--example", name], &format!("examples/{name}"))
}

/// Of the whole workspace, whose features are those of every other build: a package by itself would have burn compiled anew.
fn built(what: &[&str], place: &str) -> Result<PathBuf, Failure> {
    printed(Command::new("cargo").args(["build", "--release", "--quiet", "--workspace"]).args(what))?;
    let target = std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| PathBuf::from("target"), PathBuf::from);
    Ok(target.join("release").join(place))
}

/// One run of `lacuna bench`.
pub fn ours(lacuna: &Path, case: &Case, repeats: usize) -> Result<Timing, Failure> {
    let text = printed(Command::new(lacuna).args(["bench", "--json", "--quiet"]).args(case.arguments(repeats)))?;
    Ok(serde_json::from_str(&text)?)
}

/// One run of the PyTorch program.
pub fn peer(python: &Path, case: &Case, repeats: usize) -> Result<Timing, Failure> {
    let script = "benches/peers/pytorch_step.py";
    let text = printed(Command::new(python).arg(script).args(case.arguments(repeats)))?;
    Ok(serde_json::from_str(&text)?)
}

/// The middle of all steps of some runs.
pub fn median<'a>(timings: impl IntoIterator<Item = &'a Timing>) -> f64 {
    let mut seconds: Vec<f64> = timings.into_iter().flat_map(|timing| timing.seconds.iter().copied()).collect();
    seconds.sort_by(f64::total_cmp);
    let middle = seconds.len() / 2;
    if seconds.len() % 2 == 1 { seconds[middle] } else { 0.5 * (seconds[middle - 1] + seconds[middle]) }
}
