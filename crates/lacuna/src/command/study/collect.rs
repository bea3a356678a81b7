//! `lacuna study collect PLAN`: the run folder of a study whose tasks others have done.

use super::given::{PlanArguments, study_of};
use crate::arguments::ImageArguments;
use crate::context::Context;
use crate::error::CliError;
use crate::output::Outcome;
use crate::studying;
use clap::Args;

/// Make tables and report of a plan whose tasks are done, as `lacuna study FILE` does
#[derive(Args)]
#[command(
    after_help = "Example:\n  lacuna study collect plans/ixi7\n\nIt trains nothing: a plan with tasks that are not over ends \
                  with 75, and one with an alarm with 4."
)]
pub struct Arguments {
    #[command(flatten)]
    plan: PlanArguments,
    #[command(flatten)]
    images: ImageArguments,
}

pub fn run(arguments: &Arguments, context: &Context) -> Result<Outcome, CliError> {
    let folder = &arguments.plan.plan;
    let given = arguments.plan.read()?;
    if let Some(alarm) = given.alarms.first() {
        let what = format!(
            "{}: expected one result of each task, found another of this one; fix: find out which machine computes \
             wrongly; when that is settled, take this file away",
            alarm.kept
        );
        return Err(CliError::Data { what });
    }
    let pending = given.task_states.pending();
    if let Some(first) = pending.first() {
        let what = format!(
            "{}: expected {} tasks that are over, found {} that are not, the first of them {first}; fix: see `lacuna \
             study status`, then `lacuna study submit`",
            folder.display(),
            given.plan.tasks.len(),
            pending.len()
        );
        return Err(CliError::TryAgain { what });
    }
    let config = study_of(&given.plan.about, context)?;
    let folders = arguments.plan.folders(&given.plan.about);
    let outcome = studying::run("study", config, &folders, context, &arguments.images, studying::tables_and_gates)?;
    // What killed attempts left; an attempt that is alive all the same makes its folder again.
    let _ = std::fs::remove_dir_all(folder.join("scratch"));
    Ok(outcome)
}
