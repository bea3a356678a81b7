//! `lacuna doctor`: what this machine and this build can do.

use crate::confine::Confinement;
use crate::context::Context;
use crate::error::CliError;
use crate::output::Outcome;
use crate::studying::Folders;
use crate::text_table::named;
use clap::Args;
use lacuna_cohort::{CacheUsage, CaseCache};
use lacuna_nn::{Adapter, DEVICE_KINDS, DeviceKind};
use lacuna_objects::Address;
use serde::Serialize;
use std::fs;
use std::path::PathBuf;

/// The tensor library's version, as the workspace pins it (a test compares the two).
pub const BURN_VERSION: &str = "0.22.1";

/// Show devices, cores, memory and versions
#[derive(Args)]
#[command(after_help = "Example:\n  lacuna doctor")]
pub struct Arguments {}

#[derive(Serialize)]
struct Report {
    lacuna: &'static str,
    burn: &'static str,
    build: &'static str,
    /// What `--device` takes in this build.
    devices: Vec<&'static str>,
    graphics: Vec<Graphics>,
    platform: String,
    threads: usize,
    instruction_sets: Vec<&'static str>,
    memory_bytes: Option<u64>,
    memory_available_bytes: Option<u64>,
    memory_limit_bytes: Option<u64>,
    /// What the kernel refuses to verbs that only read.
    confinement: Confinement,
    cache: Option<Cache>,
    folders: Locations,
}

/// Where files go unless a flag says otherwise.
#[derive(Serialize)]
struct Locations {
    #[serde(serialize_with = "lacuna_artefacts::portable::path")]
    runs: PathBuf,
    records: String,
    models: String,
    /// The ledger of `LACUNA_LEDGER`.
    ledger: Option<String>,
}

/// Where prepared scans are kept, and how many.
#[derive(Serialize)]
struct Cache {
    #[serde(serialize_with = "lacuna_artefacts::portable::path")]
    folder: PathBuf,
    scans: u64,
    bytes: u64,
}

/// What this machine has for one of the devices that compute on a graphics processor.
#[derive(Serialize)]
struct Graphics {
    device: &'static str,
    adapters: Vec<Adapter>,
}

/// Look, and change nothing.
pub fn run(_: &Arguments, context: &Context) -> Result<Outcome, CliError> {
    let report = Report {
        lacuna: env!("CARGO_PKG_VERSION"),
        burn: BURN_VERSION,
        build: if cfg!(debug_assertions) { "debug: training is many times slower than in release" } else { "release" },
        devices: DEVICE_KINDS.into_iter().filter(|kind| kind.is_built()).map(DeviceKind::name).collect(),
        graphics: graphics(),
        platform: format!("{} {}", std::env::consts::OS, std::env::consts::ARCH),
        threads: rayon::current_num_threads(),
        instruction_sets: instruction_sets(),
        memory_bytes: memory("MemTotal:"),
        memory_available_bytes: memory("MemAvailable:"),
        memory_limit_bytes: memory_limit(),
        confinement: crate::confine::offered(),
        cache: context.loading.cache.as_ref().map(cache).transpose()?,
        folders: locations(context),
    };
    let text = text(&report);
    Ok(Outcome::new("doctor", &report, text))
}

fn text(report: &Report) -> String {
    let mut lines = vec![
        ("lacuna", format!("{} ({})", report.lacuna, report.build)),
        ("burn", report.burn.to_string()),
        ("devices", report.devices.join(", ")),
    ];
    lines.extend(gpu(&report.graphics).into_iter().map(|line| ("gpu", line)));
    lines.extend([
        ("platform", report.platform.clone()),
        ("threads", report.threads.to_string()),
        ("vectors", or_none(&report.instruction_sets)),
        (
            "memory",
            format!(
                "{} in all, {} available, {}",
                gib(report.memory_bytes),
                gib(report.memory_available_bytes),
                report.memory_limit_bytes.map_or("no limit on this process group".to_string(), |limit| {
                    format!("limited to {} for this process group", gib(Some(limit)))
                })
            ),
        ),
        ("confined", report.confinement.in_words().to_string()),
        (
            "cache",
            report.cache.as_ref().map_or("none: --cache DIR or LACUNA_CACHE names a folder".to_string(), in_words),
        ),
    ]);
    let Locations { runs, records, models, ledger } = &report.folders;
    lines.extend([
        ("runs", runs.display().to_string()),
        ("records", records.clone()),
        ("models", models.clone()),
        ("ledger", ledger.clone().unwrap_or_else(|| "none: --ledger FILE or LACUNA_LEDGER names one".to_string())),
    ]);
    named(&lines)
}

fn locations(context: &Context) -> Locations {
    let set = |name: &str| std::env::var(name).ok().filter(|value| !value.is_empty());
    let address = |name: &str| set(name).map(Address::from);
    let folders = Folders::or_below_runs(&address("LACUNA_RECORDS"), &address("LACUNA_MODELS"), context);
    let (records, models) = (folders.records.to_string(), folders.models.to_string());
    let ledger = set("LACUNA_LEDGER");
    crate::redact::hide([&records, &models].into_iter().chain(&ledger).map(String::as_str));
    Locations { runs: context.runs.clone(), records, models, ledger }
}

fn graphics() -> Vec<Graphics> {
    let kinds = DEVICE_KINDS.into_iter().filter(|&kind| kind != DeviceKind::Cpu && kind.is_built());
    kinds.map(|kind| Graphics { device: kind.name(), adapters: kind.adapters() }).collect()
}

/// Bytes of memory of this machine, where it tells.
pub fn memory_in_all() -> Option<u64> {
    memory("MemTotal:")
}

/// One adapter a line, each after the device that reaches it; the first of a device is the one that it uses.
fn gpu(graphics: &[Graphics]) -> Vec<String> {
    if graphics.is_empty() {
        return vec!["none: this build computes on the CPU alone".to_string()];
    }
    let lines = graphics.iter().flat_map(|Graphics { device, adapters }| match adapters.as_slice() {
        [] => vec![format!("{device}: no adapter found")],
        adapters => adapters.iter().map(|adapter| format!("{device}: {}", described(adapter))).collect(),
    });
    lines.collect()
}

fn described(adapter: &Adapter) -> String {
    let driver = adapter.driver.as_ref().map_or(String::new(), |driver| format!(", driver {driver}"));
    let software = if adapter.software { ", software: slower than --device cpu" } else { "" };
    format!("{}{driver}{software}", adapter.name)
}

fn cache(cache: &CaseCache) -> Result<Cache, CliError> {
    let CacheUsage { entries, bytes } = cache.usage()?;
    Ok(Cache { folder: cache.folder().to_path_buf(), scans: entries, bytes })
}

fn in_words(Cache { folder, scans, bytes }: &Cache) -> String {
    let mib = *bytes as f64 / f64::from(1 << 20);
    format!("{}: {scans} prepared scans, {mib:.1} MiB; may be deleted", folder.display())
}

fn or_none(names: &[&str]) -> String {
    if names.is_empty() { "none that lacuna uses".to_string() } else { names.join(", ") }
}

fn gib(bytes: Option<u64>) -> String {
    bytes.map_or("unknown".to_string(), |bytes| format!("{:.1} GiB", bytes as f64 / (1u64 << 30) as f64))
}

#[cfg(target_arch = "x86_64")]
fn instruction_sets() -> Vec<&'static str> {
    let found = [
        ("avx", is_x86_feature_detected!("avx")),
        ("avx2", is_x86_feature_detected!("avx2")),
        ("fma", is_x86_feature_detected!("fma")),
        ("avx512f", is_x86_feature_detected!("avx512f")),
    ];
    found.into_iter().filter(|(_, present)| *present).map(|(name, _)| name).collect()
}

#[cfg(target_arch = "aarch64")]
fn instruction_sets() -> Vec<&'static str> {
    vec!["neon"]
}

#[cfg(not(any(target_arch = "x86_64", target_arch = "aarch64")))]
fn instruction_sets() -> Vec<&'static str> {
    Vec::new()
}

/// A line of Linux's memory table; elsewhere unknown.
fn memory(name: &str) -> Option<u64> {
    let table = fs::read_to_string("/proc/meminfo").ok()?;
    let line = table.lines().find_map(|line| line.strip_prefix(name))?;
    let kib: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(kib * 1024)
}

/// What a container or a scheduler allows, where it says so the way Linux does.
fn memory_limit() -> Option<u64> {
    fs::read_to_string("/sys/fs/cgroup/memory.max").ok()?.trim().parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_adapter_has_a_line_with_its_driver() {
        let adapter = |name: &str, driver: Option<&str>, software| Adapter {
            name: name.to_string(),
            driver: driver.map(str::to_string),
            software,
        };
        let adapters = vec![adapter("Radeon", Some("Mesa 25"), false), adapter("llvmpipe", None, true)];
        let found = [Graphics { device: "vulkan", adapters }, Graphics { device: "cuda", adapters: Vec::new() }];
        let expected = [
            "vulkan: Radeon, driver Mesa 25",
            "vulkan: llvmpipe, software: slower than --device cpu",
            "cuda: no adapter found",
        ];
        assert_eq!(gpu(&found), expected);
        assert_eq!(gpu(&[]), ["none: this build computes on the CPU alone"]);
    }

    #[test]
    fn the_version_told_is_the_version_pinned() {
        let workspace = include_str!("../../../../Cargo.toml");
        assert!(workspace.contains(&format!("burn = {{ version = \"={BURN_VERSION}\"")));
    }
}
