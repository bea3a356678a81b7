//! One output slice, written by many tasks at disjoint places.

use std::marker::PhantomData;

/// A mutable slice that tasks share on the promise that no element is touched by two of them.
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
    pub(crate) fn new(slice: &'a mut [f32]) -> Self {
        Self { start: slice.as_mut_ptr(), length: slice.len(), borrow: PhantomData }
    }

    /// The address of `length` elements from `offset` on.
    ///
    /// # Safety
    /// While the address is in use, no other task may touch these elements.
    #[inline(always)]
    pub(crate) unsafe fn at(self, offset: usize, length: usize) -> *mut f32 {
        debug_assert!(offset + length <= self.length, "an output block must lie inside the output");
        // SAFETY: the range lies inside the slice by the law above, which the plans keep by construction.
        unsafe { self.start.add(offset) }
    }

    /// The elements `offset..offset + length` as a slice.
    ///
    /// # Safety
    /// As for [`Shared::at`].
    #[inline(always)]
    pub(crate) unsafe fn slice(self, offset: usize, length: usize) -> &'a mut [f32] {
        assert!(offset + length <= self.length, "an output block must lie inside the output");
        // SAFETY: in range by the check, exclusive by the caller's promise.
        unsafe { std::slice::from_raw_parts_mut(self.start.add(offset), length) }
    }
}
