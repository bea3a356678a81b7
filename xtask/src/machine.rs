//! The machine, commit and toolchain of a measurement.

use crate::Failure;
use serde::Serialize;
use std::path::{Path, PathBuf};
use std::process::Command;

/// The header of every file of raw numbers.
#[derive(Serialize)]
pub struct Setting {
    pub date: String,
    pub commit: String,
    pub processor: String,
    pub cores: usize,
    pub memory_gib: Option<f64>,
    pub rustc: String,
}

impl Setting {
    /// The setting of this machine and this checkout.
    pub fn here() -> Result<Setting, Failure> {
        Ok(Setting {
            date: jiff::Timestamp::now().strftime("%Y-%m-%d").to_string(),
            commit: commit()?,
            processor: line_of("/proc/cpuinfo", "model name").unwrap_or_else(|| std::env::consts::ARCH.to_string()),
            cores: std::thread::available_parallelism()?.get(),
            memory_gib: line_of("/proc/meminfo", "MemTotal").and_then(|line| gib(&line)),
            rustc: printed(Command::new("rustc").arg("--version"))?,
        })
    }

    /// The path `benches/runs/DATE-COMMIT-what`, which must not replace an earlier file.
    pub fn file(&self, what: &str) -> PathBuf {
        PathBuf::from(format!("benches/runs/{}-{}-{what}", self.date, self.commit))
    }
}

/// The commit, marked if the checkout differs from it.
fn commit() -> Result<String, Failure> {
    let commit = printed(Command::new("git").args(["rev-parse", "--short", "HEAD"]))?;
    let changes = printed(Command::new("git").args(["status", "--porcelain", "--untracked-files=no", "--", "crates"]))?;
    Ok(if changes.is_empty() { commit } else { format!("{commit}-changed") })
}

fn line_of(file: &str, name: &str) -> Option<String> {
    let table = std::fs::read_to_string(file).ok()?;
    let (_, value) = table.lines().find(|line| line.starts_with(name))?.split_once(':')?;
    Some(value.trim().to_string())
}

fn gib(kib: &str) -> Option<f64> {
    let kib: f64 = kib.strip_suffix("kB")?.trim().parse().ok()?;
    Some((kib / f64::from(1 << 20) * 10.0).round() / 10.0)
}

/// The standard output of a program; fails if the program does.
pub fn printed(command: &mut Command) -> Result<String, Failure> {
    let output = command.output().map_err(|error| format!("{:?}: {error}", command.get_program()))?;
    if !output.status.success() {
        let said = String::from_utf8_lossy(&output.stderr);
        return Err(format!("{command:?} failed ({}): {}", output.status, said.trim()).into());
    }
    Ok(String::from_utf8(output.stdout)?.trim().to_string())
}

/// The Python of a virtual environment with the packages `wanted`, which is created if it does not exist.
pub fn python_with(interpreter: &Path, venv: &Path, wanted: &[&str]) -> Result<PathBuf, Failure> {
    let python = venv.join("bin/python");
    if !python.exists() {
        printed(Command::new(interpreter).args(["-m", "venv"]).arg(venv))?;
    }
    let pip = ["-m", "pip", "--disable-pip-version-check", "install", "--quiet"];
    printed(Command::new(&python).args(pip).args(wanted))?;
    Ok(python)
}
