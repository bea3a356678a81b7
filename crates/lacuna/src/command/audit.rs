//! `lacuna audit FILE.toml`: is the person gone, and how sure can one be?

use crate::arguments::StoreArguments;
use crate::audit::{self, Delivery};
use crate::context::Context;
use crate::error::CliError;
use crate::output::Outcome;
use clap::{Args, Subcommand};
use lacuna_study::audit::{AuditConfig, Bank};
use std::path::PathBuf;

/// Compare unlearned models with retrained ones, with controls, and give a verdict
///
/// Originals, retrained and unlearned models are trained for every seed, or found; controls must come out as known or
/// the audit is void. No verdict says more than that models are alike within a margin, or that one is not
/// distinguishable from others: an audit never shows that a person is gone.
#[derive(Args)]
#[command(
    args_conflicts_with_subcommands = true,
    subcommand_negates_reqs = true,
    after_help = "Examples:\n  lacuna audit plan audits/phantom.toml\n  lacuna audit \
                  audits/phantom.toml\n  lacuna audit audits/phantom.toml --model \
                  runs/unlearn/20261123-154210-noisy-label\n\nThe process ends with code 6 if the audit is void or a \
                  threshold of the file's [gate] is not met. An interrupted audit goes on where it was when the same \
                  command is given again."
)]
pub struct Arguments {
    #[command(subcommand)]
    action: Option<Action>,
    #[command(flatten)]
    audit: AuditArguments,
}

#[derive(Subcommand)]
enum Action {
    Plan(PlanArguments),
}

/// State power and cost before anything is trained
#[derive(Args)]
#[command(after_help = "Example:\n  lacuna audit plan audits/phantom.toml")]
struct PlanArguments {
    /// The TOML file of the audit
    #[arg(value_name = "FILE.toml")]
    file: PathBuf,
    #[command(flatten)]
    store: StoreArguments,
}

#[derive(Args)]
struct AuditArguments {
    /// The TOML file of the audit
    #[arg(value_name = "FILE.toml", required = true)]
    file: Option<PathBuf>,
    #[command(flatten)]
    store: StoreArguments,
    /// Audit this one model instead of the file's strategies: a model file or a run folder
    #[arg(long, value_name = "RUN_OR_FILE")]
    model: Option<PathBuf>,
    /// With --model: train the retrained models that are missing, instead of saying what they would cost
    #[arg(long, requires = "model")]
    build_bank: bool,
    /// Check everything, state power and cost, and stop
    #[arg(long)]
    dry_run: bool,
}

/// Audit, or say what an audit could show.
pub fn run(arguments: &Arguments, context: &Context) -> Result<Outcome, CliError> {
    let (file, store, plan) = match &arguments.action {
        Some(Action::Plan(plan)) => (&plan.file, &plan.store, true),
        None => {
            let audit = &arguments.audit;
            let file = audit.file.as_ref().expect("clap asks for a file where no other action is named");
            (file, &audit.store, audit.dry_run)
        }
    };
    let mut config = store.hidden(AuditConfig::read(file))?;
    config.study.pseudonyms |= store.pseudonyms;
    let folders = store.folders(context);
    let report = match &arguments.audit.model {
        _ if plan => {
            let planned = store.hidden(audit::plan(&config, &folders, context))?;
            return Ok(planned.with_next(&format!("lacuna audit {}", file.display())));
        }
        Some(model) => {
            let bank = if arguments.audit.build_bank { Bank::Build } else { Bank::AsFound };
            audit::of_model(&config, &Delivery { model, bank }, &folders, context)?
        }
        None => audit::of_strategies(&config, &folders, context)?,
    };
    Ok(audit::outcome(&report))
}
