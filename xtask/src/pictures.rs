//! Renders every picture of README and docs again that comes from the program.

use crate::Failure;
use crate::browser;
use crate::machine::printed;
use crate::program;
use clap::Args;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Make docs/demo.png, the figures in docs/figures and the screenshots docs/report-*.png
#[derive(Args)]
#[command(
    after_help = "Example:\n  cargo xtask pictures\n\nRuns the demo, one to two minutes, and Chromium. Look at what \
                        came of it before you commit it."
)]
pub struct Arguments {
    /// The browser
    #[arg(long, default_value = "chromium", value_name = "PROGRAM")]
    chromium: String,
    /// A folder of an earlier demo to go on with, instead of a fresh one
    #[arg(long, value_name = "DIR")]
    demo: Option<PathBuf>,
    /// A lacuna that is built already
    #[arg(long, value_name = "PROGRAM")]
    lacuna: Option<PathBuf>,
}

const GOALS: &str = "docs/results/ixi7-goals";
const FIGURES: &str = "docs/figures";

/// Runs the programs that make the pictures, and copies the pictures into docs.
pub fn run(arguments: &Arguments) -> Result<(), Failure> {
    let lacuna = program::given_or_built(arguments.lacuna.as_deref(), &[])?;
    let scratch = std::env::temp_dir().join(format!("lacuna-pictures-{}", std::process::id()));
    let demo = arguments.demo.clone().unwrap_or_else(|| scratch.join("demo"));
    std::fs::create_dir_all(&scratch)?;
    let runs = scratch.join("runs");
    let told = printed(
        Command::new(&lacuna).arg("demo").args(["--json", "--quiet", "--out"]).arg(&demo).arg("--runs").arg(&runs),
    )?;
    let told: serde_json::Value = serde_json::from_str(&told)?;
    std::fs::copy(demo.join("head.png"), "docs/demo.png")?;
    let page = told["report"].as_str().ok_or("the demo left no report")?;
    figures(&lacuna)?;
    browser::run(&browser::Arguments::with_pictures(GOALS.into(), &arguments.chromium, "docs".into(), page.into()))?;
    std::fs::remove_dir_all(&scratch)?;
    Ok(())
}

/// The two trade-offs of the README's table, as PNG and SVG.
fn figures(lacuna: &Path) -> Result<(), Failure> {
    let all = std::env::temp_dir().join(format!("lacuna-figures-{}", std::process::id()));
    printed(Command::new(lacuna).args(["report", GOALS, "--quiet", "--figures"]).arg(&all))?;
    std::fs::create_dir_all(FIGURES)?;
    for entry in std::fs::read_dir(&all)? {
        let path = entry?.path();
        let name = path.file_name().ok_or("a file without a name")?.to_string_lossy().into_owned();
        if name.contains("-tradeoff.") {
            std::fs::copy(&path, Path::new(FIGURES).join(name))?;
        }
    }
    Ok(std::fs::remove_dir_all(&all)?)
}
