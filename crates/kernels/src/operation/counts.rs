//! The cost of the graph: bytes that operations keep for gradients, and gradients that they compute.
//!
//! Freezing a layer saves nothing if its gradient is still computed and then discarded, which the results would not
//! show. So both are counted, for each thread, and tests of code that freezes layers read the counts.

use std::cell::Cell;

/// The counts of operations on this thread.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct OperationCounts {
    /// The bytes of activations and weights that operations kept.
    pub kept_bytes: usize,
    /// The number of gradients of kernels, biases, scales and shifts.
    pub weight_gradients: usize,
    /// The number of gradients of inputs and residuals.
    pub input_gradients: usize,
}

thread_local! {
    static COUNTS: Cell<OperationCounts> = const { Cell::new(OperationCounts { kept_bytes: 0, weight_gradients: 0, input_gradients: 0 }) };
}

/// Returns the counts since the last call, and resets them.
pub fn take_operation_counts() -> OperationCounts {
    COUNTS.take()
}

pub(super) fn keep(elements: usize) {
    let counts = COUNTS.get();
    COUNTS.set(OperationCounts { kept_bytes: counts.kept_bytes + size_of::<f32>() * elements, ..counts });
}

pub(super) fn weight_gradient() {
    let counts = COUNTS.get();
    COUNTS.set(OperationCounts { weight_gradients: counts.weight_gradients + 1, ..counts });
}

pub(super) fn input_gradient() {
    let counts = COUNTS.get();
    COUNTS.set(OperationCounts { input_gradients: counts.input_gradients + 1, ..counts });
}
