//! Preprocessing of images into the network's input, and its inverse transform.
//!
//! A network input is a row-major array `[C, D, H, W]`. The image axes of D, H and W depend on the preprocessing:
//! - [`Preprocessing::Canonical`]: D from inferior to superior, H from posterior to anterior, W from left to right,
//!   whatever the stored orientation;
//! - [`Preprocessing::Medicalnet`] and [`Preprocessing::None`]: the stored axes (i, j, k), as the published weights
//!   expect.
//!
//! Each gives a [`InverseTransform`], which maps label maps to the network's grid and class probabilities back to the
//! image's grid.

mod canonical;
mod inverse_transform;
mod medicalnet;

pub use canonical::{Canonical, Crop};
pub use inverse_transform::{InverseTransform, InverseTransformError};
pub use medicalnet::Medicalnet;

use crate::{FlatVolume, Grid, Volume};
use lacuna_seed::Stream;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The conversion of images into a network's input.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "kind", rename_all = "kebab-case")]
pub enum Preprocessing {
    /// The voxels as stored, not scaled or resampled.
    None,
    /// Reoriented, cropped, resampled and normalised.
    Canonical(Canonical),
    /// The preprocessing of MedicalNet's own code.
    Medicalnet(Medicalnet),
}

impl Preprocessing {
    /// Returns the size (D, H, W) of every network input, if the settings alone decide it.
    pub fn fixed_size(&self) -> Option<[usize; 3]> {
        match self {
            Preprocessing::None => None,
            Preprocessing::Canonical(canonical) => canonical.size,
            Preprocessing::Medicalnet(medicalnet) => Some(medicalnet.size),
        }
    }
}

/// A network's input with the inverse transform.
#[derive(Clone, Debug, PartialEq)]
pub struct Prepared {
    /// The voxels `[C, D, H, W]`, row-major.
    pub voxels: Vec<f32>,
    /// The lengths of the axes C, D, H and W.
    pub shape: [usize; 4],
    /// The position of the network's grid (D, H, W) in the image's own grid.
    pub inverse_transform: InverseTransform,
}

/// An error of preprocessing.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum PreprocessError {
    /// The list of channels is empty.
    #[error("expected at least one channel, found none")]
    NoChannel,
    /// A channel has another grid than the first.
    #[error(
        "channel {channel}: expected the first channel's grid of {expected:?} voxels, found {found:?} voxels, \
         {by_mm} mm apart; fix: register and resample the channels to one grid"
    )]
    ChannelGrids {
        /// The channel, counted from 0.
        channel: usize,
        /// Voxels of the first channel.
        expected: [usize; 3],
        /// Voxels of this channel.
        found: [usize; 3],
        /// The largest distance between corners; infinite if the numbers of voxels differ.
        by_mm: f64,
    },
    /// Both a size and a spacing are set.
    #[error("expected `size` or `spacing_mm`, found both; fix: leave one out")]
    SizeAndSpacing,
    /// A size or spacing that is out of range.
    #[error("field {field}: expected {expected}, found {found}; fix: change the preprocessing")]
    Target {
        /// The configuration key.
        field: &'static str,
        /// The values allowed in the field.
        expected: &'static str,
        /// The value found, or the size that it leads to.
        found: String,
    },
    /// The crop leaves no voxel.
    #[error("expected voxels {wanted} to crop to, found none; fix: check the image, or do not crop")]
    EmptyCrop {
        /// A description of the voxels to crop to.
        wanted: &'static str,
    },
    /// A channel whose foreground is constant or empty.
    #[error("channel {channel}: {source}; fix: leave this scan out")]
    Flat {
        /// The channel, counted from 0.
        channel: usize,
        /// The foreground and its number of voxels.
        source: FlatVolume,
    },
}

impl Preprocessing {
    /// Converts the channels of one scan into a network's input.
    ///
    /// `noise` is used by [`Medicalnet`] only.
    ///
    /// # Errors
    /// Any [`PreprocessError`].
    pub fn apply(&self, channels: &[Volume], noise: &Stream) -> Result<Prepared, PreprocessError> {
        let grid = one_grid(channels)?;
        match self {
            Preprocessing::None => Ok(InverseTransform::as_stored(grid).prepare(channels)),
            Preprocessing::Canonical(choice) => choice.apply(channels),
            Preprocessing::Medicalnet(choice) => choice.apply(channels, noise),
        }
    }
}

/// Channels whose grids are closer than this, in mm, share a grid: 32-bit header fields are not more exact.
const SAME_GRID_MM: f64 = 1e-3;

/// The largest number of voxels of one channel of a network's input, equal to that of an image file.
const INPUT_VOXELS_MAX: usize = 1 << 31;

/// Returns the grid that all channels share.
fn one_grid(channels: &[Volume]) -> Result<Grid, PreprocessError> {
    let first = channels.first().ok_or(PreprocessError::NoChannel)?.grid();
    if first.is_empty() {
        return Err(PreprocessError::EmptyCrop { wanted: "of any value" });
    }
    for (channel, volume) in channels.iter().enumerate() {
        let by_mm = first.distance_mm(volume.grid());
        if by_mm > SAME_GRID_MM {
            let (expected, found) = (first.dims, volume.grid().dims);
            return Err(PreprocessError::ChannelGrids { channel, expected, found, by_mm });
        }
    }
    Ok(*first)
}

/// Returns the size if it is within the range of images.
fn checked_size(field: &'static str, size: [usize; 3]) -> Result<[usize; 3], PreprocessError> {
    let voxels = size.iter().try_fold(1usize, |product, &axis| product.checked_mul(axis));
    match voxels {
        Some(1..=INPUT_VOXELS_MAX) => Ok(size),
        _ => {
            let expected = "1 to 2^31 voxels in all";
            Err(PreprocessError::Target { field, expected, found: format!("{size:?} voxels") })
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{AxisOrder, Foreground};
    use crate::{ClassMap, IGNORED, Image, SpacingMm, reorder};
    use lacuna_seed::Seed;

    /// Returns a head-like object off the centre with 0 around it; no two axes are alike.
    fn blob() -> Volume {
        let grid = Grid::axis_aligned([11, 9, 7], SpacingMm([1.0, 1.5, 2.0]));
        let mut image = Image::new(grid, vec![0.0; grid.len()]);
        for [i, j, k] in indices(grid.dims) {
            let inside = (2..9).contains(&i) && (1..7).contains(&j) && (2..6).contains(&k);
            image.voxels_mut()[grid.offset([i, j, k])] = if inside { (1 + i + 3 * j + 7 * k) as f32 } else { 0.0 };
        }
        image
    }

    fn indices([ni, nj, nk]: [usize; 3]) -> impl Iterator<Item = [usize; 3]> {
        (0..nk).flat_map(move |k| (0..nj).flat_map(move |j| (0..ni).map(move |i| [i, j, k])))
    }

    fn noise() -> Stream {
        Seed(5).stream("noise")
    }

    fn canonical(size: Option<[usize; 3]>, crop: Crop) -> Preprocessing {
        Preprocessing::Canonical(Canonical { size, spacing_mm: None, crop, foreground: Foreground::AboveZero })
    }

    /// Returns every preprocessing, at a size of its own, the object's size, and a finer one.
    fn choices() -> Vec<Preprocessing> {
        vec![
            Preprocessing::None,
            canonical(None, Crop::None),
            canonical(None, Crop::AboveZero),
            canonical(Some([12, 10, 14]), Crop::AboveZero),
            Preprocessing::Medicalnet(Medicalnet { size: [12, 10, 14] }),
        ]
    }

    fn orders() -> [AxisOrder; 4] {
        [
            AxisOrder::UNCHANGED,
            AxisOrder::TRANSPOSED,
            AxisOrder { source: [1, 2, 0], reversed: [true, true, false] },
            AxisOrder { source: [0, 2, 1], reversed: [true, false, true] },
        ]
    }

    #[test]
    fn canonical_input_does_not_depend_on_how_the_scan_was_stored() {
        for choice in [canonical(None, Crop::AboveZero), canonical(Some([5, 6, 13]), Crop::None)] {
            let expected = choice.apply(&[blob()], &noise()).unwrap();
            for order in orders() {
                let found = choice.apply(&[reorder(&blob(), &order)], &noise()).unwrap();
                assert_eq!(found.shape, expected.shape);
                assert_eq!(found.voxels, expected.voxels, "{order:?}");
            }
        }
    }

    #[test]
    fn canonical_axes_are_up_then_front_then_right() {
        let prepared = canonical(None, Crop::None).apply(&[blob()], &noise()).unwrap();
        // The object is stored as RAS with dims (11, 9, 7) along x, y, z.
        assert_eq!(prepared.shape, [1, 7, 9, 11]);
        let at = |d: usize, h: usize, w: usize| prepared.voxels[(d * 9 + h) * 11 + w];
        // One voxel up adds 7, to the front 3, to the right 1: the same ratios after scaling.
        let right = at(3, 3, 4) - at(3, 3, 3);
        assert!(((at(3, 4, 3) - at(3, 3, 3)) / right - 3.0).abs() < 1e-4);
        assert!(((at(4, 3, 3) - at(3, 3, 3)) / right - 7.0).abs() < 1e-4);
    }

    #[test]
    fn without_preprocessing_array_axes_are_the_networks_axes() {
        let prepared = Preprocessing::None.apply(&[blob(), blob().map(|voxel| -voxel)], &noise()).unwrap();
        assert_eq!(prepared.shape, [2, 11, 9, 7]);
        for [i, j, k] in indices([11, 9, 7]) {
            assert_eq!(prepared.voxels[(i * 9 + j) * 7 + k], blob().at([i, j, k]));
            assert_eq!(prepared.voxels[693 + (i * 9 + j) * 7 + k], -blob().at([i, j, k]));
        }
    }

    /// Returns class numbers 0, 1, 2 with an ignored voxel; 0 outside the object's inner part.
    fn truth() -> ClassMap {
        let mut truth = blob().map(|&voxel| if voxel > 0.0 { 1 + u8::from(voxel > 30.0) } else { 0 });
        let offset = truth.grid().offset([4, 4, 4]);
        truth.voxels_mut()[offset] = IGNORED;
        truth
    }

    fn one_hot(classes: &[u8], count: usize) -> Vec<f32> {
        (0..count)
            .flat_map(|class| classes.iter().map(move |&of| f32::from(u8::from(usize::from(of) == class))))
            .collect()
    }

    #[test]
    fn truth_carried_to_an_unresampled_grid_comes_back() {
        let plain = truth().map(|&class| if class == IGNORED { 1 } else { class });
        for order in orders() {
            let (image, truth) = (reorder(&blob(), &order), reorder(&plain, &order));
            for choice in [Preprocessing::None, canonical(None, Crop::None), canonical(None, Crop::AboveZero)] {
                let Prepared { inverse_transform, shape: [_, d, h, w], .. } =
                    choice.apply(std::slice::from_ref(&image), &noise()).unwrap();
                let carried = inverse_transform.class_map_to_network(&truth, [d, h, w]);
                let back = inverse_transform.probabilities_to_image(&one_hot(&carried, 3), [3, d, h, w]).unwrap();
                assert_eq!(back, truth, "{choice:?} {order:?}");
            }
        }
    }

    #[test]
    fn truth_lies_where_the_image_lies() {
        // The foregrounds of the sampled image and of the sampled labels are the same voxels.
        let Prepared { inverse_transform, shape: [_, d, h, w], voxels } =
            Preprocessing::Medicalnet(Medicalnet { size: [12, 10, 14] }).apply(&[blob()], &noise()).unwrap();
        let sampled = inverse_transform.nearest(&blob(), [d, h, w]);
        let carried = inverse_transform.class_map_to_network(&truth(), [d, h, w]);
        assert_eq!(voxels.len(), sampled.len());
        for (intensity, class) in sampled.iter().zip(carried) {
            assert_eq!(*intensity > 0.0, class > 0);
        }
    }

    #[test]
    fn every_voxel_is_visited_once_and_its_probabilities_sum_to_one() {
        for choice in choices() {
            let inverse_transform = choice.apply(&[blob()], &noise()).unwrap().inverse_transform;
            // A coarse output grid with arbitrary probabilities of three classes.
            let points = 3 * 2 * 4;
            let weight = |class: usize, point: usize| 1.0 + ((class * 31 + point * 17) % 11) as f32;
            let total = |point: usize| (0..3).map(|class| weight(class, point)).sum::<f32>();
            let probabilities: Vec<f32> =
                (0..3 * points).map(|n| weight(n / points, n % points) / total(n % points)).collect();
            let mut visits = vec![0; blob().grid().len()];
            let visit = |offset: usize, of_classes: &[f32]| {
                visits[offset] += 1;
                assert!((of_classes.iter().sum::<f32>() - 1.0).abs() < 1e-5);
            };
            inverse_transform.for_each_probability(&probabilities, [3, 3, 2, 4], visit).unwrap();
            assert!(visits.iter().all(|&count| count == 1), "{choice:?}");
        }
    }

    #[test]
    fn the_probability_of_one_class_is_that_among_all() {
        for choice in choices() {
            let inverse_transform = choice.apply(&[blob()], &noise()).unwrap().inverse_transform;
            let probabilities: Vec<f32> = (0..3 * 24).map(|n| ((n * 31 % 17) as f32) / 17.0).collect();
            for class in 0..3 {
                let mut expected = vec![f32::NAN; blob().grid().len()];
                let visit = |offset: usize, of_classes: &[f32]| expected[offset] = of_classes[class];
                inverse_transform.for_each_probability(&probabilities, [3, 3, 2, 4], visit).unwrap();
                let found = inverse_transform.probability_to_image(&probabilities, [3, 3, 2, 4], class).unwrap();
                assert_eq!(found.voxels(), expected, "{choice:?}");
            }
        }
    }

    #[test]
    fn outside_the_crop_there_is_background() {
        let inverse_transform =
            canonical(Some([4, 4, 4]), Crop::AboveZero).apply(&[blob()], &noise()).unwrap().inverse_transform;
        let everywhere_one: Vec<f32> = one_hot(&[1; 64], 2);
        let found = inverse_transform.probabilities_to_image(&everywhere_one, [2, 4, 4, 4]).unwrap();
        assert_eq!(found, blob().map(|&voxel| u8::from(voxel > 0.0)));
    }

    #[test]
    fn the_class_of_a_tie_is_the_first() {
        let inverse_transform = Preprocessing::None.apply(&[blob()], &noise()).unwrap().inverse_transform;
        let found = inverse_transform.probabilities_to_image(&[0.2, 0.4, 0.4], [3, 1, 1, 1]).unwrap();
        assert!(found.voxels().iter().all(|&class| class == 1));
    }

    #[test]
    fn probabilities_that_are_none_are_refused() {
        let inverse_transform = Preprocessing::None.apply(&[blob()], &noise()).unwrap().inverse_transform;
        let refusal =
            |probabilities: &[f32], shape| inverse_transform.probabilities_to_image(probabilities, shape).unwrap_err();
        for shape in [[2, 1, 1, 2], [0, 1, 1, 3], [256, 1, 1, 1], [usize::MAX, 2, 1, 1]] {
            assert!(matches!(refusal(&[0.5; 3], shape), InverseTransformError::Shape { .. }));
        }
        let diverged = refusal(&[0.5, f32::NAN], [2, 1, 1, 1]);
        assert!(matches!(diverged, InverseTransformError::NotFinite { offset: 1, .. }));
    }

    #[test]
    fn a_spacing_gives_the_size_that_keeps_the_field_of_view() {
        let choice = Preprocessing::Canonical(Canonical {
            size: None,
            spacing_mm: Some([1.0, 3.0, 0.5]),
            crop: Crop::None,
            foreground: Foreground::AllVoxels,
        });
        // (D, H, W) = 7 * 2 mm, 9 * 1.5 mm, 11 * 1 mm; 13.5 / 3 = 4.5, rounded up.
        assert_eq!(choice.apply(&[blob()], &noise()).unwrap().shape, [1, 14, 5, 22]);
    }

    #[test]
    fn impossible_choices_and_images_are_refused() {
        let with = |size, spacing_mm| {
            let choice = Canonical { size, spacing_mm, crop: Crop::AboveZero, foreground: Foreground::AboveZero };
            Preprocessing::Canonical(choice).apply(&[blob()], &noise()).unwrap_err()
        };
        assert_eq!(with(Some([1; 3]), Some([1.0; 3])), PreprocessError::SizeAndSpacing);
        for refusal in [
            with(Some([0, 4, 4]), None),
            with(Some([usize::MAX; 3]), None),
            with(None, Some([1e-9; 3])),
            with(None, Some([f64::NAN; 3])),
        ] {
            assert!(matches!(refusal, PreprocessError::Target { .. }), "{refusal}");
        }
        let empty = blob().map(|_| 0.0);
        for choice in &choices()[2..] {
            let refusal = choice.apply(std::slice::from_ref(&empty), &noise()).unwrap_err();
            assert!(matches!(refusal, PreprocessError::EmptyCrop { .. }), "{refusal}");
        }
        let flat = canonical(None, Crop::None).apply(&[blob(), empty], &noise()).unwrap_err();
        assert!(matches!(flat, PreprocessError::Flat { channel: 1, .. }), "{flat}");
        assert_eq!(Preprocessing::None.apply(&[], &noise()).unwrap_err(), PreprocessError::NoChannel);
        let turned = reorder(&blob(), &AxisOrder::TRANSPOSED);
        let mixed = Preprocessing::None.apply(&[blob(), turned], &noise()).unwrap_err();
        assert!(matches!(mixed, PreprocessError::ChannelGrids { channel: 1, .. }), "{mixed}");
    }

    #[test]
    fn a_choice_is_written_and_read_by_its_name() {
        for choice in choices() {
            let text = serde_json::to_string(&choice).unwrap();
            assert_eq!(serde_json::from_str::<Preprocessing>(&text).unwrap(), choice, "{text}");
        }
        let read = |text: &str| serde_json::from_str::<Preprocessing>(text);
        assert_eq!(read(r#"{"kind":"none"}"#).unwrap(), Preprocessing::None);
        let published = Preprocessing::Medicalnet(Medicalnet::published());
        assert_eq!(read(r#"{"kind":"medicalnet"}"#).unwrap(), published);
        assert!(read(r#"{"kind":"medicalnet","sizes":[1,2,3]}"#).unwrap_err().to_string().contains("sizes"));
        assert!(read(r#"{"kind":"canonical","size":[1,2,3]}"#).is_err(), "crop and foreground have no silent default");
    }

    #[test]
    fn a_placement_is_written_and_read() {
        let inverse_transform = choices()[3].apply(&[blob()], &noise()).unwrap().inverse_transform;
        let text = serde_json::to_string(&inverse_transform).unwrap();
        assert_eq!(serde_json::from_str::<InverseTransform>(&text).unwrap(), inverse_transform);
    }
}
