//! A tensor of a file, as a view of a storage.

use crate::Element;
use crate::error::Fault;
use std::borrow::Cow;
use std::ops::Range;

/// The largest number of axes of a tensor.
const RANK_MAX: usize = 16;

/// The largest number of elements of a tensor beyond those of its storage, as expanded tensors have.
const EXPANDED_MAX: usize = 1 << 16;

/// The position of a tensor's elements. Element `(i, j, …)` is number `offset + i strides[0] + j strides[1] + …` of the
/// storage.
///
/// Invariant after [`View::checked`]: every element lies in the storage, and the storage in the file.
#[derive(Clone, Debug)]
pub(crate) struct View {
    pub element: Element,
    pub shape: Vec<usize>,
    pub strides: Vec<usize>,
    pub offset: usize,
    /// The byte range of the storage in the file.
    pub storage: Range<usize>,
}

impl View {
    /// Creates a view of a whole storage, last axis fastest.
    pub fn contiguous(element: Element, shape: Vec<usize>, storage: Range<usize>) -> View {
        let strides = row_major(&shape);
        View { element, shape, strides, offset: 0, storage }
    }

    /// Returns the view unchanged if it lies within its storage; `location` names it in errors.
    pub fn checked(self, location: &str) -> Result<View, Fault> {
        let (rank, held) = (self.shape.len(), self.storage.len() / self.element.bytes());
        if rank > RANK_MAX || self.strides.len() != rank {
            let expected = format!("at most {RANK_MAX} axes with a stride each");
            return Err(Fault::damaged(location, expected, format!("{rank} axes and {} strides", self.strides.len())));
        }
        let reach = self.reach().filter(|&reach| reach <= held);
        let count = self.shape.iter().try_fold(1usize, |count, &size| count.checked_mul(size));
        let (Some(_), Some(count)) = (reach, count) else {
            let expected = format!("a view of the {held} elements of its storage");
            let found = format!("shape {:?}, strides {:?}, offset {}", self.shape, self.strides, self.offset);
            return Err(Fault::damaged(location, expected, found));
        };
        if count > held.max(EXPANDED_MAX) {
            let expected = format!("at most {} elements on a storage of {held}", held.max(EXPANDED_MAX));
            return Err(Fault::foreign(location, expected, format!("{count} of an expanded tensor")));
        }
        Ok(self)
    }

    /// Returns the number of elements of the storage that are needed; `None` if it overflows.
    fn reach(&self) -> Option<usize> {
        if self.shape.contains(&0) {
            return Some(0);
        }
        let farthest = self.shape.iter().zip(&self.strides);
        let last = farthest.map(|(&size, &stride)| (size - 1).checked_mul(stride));
        last.into_iter().try_fold(self.offset, |sum, step| sum.checked_add(step?))?.checked_add(1)
    }
}

/// One tensor of a file.
#[derive(Clone, Copy, Debug)]
pub struct Tensor<'a> {
    pub(crate) view: &'a View,
    /// The bytes of the whole file.
    pub(crate) file: &'a [u8],
}

impl<'a> Tensor<'a> {
    /// Returns the type of its elements.
    pub fn element(&self) -> Element {
        self.view.element
    }

    /// Returns its size along each axis; empty for a scalar.
    pub fn shape(&self) -> &'a [usize] {
        &self.view.shape
    }

    /// Returns the number of elements.
    pub fn len(&self) -> usize {
        self.view.shape.iter().product()
    }

    /// Returns whether it has no elements.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Returns its bytes in row-major order, each element little-endian.
    pub fn to_bytes(&self) -> Cow<'a, [u8]> {
        let (view, width) = (self.view, self.view.element.bytes());
        let storage = &self.file[view.storage.clone()];
        if self.is_empty() {
            return Cow::Borrowed(&[]);
        }
        if view.strides == row_major(&view.shape) {
            let from = view.offset * width;
            return Cow::Borrowed(&storage[from..from + self.len() * width]);
        }
        let mut bytes = Vec::with_capacity(self.len() * width);
        for_each_element(view, |element| bytes.extend_from_slice(&storage[element * width..(element + 1) * width]));
        Cow::Owned(bytes)
    }

    /// Returns its elements in row-major order, each as the nearest `f32`.
    pub fn to_f32(&self) -> Vec<f32> {
        let element = self.view.element;
        self.to_bytes().chunks_exact(element.bytes()).map(|bytes| element.to_f32(bytes)).collect()
    }
}

/// Returns the strides of an array whose last axis is fastest.
pub(crate) fn row_major(shape: &[usize]) -> Vec<usize> {
    let mut strides = vec![1usize; shape.len()];
    for axis in (1..shape.len()).rev() {
        // Sizes of a checked view do not overflow; for others the product is only compared.
        strides[axis - 1] = strides[axis].saturating_mul(shape[axis]);
    }
    strides
}

/// Calls a function with the index in the storage of each element, in row-major order.
fn for_each_element(view: &View, mut visit: impl FnMut(usize)) {
    let mut index = vec![0; view.shape.len()];
    let mut at = view.offset;
    loop {
        visit(at);
        let mut axis = view.shape.len();
        loop {
            let Some(next) = axis.checked_sub(1) else { return };
            axis = next;
            if index[axis] + 1 < view.shape[axis] {
                index[axis] += 1;
                at += view.strides[axis];
                break;
            }
            at -= index[axis] * view.strides[axis];
            index[axis] = 0;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn view(shape: &[usize], strides: &[usize], offset: usize, held: usize) -> View {
        View { element: Element::U8, shape: shape.to_vec(), strides: strides.to_vec(), offset, storage: 0..held }
    }

    #[track_caller]
    fn check(view: View, expected: &[f32]) {
        let file: Vec<u8> = (0..100).collect();
        let view = view.checked("test").unwrap();
        assert_eq!(Tensor { view: &view, file: &file }.to_f32(), expected);
    }

    #[test]
    fn views_are_read_in_row_major_order() {
        check(view(&[2, 3], &[3, 1], 0, 6), &[0.0, 1.0, 2.0, 3.0, 4.0, 5.0]);
        // The transpose of the same matrix.
        check(view(&[3, 2], &[1, 3], 0, 6), &[0.0, 3.0, 1.0, 4.0, 2.0, 5.0]);
        // Every second column, from the first.
        check(view(&[2, 2], &[4, 2], 1, 8), &[1.0, 3.0, 5.0, 7.0]);
        // One number for all elements.
        check(view(&[3], &[0], 4, 5), &[4.0, 4.0, 4.0]);
        check(view(&[], &[], 7, 8), &[7.0]);
        check(view(&[0, 5], &[5, 1], 3, 0), &[]);
    }

    #[test]
    fn a_view_beyond_its_storage_is_refused() {
        for beyond in [
            view(&[2, 3], &[3, 1], 1, 6),
            view(&[3, 2], &[1, 4], 0, 6),
            view(&[usize::MAX, usize::MAX], &[1, 1], 0, 6),
            view(&[2], &[usize::MAX], 1, 6),
            view(&[2], &[1, 1], 0, 6),
            view(&[1; 17], &[1; 17], 0, 6),
            view(&[1 << 20, 1 << 20], &[0, 0], 0, 6),
        ] {
            beyond.checked("test").unwrap_err();
        }
    }

    proptest! {
        #[test]
        fn a_view_is_read_as_its_definition_says(
            axes in prop::collection::vec((0usize..4, 0usize..5), 0..4), offset in 0usize..9, held in 0usize..80)
        {
            let (shape, strides): (Vec<_>, Vec<_>) = axes.into_iter().unzip();
            let file: Vec<u8> = (0..100).collect();
            if let Ok(view) = view(&shape, &strides, offset, held).checked("test") {
                let values = Tensor { view: &view, file: &file }.to_f32();
                let count: usize = shape.iter().product();
                prop_assert_eq!(values.len(), count);
                for (number, &value) in values.iter().enumerate() {
                    let (mut rest, mut at) = (number, offset);
                    for axis in (0..shape.len()).rev() {
                        at += rest % shape[axis] * strides[axis];
                        rest /= shape[axis];
                    }
                    prop_assert_eq!(value, at as f32);
                }
            }
        }
    }
}
