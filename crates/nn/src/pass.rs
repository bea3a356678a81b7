//! One forward pass, or several whose gradients are added up.

use crate::Activations;
use crate::activations::{Segment, Waiting, collect_leaves};
use crate::adapters::Adapter;
use crate::parameters::{Parameters, Role};
use burn::tensor::{Device, Tensor};
use lacuna_kernels::{Activation, Statistics};
use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};

/// The mean and variance that BatchNorm normalises with.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum BatchNormMode {
    /// The batch's own mean and variance; the running statistics follow them (training).
    Batch,
    /// The running statistics, which are not updated (evaluation, or training with BatchNorm frozen).
    Running,
}

/// Returns, by name, whether a weight needs a gradient in a pass.
pub type Trainable<'a> = &'a dyn Fn(&str) -> bool;

/// The context of a forward pass: the source of the weights, how BatchNorm behaves, and what is kept for the optimiser
/// step.
pub struct Pass<'a> {
    parameters: &'a Parameters,
    batch_norm: BatchNormMode,
    /// `None`: no gradients, everything on the plain device.
    trainable: Option<Trainable<'a>>,
    /// The tensors that this pass uses, one leaf each, so that gradients of several forward passes add up.
    leaves: RefCell<BTreeMap<String, Tensor<1>>>,
    observed: RefCell<BTreeMap<String, Tensor<1>>>,
    /// The weights that were read while no gradients were recorded.
    read: RefCell<BTreeSet<String>>,
    activations: Activations,
    /// The parts that were run without a graph and need their output's gradient.
    pub(crate) segments: RefCell<Vec<Segment>>,
}

/// The constant added to the variance: PyTorch's default, which MedicalNet keeps.
pub(crate) const EPSILON: f64 = 1e-5;
const RUNNING_MOMENTUM: f64 = 0.1;

impl<'a> Pass<'a> {
    /// Creates a pass that records gradients of the weights for which `trainable` returns true.
    pub fn training(parameters: &'a Parameters, batch_norm: BatchNormMode, trainable: Trainable<'a>) -> Pass<'a> {
        Pass::new(parameters, batch_norm, Some(trainable))
    }

    /// Creates a pass without gradients that normalises with the running statistics.
    pub fn evaluation(parameters: &'a Parameters) -> Pass<'a> {
        Pass::new(parameters, BatchNormMode::Running, None)
    }

    /// Creates a pass without gradients, with the given BatchNorm mode.
    pub fn without_gradients(parameters: &'a Parameters, batch_norm: BatchNormMode) -> Pass<'a> {
        Pass::new(parameters, batch_norm, None)
    }

    fn new(parameters: &'a Parameters, batch_norm: BatchNormMode, trainable: Option<Trainable<'a>>) -> Pass<'a> {
        Pass {
            parameters,
            batch_norm,
            trainable,
            leaves: RefCell::default(),
            observed: RefCell::default(),
            read: RefCell::default(),
            activations: Activations::Kept,
            segments: RefCell::default(),
        }
    }

    /// Returns the same pass with activations kept or recomputed; its results are the same bits. With recomputed
    /// activations only weights have gradients: the gradient of an input needs kept ones.
    pub fn with_activations(self, activations: Activations) -> Pass<'a> {
        Pass { activations, ..self }
    }

    /// Moves a tensor to the device of this pass, which is an autodiff device if the pass records gradients. A tensor
    /// already there is unchanged, so that an input can have a gradient of its own.
    pub fn to_device<const D: usize>(&self, tensor: Tensor<D>) -> Tensor<D> {
        if self.trainable.is_some() && !tensor.is_autodiff() { Tensor::from_inner(tensor) } else { tensor }
    }

    /// Returns the device that this pass computes on.
    pub fn device(&self) -> Device {
        let (_, first) = self.parameters.iter().next().expect("a network has tensors");
        let device = first.values.device();
        if self.trainable.is_some() { device.autodiff() } else { device }
    }

    /// Returns the gradients of `loss` with respect to every trainable weight that it depends on, by name, flat and in
    /// the memory layout of the weights. May be called once.
    pub fn gradients(&self, loss: &Tensor<1>) -> BTreeMap<String, Tensor<1>> {
        let mut waiting = Waiting::of(self.segments.take());
        let mut found = BTreeMap::new();
        let mut collect = |waiting: &mut Waiting, root: &Tensor<1>| {
            let mut gradients = root.backward();
            collect_leaves(&self.leaves.borrow(), &mut gradients, &mut found);
            waiting.collect(&mut gradients);
        };
        collect(&mut waiting, loss);
        while let Some((Segment { input, output, forward }, gradient)) = waiting.next() {
            // It is computed again below.
            drop(output);
            let output = self.again(|pass| forward(pass, lacuna_kernels::begin_segment(input)));
            collect(&mut waiting, &lacuna_kernels::end_segment(output, gradient));
        }
        found
    }

    /// Returns the running statistics after this pass, by name; empty with [`BatchNormMode::Running`].
    pub fn running_statistics(self) -> BTreeMap<String, Tensor<1>> {
        self.observed.into_inner()
    }

    /// Returns a tensor as this pass uses it, flat and in the memory layout: for penalties on the weights themselves.
    pub fn weight(&self, name: &str) -> Tensor<1> {
        self.leaf(name.to_string())
    }

    /// Runs a part of the network, `forward`, on `x`.
    ///
    /// If activations are recomputed, none within the part is kept. A part that no gradient passes through is not run
    /// again.
    pub(crate) fn segment(&self, x: Tensor<5>, forward: impl Fn(&Pass, Tensor<5>) -> Tensor<5> + 'static) -> Tensor<5> {
        let Some(trainable) = self.trainable.filter(|_| self.activations == Activations::Recomputed) else {
            return forward(self, x);
        };
        let (output, weights) = self.without_graph(|pass| forward(pass, x.clone().inner()));
        let output = Tensor::from_inner(output);
        if !x.is_require_grad() && !weights.iter().any(|name| trainable(name)) {
            return output;
        }
        let output = output.require_grad();
        let segment = Segment { input: x, output: output.clone(), forward: Box::new(forward) };
        self.segments.borrow_mut().push(segment);
        output
    }

    /// Runs a function of this pass without a graph, and returns its result and the weights that it read; BatchNorm's
    /// observations are kept.
    fn without_graph<T>(&self, compute: impl FnOnce(&Pass) -> T) -> (T, BTreeSet<String>) {
        let plain = Pass::without_gradients(self.parameters, self.batch_norm);
        plain.observed.replace(self.observed.take());
        let computed = compute(&plain);
        self.observed.replace(plain.observed.take());
        (computed, plain.read.into_inner())
    }

    /// Runs a function of this pass again, with a graph; BatchNorm's observations are not repeated.
    fn again<T>(&self, compute: impl FnOnce(&Pass) -> T) -> T {
        let again = Pass::new(self.parameters, self.batch_norm, self.trainable);
        again.leaves.replace(self.leaves.take());
        let computed = compute(&again);
        self.leaves.replace(again.leaves.take());
        computed
    }

    /// Returns a convolution's kernel, `[C_out, C_in, kD, kH, kW]` (transposed: `[C_in, C_out, …]`).
    pub(crate) fn kernel(&self, layer: &str) -> Tensor<5> {
        let name = format!("{layer}.weight");
        let [a, b, d, h, w] = *self.parameters.get(&name).shape else { panic!("`{name}`: kernels have five axes") };
        let plain = self.leaf(name);
        let values = match Adapter::of(self.parameters, layer) {
            Some(adapter) => adapter.added_to(plain, |name| self.of_adapter(name)),
            None => plain,
        };
        // In memory the second axis is the last.
        values.reshape([a, d, h, w, b]).permute([0, 4, 1, 2, 3])
    }

    /// Returns a tensor of an adapter: a leaf if it is a weight, else a constant.
    fn of_adapter(&self, name: &str) -> Tensor<1> {
        match self.parameters.get(name).role {
            Role::Weight => self.leaf(name.to_string()),
            Role::Statistic => self.to_device(self.statistic(name)),
        }
    }

    /// Returns a layer's bias, `[C]`.
    pub(crate) fn bias(&self, layer: &str) -> Tensor<1> {
        self.leaf(format!("{layer}.bias"))
    }

    /// Applies BatchNorm, then adds the residual if there is one, then applies the activation.
    pub(crate) fn batch_norm(
        &self,
        layer: &str,
        x: Tensor<5>,
        residual: Option<Tensor<5>>,
        activation: Activation,
    ) -> Tensor<5> {
        let statistics = match self.batch_norm {
            BatchNormMode::Batch => Statistics::Batch,
            BatchNormMode::Running => Statistics::Running {
                mean: self.to_device(self.statistic(&format!("{layer}.running_mean"))),
                variance: self.to_device(self.statistic(&format!("{layer}.running_var"))),
            },
        };
        let scale = self.leaf(format!("{layer}.weight"));
        let normalised =
            lacuna_kernels::batch_norm(x, scale, self.bias(layer), statistics, residual, activation, EPSILON);
        if self.batch_norm == BatchNormMode::Batch {
            self.observe(format!("{layer}.running_mean"), normalised.mean);
            self.observe(format!("{layer}.running_var"), normalised.variance);
        }
        normalised.output
    }

    /// Applies instance norm and the leaky ReLU behind it, for each volume of the batch separately, both in training
    /// and in prediction.
    pub(crate) fn instance_norm(&self, layer: &str, x: Tensor<5>) -> Tensor<5> {
        let scale = self.leaf(format!("{layer}.weight"));
        lacuna_kernels::instance_norm(x, scale, self.bias(layer), Activation::LeakyRelu, EPSILON)
    }

    fn leaf(&self, name: String) -> Tensor<1> {
        let Some(trainable) = self.trainable else {
            let values = self.parameters.get(&name).values.clone();
            self.read.borrow_mut().insert(name);
            return values;
        };
        self.leaves
            .borrow_mut()
            .entry(name)
            .or_insert_with_key(|name| {
                let parameter = self.parameters.get(name);
                assert_eq!(parameter.role, Role::Weight, "`{name}` is observed, not trained");
                Tensor::from_inner(parameter.values.clone()).set_require_grad(trainable(name))
            })
            .clone()
    }

    /// Returns a statistic as this pass last observed it, else as the network holds it.
    fn statistic(&self, name: &str) -> Tensor<1> {
        match self.observed.borrow().get(name) {
            Some(observed) => observed.clone(),
            None => self.parameters.get(name).values.clone(),
        }
    }

    /// Updates a statistic. Two forward passes in one pass update it twice, as two in PyTorch do.
    fn observe(&self, name: String, batch: Tensor<1>) {
        let batch = if batch.is_autodiff() { batch.inner() } else { batch };
        let running = self.statistic(&name);
        let updated = running.mul_scalar(1.0 - RUNNING_MOMENTUM).add(batch.mul_scalar(RUNNING_MOMENTUM));
        self.observed.borrow_mut().insert(name, updated);
    }
}
