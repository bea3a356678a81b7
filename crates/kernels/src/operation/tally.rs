//! What the graph costs: bytes that operations keep for gradients, and gradients that they compute.
//!
//! Freezing a layer is worth nothing if its gradient is computed all the same and thrown away, and nobody would see it
//! in the results. So it is counted, by thread, and the tests of whoever freezes layers read the count.

use std::cell::Cell;

/// What operations on this thread did for gradients.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// Bytes of activations and weights that operations kept.
    pub kept_bytes: usize,
    /// Gradients of kernels, biases, scales and shifts.
    pub weight_gradients: usize,
    /// Gradients of inputs and residuals.
    pub input_gradients: usize,
}

thread_local! {
    static TALLY: Cell<Tally> = const { Cell::new(Tally { kept_bytes: 0, weight_gradients: 0, input_gradients: 0 }) };
}

/// The count since it was last taken.
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
