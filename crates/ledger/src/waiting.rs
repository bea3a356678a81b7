//! Waiting for other processes that hold a ledger or its keys.

use crate::digest::random;
use std::time::Duration;

/// How long to retry while other processes hold the ledger.
pub const PATIENCE: Duration = Duration::from_secs(60);

/// A random pause, so that waiting processes retry at different times.
pub fn pause() -> Duration {
    Duration::from_millis(5 + u64::from(random::<1>()[0]) / 4)
}
