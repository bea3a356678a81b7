//! Memory of the machine and of this process, on Linux; unknown on other systems.

/// The bytes of memory that are available without swapping; `None` where the system does not state it.
pub(crate) fn available_bytes() -> Option<u64> {
    field("/proc/meminfo", "MemAvailable:")
}

/// The peak memory of this process in bytes; `None` where the system does not state it.
pub fn peak_bytes() -> Option<u64> {
    field("/proc/self/status", "VmHWM:")
}

/// The value in bytes of a line `NAME   123 kB` in one of the kernel's tables.
fn field(table: &str, name: &str) -> Option<u64> {
    let text = std::fs::read_to_string(table).ok()?;
    let line = text.lines().find_map(|line| line.strip_prefix(name))?;
    let kib: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(kib * 1024)
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;

    #[test]
    fn linux_tells_of_both() {
        assert!(available_bytes().unwrap() > 1 << 20);
        let before = peak_bytes().unwrap();
        let held = std::hint::black_box(vec![1u8; 64 << 20]);
        assert!(peak_bytes().unwrap() >= before.max(held.len() as u64));
    }
}
