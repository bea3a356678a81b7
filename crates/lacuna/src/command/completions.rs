//! `lacuna completions`: what a shell needs to complete commands.

use crate::cli::Cli;
use crate::error::CliError;
use crate::output::Outcome;
use clap::{Args, CommandFactory};
use clap_complete::{Shell, generate};
use serde_json::json;

/// Print a completion script for a shell
#[derive(Args)]
#[command(after_help = "Example:\n  lacuna completions bash > ~/.local/share/bash-completion/completions/lacuna")]
pub struct Arguments {
    /// The shell that completes
    #[arg(value_enum)]
    shell: Shell,
}

/// The script itself is the result.
pub fn run(arguments: &Arguments) -> Result<Outcome, CliError> {
    let mut script = Vec::new();
    generate(arguments.shell, &mut Cli::command(), "lacuna", &mut script);
    let script = String::from_utf8(script).expect("a completion script is text");
    let record = json!({ "shell": arguments.shell.to_string(), "script": script });
    Ok(Outcome::new("completions", &record, script))
}
