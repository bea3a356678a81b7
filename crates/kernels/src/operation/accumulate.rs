//! Accumulation of gradients from several operations, in place.
//!
//! If a tensor is read twice, as the input of a residual block is, two operations register a gradient for it. burn then
//! adds the two into a third tensor, voxel by voxel and in the slowest order of memory. lacuna's operations record
//! which gradients they registered; the second operation takes the first one's gradient out and adds to it.

use burn::backend::Flex;
use burn::backend::autodiff::NodeId;
use burn::backend::autodiff::grads::Gradients;
use std::cell::RefCell;
use std::collections::BTreeSet;

use super::memory::ChannelsLast;

thread_local! {
    /// The nodes with a gradient that one of lacuna's operations has registered and that has not been taken. Numbers of
    /// nodes are never reused, so one that remains after a panic has no effect.
    static REGISTERED: RefCell<BTreeSet<u64>> = const { RefCell::new(BTreeSet::new()) };
}

/// Registers the gradient of an operand.
pub(super) fn register(gradients: &mut Gradients, id: NodeId, gradient: ChannelsLast) {
    REGISTERED.with_borrow_mut(|registered| registered.insert(id.value));
    gradients.register::<Flex>(id, gradient.into_tensor());
}

/// Returns whether a gradient registered by one of lacuna's operations is present, and removes the record; the caller
/// takes the gradient.
pub(super) fn take(id: NodeId) -> bool {
    REGISTERED.with_borrow_mut(|registered| registered.remove(&id.value))
}
