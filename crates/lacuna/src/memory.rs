//! How much memory this process has used, where the system tells.

/// The most memory this process has held at once, in bytes; only Linux tells.
pub fn peak_bytes() -> Option<u64> {
    let table = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = table.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    let kib: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(kib * 1024)
}
