//! A tensor that is to be written to a file.

use crate::Element;

/// A tensor's elements in row-major order.
#[derive(Clone, Debug, PartialEq)]
pub struct Array {
    pub(crate) element: Element,
    pub(crate) shape: Vec<usize>,
    pub(crate) bytes: Vec<u8>,
}

impl Array {
    /// Creates an array from its bytes, each element little-endian.
    ///
    /// # Panics
    /// If the number of bytes is not that of the shape.
    pub fn new(element: Element, shape: Vec<usize>, bytes: Vec<u8>) -> Array {
        let expected = shape.iter().product::<usize>() * element.bytes();
        assert_eq!(bytes.len(), expected, "an array has the bytes of its shape");
        Array { element, shape, bytes }
    }

    /// Creates an array of `f32`.
    ///
    /// # Panics
    /// If `values` does not have as many values as the shape has elements.
    pub fn of_f32(shape: Vec<usize>, values: &[f32]) -> Array {
        Array::new(Element::F32, shape, values.iter().flat_map(|value| value.to_le_bytes()).collect())
    }

    /// Returns the number of elements.
    pub fn len(&self) -> usize {
        self.bytes.len() / self.element.bytes()
    }

    /// Returns whether it has no elements.
    pub fn is_empty(&self) -> bool {
        self.bytes.is_empty()
    }
}
