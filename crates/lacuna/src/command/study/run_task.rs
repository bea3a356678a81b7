//! `lacuna study run-task PLAN`: one attempt at one task of a plan.
//!
//! The attempt works in a folder of its own. Its record becomes the task's only if there is none yet; models follow the
//! record. Where there is one, made meanwhile by another attempt, the two are compared: machines that compute alike must
//! agree to the last bit.

use super::given::{PlanArguments, study_of};
use crate::arguments::isa;
use crate::context::Context;
use crate::error::CliError;
use crate::exit::Exit;
use crate::interrupt;
use crate::output::Outcome;
use crate::studying::{self, Watch, without_names};
use clap::Args;
use lacuna_kernels::InstructionSet;
use lacuna_launcher::{
    About, Alarm, Attempt, AttemptOutcome, Begun, Ended, INDEX_VARIABLES, LauncherError, Offer, Plan, PlannedTask,
    Setting, index_of_environment,
};
use lacuna_nn::{DeviceKind, device_identity};
use lacuna_study::{Record, Store, StudyError};
use lacuna_train::TrainError;
use serde::Serialize;
use std::collections::BTreeMap;
use std::path::Path;
use std::time::Instant;

/// How far the mean Dice may differ between attempts on machines that round otherwise.
///
/// Rounding is a difference of initial conditions, which training spreads, at most to what two seeds differ by. Of two
/// models trained for 3 to 16 epochs on small grids it was 0.003 between the portable kernels and AVX2.
const DICE_APART_MAX: f64 = 0.05;

/// What engines tell a job of itself.
const JOB_VARIABLES: [&str; 6] =
    ["SLURM_ARRAY_JOB_ID", "SLURM_JOB_ID", "SLURM_RESTART_COUNT", "HQ_JOB_ID", "HQ_INSTANCE_ID", "POD_NAME"];

/// Do one task of a plan, on any machine, as often as a scheduler likes
#[derive(Args)]
#[command(
    after_help = "Examples:\n  lacuna study run-task plans/ixi7 --index 12\n  SLURM_ARRAY_TASK_ID=12 lacuna study \
                  run-task plans/ixi7\n\nThe process ends with 75 where it should be tried again: SIGTERM stopped it after \
                  a step, what the task needs is not recorded yet, or the disk is full. Every other code but 0 is \
                  permanent."
)]
pub struct Arguments {
    #[command(flatten)]
    plan: PlanArguments,
    /// The number of the task [default: HQ_TASK_ID, JOB_COMPLETION_INDEX or SLURM_ARRAY_TASK_ID]
    #[arg(long, value_name = "N")]
    index: Option<usize>,
    /// What is added to the number: where the engine's array begins in the plan
    #[arg(long, default_value_t = 0, value_name = "N")]
    offset: usize,
}

#[derive(Serialize)]
struct Told {
    index: usize,
    attempt: usize,
    key: String,
    task: String,
    #[serde(flatten)]
    ending: AttemptOutcome,
    seconds: f64,
}

/// Make the attempt.
pub fn run(arguments: &Arguments, context: &Context) -> Result<Outcome, CliError> {
    interrupt::means_try_again();
    let began = Instant::now();
    let number = match arguments.index {
        Some(index) => index,
        None => index_of_environment(|name| std::env::var(name).ok())?,
    };
    let folder = &arguments.plan.plan;
    let (about, digest, task, needs) = Plan::read_task(folder, number.saturating_add(arguments.offset))?;
    let config = study_of(&about, context)?;
    let store = arguments.plan.folders(&about).store_for(&config, context)?;
    let begun = Begun { key: task.key.clone(), at: now(), setting: setting(context)? };
    let attempt = arguments.plan.attempts(&about, &digest)?.begin(task.index, &begun)?;
    context.note(&format!("task     {}, attempt {}  {}", task.index, attempt.number, task.what));
    let work = Work { about: &about, task: &task, attempt: &attempt, setting: &begun.setting, store: &store };
    let outcome = work.do_it(&needs, config, context);
    let outcome = outcome.map_err(|error| if about.pseudonyms { without_names(error) } else { error });
    let seconds = began.elapsed().as_secs_f64();
    let ending = match &outcome {
        Ok(ending) => ending.clone(),
        Err(error) if error.exit() == Exit::TryAgain => AttemptOutcome::Stopped,
        Err(CliError::Launcher(LauncherError::NotRepeated { .. })) => AttemptOutcome::Mismatch,
        Err(error) => AttemptOutcome::Failed { message: error.to_string() },
    };
    let exit_code = outcome.as_ref().map_or_else(|error| error.exit().code(), |_| 0);
    let noted = attempt.end(&Ended { ending, at: now(), seconds, exit_code });
    // What the attempt itself met matters more than its paperwork.
    let ending = outcome?;
    noted?;
    let told = Told {
        index: task.index,
        attempt: attempt.number,
        key: task.key.clone(),
        task: task.what.clone(),
        ending,
        seconds,
    };
    attempt.tidy_earlier()?;
    let text = format!("task {} {}, {}\n", told.index, in_words(&told.ending), studying::duration(seconds));
    Ok(Outcome::new("study-run-task", &told, text))
}

/// One attempt at work.
struct Work<'a> {
    about: &'a About,
    task: &'a PlannedTask,
    attempt: &'a Attempt,
    setting: &'a Setting,
    /// That all attempts share.
    store: &'a Store,
}

impl Work<'_> {
    fn do_it(
        &self,
        needs: &[String],
        config: lacuna_study::StudyConfig,
        context: &Context,
    ) -> Result<AttemptOutcome, CliError> {
        let key = &self.task.key;
        if self.store.record(key)?.is_some() {
            self.mend()?;
            return Ok(AttemptOutcome::Found);
        }
        for need in needs {
            if self.store.has_record(need)? {
                continue;
            }
            let path = self.store.record_path(need);
            let what = format!(
                "task {}: expected the record of what it needs, found none at {}; fix: try again when that task is done",
                self.task.index,
                path.display()
            );
            return Err(CliError::TryAgain { what });
        }
        let private = self.store.working_in(self.attempt.scratch());
        let study = studying::open_in("study", config, private.clone(), context)?;
        let study = match context.device_kind {
            DeviceKind::Cpu => study.with_tasks_named_as_on(self.about.named_device.clone()),
            _ => study,
        };
        let task = study.task(key, self.task.seed).ok_or_else(|| self.unknown())?;
        if let Some(number) = self.attempt.adopt(&Store::unfinished(key), key)? {
            let where_alike = "if this machine computes as that one did, and else begins anew";
            context.note(&format!("         goes on from the checkpoint of attempt {number}, {where_alike}"));
        }
        match study.result_of(&task, &mut Watch::new("study", context)).map_err(stopped)? {
            Some(record) => self.commit(&record, &private),
            None => Ok(AttemptOutcome::LeftOut),
        }
    }

    /// Make a record the task's, or compare it with the one that is.
    fn commit(&self, record: &Record, private: &Store) -> Result<AttemptOutcome, CliError> {
        let line = record.to_line();
        let offer = Offer { file: lacuna_disk::digest(&line), outcome: record.outcome() };
        self.attempt.offer(&offer)?;
        if self.store.write_record_new(record)? {
            private.publish_models()?;
            return Ok(AttemptOutcome::Committed);
        }
        let found = self.store.record(&record.key)?;
        let Some(first) = found else {
            let what = format!("{}: deleted meanwhile; fix: try again", self.store.record_path(&record.key).display());
            return Err(CliError::TryAgain { what });
        };
        if first.outcome() == offer.outcome {
            return Ok(AttemptOutcome::Same);
        }
        let winner = self.attempt.winner(&lacuna_disk::digest(&first.to_line()))?;
        let alike = winner.as_ref().is_some_and(|(_, _, setting)| setting.computes_like(self.setting));
        let apart = record.dice_apart(&first);
        match apart {
            Some(dice) if !alike && dice <= DICE_APART_MAX => Ok(AttemptOutcome::Near { dice }),
            _ => {
                let kept = Alarm::raise(self.attempt, &line)?.kept;
                let dice = apart.map_or("not comparable".to_string(), |dice| format!("mean Dice {dice:.4} apart"));
                let machines = match &winner {
                    Some((_, _, setting)) if !alike => {
                        format!("another {}", setting.differences(self.setting).join(" and "))
                    }
                    Some(_) => "the same binary, instruction set and device".to_string(),
                    None => "an unknown machine".to_string(),
                };
                let first = winner.map_or("unknown".to_string(), |(attempt, ..)| attempt.number.to_string());
                let (index, second) = (self.task.index, self.attempt.number);
                let found = format!("{dice}; {machines}");
                Err(LauncherError::NotRepeated { index, first, second, found, kept }.into())
            }
        }
    }

    /// The attempt that made the record was killed before its models were where all find them.
    fn mend(&self) -> Result<(), CliError> {
        let Some(file) = self.store.record_digest(&self.task.key)? else { return Ok(()) };
        if let Some((winner, ..)) = self.attempt.winner(&file)? {
            self.store.working_in(winner.scratch()).publish_models()?;
        }
        Ok(())
    }

    fn unknown(&self) -> CliError {
        let About { file, version, .. } = self.about;
        let what = format!(
            "task {}: expected it among the tasks of {}, planned with lacuna {version}, found others in lacuna {}; fix: the \
             scans, the initial weights or the program have changed: plan again",
            self.task.index,
            file.display(),
            env!("CARGO_PKG_VERSION")
        );
        CliError::Config { what }
    }
}

/// A stop is the scheduler's, which tries again.
fn stopped(error: StudyError) -> CliError {
    match error {
        StudyError::Train(TrainError::Interrupted { epochs_done }) => {
            let what = format!("stopped after epoch {epochs_done}; fix: the next attempt goes on from here");
            CliError::TryAgain { what }
        }
        error => error.into(),
    }
}

/// Where this process computes.
fn setting(context: &Context) -> Result<Setting, CliError> {
    let variables = JOB_VARIABLES.iter().chain(INDEX_VARIABLES);
    let job: BTreeMap<String, String> =
        variables.filter_map(|name| Some((name.to_string(), std::env::var(name).ok()?))).collect();
    let names = ["SLURMD_NODENAME", "HOSTNAME"].iter().find_map(|name| std::env::var(name).ok());
    let node =
        names.or_else(|| Some(lacuna_disk::read_text(Path::new("/etc/hostname"), 1 << 10).ok()?.trim().to_string()));
    let program =
        std::env::current_exe().map_err(|error| CliError::TryAgain { what: format!("this program: {error}") })?;
    Ok(Setting {
        version: env!("CARGO_PKG_VERSION").to_string(),
        binary: lacuna_disk::digest_file(&program)?,
        isa: isa::name(InstructionSet::chosen()).to_string(),
        device: device_identity(&context.device),
        threads: rayon::current_num_threads(),
        node,
        job,
    })
}

/// Finer than a second, so that the length of a study can be read off its attempts.
fn now() -> String {
    jiff::Timestamp::now().to_string()
}

fn in_words(ending: &AttemptOutcome) -> String {
    match ending {
        AttemptOutcome::Committed => "is recorded".to_string(),
        AttemptOutcome::Found => "was recorded before".to_string(),
        AttemptOutcome::Same => "was recorded meanwhile, with the same result".to_string(),
        AttemptOutcome::Near { dice } => {
            format!("was recorded meanwhile on a machine that rounds otherwise; mean Dice {dice:.4} apart")
        }
        AttemptOutcome::LeftOut => "is left out: its run diverged before that horizon".to_string(),
        AttemptOutcome::Mismatch | AttemptOutcome::Stopped | AttemptOutcome::Failed { .. } => {
            unreachable!("these are errors")
        }
    }
}
