//! Export of networks as ONNX graphs, for programs that run them without PyTorch.
//!
//! A family writes its graph from the list of layers that its forward pass also uses. BatchNorm uses its running
//! statistics, as in prediction. Batch size and spatial size are not fixed.

mod graph;
mod message;

pub(crate) use graph::GraphBuilder;

use crate::{Network, NnError, Part};
use message::{Dimension, Entry, FLOAT, Graph, Model, OperatorSet, Shape, TensorType, Type, ValueInfo};
use prost::Message;
use std::path::Path;

/// The ONNX operator set, introduced in ONNX 1.8 and supported by onnxruntime and TensorRT.
const OPERATOR_SET: i64 = 13;
const IR_VERSION: i64 = 7;

/// Writes a network, or its encoder, as an ONNX graph, atomically.
///
/// The input is `image`, `[batch, C, D, H, W]`; the output is `logits`, or `features` of the encoder. Initialisers have
/// the tensors' own names.
///
/// # Errors
/// [`NnError::NoGraph`] if the family has no ONNX export; [`NnError::Disk`] if the file cannot be written.
pub fn write_onnx(path: &Path, network: &Network, part: Part) -> Result<(), NnError> {
    Ok(lacuna_disk::write_bytes(path, &model(path, network, part)?.encode_to_vec())?)
}

fn model(path: &Path, network: &Network, part: Part) -> Result<Model, NnError> {
    let architecture = network.architecture();
    let mut builder = GraphBuilder::new(&network.parameters);
    let found = architecture.family().layers().graph(&mut builder, INPUT.to_string(), part);
    let Some((value, channels)) = found else {
        return Err(NnError::NoGraph { path: path.to_path_buf(), architecture: architecture.to_string() });
    };
    let output = match part {
        Part::Whole => "logits",
        Part::Encoder => "features",
    };
    builder.hand_out(output, value);
    let grid = |prefix: &str| ["depth", "height", "width"].map(|axis| format!("{prefix}{axis}"));
    let graph = Graph {
        node: builder.nodes,
        name: architecture.to_string(),
        initializer: builder.initializers,
        input: vec![tensor(INPUT, architecture.channels(), grid(""))],
        output: vec![tensor(output, channels, grid("output_"))],
    };
    Ok(Model {
        ir_version: IR_VERSION,
        producer_name: "lacuna".to_string(),
        producer_version: env!("CARGO_PKG_VERSION").to_string(),
        graph: Some(graph),
        opset_import: vec![OperatorSet { domain: String::new(), version: OPERATOR_SET }],
        metadata_props: vec![Entry { key: "digest".to_string(), value: network.digest() }],
    })
}

const INPUT: &str = "image";

/// Describes a float value `[batch, channels, …]`, in which only the number of channels is fixed.
fn tensor(name: &str, channels: usize, grid: [String; 3]) -> ValueInfo {
    let open = |axis: String| Dimension { dim_value: None, dim_param: Some(axis) };
    let channels = Dimension { dim_value: Some(channels as i64), dim_param: None };
    let dim = [vec![open("batch".to_string()), channels], grid.into_iter().map(open).collect()].concat();
    let tensor_type = Some(TensorType { elem_type: FLOAT, shape: Some(Shape { dim }) });
    ValueInfo { name: name.to_string(), r#type: Some(Type { tensor_type }) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Architecture, Shortcut};
    use lacuna_seed::Seed;
    use std::collections::BTreeSet;

    fn written(architecture: Architecture, part: Part) -> Model {
        let network = Network::new(architecture, Seed(0), &crate::Device::flex());
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("model.onnx");
        write_onnx(&path, &network, part).unwrap();
        Model::decode(&std::fs::read(path).unwrap()[..]).unwrap()
    }

    /// Checks ONNX's rules: each value is produced once, before its use, and no tensor is unused.
    #[track_caller]
    fn check(model: &Model) {
        let graph = model.graph.as_ref().unwrap();
        let tensors: BTreeSet<&str> = graph.initializer.iter().map(|tensor| tensor.name.as_str()).collect();
        assert_eq!(tensors.len(), graph.initializer.len(), "a tensor stands there twice");
        let mut known: BTreeSet<&str> = tensors.clone();
        assert!(known.insert(&graph.input[0].name));
        let mut used = BTreeSet::new();
        for node in &graph.node {
            for input in &node.input {
                assert!(known.contains(input.as_str()), "{}: {input} is made later or never", node.name);
                used.insert(input.as_str());
            }
            assert!(known.insert(&node.output[0]), "{} is made twice", node.output[0]);
        }
        assert!(known.contains(graph.output[0].name.as_str()));
        assert!(used.is_superset(&tensors));
    }

    #[test]
    fn a_graph_holds_every_tensor_of_its_network_once() {
        for (depth, shortcut) in [(10, Shortcut::B), (18, Shortcut::A), (50, Shortcut::B)] {
            let architecture = Architecture::medicalnet(depth, 1, 3).unwrap().with_shortcut(shortcut);
            let network = Network::new(architecture.clone(), Seed(0), &crate::Device::flex());
            let model = written(architecture, Part::Whole);
            check(&model);
            for tensor in &model.graph.as_ref().unwrap().initializer {
                if tensor.data_type == FLOAT {
                    let parameter = network.parameters.get(&tensor.name);
                    let bytes: Vec<u8> = parameter.to_vec().iter().flat_map(|value| value.to_le_bytes()).collect();
                    assert_eq!(tensor.raw_data, bytes, "{}", tensor.name);
                }
            }
            let of_network: BTreeSet<String> = network.parameters.iter().map(|(name, _)| name.to_string()).collect();
            let graph = model.graph.unwrap();
            let in_file: BTreeSet<String> = graph
                .initializer
                .into_iter()
                .map(|tensor| tensor.name)
                .filter(|name| !name.ends_with("/pads"))
                .collect();
            assert_eq!(in_file, of_network);
        }
    }

    #[test]
    fn an_encoder_alone_gives_features() {
        let model = written(Architecture::medicalnet(10, 1, 3).unwrap(), Part::Encoder);
        check(&model);
        let graph = model.graph.unwrap();
        assert_eq!(graph.output[0].name, "features");
        assert!(graph.initializer.iter().all(|tensor| !Network::is_head(&tensor.name)));
    }
}
