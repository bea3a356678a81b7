//! Weights and activations rearranged for the inner loops.

use rayon::prelude::*;

use super::share::filled;
use super::simd::{InstructionSet, Kernel, LANES, Simd};

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
    pub(crate) fn packed(self, set: InstructionSet) -> Vec<f32> {
        let panel_length = self.taps * self.inputs * PANEL;
        let panels = self.outputs.div_ceil(PANEL);
        // SAFETY: every row of every panel is written, each panel by one task.
        unsafe {
            filled(panels * panel_length, |packed| {
                (0..panels).into_par_iter().for_each(|panel| {
                    set.run(PackPanel { weight: self, panel, rows: packed.at(panel * panel_length, panel_length) });
                });
            })
        }
    }
}

/// Writes one panel. The elements of one output channel are neighbours along the taps, and along the inputs too if
/// these follow each other; such a line is cut into blocks of eight, transposed eight channels at a time.
struct PackPanel<'a> {
    weight: WeightView<'a>,
    panel: usize,
    rows: *mut f32,
}

impl Kernel for PackPanel<'_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self) {
        let WeightView { inputs, taps, input_stride, .. } = self.weight;
        let (lines, line_length) = if input_stride == taps { (1, inputs * taps) } else { (inputs, taps) };
        let whole = self.weight.outputs - self.panel * PANEL >= PANEL;
        for line in 0..lines {
            let blocks = if whole { line_length / LANES } else { 0 };
            for block in 0..blocks {
                self.pack_block::<S>(line, block * LANES);
            }
            for at in blocks * LANES..line_length {
                self.pack_row(line, at);
            }
        }
    }
}

impl PackPanel<'_> {
    /// The row of element `at` of a line.
    #[inline(always)]
    fn row(&self, line: usize, at: usize) -> *mut f32 {
        let WeightView { inputs, taps, taps_reversed, .. } = self.weight;
        let (input, tap) = (line + at / taps, at % taps);
        let tap = if taps_reversed { taps - 1 - tap } else { tap };
        // SAFETY: input < inputs and tap < taps, so the row is one of the panel's.
        unsafe { self.rows.add((tap * inputs + input) * PANEL) }
    }

    /// Elements `at..at + 8` of a line, for all sixteen channels.
    #[inline(always)]
    fn pack_block<S: Simd>(&self, line: usize, at: usize) {
        let from = self.panel * PANEL * self.weight.output_stride + line * self.weight.input_stride + at;
        for half in [0, LANES] {
            let lane = |lane| &self.weight.elements[from + (half + lane) * self.weight.output_stride..][..LANES];
            // SAFETY: the slices hold eight elements, and eight lanes of each row follow `half`; `S` is available
            // inside `InstructionSet::run`.
            unsafe {
                let rows = S::transpose(std::array::from_fn(|index| S::load(lane(index).as_ptr())));
                for (index, row) in rows.into_iter().enumerate() {
                    S::store(self.row(line, at + index).add(half), row);
                }
            }
        }
    }

    /// Element `at` of a line, for the channels that there are.
    #[inline(always)]
    fn pack_row(&self, line: usize, at: usize) {
        let first = self.panel * PANEL;
        let row: [f32; PANEL] = std::array::from_fn(|lane| {
            let from = (first + lane) * self.weight.output_stride + line * self.weight.input_stride + at;
            if first + lane < self.weight.outputs { self.weight.elements[from] } else { 0.0 }
        });
        // SAFETY: a row holds sixteen elements.
        unsafe { self.row(line, at).cast::<[f32; PANEL]>().write_unaligned(row) };
    }
}

/// Channels-last `rows` of `channels` floats as `[panel][row][WIDTH]`; channels beyond the last are zero.
pub(crate) fn channel_panels<const WIDTH: usize>(rows: &[f32], channels: usize) -> Vec<f32> {
    let panel_length = rows.len() / channels * WIDTH;
    let panels = channels.div_ceil(WIDTH);
    // SAFETY: each panel is written in full by one task.
    unsafe {
        filled(panels * panel_length, |elements| {
            (0..panels).into_par_iter().for_each(|panel| {
                let to = elements.at(panel * panel_length, panel_length).cast::<[f32; WIDTH]>();
                let first = panel * WIDTH;
                for (index, row) in rows.chunks_exact(channels).enumerate() {
                    // A length known to the compiler: six floats are not worth a call.
                    let part = match row[first..].first_chunk::<WIDTH>() {
                        Some(whole) => *whole,
                        None => std::array::from_fn(|lane| row.get(first + lane).copied().unwrap_or(0.0)),
                    };
                    to.add(index).write_unaligned(part);
                }
            });
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_packed_weight_holds_every_element_at_its_row() {
        for (outputs, inputs, taps) in [(19, 5, 3), (32, 7, 27), (16, 40, 1), (48, 33, 8), (2, 3, 1)] {
            let elements: Vec<f32> = (0..outputs * inputs * taps).map(|i| i as f32).collect();
            let view = WeightView::plain(&elements, outputs, inputs, taps);
            for set in [InstructionSet::Portable, InstructionSet::detected()] {
                let (packed, adjoint) = (view.packed(set), view.adjoint().packed(set));
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
                let sum = |values: &[f32]| values.iter().map(|&value| f64::from(value)).sum::<f64>();
                assert_eq!(sum(&packed), sum(&elements), "the rest is zero");
                assert_eq!(sum(&adjoint), sum(&elements), "the rest is zero");
            }
        }
    }

    #[test]
    fn channel_panels_keep_rows_apart() {
        // Two voxels of three channels in panels of two.
        assert_eq!(channel_panels::<2>(&[1.0, 2.0, 3.0, 4.0, 5.0, 6.0], 3), [1.0, 2.0, 4.0, 5.0, 3.0, 0.0, 6.0, 0.0]);
    }
}
