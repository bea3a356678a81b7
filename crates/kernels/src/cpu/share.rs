//! One output vector, written by many tasks at disjoint places.

use std::marker::PhantomData;

/// A vector of `length` elements that `fill` writes, without zeroing it first: a weight of 28 MB is worth it.
///
/// # Safety
/// `fill` must write every element, through the addresses that [`Shared::at`] gives.
pub(crate) unsafe fn filled(length: usize, fill: impl FnOnce(Shared)) -> Vec<f32> {
    let mut elements = Vec::with_capacity(length);
    fill(Shared { start: elements.as_mut_ptr(), length, borrow: PhantomData });
    // SAFETY: the capacity is there and the caller promises that every element was written.
    unsafe { elements.set_len(length) };
    elements
}

/// Memory that tasks share on the promise that no element is touched by two of them.
#[derive(Clone, Copy)]
pub(crate) struct Shared<'a> {
    start: *mut f32,
    length: usize,
    borrow: PhantomData<&'a mut [f32]>,
}

// SAFETY: `Shared` only hands out addresses; writing through them is `unsafe` and carries the promise of disjointness.
unsafe impl Send for Shared<'_> {}
// SAFETY: as above.
unsafe impl Sync for Shared<'_> {}

impl<'a> Shared<'a> {
    pub(crate) fn new(elements: &'a mut [f32]) -> Self {
        Self { start: elements.as_mut_ptr(), length: elements.len(), borrow: PhantomData }
    }

    /// The address of `length` elements from `offset` on.
    ///
    /// # Safety
    /// While the address is in use, no other task may touch these elements.
    #[inline(always)]
    pub(crate) unsafe fn at(self, offset: usize, length: usize) -> *mut f32 {
        assert!(offset + length <= self.length, "an output block must lie inside the output");
        // SAFETY: the range lies inside the vector by the check.
        unsafe { self.start.add(offset) }
    }
}
