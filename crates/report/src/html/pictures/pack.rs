//! Volumes as text within a page: 8 bits per voxel, gzip, base64.
//!
//! A map of classes is kept unchanged. An image is clipped to its 0.5th and 99.8th percentiles and quantised to 256
//! greys, the range of a screen. Browsers can unpack gzip.

use super::Seen;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use flate2::Compression;
use flate2::write::GzEncoder;
use std::io::Write;

/// A scan in the form that the page holds.
pub(super) struct Packed {
    /// The subsampling factor along each axis.
    pub(super) factor: usize,
    /// Voxels along x, y and z.
    pub(super) dims: [usize; 3],
    /// The voxel size along x, y and z.
    pub(super) spacing_mm: [f64; 3],
    /// The intensities of grey 0 and grey 255.
    pub(super) greys: [f32; 2],
    /// Image, reference and maps, concatenated, as base64 text.
    pub(super) base64: String,
}

/// The coarsest subsampling; a brain is hardly recognisable beyond it.
const FACTOR_MAX: usize = 4;

/// The finest subsampling that takes at most `bytes_max` bytes; `None` if even the coarsest takes more.
pub(super) fn pack(seen: &Seen, bytes_max: usize) -> Option<Packed> {
    seen.check();
    (1..=FACTOR_MAX).map(|factor| packed(seen, factor)).find(|packed| packed.base64.len() <= bytes_max)
}

fn packed(seen: &Seen, factor: usize) -> Packed {
    let dims = seen.dims.map(|voxels| voxels.div_ceil(factor));
    let greys = greys(&seen.image);
    let mut bytes = Vec::with_capacity((2 + seen.said.len()) * dims.iter().product::<usize>());
    bytes.extend(blocks(seen.dims, factor).map(|block| grey(mean(&seen.image, seen.dims, block), greys)));
    for map in [&seen.reference].into_iter().chain(seen.said.iter().map(|said| &said.classes)) {
        bytes.extend(blocks(seen.dims, factor).map(|block| map[middle(seen.dims, block)]));
    }
    let mut gzip = GzEncoder::new(Vec::new(), Compression::best());
    gzip.write_all(&bytes).expect("memory takes all bytes");
    Packed {
        factor,
        dims,
        spacing_mm: seen.spacing_mm.map(|mm| mm * factor as f64),
        greys,
        base64: STANDARD.encode(gzip.finish().expect("memory takes all bytes")),
    }
}

/// The voxel range of every block along each axis, as first voxel and one beyond the last; x fastest.
fn blocks(dims: [usize; 3], factor: usize) -> impl Iterator<Item = [[usize; 2]; 3]> {
    let [nx, ny, nz] = dims.map(|voxels| voxels.div_ceil(factor));
    let along = move |index: usize, axis: usize| [index * factor, ((index + 1) * factor).min(dims[axis])];
    (0..nx * ny * nz).map(move |index| [along(index % nx, 0), along(index / nx % ny, 1), along(index / (nx * ny), 2)])
}

fn mean(image: &[f32], [nx, ny, _]: [usize; 3], [x, y, z]: [[usize; 2]; 3]) -> f32 {
    let (mut sum, mut count) = (0.0f64, 0.0);
    for k in z[0]..z[1] {
        for j in y[0]..y[1] {
            for i in x[0]..x[1] {
                sum += f64::from(image[i + nx * (j + ny * k)]);
                count += 1.0;
            }
        }
    }
    (sum / count) as f32
}

/// The middle voxel of a block, whose class stands for the block, since classes have no mean.
fn middle([nx, ny, _]: [usize; 3], block: [[usize; 2]; 3]) -> usize {
    let [i, j, k] = block.map(|[first, end]| (first + end - 1) / 2);
    i + nx * (j + ny * k)
}

/// The intensities of grey 0 and grey 255.
fn greys(image: &[f32]) -> [f32; 2] {
    let mut sorted: Vec<f32> = image.iter().copied().filter(|value| value.is_finite()).collect();
    sorted.sort_by(f32::total_cmp);
    let at = |share: f64| sorted.get(((sorted.len().max(1) - 1) as f64 * share) as usize).copied().unwrap_or(0.0);
    [at(0.005), at(0.998)]
}

fn grey(value: f32, [low, high]: [f32; 2]) -> u8 {
    // A constant image has no range of greys; a value that is not finite becomes black.
    let range = high - low;
    if range > 0.0 { ((value - low) / range * 255.0).round().clamp(0.0, 255.0) as u8 } else { 0 }
}

#[cfg(test)]
pub(in crate::html) mod tests {
    use super::super::tests::seen;
    use super::*;
    use crate::Role;
    use flate2::read::GzDecoder;
    use proptest::prelude::*;
    use std::io::Read;

    /// What a browser makes of it.
    pub(in crate::html) fn unpacked(base64: &str) -> Vec<u8> {
        let mut bytes = Vec::new();
        GzDecoder::new(&*STANDARD.decode(base64).unwrap()).read_to_end(&mut bytes).unwrap();
        bytes
    }

    proptest! {
        #[test]
        fn greys_are_within_half_a_step_and_classes_are_exact(values in prop::collection::vec(0.0f32..4000.0, 24)) {
            let classes: Vec<u8> = values.iter().map(|value| *value as u8 % 5).collect();
            let scan = Seen {
                dims: [2, 3, 4],
                image: values.clone(),
                reference: classes.clone(),
                said: Vec::new(),
                ..seen("a", Role::Retain)
            };
            let packed = packed(&scan, 1);
            let bytes = unpacked(&packed.base64);
            prop_assert_eq!(&bytes[24..], &classes[..]);
            let [low, high] = packed.greys;
            for (value, byte) in values.iter().zip(&bytes) {
                let shown = low + (high - low) * f32::from(*byte) / 255.0;
                let expected = value.clamp(low, high);
                prop_assert!((shown - expected).abs() <= (high - low) / 510.0 * 1.01 + 1e-3, "{shown} for {expected}");
            }
        }

        #[test]
        fn every_voxel_is_in_one_block(x in 1usize..9, y in 1usize..9, z in 1usize..9, factor in 1usize..5) {
            let mut met = vec![0; x * y * z];
            for [bx, by, bz] in blocks([x, y, z], factor) {
                for (i, j, k) in (bx[0]..bx[1]).flat_map(|i| (by[0]..by[1]).flat_map(move |j| (bz[0]..bz[1]).map(move |k| (i, j, k)))) {
                    met[i + x * (j + y * k)] += 1;
                }
            }
            prop_assert!(met.iter().all(|&met| met == 1));
        }
    }

    #[test]
    fn a_block_is_the_mean_of_its_greys_and_the_class_in_its_middle() {
        // Two blocks along x of two voxels each: (0 + 100) / 2 = 50 and (50 + 50) / 2 = 50 of greys from 0 to 100.
        let scan = Seen {
            dims: [4, 1, 1],
            image: vec![0.0, 100.0, 50.0, 50.0],
            reference: vec![1, 2, 3, 4],
            said: Vec::new(),
            ..seen("a", Role::Retain)
        };
        let packed = packed(&scan, 2);
        let [low, high] = packed.greys;
        let expected = ((50.0 - low) / (high - low) * 255.0).round() as u8;
        assert_eq!(unpacked(&packed.base64), [expected, expected, 1, 3]);
        assert_eq!((packed.dims, packed.spacing_mm), ([2, 1, 1], [2.0, 2.0, 4.0]));
    }

    #[test]
    fn what_does_not_fit_is_coarser_and_what_never_fits_is_left_out() {
        let scan = seen("a", Role::Retain);
        let full = pack(&scan, usize::MAX).unwrap();
        assert_eq!(full.factor, 1);
        let coarser = pack(&scan, full.base64.len() - 1).unwrap();
        assert!(coarser.factor > 1 && coarser.base64.len() < full.base64.len());
        assert!(pack(&scan, 10).is_none());
    }

    #[test]
    fn an_image_without_contrast_is_black() {
        let scan = Seen { image: vec![f32::NAN; 960], ..seen("a", Role::Retain) };
        assert!(unpacked(&packed(&scan, 1).base64)[..960].iter().all(|&grey| grey == 0));
    }
}
