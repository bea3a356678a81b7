//! The cost of the graph: bytes that operations keep for gradients, and gradients that they compute.
//!
//! Freezing a layer saves nothing if its gradient is still computed and then discarded, which the results would not
//! show. So both are counted, for each thread, and tests of code that freezes layers read the counts.

use std::cell::Cell;

/// The counts of operations on this thread.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// The bytes of activations and weights that operations kept.
    pub kept_bytes: usize,
    /// The number of gradients of kernels, biases, scales and shifts.
    pub weight_gradients: usize,
    /// The number of gradients of inputs and residuals.
    pub input_gradients: usize,
}

thread_local! {
    static TALLY: Cell<Tally> = const { Cell::new(Tally { kept_bytes: 0, weight_gradients: 0, input_gradients: 0 }) };
}

/// Returns the counts since the last call, and resets them.
pub fn take_tally() -> Tally {
    TALLY.take()
}

pub(super) fn keep(elements: usize) {
    let tally = TALLY.get();
    TALLY.set(Tally { kept_bytes: tally.kept_bytes + size_of::<f32>() * elements, ..tally });
}

pub(super) fn weight_gradient() {
    let tally = TALLY.get();
    TALLY.set(Tally { weight_gradients: tally.weight_gradients + 1, ..tally });
}

pub(super) fn input_gradient() {
    let tally = TALLY.get();
    TALLY.set(Tally { input_gradients: tally.input_gradients + 1, ..tally });
}
