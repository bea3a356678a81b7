//! Points between two states of the disk at which a test can end the process or simulate a full disk.
//!
//! Without the feature `failpoints` they do nothing. With it, `LACUNA_FAIL_AT=N` makes the process fail at the N-th
//! boundary that it reaches: it ends there without unwinding, as after a kill or a power cut, or with
//! `LACUNA_FAIL_HOW=full` it receives one "no space left" error. `cargo xtask crashes` increases N until a command
//! succeeds.

use std::io;

/// Marks a boundary before the step named `_next`; does nothing without the feature `failpoints`.
///
/// # Errors
/// None; the type is that of the version with `failpoints`.
#[cfg(not(feature = "failpoints"))]
#[inline(always)]
pub fn boundary(_next: &'static str) -> io::Result<()> {
    Ok(())
}

/// Marks a boundary before the step named `next`.
///
/// # Errors
/// [`io::ErrorKind::StorageFull`] if the test simulates a full disk at this boundary.
#[cfg(feature = "failpoints")]
pub fn boundary(next: &'static str) -> io::Result<()> {
    use std::sync::atomic::{AtomicU64, Ordering};
    static PASSED: AtomicU64 = AtomicU64::new(0);
    let Some(fail_at) = std::env::var("LACUNA_FAIL_AT").ok().and_then(|text| text.parse::<u64>().ok()) else {
        return Ok(());
    };
    if PASSED.fetch_add(1, Ordering::SeqCst) + 1 != fail_at {
        return Ok(());
    }
    // Reports the boundary for the test; release builds do not contain this line.
    let _ = io::Write::write_all(&mut io::stderr(), format!("failed before: {next}\n").as_bytes());
    if std::env::var_os("LACUNA_FAIL_HOW").is_some_and(|how| how == "full") {
        return Err(io::Error::new(io::ErrorKind::StorageFull, "no space left on device, in a trial"));
    }
    std::process::abort()
}
