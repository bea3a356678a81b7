//! The user's wish to stop.
//!
//! The first signal (Ctrl-C, or SIGTERM from a scheduler) asks running work to finish its step
//! and keep what it has; the second ends the process at once, which is safe too, since every file
//! is written whole or not at all.

use crate::exit::Exit;
use crate::output;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU8, Ordering};
use std::time::{Duration, Instant};

/// What a process ends with that is stopped at once.
static CODE: AtomicU8 = AtomicU8::new(Exit::Interrupted as u8);

/// When the user first wished to stop.
static FIRST: OnceLock<Instant> = OnceLock::new();

/// Signals this close together are one wish: `timeout` and schedulers send one to the process and
/// another to its group.
const ECHO: Duration = Duration::from_millis(500);

/// From now on, take signals as wishes.
pub fn catch() {
    outlive_limits();
    let caught = ctrlc::set_handler(|| match FIRST.get() {
        None => {
            FIRST.get_or_init(Instant::now);
            output::say("stopping after this step; once more stops at once");
        }
        Some(first) if first.elapsed() < ECHO => {}
        Some(_) => std::process::exit(CODE.load(Ordering::Relaxed).into()),
    });
    // Without a handler the first signal ends the process, as is usual elsewhere.
    if let Err(error) = caught {
        output::say(&format!("note: interrupts stop at once ({error})"));
    }
}

/// A write beyond the limit of file sizes (`ulimit -f`) fails as one on a full disk does, in place of ending the
/// process.
fn outlive_limits() {
    #[cfg(unix)]
    {
        use signal_hook::consts::SIGXFSZ;
        // The flag is not read: with a handler of whatever kind the write itself gives an error. Without one, the
        // process ends at such a write, as is usual elsewhere.
        let _ = signal_hook::flag::register(SIGXFSZ, Default::default());
    }
}

/// From now on, it is a scheduler that stops this process, and tries again what it was at.
pub fn means_try_again() {
    CODE.store(Exit::TryAgain.code(), Ordering::Relaxed);
}

/// Whether the user wants to stop.
pub fn requested() -> bool {
    FIRST.get().is_some()
}
