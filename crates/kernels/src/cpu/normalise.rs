//! Batch normalisation with the residual addition and the ReLU, over channels-last rows.
//!
//! `y = activation((x - mean) a + shift + residual)` with `a = scale / sqrt(variance + epsilon)`. Every pass reads
//! each voxel's row once; sums over voxels are in f64 over fixed ranges of voxels, so that neither the number of
//! threads nor the instruction set changes a byte.

use super::reduce::{Part, sum_by_channel};
use super::share::filled_by_tasks;
use super::simd::{InstructionSet, Kernel, Simd};
use crate::Activation;

/// The number of voxels normalised by one task.
const VOXELS_PER_TASK: usize = 128;

/// Mean and biased variance of each channel.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Moments {
    pub mean: Vec<f64>,
    pub variance: Vec<f64>,
}

/// Returns the moments of each channel over all voxels. The variance is computed from the differences to the first
/// voxel, so that f64 is accurate enough for any mean.
pub(crate) fn moments(set: InstructionSet, rows: &[f32], channels: usize) -> Moments {
    let voxels = rows.len() / channels;
    let origin = &rows[..channels];
    let [sums, squares] = sum_by_channel(voxels, channels, |part, sums| {
        set.run(AddMoments { rows: &rows[part.elements(channels)], origin, part: &part, sums });
    });
    let count = voxels as f64;
    let shifts: Vec<f64> = sums.iter().map(|sum| sum / count).collect();
    Moments {
        mean: shifts.iter().zip(origin).map(|(shift, &origin)| f64::from(origin) + shift).collect(),
        variance: squares
            .iter()
            .zip(&shifts)
            .map(|(square, shift)| (square / count - shift * shift).max(0.0))
            .collect(),
    }
}

struct AddMoments<'a> {
    rows: &'a [f32],
    origin: &'a [f32],
    part: &'a Part,
    sums: &'a mut [Vec<f64>; 2],
}

impl Kernel for AddMoments<'_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self) {
        let [sums, squares] = self.sums;
        let origin = &self.origin[self.part.channels.clone()];
        for row in self.rows.chunks_exact(self.origin.len()) {
            let row = &row[self.part.channels.clone()];
            let sums = sums.iter_mut().zip(squares.iter_mut());
            for ((sum, square), (&value, &origin)) in sums.zip(row.iter().zip(origin)) {
                let distance = f64::from(value) - f64::from(origin);
                *sum += distance;
                *square += distance * distance;
            }
        }
    }
}

/// The affine map of each channel: `(x - mean) factor + shift`.
#[derive(Clone, Debug)]
pub(crate) struct Affine {
    pub mean: Vec<f32>,
    pub inverse_deviation: Vec<f32>,
    pub factor: Vec<f32>,
    pub shift: Vec<f32>,
}

impl Affine {
    pub(crate) fn new(moments: &Moments, scale: &[f32], shift: &[f32], epsilon: f64) -> Self {
        let inverse: Vec<f64> = moments.variance.iter().map(|variance| 1.0 / (variance + epsilon).sqrt()).collect();
        Self {
            mean: moments.mean.iter().map(|&mean| mean as f32).collect(),
            factor: inverse.iter().zip(scale).map(|(inverse, &scale)| (inverse * f64::from(scale)) as f32).collect(),
            inverse_deviation: inverse.iter().map(|&inverse| inverse as f32).collect(),
            shift: shift.to_vec(),
        }
    }

    fn channels(&self) -> usize {
        self.mean.len()
    }
}

/// Returns the rows after normalisation, shift, residual addition and activation.
pub(crate) fn normalise(
    set: InstructionSet,
    x: &[f32],
    affine: &Affine,
    residual: Option<&[f32]>,
    activation: Activation,
) -> Vec<f32> {
    filled_by_tasks(x.len(), VOXELS_PER_TASK * affine.channels(), |first, output| {
        let part = first..first + output.len();
        let residual = residual.map(|residual| &residual[part.clone()]);
        set.run(Forward { x: &x[part], affine, residual, activation, output });
    })
}

struct Forward<'a> {
    x: &'a [f32],
    affine: &'a Affine,
    residual: Option<&'a [f32]>,
    activation: Activation,
    output: &'a mut [f32],
}

impl Kernel for Forward<'_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self) {
        let Affine { mean, factor, shift, .. } = self.affine;
        let channels = mean.len();
        for (voxel, (output, x)) in
            self.output.chunks_exact_mut(channels).zip(self.x.chunks_exact(channels)).enumerate()
        {
            let constants = mean.iter().zip(factor).zip(shift);
            for ((output, &x), ((&mean, &factor), &shift)) in output.iter_mut().zip(x).zip(constants) {
                *output = (x - mean) * factor + shift;
            }
            if let Some(residual) = self.residual {
                for (output, &residual) in output.iter_mut().zip(&residual[voxel * channels..][..channels]) {
                    *output += residual;
                }
            }
            // A NaN remains NaN, so that divergence is detected.
            match self.activation {
                Activation::Identity => {}
                Activation::Relu => {
                    output.iter_mut().for_each(|value| *value = if *value < 0.0 { 0.0 } else { *value });
                }
                Activation::LeakyRelu => {
                    let slope = self.activation.slope_below().unwrap_or(1.0);
                    output.iter_mut().for_each(|value| *value = if *value < 0.0 { slope * *value } else { *value });
                }
            }
        }
    }
}

/// The inputs of the backward pass: the gradient of the output, the input, and the output if there was a ReLU.
#[derive(Clone, Copy)]
pub(crate) struct Backward<'a> {
    pub gradient: &'a [f32],
    pub x: &'a [f32],
    pub rectified: Option<Rectified<'a>>,
    pub affine: &'a Affine,
}

/// The output of a ReLU, which has the sign of its input, and the slope applied to values not above 0.
#[derive(Clone, Copy)]
pub(crate) struct Rectified<'a> {
    pub output: &'a [f32],
    pub slope_below: f32,
}

impl<'a> Rectified<'a> {
    fn part(self, range: std::ops::Range<usize>) -> Rectified<'a> {
        Rectified { output: &self.output[range], ..self }
    }

    /// Computes the gradient of the ReLU's input.
    #[inline(always)]
    fn gradient(self, to: &mut [f32], from: &[f32]) {
        let values = to.iter_mut().zip(from).zip(self.output);
        if self.slope_below == 0.0 {
            // Not a product, in which an infinity would become NaN and a zero could be negative.
            values.for_each(|((to, &from), &output)| *to = if output > 0.0 { from } else { 0.0 });
        } else {
            values.for_each(|((to, &from), &output)| *to = if output > 0.0 { from } else { self.slope_below * from });
        }
    }
}

/// The gradients of scale and shift, in f64.
pub(crate) struct ParameterSums {
    pub scale: Vec<f64>,
    pub shift: Vec<f64>,
}

impl Backward<'_> {
    fn part(&self, range: std::ops::Range<usize>) -> Self {
        Self {
            gradient: &self.gradient[range.clone()],
            x: &self.x[range.clone()],
            rectified: self.rectified.map(|rectified| rectified.part(range)),
            affine: self.affine,
        }
    }

    /// Returns `sum g normalised(x)` and `sum g`, where `g` is the gradient of the activation's input.
    pub(crate) fn parameter_sums(&self, set: InstructionSet) -> ParameterSums {
        let channels = self.affine.channels();
        let [scale, shift] = sum_by_channel(self.x.len() / channels, channels, |part, sums| {
            set.run(AddParameterSums { part: self.part(part.elements(channels)), channels: part.channels, sums });
        });
        ParameterSums { scale, shift }
    }

    /// Returns the gradient of the activation's input, which is also that of the residual.
    pub(crate) fn before_activation(&self) -> Vec<f32> {
        match self.rectified {
            None => self.gradient.to_vec(),
            Some(rectified) => {
                filled_by_tasks(self.gradient.len(), VOXELS_PER_TASK * self.affine.channels(), |first, to| {
                    let part = first..first + to.len();
                    rectified.part(part.clone()).gradient(to, &self.gradient[part]);
                })
            }
        }
    }

    /// Returns the gradient of the input; `through` holds the sums if the statistics are those of the batch.
    ///
    /// `dx = factor (g - mean(g) - normalised(x) mean(g normalised(x)))`, or `factor g` for given statistics.
    pub(crate) fn input_gradient(&self, set: InstructionSet, through: Option<&ParameterSums>) -> Vec<f32> {
        let channels = self.affine.channels();
        let count = (self.x.len() / channels) as f64;
        let mean_of = |sums: &[f64]| sums.iter().map(|sum| (sum / count) as f32).collect::<Vec<f32>>();
        let zeros = vec![0.0; channels];
        let (shift_mean, slope) = match through {
            None => (zeros.clone(), zeros),
            Some(sums) => {
                let inverse = &self.affine.inverse_deviation;
                let slope = mean_of(&sums.scale).iter().zip(inverse).map(|(mean, inverse)| mean * inverse).collect();
                (mean_of(&sums.shift), slope)
            }
        };
        filled_by_tasks(self.x.len(), VOXELS_PER_TASK * channels, |first, output| {
            let part = self.part(first..first + output.len());
            set.run(InputGradient { part, shift_mean: &shift_mean, slope: &slope, output });
        })
    }
}

struct AddParameterSums<'a> {
    part: Backward<'a>,
    /// The channels of each row that are summed.
    channels: std::ops::Range<usize>,
    sums: &'a mut [Vec<f64>; 2],
}

impl Kernel for AddParameterSums<'_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self) {
        let row_length = self.part.affine.channels();
        let mean = &self.part.affine.mean[self.channels.clone()];
        let inverse_deviation = &self.part.affine.inverse_deviation[self.channels.clone()];
        let mut before = vec![0.0; mean.len()];
        let [scale, shift] = self.sums;
        for voxel in 0..self.part.x.len() / row_length {
            let row = voxel * row_length + self.channels.start..voxel * row_length + self.channels.end;
            let (gradient, x) = (&self.part.gradient[row.clone()], &self.part.x[row.clone()]);
            match self.part.rectified {
                Some(rectified) => rectified.part(row).gradient(&mut before, gradient),
                None => before.copy_from_slice(gradient),
            }
            let constants = mean.iter().zip(inverse_deviation);
            let sums = scale.iter_mut().zip(shift.iter_mut());
            for (((&gradient, &x), (&mean, &inverse)), (scale, shift)) in before.iter().zip(x).zip(constants).zip(sums)
            {
                let normalised = (x - mean) * inverse;
                *scale += f64::from(gradient) * f64::from(normalised);
                *shift += f64::from(gradient);
            }
        }
    }
}

struct InputGradient<'a> {
    part: Backward<'a>,
    shift_mean: &'a [f32],
    slope: &'a [f32],
    output: &'a mut [f32],
}

impl Kernel for InputGradient<'_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self) {
        let Affine { mean, factor, .. } = self.part.affine;
        let channels = mean.len();
        let rows = self.part.gradient.chunks_exact(channels).zip(self.part.x.chunks_exact(channels));
        for (voxel, (to, (gradient, x))) in self.output.chunks_exact_mut(channels).zip(rows).enumerate() {
            match self.part.rectified {
                Some(rectified) => rectified.part(voxel * channels..(voxel + 1) * channels).gradient(to, gradient),
                None => to.copy_from_slice(gradient),
            }
            let constants = mean.iter().zip(factor).zip(self.shift_mean.iter().zip(self.slope));
            for ((to, &x), ((&mean, &factor), (&shift_mean, &slope))) in to.iter_mut().zip(x).zip(constants) {
                *to = factor * (*to - shift_mean - (x - mean) * slope);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const CHANNELS: usize = 3;
    const EPSILON: f64 = 1e-5;

    fn wave(length: usize, phase: f64) -> Vec<f32> {
        (0..length).map(|i| ((i as f64 * 1.37 + phase).sin() * 1.5 + 0.3) as f32).collect()
    }

    /// Returns the weighted sum of the output by definition, in f64.
    fn weighted_sum(x: &[f64], residual: &[f32], scale: &[f64], shift: &[f64], weights: &[f32]) -> f64 {
        let voxels = x.len() / CHANNELS;
        let channel = |c: usize| (0..voxels).map(move |voxel| x[voxel * CHANNELS + c]);
        (0..CHANNELS)
            .map(|c| {
                let mean = channel(c).sum::<f64>() / voxels as f64;
                let variance = channel(c).map(|x| (x - mean).powi(2)).sum::<f64>() / voxels as f64;
                let values = channel(c).enumerate().map(|(voxel, x)| {
                    let at = voxel * CHANNELS + c;
                    let normalised = (x - mean) / (variance + EPSILON).sqrt();
                    (normalised * scale[c] + shift[c] + f64::from(residual[at])).max(0.0) * f64::from(weights[at])
                });
                values.sum::<f64>()
            })
            .sum()
    }

    #[test]
    fn gradients_agree_with_finite_differences_in_f64() {
        let voxels = 40;
        let (x, residual, weights) =
            (wave(voxels * CHANNELS, 0.0), wave(voxels * CHANNELS, 1.0), wave(voxels * CHANNELS, 2.0));
        let (scale, shift) = (wave(CHANNELS, 3.0), wave(CHANNELS, 4.0));
        let set = InstructionSet::chosen();
        let affine = Affine::new(&moments(set, &x, CHANNELS), &scale, &shift, EPSILON);
        let output = normalise(set, &x, &affine, Some(&residual), Activation::Relu);
        let pass = Backward {
            gradient: &weights,
            x: &x,
            rectified: Some(Rectified { output: &output, slope_below: 0.0 }),
            affine: &affine,
        };
        let sums = pass.parameter_sums(set);
        let gradient = pass.input_gradient(set, Some(&sums));

        let wide = |values: &[f32]| values.iter().map(|&value| f64::from(value)).collect::<Vec<f64>>();
        let (x, scale, shift) = (wide(&x), wide(&scale), wide(&shift));
        // Central differences of step h have an error of order h^2; no value lies within h of the ReLU's kink.
        let step = 1e-6;
        let slope = |values: &[f64], at: usize, sum: &dyn Fn(&[f64]) -> f64| {
            let moved = |by: f64| {
                let mut values = values.to_vec();
                values[at] += by;
                sum(&values)
            };
            (moved(step) - moved(-step)) / (2.0 * step)
        };
        let close = |found: f64, expected: f64| (found - expected).abs() < 1e-5 * expected.abs().max(1.0);
        for (at, &found) in gradient.iter().enumerate() {
            let expected = slope(&x, at, &|x| weighted_sum(x, &residual, &scale, &shift, &weights));
            assert!(close(f64::from(found), expected), "dx[{at}]: {found}, {expected}");
        }
        for c in 0..CHANNELS {
            let expected = slope(&scale, c, &|scale| weighted_sum(&x, &residual, scale, &shift, &weights));
            assert!(close(sums.scale[c], expected), "dscale[{c}]: {}, {expected}", sums.scale[c]);
            let expected = slope(&shift, c, &|shift| weighted_sum(&x, &residual, &scale, shift, &weights));
            assert!(close(sums.shift[c], expected), "dshift[{c}]: {}, {expected}", sums.shift[c]);
        }
    }

    #[test]
    fn a_large_mean_does_not_spoil_the_variance() {
        // 10000 + {-1, 0, 1, ...}: variance 2/3 for each channel.
        let rows: Vec<f32> = (0..300).map(|i| 10_000.0 + (i / 3 % 3) as f32 - 1.0).collect();
        let Moments { mean, variance } = moments(InstructionSet::chosen(), &rows[..297], 3);
        for c in 0..3 {
            assert!((mean[c] - 10_000.0).abs() < 1e-9);
            assert!((variance[c] - 2.0 / 3.0).abs() < 1e-9);
        }
    }

    #[test]
    fn neither_threads_nor_instruction_set_change_a_byte() {
        let x = wave(3000 * CHANNELS, 0.0);
        let passes = |set: InstructionSet, threads: usize| {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
            pool.install(|| {
                let affine = Affine::new(&moments(set, &x, CHANNELS), &[1.0, 2.0, 3.0], &[0.1; 3], EPSILON);
                let output = normalise(set, &x, &affine, None, Activation::Relu);
                let pass = Backward {
                    gradient: &x,
                    x: &x,
                    rectified: Some(Rectified { output: &output, slope_below: 0.0 }),
                    affine: &affine,
                };
                let gradient = pass.input_gradient(set, Some(&pass.parameter_sums(set)));
                let residual_gradient = pass.before_activation();
                (output, gradient, residual_gradient)
            })
        };
        let portable = passes(InstructionSet::Portable, 1);
        let best = InstructionSet::detected();
        assert!([1, 2, 4].into_iter().all(|threads| passes(best, threads) == portable));
    }
}
