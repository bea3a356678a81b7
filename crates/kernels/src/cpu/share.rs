//! An output vector that many tasks write at disjoint places.

use std::marker::PhantomData;

use rayon::prelude::*;

/// Returns a vector of `length` elements that `fill` writes, without zeroing it first, which takes a noticeable time
/// for a weight of 28 MB.
///
/// # Safety
/// `fill` must write every element, through the addresses that [`Shared::at`] returns.
pub(crate) unsafe fn filled(length: usize, fill: impl FnOnce(Shared)) -> Vec<f32> {
    let mut elements = Vec::with_capacity(length);
    fill(Shared { start: elements.as_mut_ptr(), length, borrow: PhantomData });
    // SAFETY: the capacity is allocated and the caller promises that every element was written.
    unsafe { elements.set_len(length) };
    elements
}

/// Returns a vector of `length` elements, of which each task writes `task_length` (the last one the rest).
///
/// `fill` receives the index of its first element and its zeroed elements. Each task zeroes its own, which loads them
/// into its core's cache, while `vec![0.0; length]` zeroes recycled memory on one core.
pub(crate) fn filled_by_tasks(length: usize, task_length: usize, fill: impl Fn(usize, &mut [f32]) + Sync) -> Vec<f32> {
    let tasks = |elements: Shared| {
        (0..length.div_ceil(task_length)).into_par_iter().for_each(|task| {
            let first = task * task_length;
            let count = task_length.min(length - first);
            // SAFETY: the elements from `first` on belong to this task alone, and are numbers before a slice is made of
            // them.
            let part = unsafe {
                let start = elements.at(first, count);
                start.write_bytes(0, count);
                std::slice::from_raw_parts_mut(start, count)
            };
            fill(first, part);
        });
    };
    // SAFETY: the tasks together write every element.
    unsafe { filled(length, tasks) }
}

/// Memory that tasks share; no element may be accessed by two of them.
#[derive(Clone, Copy)]
pub(crate) struct Shared<'a> {
    start: *mut f32,
    length: usize,
    borrow: PhantomData<&'a mut [f32]>,
}

// SAFETY: `Shared` only returns addresses; writing through them is `unsafe`, and its caller promises disjointness.
unsafe impl Send for Shared<'_> {}
// SAFETY: as above.
unsafe impl Sync for Shared<'_> {}

impl<'a> Shared<'a> {
    pub(crate) fn new(elements: &'a mut [f32]) -> Self {
        Self { start: elements.as_mut_ptr(), length: elements.len(), borrow: PhantomData }
    }

    /// Returns the address of `length` elements from `offset` on.
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
