//! The surroundings of a verb.

use crate::cli::Global;
use crate::error::CliError;
use crate::interrupt;
use crate::output;
use crate::progress::ProgressMode;
use lacuna_cohort::CaseCache;
use lacuna_nn::{Activations, Adapter, Device};
use lacuna_study::Loading;
use std::path::PathBuf;

/// What the global options come to.
pub struct Context {
    /// Where networks compute.
    pub device: Device,
    /// What stands behind the device, unless it is the CPU.
    pub adapter: Option<Adapter>,
    /// Whether training keeps activations or recomputes them.
    pub activations: Activations,
    /// How progress is shown; [`ProgressMode::None`] if the user wants quiet.
    pub progress: ProgressMode,
    /// Whether nothing but results and errors is printed.
    pub quiet: bool,
    /// The folder of all run folders.
    pub runs: PathBuf,
    /// Where prepared scans are kept.
    pub loading: Loading,
}

impl Context {
    /// Ready to run a verb: threads started, interrupts caught.
    pub fn new(global: &Global) -> Result<Context, CliError> {
        let device = global.device.open()?;
        if let Some(threads) = global.threads {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads.get()).build_global();
            pool.map_err(|error| CliError::Device { what: format!("{threads} threads: {error}") })?;
        }
        interrupt::catch();
        let context = Context {
            device,
            adapter: global.device.adapters().into_iter().next(),
            activations: if global.recompute { Activations::Recomputed } else { Activations::Kept },
            progress: if global.quiet { ProgressMode::None } else { global.progress },
            quiet: global.quiet,
            runs: global.runs.clone(),
            loading: Loading {
                cache: global.cache.as_ref().map(CaseCache::at),
                memory_bytes_max: global.data_memory.map(|gib| (gib * f64::from(1 << 30)) as u64),
            },
        };
        if let Some(adapter) = context.adapter.iter().find(|adapter| adapter.software) {
            context.note(&format!("note     {} is a program on the CPU; --device cpu is faster", adapter.name));
        }
        Ok(context)
    }

    /// A line for people, unless they want quiet.
    pub fn note(&self, line: &str) {
        if !self.quiet {
            output::say(line);
        }
    }
}
