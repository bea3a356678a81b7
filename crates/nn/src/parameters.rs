//! The named tensors of a network.

use crate::memory_order::{to_memory_order, to_row_major};
use burn::tensor::{Device, Tensor, TensorData};
use std::collections::BTreeMap;

/// Whether the optimiser may move a tensor or BatchNorm observes it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// A weight or bias.
    Weight,
    /// A running mean or variance.
    Statistic,
}

/// One named tensor, kept flat beside its shape.
///
/// Flat, because optimisers, masks and distances treat all tensors alike; the layers that read a
/// tensor give it its shape, which costs nothing.
#[derive(Clone, Debug)]
pub struct Parameter {
    /// Its shape in PyTorch's order, for convolutions `[C_out, C_in, kD, kH, kW]`.
    pub shape: Vec<usize>,
    /// Weight or statistic.
    pub role: Role,
    /// Its values in the order of memory ([`to_memory_order`]), never on an autodiff device.
    pub values: Tensor<1>,
}

impl Parameter {
    /// A parameter from values in row-major order.
    ///
    /// # Panics
    /// If there are not as many values as the shape has elements.
    pub fn new(shape: Vec<usize>, role: Role, values: Vec<f32>, device: &Device) -> Parameter {
        assert_eq!(shape.iter().product::<usize>(), values.len(), "a tensor has one value per element of its shape");
        let count = values.len();
        let values = to_memory_order(&shape, values);
        Parameter { shape, role, values: Tensor::from_data(TensorData::new(values, [count]), device) }
    }

    /// The values on the host, row-major.
    pub fn to_vec(&self) -> Vec<f32> {
        to_row_major(&self.shape, values_of(self.values.clone()))
    }

    /// Number of elements.
    pub fn len(&self) -> usize {
        self.shape.iter().product()
    }

    /// Whether it has no element.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

/// The named tensors of one network, ordered by name.
#[derive(Clone, Debug, Default)]
pub struct Parameters(BTreeMap<String, Parameter>);

impl Parameters {
    /// The tensor of that name.
    ///
    /// # Panics
    /// If the network has no such tensor: names come from the architecture, so that is our bug.
    pub fn get(&self, name: &str) -> &Parameter {
        self.0.get(name).unwrap_or_else(|| panic!("the network has no tensor `{name}`"))
    }

    /// The tensor of that name, if there is one.
    pub fn find(&self, name: &str) -> Option<&Parameter> {
        self.0.get(name)
    }

    /// Add or replace a tensor.
    pub fn insert(&mut self, name: impl Into<String>, parameter: Parameter) {
        self.0.insert(name.into(), parameter);
    }

    /// Take a tensor out, if there is one of that name.
    pub fn remove(&mut self, name: &str) {
        self.0.remove(name);
    }

    /// Replace the values of a tensor, given in the order of memory.
    ///
    /// # Panics
    /// If the number of values changes.
    pub fn set(&mut self, name: &str, values: Tensor<1>) {
        let parameter = self.0.get_mut(name).unwrap_or_else(|| panic!("the network has no tensor `{name}`"));
        assert_eq!(values.dims()[0], parameter.len(), "`{name}` keeps its number of elements");
        parameter.values = values;
    }

    /// All tensors by name, in the order of the names.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &Parameter)> {
        self.0.iter().map(|(name, parameter)| (name.as_str(), parameter))
    }

    /// All tensors by name, to be changed in place.
    pub fn iter_mut(&mut self) -> impl Iterator<Item = (&str, &mut Parameter)> {
        self.0.iter_mut().map(|(name, parameter)| (name.as_str(), parameter))
    }

    /// Number of tensors.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there is no tensor.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Number of elements that an optimiser may move.
    pub fn weight_count(&self) -> usize {
        self.0.values().filter(|parameter| parameter.role == Role::Weight).map(Parameter::len).sum()
    }

    /// Whether every value is finite.
    pub fn all_finite(&self) -> bool {
        self.0.values().all(|parameter| lacuna_kernels::all_finite(&parameter.values))
    }
}

/// A flat tensor's values on the host.
pub(crate) fn values_of<const D: usize>(tensor: Tensor<D>) -> Vec<f32> {
    tensor.into_data().try_into_vec::<f32>().expect("lacuna's tensors hold f32")
}
