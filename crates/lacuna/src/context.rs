//! The surroundings of a verb.

use crate::arguments::isa;
use crate::cli::Global;
use crate::config::absolute;
use crate::error::CliError;
use crate::interrupt;
use crate::output;
use crate::progress::ProgressMode;
use lacuna_artefacts::Site;
use lacuna_cohort::CaseCache;
use lacuna_kernels::InstructionSet;
use lacuna_nn::{Activations, Adapter, Device, DeviceKind};
use lacuna_study::Loading;
use std::path::{Path, PathBuf};

/// What the global options come to.
pub struct Context {
    /// Where networks compute.
    pub device: Device,
    /// Its name on the command line.
    pub device_kind: DeviceKind,
    /// The instruction set that was asked for, if one was.
    pub isa: Option<InstructionSet>,
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
    /// The global options that decide where and how a task computes, as another process is given them.
    pub passed_on: Vec<String>,
}

impl Context {
    /// Ready to run a verb: threads started, interrupts caught.
    pub fn new(global: &Global) -> Result<Context, CliError> {
        global.isa.map_or(Ok(()), isa::pin)?;
        let device = global.device.open()?;
        if let Some(threads) = global.threads {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads.get()).build_global();
            pool.map_err(|error| CliError::Device { what: format!("{threads} threads: {error}") })?;
        }
        interrupt::catch();
        let context = Context {
            device,
            device_kind: global.device,
            isa: global.isa,
            passed_on: passed_on(global),
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

    /// The folder of run folders with its secret key, under which registers name people; the key is drawn at the first use.
    ///
    /// # Errors
    /// A key that cannot be read or made.
    pub fn site(&self) -> Result<Site, CliError> {
        Ok(Site::open_or_create(&self.runs)?)
    }

    /// Remember folders outside the folder of runs in which all is lacuna's, such as a cache, a store or a plan, so that
    /// `lacuna trace` looks into them.
    ///
    /// # Errors
    /// A key that cannot be made, or a list that cannot be written.
    pub fn remember<'a>(&self, folders: impl IntoIterator<Item = &'a Path>) -> Result<(), CliError> {
        let runs = absolute(&self.runs);
        for folder in folders.into_iter().filter(|folder| !absolute(folder).starts_with(&runs)) {
            self.site()?.remember(folder, true)?;
        }
        Ok(())
    }

    /// Remember the cache, if there is one.
    ///
    /// # Errors
    /// As [`Context::remember`].
    pub fn remember_cache(&self) -> Result<(), CliError> {
        self.remember(self.loading.cache.as_ref().map(|cache| cache.folder()))
    }

    /// What people should know of a file before they rely on it.
    pub fn remark(&self, remarks: &[String]) {
        remarks.iter().for_each(|remark| self.note(&format!("note: {remark}")));
    }

    /// A line for people, unless they want quiet.
    pub fn note(&self, line: &str) {
        if !self.quiet {
            output::say(line);
        }
    }
}

fn passed_on(global: &Global) -> Vec<String> {
    let mut words = vec!["--device".to_string(), global.device.name().to_string()];
    let mut add = |name: &str, value: String| words.extend([name.to_string(), value]);
    if let Some(cache) = &global.cache {
        add("--cache", absolute(cache).display().to_string());
    }
    if let Some(gib) = global.data_memory {
        add("--data-memory", gib.to_string());
    }
    if global.recompute {
        words.push("--recompute".to_string());
    }
    words
}
