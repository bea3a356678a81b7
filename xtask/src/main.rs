//! Development tasks that need more than Rust, or more than a minute.
//!
//! `cargo xtask bench` is compiled without the tensor library; it builds and runs the programs that it measures.

mod bench;
mod browser;
mod cases;
mod crashes;
mod hyperqueue;
mod leaderboard;
mod machine;
mod memory;
mod mutate;
mod objects;
mod peers;
mod pictures;
mod program;
mod python;
mod reproducible;
mod sbom;
mod scaling;
mod slurm;
mod tables;
mod tasks;
mod tidy;

use clap::{Parser, Subcommand};
use std::process::ExitCode;

/// An error as a message for the user.
type Failure = Box<dyn std::error::Error>;

#[derive(Parser)]
#[command(name = "cargo xtask", about = "lacuna's development tasks")]
struct Cli {
    #[command(subcommand)]
    task: Task,
}

#[derive(Subcommand)]
enum Task {
    Bench(bench::Arguments),
    Browser(browser::Arguments),
    Cases(cases::Arguments),
    Crashes(crashes::Arguments),
    Hyperqueue(hyperqueue::Arguments),
    Leaderboard(leaderboard::Arguments),
    Memory(memory::Arguments),
    Mutate(mutate::Arguments),
    Objects(objects::Arguments),
    Peers(peers::Arguments),
    Pictures(pictures::Arguments),
    Python(python::Arguments),
    Reproducible(reproducible::Arguments),
    Sbom(sbom::Arguments),
    Scaling(scaling::Arguments),
    Slurm(slurm::Arguments),
    Tasks(tasks::Arguments),
    Tidy(tidy::Arguments),
}

fn main() -> ExitCode {
    let outcome = match Cli::parse().task {
        Task::Bench(arguments) => bench::run(&arguments),
        Task::Browser(arguments) => browser::run(&arguments),
        Task::Cases(arguments) => cases::run(&arguments),
        Task::Crashes(arguments) => crashes::run(&arguments),
        Task::Hyperqueue(arguments) => hyperqueue::run(&arguments),
        Task::Leaderboard(arguments) => leaderboard::run(&arguments),
        Task::Memory(arguments) => memory::run(&arguments),
        Task::Mutate(arguments) => mutate::run(&arguments),
        Task::Objects(arguments) => objects::run(&arguments),
        Task::Peers(arguments) => peers::run(&arguments),
        Task::Pictures(arguments) => pictures::run(&arguments),
        Task::Python(arguments) => python::run(&arguments),
        Task::Reproducible(arguments) => reproducible::run(&arguments),
        Task::Sbom(arguments) => sbom::run(&arguments),
        Task::Scaling(arguments) => scaling::run(&arguments),
        Task::Slurm(arguments) => slurm::run(&arguments),
        Task::Tasks(arguments) => tasks::run(&arguments),
        Task::Tidy(arguments) => tidy::run(&arguments),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}
