//! `lacuna man`: manual pages.

use crate::cli::Cli;
use crate::error::CliError;
use crate::output::Outcome;
use clap::{Args, Command, CommandFactory};
use lacuna_artefacts::PortablePath;
use serde_json::json;
use std::path::{Path, PathBuf};

/// Write a manual page for each verb into a folder
#[derive(Args)]
#[command(after_help = "Example:\n  lacuna man --out ~/.local/share/man/man1 && man lacuna-predict")]
pub struct Arguments {
    /// The folder, as a rule one called man1
    #[arg(long, value_name = "DIR")]
    out: PathBuf,
}

/// One page per verb, and one of the whole.
pub fn run(arguments: &Arguments) -> Result<Outcome, CliError> {
    let mut command = Cli::command().disable_help_subcommand(true);
    // Gives every verb its full name, `lacuna-data-check`.
    command.build();
    let mut pages = Vec::new();
    write(&command, &arguments.out, &mut pages)?;
    let text = format!("{} pages: {}\n", pages.len(), arguments.out.display());
    Ok(Outcome::new("man", &json!({ "folder": PortablePath::from(arguments.out.as_path()), "pages": pages }), text))
}

fn write(command: &Command, folder: &Path, pages: &mut Vec<String>) -> Result<(), CliError> {
    let name = command.get_display_name().unwrap_or_else(|| command.get_name()).to_string();
    let mut page = Vec::new();
    clap_mangen::Man::new(command.clone()).render(&mut page).expect("writing to memory cannot fail");
    lacuna_disk::write_bytes(&folder.join(format!("{name}.1")), &page)?;
    pages.push(name);
    command.get_subcommands().try_for_each(|verb| write(verb, folder, pages))
}
