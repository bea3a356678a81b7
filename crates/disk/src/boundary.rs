//! Places between one state of the disk and the next, where a trial can end the process or fill the disk.
//!
//! Without the feature `failpoints` there is nothing here. With it, `LACUNA_FAIL_AT=N` makes the N-th boundary that the
//! process comes to its last: it ends there without unwinding, as a kill or a power cut would end it, or with
//! `LACUNA_FAIL_HOW=full` the system says that no space is left, once. `cargo xtask crashes` counts N up until a command
//! gets through.

use std::io;

/// A boundary named by what comes next.
///
/// # Errors
/// What a full disk says, in a trial.
#[cfg(not(feature = "failpoints"))]
#[inline(always)]
pub fn boundary(_next: &'static str) -> io::Result<()> {
    Ok(())
}

/// A boundary named by what comes next.
///
/// # Errors
/// What a full disk says, in a trial.
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
    // The one line that a trial needs to say where it was; no build that people use has it.
    let _ = io::Write::write_all(&mut io::stderr(), format!("failed before: {next}\n").as_bytes());
    if std::env::var_os("LACUNA_FAIL_HOW").is_some_and(|how| how == "full") {
        return Err(io::Error::new(io::ErrorKind::StorageFull, "no space left on device, in a trial"));
    }
    std::process::abort()
}
