//! `lacuna data`: look at a data set, divide it, copy it into another layout.

mod bucket;
mod check;
mod export;
mod show;
mod split;

use crate::context::Context;
use crate::error::CliError;
use crate::output::Outcome;
use clap::{Args, Subcommand};
use std::path::PathBuf;

/// Check, divide, show or export a data set, or send it to a bucket
#[derive(Args)]
#[command(after_help = "Example:\n  lacuna data check heads --labels tissue")]
pub struct Arguments {
    #[command(subcommand)]
    action: Action,
}

#[derive(Subcommand)]
enum Action {
    Check(check::Arguments),
    Split(split::Arguments),
    Show(show::Arguments),
    Export(export::Arguments),
    Send(bucket::SendArguments),
    Fetch(bucket::FetchArguments),
}

impl Arguments {
    /// Beneath which folders something is written, of what connects to nothing.
    pub fn may_write(&self) -> Option<Vec<PathBuf>> {
        match &self.action {
            Action::Check(_) | Action::Split(_) => Some(Vec::new()),
            Action::Show(arguments) => Some(arguments.may_write()),
            Action::Export(arguments) => Some(arguments.may_write()),
            // They connect.
            Action::Send(_) | Action::Fetch(_) => None,
        }
    }
}

/// Do what is asked of the data set.
pub fn run(arguments: &Arguments, context: &Context) -> Result<Outcome, CliError> {
    match &arguments.action {
        Action::Check(arguments) => check::run(arguments),
        Action::Split(arguments) => split::run(arguments),
        Action::Show(arguments) => show::run(arguments, context),
        Action::Export(arguments) => export::run(arguments, context),
        Action::Send(arguments) => bucket::send(arguments, context),
        Action::Fetch(arguments) => bucket::fetch(arguments, context),
    }
}
