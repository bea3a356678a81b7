//! What networks are really shown outside the training loop, counted in tests beside the passes that are stated.
//!
//! Every place that shows a volume to a network before the first step says so here; a test compares the sum with
//! [`preparation_passes`](crate::preparation_passes). Outside tests nothing is counted.

use lacuna_train::Passes;

#[cfg(test)]
thread_local! {
    static SEEN: std::cell::Cell<Passes> = const { std::cell::Cell::new(Passes { training: 0, teacher: 0 }) };
}

/// A network was shown so many volumes.
#[cfg(test)]
pub(crate) fn saw(passes: Passes) {
    SEEN.with(|seen| {
        let mut sum = seen.get();
        sum += passes;
        seen.set(sum);
    });
}

/// A network was shown so many volumes.
#[cfg(not(test))]
pub(crate) fn saw(_passes: Passes) {}

/// What this thread has counted since it was last asked.
#[cfg(test)]
pub(crate) fn take() -> Passes {
    SEEN.with(std::cell::Cell::take)
}
