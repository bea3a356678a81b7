//! The named tensors of a network.

use crate::memory_order::{to_memory_order, to_row_major};
use burn::tensor::{Device, Tensor, TensorData};
use std::collections::BTreeMap;

/// Whether a tensor is trained by the optimiser or observed by BatchNorm.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// A weight or bias, which the optimiser may change.
    Weight,
    /// A running mean or variance, or another value that the optimiser does not change.
    Statistic,
}

/// One named tensor, stored flat with its shape.
///
/// Flat, because optimisers, masks and distances treat all tensors alike; the layers that read a tensor reshape it,
/// which copies nothing.
#[derive(Clone, Debug)]
pub struct Parameter {
    /// Its shape in PyTorch's axis order, for convolutions `[C_out, C_in, kD, kH, kW]`.
    pub shape: Vec<usize>,
    /// Whether it is a weight or a statistic.
    pub role: Role,
    /// Its values in the memory layout ([`to_memory_order`]), never on an autodiff device.
    pub values: Tensor<1>,
}

impl Parameter {
    /// Creates a parameter from values in row-major order.
    ///
    /// # Panics
    /// If `values` does not have as many values as the shape has elements.
    pub fn new(shape: Vec<usize>, role: Role, values: Vec<f32>, device: &Device) -> Parameter {
        assert_eq!(shape.iter().product::<usize>(), values.len(), "a tensor has one value per element of its shape");
        let count = values.len();
        let values = to_memory_order(&shape, values);
        Parameter { shape, role, values: Tensor::from_data(TensorData::new(values, [count]), device) }
    }

    /// Returns the values on the host, row-major.
    pub fn to_vec(&self) -> Vec<f32> {
        to_row_major(&self.shape, values_of(self.values.clone()))
    }

    /// Returns the number of elements.
    pub fn len(&self) -> usize {
        self.shape.iter().product()
    }

    /// Returns whether it has no elements.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

/// The named tensors of one network, ordered by name.
#[derive(Clone, Debug, Default)]
pub struct Parameters(BTreeMap<String, Parameter>);

impl Parameters {
    /// Returns the tensor of that name.
    ///
    /// # Panics
    /// If the network has no such tensor: names come from the architecture, so this is a bug.
    pub fn get(&self, name: &str) -> &Parameter {
        self.0.get(name).unwrap_or_else(|| panic!("the network has no tensor `{name}`"))
    }

    /// Returns the tensor of that name, if there is one.
    pub fn find(&self, name: &str) -> Option<&Parameter> {
        self.0.get(name)
    }

    /// Adds or replaces a tensor.
    pub fn insert(&mut self, name: impl Into<String>, parameter: Parameter) {
        self.0.insert(name.into(), parameter);
    }

    /// Removes a tensor, if there is one of that name.
    pub fn remove(&mut self, name: &str) {
        self.0.remove(name);
    }

    /// Replaces the values of a tensor, given in the memory layout.
    ///
    /// # Panics
    /// If there is no such tensor, or the number of values changes.
    pub fn set(&mut self, name: &str, values: Tensor<1>) {
        let parameter = self.0.get_mut(name).unwrap_or_else(|| panic!("the network has no tensor `{name}`"));
        assert_eq!(values.dims()[0], parameter.len(), "`{name}` keeps its number of elements");
        parameter.values = values;
    }

    /// Iterates over all tensors with their names, in the order of the names.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &Parameter)> {
        self.0.iter().map(|(name, parameter)| (name.as_str(), parameter))
    }

    /// Iterates over all tensors with their names, mutably.
    pub fn iter_mut(&mut self) -> impl Iterator<Item = (&str, &mut Parameter)> {
        self.0.iter_mut().map(|(name, parameter)| (name.as_str(), parameter))
    }

    /// Returns the number of tensors.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Returns whether there are no tensors.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Returns the number of trainable elements.
    pub fn weight_count(&self) -> usize {
        self.0.values().filter(|parameter| parameter.role == Role::Weight).map(Parameter::len).sum()
    }

    /// Returns whether every value is finite.
    pub fn all_finite(&self) -> bool {
        self.0.values().all(|parameter| lacuna_kernels::all_finite(&parameter.values))
    }
}

/// Returns a tensor's values on the host, in its own order.
pub(crate) fn values_of<const D: usize>(tensor: Tensor<D>) -> Vec<f32> {
    tensor.into_data().try_into_vec::<f32>().expect("lacuna's tensors hold f32")
}
