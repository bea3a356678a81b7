//! Draws the leaderboard of existing results again.

use crate::Failure;
use clap::Args;
use lacuna_report::{Gate, Thresholds, gates, leaderboard, probes, results};
use std::path::PathBuf;

/// Draw DIR/leaderboard.svg and write DIR/gates.md from DIR/results.csv, and from DIR/probes.csv if it is there
#[derive(Args)]
#[command(after_help = "Example:\n  cargo xtask leaderboard docs/results/ixi7")]
pub struct Arguments {
    /// A run folder of a study, or a copy of its files
    #[arg(value_name = "DIR")]
    folder: PathBuf,
}

/// Draws the leaderboard and writes the gates.
pub fn run(arguments: &Arguments) -> Result<(), Failure> {
    let file = |name: &str| arguments.folder.join(name);
    let rows = results::read(&file("results.csv"))?;
    let probes = if file("probes.csv").exists() { probes::read(&file("probes.csv"))? } else { Vec::new() };
    let thresholds = Thresholds::STANDARD;
    let gates = gates(&rows, &probes, &thresholds)?;
    std::fs::write(file("gates.md"), Gate::markdowns(&gates))?;
    print!("{}", Gate::texts(&gates));
    match leaderboard(&rows, &probes, &thresholds)? {
        Some(svg) => {
            std::fs::write(file("leaderboard.svg"), svg)?;
            println!("\ndrawn in {}", file("leaderboard.svg").display());
        }
        None => println!("\nnothing to draw: no run that unlearned a subject has scores beside its references"),
    }
    Ok(())
}
