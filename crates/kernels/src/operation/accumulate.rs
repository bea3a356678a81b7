//! Gradients that several operations add up, in place.
//!
//! Where a tensor is read twice, as the input of a residual block is, two operations register a gradient for it. burn
//! then adds the two into a third tensor, voxel by voxel and in the slowest order of memory. Our operations remember
//! which gradients they registered; the second one takes the first one back and adds onto it.

use burn::backend::Flex;
use burn::backend::autodiff::NodeId;
use burn::backend::autodiff::grads::Gradients;
use std::cell::RefCell;
use std::collections::BTreeSet;

use super::memory::ChannelsLast;

thread_local! {
    /// Nodes whose gradient an operation of ours has registered and none has taken. A node's number is never given
    /// again, so one that a panic leaves behind does no harm.
    static REGISTERED: RefCell<BTreeSet<u64>> = const { RefCell::new(BTreeSet::new()) };
}

/// Registers the gradient of an operand.
pub(super) fn register(gradients: &mut Gradients, id: NodeId, gradient: ChannelsLast) {
    REGISTERED.with_borrow_mut(|registered| registered.insert(id.value));
    gradients.register::<Flex>(id, gradient.into_tensor());
}

/// Whether an operation of ours has registered a gradient that is still there; it is about to be taken.
pub(super) fn take(id: NodeId) -> bool {
    REGISTERED.with_borrow_mut(|registered| registered.remove(&id.value))
}
