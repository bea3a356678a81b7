//! What may stand on the command line before and behind a verb.

use crate::arguments::{device, isa};
use crate::command::Command;
use crate::exit;
use crate::progress::ProgressMode;
use clap::{Args, Parser};
use lacuna_kernels::InstructionSet;
use lacuna_nn::DeviceKind;
use std::num::NonZeroUsize;
use std::path::PathBuf;

/// Remove a person from a trained 3-D medical segmentation model, measure whether the person is
/// gone, keep the evidence.
#[derive(Parser)]
#[command(
    name = "lacuna",
    version,
    arg_required_else_help = true,
    after_help = "Try `lacuna doctor` first; `lacuna help VERB` shows an example of each verb.",
    after_long_help = format!("Exit codes:\n{}", exit::list())
)]
pub struct Cli {
    /// What every verb understands.
    #[command(flatten)]
    pub global: Global,
    #[command(subcommand)]
    pub command: Command,
}

/// What every verb understands.
#[derive(Args)]
pub struct Global {
    /// Print the result as one JSON object with a versioned `schema`
    #[arg(long, global = true, help_heading = "Global options")]
    pub json: bool,
    /// Print nothing but the result and errors
    #[arg(long, short, global = true, help_heading = "Global options")]
    pub quiet: bool,
    /// Print pseudonyms in place of ids and paths, and errors by their kind alone; files are written as without it
    #[arg(long, global = true, env = "LACUNA_REDACT", help_heading = "Global options")]
    pub redact: bool,
    /// How progress is shown on standard error
    #[arg(
        long,
        global = true,
        value_enum,
        default_value = "auto",
        env = "LACUNA_PROGRESS",
        value_name = "HOW",
        help_heading = "Global options"
    )]
    pub progress: ProgressMode,
    /// The folder of all run folders
    #[arg(
        long,
        global = true,
        default_value = "runs",
        env = "LACUNA_RUNS",
        value_name = "DIR",
        help_heading = "Global options"
    )]
    pub runs: PathBuf,
    /// A folder to keep prepared scans in, for later runs on the same files; see `lacuna doctor` [default: none]
    #[arg(long, global = true, env = "LACUNA_CACHE", value_name = "DIR", help_heading = "Global options")]
    pub cache: Option<PathBuf>,
    /// Memory for prepared scans, in GiB; scans beyond it are read again while the network computes. Results do not
    /// depend on it [default: half of what is available]
    #[arg(long, global = true, value_parser = gib, value_name = "GIB", help_heading = "Global options")]
    pub data_memory: Option<f64>,
    /// Training keeps no activations within the encoder's blocks and computes them again: less memory, more time.
    /// Results do not depend on it
    #[arg(long, global = true, help_heading = "Global options")]
    pub recompute: bool,
    /// Where to compute; `lacuna doctor` shows what is there
    #[arg(
        long,
        global = true,
        value_parser = device::parser(),
        default_value = "cpu",
        value_name = "DEVICE",
        help_heading = "Global options"
    )]
    pub device: DeviceKind,
    /// Compute with this instruction set of the processor, so that machines of several kinds give the same bytes: avx2
    /// and avx512 do, portable rounds otherwise [default: the best one that the machine has]
    #[arg(long, global = true, value_parser = isa::parser(), value_name = "SET", help_heading = "Global options")]
    pub isa: Option<InstructionSet>,
    /// Threads to compute with; all cores if unsaid. Results do not depend on it
    #[arg(
        long,
        global = true,
        env = "LACUNA_THREADS",
        value_parser = threads,
        value_name = "N",
        help_heading = "Global options"
    )]
    pub threads: Option<NonZeroUsize>,
}

/// More than any machine has cores for; each takes a stack, and thousands take minutes to start.
const THREADS_MAX: usize = 1024;

fn threads(text: &str) -> Result<NonZeroUsize, String> {
    let number = text.parse().ok().filter(|threads: &NonZeroUsize| threads.get() <= THREADS_MAX);
    number.ok_or_else(|| format!("expected a number of threads from 1 to {THREADS_MAX}, found `{text}`"))
}

fn gib(text: &str) -> Result<f64, String> {
    let number = text.parse().ok().filter(|gib: &f64| gib.is_finite() && *gib >= 0.0);
    number.ok_or_else(|| format!("expected a number of GiB from 0, found `{text}`"))
}
