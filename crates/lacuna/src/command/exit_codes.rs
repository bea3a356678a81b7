//! `lacuna exit-codes`: how every verb can end.

use crate::error::CliError;
use crate::exit::{self, EXITS};
use crate::output::Outcome;
use clap::Args;
use serde_json::json;

/// List the exit codes, which are the same for every verb
#[derive(Args)]
#[command(
    after_help = "Example:\n  lacuna exit-codes --json",
    after_long_help = format!("{}\nExample:\n  lacuna exit-codes --json", exit::list())
)]
pub struct Arguments {}

/// The table of [`EXITS`].
pub fn run(_: &Arguments) -> Result<Outcome, CliError> {
    let codes: Vec<_> = EXITS.iter().map(|(exit, about)| json!({ "code": exit.code(), "meaning": about })).collect();
    Ok(Outcome::new("exit-codes", &json!({ "exit_codes": codes }), exit::list()))
}
