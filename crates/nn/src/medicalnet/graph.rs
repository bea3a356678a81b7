//! The layers as an ONNX graph.

use super::{Block, HEAD, MedicalNet, Normalisation, Skip};
use crate::layers::Convolution;
use crate::onnx::GraphBuilder;
use crate::weights::Part;

impl MedicalNet {
    /// Adds the layers: takes the name of the input, and returns the name of the logits, or of the encoder's features,
    /// and their channels.
    pub(super) fn graph_of(&self, graph: &mut GraphBuilder, input: String, part: Part) -> (String, usize) {
        let mut value = activated(graph, &self.stem, input);
        value = graph.max_pool("stem", [3, 2, 1], value);
        for block in &self.blocks {
            value = block.graph_of(graph, value);
        }
        if part == Part::Encoder {
            return (value, self.encoder_channels);
        }
        value = graph.upsampling(&format!("{HEAD}.0"), [2; 3], value);
        value = normed(graph, &self.upsampling, value);
        value = graph.relu(&self.upsampling.name, value);
        for layer in &self.head {
            value = activated(graph, layer, value);
        }
        (graph.convolution(&self.classifier, value), self.classifier.out_channels)
    }
}

impl Block {
    fn graph_of(&self, graph: &mut GraphBuilder, input: String) -> String {
        let (last, before) = self.body.split_last().expect("a block has convolutions");
        let residual = self.skip.graph_of(graph, &self.body[0].0, input.clone());
        let mut value = input;
        for layer in before {
            value = activated(graph, layer, value);
        }
        let (convolution, normalisation) = last;
        value = graph.convolution(convolution, value);
        value = normed(graph, normalisation, value);
        value = graph.add(&normalisation.name, value, residual);
        graph.relu(&normalisation.name, value)
    }
}

impl Skip {
    /// Adds the shortcut; `first` is the block's first convolution, from which a shortcut without tensors takes its
    /// name.
    fn graph_of(&self, graph: &mut GraphBuilder, first: &Convolution, input: String) -> String {
        match self {
            Skip::Identity => input,
            Skip::Subsample { stride, channels } => {
                let name = format!("{}/shortcut", first.name);
                // Max pooling with a window of one voxel keeps every stride-th voxel unchanged.
                let kept = graph.max_pool(&name, [1, *stride, 0], input);
                graph.pad_channels(&name, channels - first.in_channels, kept)
            }
            Skip::Project(convolution, normalisation) => {
                let value = graph.convolution(convolution, input);
                normed(graph, normalisation, value)
            }
        }
    }
}

fn normed(graph: &mut GraphBuilder, normalisation: &Normalisation, input: String) -> String {
    graph.batch_norm(&normalisation.name, input)
}

fn activated(
    graph: &mut GraphBuilder,
    (convolution, normalisation): &(Convolution, Normalisation),
    input: String,
) -> String {
    let value = graph.convolution(convolution, input);
    let value = normed(graph, normalisation, value);
    graph.relu(&normalisation.name, value)
}
