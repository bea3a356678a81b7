//! The user's wish to stop.
//!
//! The first signal (Ctrl-C, or SIGTERM from a scheduler) asks running work to finish its step
//! and keep what it has; the second ends the process at once, which is safe too, since every file
//! is written whole or not at all.

use crate::exit::Exit;
use crate::output;
use std::sync::atomic::{AtomicBool, Ordering};

static REQUESTED: AtomicBool = AtomicBool::new(false);

/// From now on, take signals as wishes.
pub fn catch() {
    let caught = ctrlc::set_handler(|| {
        if REQUESTED.swap(true, Ordering::SeqCst) {
            std::process::exit(Exit::Interrupted.code().into());
        }
        output::say("stopping after this step; once more stops at once");
    });
    // Without a handler the first signal ends the process, as is usual elsewhere.
    if let Err(error) = caught {
        output::say(&format!("note: interrupts stop at once ({error})"));
    }
}

/// Whether the user wants to stop.
pub fn requested() -> bool {
    REQUESTED.load(Ordering::SeqCst)
}
