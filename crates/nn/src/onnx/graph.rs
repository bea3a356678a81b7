//! An ONNX graph under construction: each method takes the names of its inputs and returns the name of its output.

use super::message::{ATTRIBUTE_FLOAT, ATTRIBUTE_INTS, Attribute, FLOAT, INT64, Node, Tensor};
use crate::layers::{Bias, Convolution};
use crate::parameters::{Parameter, Parameters};
use crate::pass::EPSILON;

/// Nodes in the order of computation, and the tensors that they refer to.
pub(crate) struct GraphBuilder<'a> {
    parameters: &'a Parameters,
    pub(super) nodes: Vec<Node>,
    pub(super) initializers: Vec<Tensor>,
}

impl<'a> GraphBuilder<'a> {
    pub fn new(parameters: &'a Parameters) -> GraphBuilder<'a> {
        GraphBuilder { parameters, nodes: Vec::new(), initializers: Vec::new() }
    }

    /// Adds a convolution with lacuna's padding.
    pub fn convolution(&mut self, convolution: &Convolution, input: String) -> String {
        let options = convolution.options();
        let mut tensors = vec![format!("{}.weight", convolution.name)];
        if convolution.bias == Bias::Added {
            tensors.push(format!("{}.bias", convolution.name));
        }
        let attributes = vec![
            ints("kernel_shape", &convolution.kernel),
            ints("strides", &options.stride),
            ints("dilations", &options.dilation),
            ints("pads", &[options.padding, options.padding].concat()),
        ];
        self.with_tensors("Conv", &convolution.name, input, tensors, attributes)
    }

    /// Adds a transposed convolution without padding, whose kernel size is its stride.
    pub fn upsampling(&mut self, name: &str, kernel: [usize; 3], input: String) -> String {
        let tensors = ["weight", "bias"].map(|suffix| format!("{name}.{suffix}")).to_vec();
        let attributes = vec![ints("kernel_shape", &kernel), ints("strides", &kernel)];
        self.with_tensors("ConvTranspose", name, input, tensors, attributes)
    }

    /// Adds BatchNorm with its running statistics.
    pub fn batch_norm(&mut self, name: &str, input: String) -> String {
        let tensors = ["weight", "bias", "running_mean", "running_var"].map(|suffix| format!("{name}.{suffix}"));
        let epsilon =
            Attribute { name: "epsilon".into(), f: EPSILON as f32, r#type: ATTRIBUTE_FLOAT, ..Attribute::default() };
        self.with_tensors("BatchNormalization", name, input, tensors.to_vec(), vec![epsilon])
    }

    /// Adds a ReLU: the larger of a value and 0.
    pub fn relu(&mut self, name: &str, input: String) -> String {
        self.node("Relu", format!("{name}/relu"), vec![input], Vec::new())
    }

    /// Adds the sum of two values.
    pub fn add(&mut self, name: &str, one: String, other: String) -> String {
        self.node("Add", format!("{name}/add"), vec![one, other], Vec::new())
    }

    /// Adds max pooling with this window, stride and padding along each axis.
    pub fn max_pool(&mut self, name: &str, [kernel, stride, padding]: [usize; 3], input: String) -> String {
        let attributes =
            vec![ints("kernel_shape", &[kernel; 3]), ints("strides", &[stride; 3]), ints("pads", &[padding; 6])];
        self.node("MaxPool", format!("{name}/pool"), vec![input], attributes)
    }

    /// Adds this number of channels of zeros after the existing ones.
    pub fn pad_channels(&mut self, name: &str, channels: usize, input: String) -> String {
        // The padding at the start of each of the five axes, then at the end.
        let mut pads = [0i64; 10];
        pads[6] = channels as i64;
        let tensor = format!("{name}/pads");
        let raw_data = pads.iter().flat_map(|pad| pad.to_le_bytes()).collect();
        self.initializers.push(Tensor { dims: vec![10], data_type: INT64, name: tensor.clone(), raw_data });
        self.node("Pad", format!("{name}/pad"), vec![input, tensor], Vec::new())
    }

    /// Makes a value an output of the graph under a name.
    pub fn hand_out(&mut self, name: &str, value: String) {
        self.node("Identity", name.to_string(), vec![value], Vec::new());
    }

    fn with_tensors(
        &mut self,
        operation: &str,
        name: &str,
        input: String,
        tensors: Vec<String>,
        attributes: Vec<Attribute>,
    ) -> String {
        for tensor in &tensors {
            self.initializers.push(floats(tensor, self.parameters.get(tensor)));
        }
        let inputs = [vec![input], tensors].concat();
        // Distinct from the names of the layer's tensors, which begin with the same prefix.
        self.node(operation, format!("{name}/out"), inputs, attributes)
    }

    fn node(&mut self, operation: &str, name: String, input: Vec<String>, attribute: Vec<Attribute>) -> String {
        let output = vec![name.clone()];
        self.nodes.push(Node { input, output, name: name.clone(), op_type: operation.to_string(), attribute });
        name
    }
}

fn floats(name: &str, parameter: &Parameter) -> Tensor {
    Tensor {
        dims: parameter.shape.iter().map(|size| *size as i64).collect(),
        data_type: FLOAT,
        name: name.to_string(),
        raw_data: parameter.to_vec().iter().flat_map(|value| value.to_le_bytes()).collect(),
    }
}

fn ints(name: &str, values: &[usize]) -> Attribute {
    let ints = values.iter().map(|value| *value as i64).collect();
    Attribute { name: name.to_string(), ints, r#type: ATTRIBUTE_INTS, ..Attribute::default() }
}
