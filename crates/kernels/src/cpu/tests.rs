//! Compares the convolution kernels with their definitions, for the shapes of MedicalNet and others.

use super::gather::gather;
use super::geometry::{Direction, Geometry, voxels};
use super::naive::Naive;
use super::pack::WeightView;
use super::simd::InstructionSet;
use super::weight_gradient::weight_gradient;
use crate::Conv3dOptions;

/// (batch, grid, wide channels, narrow channels, kernel, stride, padding, dilation)
type Case = (usize, [usize; 3], usize, usize, usize, usize, usize, usize);

const CASES: &[Case] = &[
    (1, [5, 6, 7], 3, 5, 3, 1, 1, 1),
    (2, [7, 5, 9], 16, 19, 3, 2, 1, 1),
    (1, [8, 8, 8], 9, 33, 3, 1, 4, 4),
    (2, [3, 2, 4], 7, 16, 3, 1, 4, 4),
    (1, [6, 4, 8], 17, 16, 3, 1, 2, 2),
    (2, [4, 3, 5], 37, 20, 1, 1, 0, 1),
    (1, [7, 8, 5], 12, 8, 1, 2, 0, 1),
    (1, [15, 13, 14], 1, 18, 7, 2, 3, 1),
    (2, [9, 8, 10], 3, 4, 7, 2, 3, 1),
    (1, [4, 6, 8], 5, 40, 2, 2, 0, 1),
    (1, [4, 4, 4], 300, 17, 3, 1, 1, 1),
];

/// Returns numbers in (-1, 1) without a regular pattern, so that sums do not cancel.
fn noise(length: usize, seed: u32) -> Vec<f32> {
    let mut state = seed.wrapping_mul(2_654_435_769).wrapping_add(12345);
    (0..length)
        .map(|_| {
            state ^= state << 13;
            state ^= state >> 17;
            state ^= state << 5;
            state as f32 / u32::MAX as f32 * 2.0 - 1.0
        })
        .collect()
}

struct Setting {
    geometry: Geometry,
    wide_channels: usize,
    narrow_channels: usize,
    wide: Vec<f32>,
    narrow: Vec<f32>,
    weight: Vec<f32>,
}

impl Setting {
    fn new(&(batch, grid, wide_channels, narrow_channels, kernel, stride, padding, dilation): &Case) -> Self {
        let options = Conv3dOptions { stride: [stride; 3], padding: [padding; 3], dilation: [dilation; 3] };
        let geometry = Geometry::of_convolution(batch, grid, [kernel; 3], &options);
        Self {
            geometry,
            wide_channels,
            narrow_channels,
            wide: noise(batch * voxels(geometry.wide) * wide_channels, 1),
            narrow: noise(batch * voxels(geometry.narrow) * narrow_channels, 2),
            weight: noise(narrow_channels * wide_channels * geometry.taps(), 3),
        }
    }

    fn view(&self, direction: Direction) -> WeightView<'_> {
        let channels = [self.narrow_channels, self.wide_channels];
        WeightView::new(&self.weight, direction, channels, self.geometry.taps())
    }

    fn gather(&self, set: InstructionSet, direction: Direction, bias: Option<&[f32]>) -> Vec<f32> {
        let input = match direction {
            Direction::Correlate => &self.wide,
            Direction::Adjoint => &self.narrow,
        };
        gather(set, &self.geometry, direction, input, self.view(direction), bias)
    }

    /// Returns the results of convolution, data gradient and weight gradient.
    fn passes(&self, set: InstructionSet) -> [Vec<f32>; 3] {
        let [forward, data] = [Direction::Correlate, Direction::Adjoint].map(|way| self.gather(set, way, None));
        let (wide, narrow) = (&self.wide, &self.narrow);
        let weight = weight_gradient(set, &self.geometry, wide, self.wide_channels, narrow, self.narrow_channels);
        [forward, data, weight]
    }

    fn definitions(&self) -> [Vec<f64>; 3] {
        let (wide_channels, narrow_channels) = (self.wide_channels, self.narrow_channels);
        let naive = Naive { geometry: &self.geometry, wide_channels, narrow_channels };
        [
            naive.correlate(&self.wide, &self.weight),
            naive.adjoint(&self.narrow, &self.weight),
            naive.weight_gradient(&self.wide, &self.narrow),
        ]
    }
}

fn sets() -> impl Iterator<Item = InstructionSet> {
    InstructionSet::ALL.into_iter().filter(|set| set.is_available())
}

/// Returns the largest difference relative to the largest value.
fn distance(found: &[f32], expected: impl Iterator<Item = f64> + Clone) -> f64 {
    let scale = expected.clone().map(f64::abs).fold(0.0, f64::max);
    found.iter().zip(expected).map(|(&found, expected)| (f64::from(found) - expected).abs()).fold(0.0, f64::max) / scale
}

#[test]
fn all_passes_agree_with_their_definitions() {
    for case in CASES {
        let setting = Setting::new(case);
        let definitions = setting.definitions();
        for set in sets() {
            for ((found, expected), pass) in setting.passes(set).iter().zip(&definitions).zip(["y", "dx", "dw"]) {
                assert_eq!(found.len(), expected.len());
                let distance = distance(found, expected.iter().copied());
                assert!(distance < 5e-6, "{pass} of {case:?} on {set:?}: {distance:e}");
            }
        }
    }
}

#[test]
fn the_portable_path_agrees_with_avx2() {
    if !InstructionSet::Avx2.is_available() {
        println!("skipped: this machine has no AVX2");
        return;
    }
    for case in CASES {
        let setting = Setting::new(case);
        let (portable, avx2) = (setting.passes(InstructionSet::Portable), setting.passes(InstructionSet::Avx2));
        for (portable, avx2) in portable.iter().zip(&avx2) {
            assert!(distance(portable, avx2.iter().map(|&v| f64::from(v))) < 1e-5, "{case:?}");
        }
    }
}

#[test]
fn wider_vectors_change_no_byte() {
    if !InstructionSet::Avx512.is_available() {
        println!("skipped: this machine has no AVX-512");
        return;
    }
    for case in CASES {
        let setting = Setting::new(case);
        assert!(setting.passes(InstructionSet::Avx512) == setting.passes(InstructionSet::Avx2), "{case:?}");
    }
}

#[test]
fn the_number_of_threads_changes_no_byte() {
    for case in CASES {
        let setting = Setting::new(case);
        let with = |threads| {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
            pool.install(|| setting.passes(InstructionSet::detected()))
        };
        let one = with(1);
        assert!(one == with(2) && one == with(4), "{case:?}");
    }
}

#[test]
fn the_bias_is_where_sums_begin() {
    let setting = Setting::new(&CASES[1]);
    let bias = noise(setting.narrow_channels, 4);
    let set = InstructionSet::detected();
    let with = |bias| setting.gather(set, Direction::Correlate, bias);
    let (plain, biased) = (with(None), with(Some(&bias)));
    for (voxel, (plain, biased)) in plain.iter().zip(&biased).enumerate() {
        assert!((plain + bias[voxel % bias.len()] - biased).abs() < 1e-4);
    }
}
