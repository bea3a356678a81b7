//! The `lacuna` command: parse, act, print, exit.
//!
//! Standard output carries the result and nothing else; progress, notes and errors go to standard
//! error. Each verb is one file of [`command`] and one entry of its list; it returns an
//! [`output::Outcome`] or a [`error::CliError`], and only [`output`] prints either.

mod arguments;
mod audit;
mod cli;
mod command;
mod config;
mod confine;
mod context;
mod error;
mod events;
mod exact;
mod exit;
mod interrupt;
mod lineage;
mod live;
mod notes;
mod output;
mod picture;
mod plan;
mod png;
mod preparing;
mod progress;
mod raster;
mod redact;
mod registering;
mod reporting;
mod run_folder;
mod run_identity;
mod run_record;
mod scores;
mod single_run;
mod staging;
mod studying;
mod text_table;
mod timeline;
mod tracing;
mod viewing;
mod words;

use clap::Parser;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::process::ExitCode;

/// A training step takes and returns memory in megabytes; the system's own allocator would give it back to the system
/// each time and have it cleared again.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    if redact::is_asked() {
        redact::begin();
    }
    output::report_panics();
    let exit = match cli::Cli::try_parse() {
        Ok(cli) => catch_unwind(AssertUnwindSafe(|| act(&cli))).unwrap_or(exit::Exit::Internal),
        Err(error) => output::print_usage(&error),
    };
    exit.into()
}

fn act(cli: &cli::Cli) -> exit::Exit {
    // Before any thread is there: what is started later inherits it.
    if let Some(folders) = cli.command.may_write(&cli.global) {
        confine::confine(&folders);
    }
    let outcome = context::Context::new(&cli.global).and_then(|context| {
        // On a thread of the pool: from outside, each of the thousand short operations of a training step would put
        // this thread to sleep and wake the pool.
        rayon::scope(|_| cli.command.run(&cli.global, &context))
    });
    output::print(outcome, cli.global.json)
}
