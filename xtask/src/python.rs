//! Builds and tests the Python package: `python/` with maturin and pytest in a virtual environment.

use crate::Failure;
use crate::machine::{printed, python_with};
use crate::program;
use clap::Args;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Build the Python package, install it into a virtual environment, and run its tests
#[derive(Args)]
#[command(after_help = "Example:\n  cargo xtask python\n  cargo xtask python --python python3.12")]
pub struct Arguments {
    /// The Python to make the environment with, 3.11 or later
    #[arg(long, value_name = "PYTHON", default_value = "python3")]
    python: PathBuf,
}

const PACKAGE: &str = "python";
const ENVIRONMENT: &str = "target/python";

/// Builds the package, installs it, and runs its tests.
pub fn run(arguments: &Arguments) -> Result<(), Failure> {
    let lacuna = std::path::absolute(program::build()?)?;
    let folder = Path::new(ENVIRONMENT);
    let requirements = Path::new(PACKAGE).join("tests/requirements.txt");
    python_with(&arguments.python, folder, &["--requirement", &requirements.to_string_lossy()])?;
    // pip fetches maturin, which builds into this workspace's own target folder.
    let package = format!("./{PACKAGE}");
    let python = python_with(&arguments.python, folder, &["--force-reinstall", "--no-deps", &package])?;
    // The tests run outside the package's folder, whose sources would hide what was installed.
    let tests = std::path::absolute(Path::new(PACKAGE).join("tests"))?;
    let said = printed(
        Command::new(std::path::absolute(&python)?)
            .args(["-m", "pytest", "--quiet", "-p", "no:cacheprovider"])
            .arg(tests)
            .env("LACUNA", lacuna)
            .env("PYTHONDONTWRITEBYTECODE", "1")
            .current_dir(folder),
    );
    println!("{}", said?);
    Ok(())
}
