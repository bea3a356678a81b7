//! Weights and activations rearranged for the inner loops.

use rayon::prelude::*;

/// Output channels of one panel: two vectors of eight.
pub(crate) const PANEL: usize = 16;

/// A weight of any memory order, seen as output channel x input channel x tap.
///
/// A convolution's weight `[Cout, Cin, kD, kH, kW]` gives its own view and, with the channels swapped and the taps
/// reversed, that of its data gradient.
#[derive(Clone, Copy)]
pub(crate) struct WeightView<'a> {
    pub elements: &'a [f32],
    pub outputs: usize,
    pub inputs: usize,
    pub taps: usize,
    pub output_stride: usize,
    pub input_stride: usize,
    pub taps_reversed: bool,
}

impl<'a> WeightView<'a> {
    /// Of a weight stored as `[outputs, inputs, taps]`.
    pub(crate) fn plain(elements: &'a [f32], outputs: usize, inputs: usize, taps: usize) -> Self {
        assert_eq!(elements.len(), outputs * inputs * taps, "a weight must hold all its channels and taps");
        Self { elements, outputs, inputs, taps, output_stride: inputs * taps, input_stride: taps, taps_reversed: false }
    }

    /// Of the same elements for the other direction.
    pub(crate) fn adjoint(self) -> Self {
        Self {
            outputs: self.inputs,
            inputs: self.outputs,
            output_stride: self.input_stride,
            input_stride: self.output_stride,
            taps_reversed: !self.taps_reversed,
            ..self
        }
    }

    /// `[panel][tap][input][16]`: for each panel of 16 output channels, one row per (tap, input). Channels beyond
    /// the last are zero.
    pub(crate) fn packed(self) -> Vec<f32> {
        let panel_length = self.taps * self.inputs * PANEL;
        let mut packed = vec![0.0; self.outputs.div_ceil(PANEL) * panel_length];
        packed.par_chunks_mut(panel_length).enumerate().for_each(|(panel, rows)| self.pack_panel(panel, rows));
        packed
    }

    /// A few input channels at a time go through a small buffer, so that both the reads (taps of one channel are
    /// neighbours) and the writes (rows of 64 bytes) are whole cache lines.
    fn pack_panel(self, panel: usize, rows: &mut [f32]) {
        let first = panel * PANEL;
        let lanes = PANEL.min(self.outputs - first);
        let inputs_at_once = PANEL.div_ceil(self.taps);
        let mut buffer = vec![0.0; inputs_at_once * self.taps * PANEL];
        for begin in (0..self.inputs).step_by(inputs_at_once) {
            let inputs = begin..(begin + inputs_at_once).min(self.inputs);
            for lane in 0..lanes {
                let mut to = lane;
                for input in inputs.clone() {
                    let from = (first + lane) * self.output_stride + input * self.input_stride;
                    for &weight in &self.elements[from..from + self.taps] {
                        buffer[to] = weight;
                        to += PANEL;
                    }
                }
            }
            let mut from = 0;
            for input in inputs {
                for tap in 0..self.taps {
                    let tap = if self.taps_reversed { self.taps - 1 - tap } else { tap };
                    let row = (tap * self.inputs + input) * PANEL;
                    rows[row..row + PANEL].copy_from_slice(&buffer[from..from + PANEL]);
                    from += PANEL;
                }
            }
        }
    }
}

/// Channels-last `rows` of `channels` floats as `[panel][row][width]`; channels beyond the last are zero.
pub(crate) fn channel_panels(rows: &[f32], channels: usize, width: usize) -> Vec<f32> {
    let count = rows.len() / channels;
    let mut panels = vec![0.0; channels.div_ceil(width) * count * width];
    panels.par_chunks_mut((count * width).max(1)).enumerate().for_each(|(panel, to)| {
        let first = panel * width;
        let present = width.min(channels - first);
        for (to, row) in to.chunks_exact_mut(width).zip(rows.chunks_exact(channels)) {
            to[..present].copy_from_slice(&row[first..first + present]);
        }
    });
    panels
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_packed_weight_holds_every_element_at_its_row() {
        let (outputs, inputs, taps) = (19, 5, 3);
        let elements: Vec<f32> = (0..outputs * inputs * taps).map(|i| i as f32).collect();
        let view = WeightView::plain(&elements, outputs, inputs, taps);
        let packed = view.packed();
        let adjoint = view.adjoint().packed();
        for output in 0..outputs {
            for input in 0..inputs {
                for tap in 0..taps {
                    let element = elements[(output * inputs + input) * taps + tap];
                    let row = ((output / 16) * taps + tap) * inputs + input;
                    assert_eq!(packed[row * 16 + output % 16], element);
                    let row = ((input / 16) * taps + (taps - 1 - tap)) * outputs + output;
                    assert_eq!(adjoint[row * 16 + input % 16], element);
                }
            }
        }
        assert_eq!(packed.iter().sum::<f32>(), elements.iter().sum::<f32>(), "the rest is zero");
    }

    #[test]
    fn channel_panels_keep_rows_apart() {
        // Two voxels of three channels in panels of two.
        assert_eq!(channel_panels(&[1.0, 2.0, 3.0, 4.0, 5.0, 6.0], 3, 2), [1.0, 2.0, 4.0, 5.0, 3.0, 0.0, 6.0, 0.0]);
    }
}
