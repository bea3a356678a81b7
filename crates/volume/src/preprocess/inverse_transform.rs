//! The position of a network's grid in an image's own grid, and the transforms between them.
//!
//! Forward: crop, permute axes, sample. Inverse: for each voxel of the image, the trilinear interpolation of the class
//! probabilities around it, directly from the network's output grid, which may be coarser than its input. Each
//! direction interpolates once.

use super::Prepared;
use crate::resample::Lattice;
use crate::{
    AxisOrder, ClassMap, Convention, Grid, Image, Volume, VoxelBox, crop, reorder, resample_nearest, resample_trilinear,
};
use serde::{Deserialize, Serialize};

/// The position of a network's grid (D, H, W) in an image's own grid (i, j, k).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct InverseTransform {
    /// The image's own grid.
    pub(super) grid: Grid,
    /// The part of the image that the network's input covers.
    pub(super) part: VoxelBox,
    /// The axis order from the image's axes to (W, H, D).
    pub(super) order: AxisOrder,
    /// The size of the network's input in voxels along (D, H, W).
    pub(super) size: [usize; 3],
    /// The positions of samples within the part.
    pub(super) convention: Convention,
}

/// An error of transforming probabilities to the image's grid.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum InverseTransformError {
    /// The shape is not one of class probabilities, or does not match the number of values.
    #[error(
        "expected probabilities [C, D, H, W] with 1 to 255 classes and no empty axis, found {found} numbers of shape {shape:?}"
    )]
    Shape {
        /// The shape that was given.
        shape: [usize; 4],
        /// The number of values that was given.
        found: usize,
    },
    /// A probability is infinite or NaN: the network has diverged.
    #[error("probability {offset} of shape {shape:?}: expected a finite number, found {found}")]
    NotFinite {
        /// The shape that was given.
        shape: [usize; 4],
        /// The offset of the value in the array.
        offset: usize,
        /// The value that was found.
        found: f32,
    },
}

impl InverseTransform {
    /// Returns the transform of the whole image, array axes (i, j, k) as (D, H, W), not resampled.
    pub(super) fn as_stored(grid: Grid) -> InverseTransform {
        let (part, order, convention) = (VoxelBox::whole(&grid), AxisOrder::TRANSPOSED, Convention::AlignCorners);
        InverseTransform { grid, part, order, size: grid.dims, convention }
    }

    /// Returns the image's own grid.
    pub fn grid(&self) -> &Grid {
        &self.grid
    }

    /// Returns the size of the network's input in voxels along (D, H, W).
    pub fn size(&self) -> [usize; 3] {
        self.size
    }

    /// Returns whether its fields agree with each other, which a transform read from a file need not.
    pub fn is_sound(&self) -> bool {
        let InverseTransform { grid, part, order, size, .. } = self;
        let product = |sizes: &[usize; 3]| sizes.iter().try_fold(1usize, |product, &axis| product.checked_mul(axis));
        let within =
            |axis: usize| part.start[axis].checked_add(part.dims[axis]).is_some_and(|end| end <= grid.dims[axis]);
        product(&grid.dims).is_some()
            && product(size).is_some_and(|voxels| voxels > 0)
            && !part.dims.contains(&0)
            && (0..3).all(within)
            && (0..3).all(|axis| order.source.contains(&axis))
            && grid.affine.0.as_flattened().iter().all(|value| value.is_finite())
    }

    /// Returns the class of the label nearest to each sample of a network grid, row-major `[D, H, W]`.
    ///
    /// `shape` is the size (D, H, W) of the network's input or of its coarser output; both cover the same part of the
    /// image.
    ///
    /// # Panics
    /// If `truth` does not have the image's numbers of voxels.
    pub fn class_map_to_network(&self, truth: &ClassMap, shape: [usize; 3]) -> Vec<u8> {
        self.nearest(truth, shape)
    }

    /// Returns the most probable class of every voxel of the image, 0 outside the part that the network's input covers.
    ///
    /// `probabilities` are row-major `[C, D, H, W]` of the given shape, which may be coarser than the network's input.
    /// Of equally probable classes the first is returned.
    ///
    /// # Errors
    /// [`InverseTransformError`] if shape and length disagree or a number is not finite.
    pub fn probabilities_to_image(
        &self,
        probabilities: &[f32],
        shape: [usize; 4],
    ) -> Result<ClassMap, InverseTransformError> {
        let mut classes = vec![0; self.grid.len()];
        self.for_each_probability(probabilities, shape, |offset, of_classes| {
            classes[offset] = most_probable(of_classes)
        })?;
        Ok(Image::new(self.grid, classes))
    }

    /// Calls a function with the storage offset of every voxel of the image and the probabilities of the classes there.
    ///
    /// Within the part that the network's input covers they are interpolated trilinearly from `probabilities`,
    /// row-major `[C, D, H, W]`; outside it class 0 has probability 1. Every voxel is visited once, in an order that
    /// depends only on the transform.
    ///
    /// # Errors
    /// [`InverseTransformError`] if shape and length disagree or a number is not finite.
    pub fn for_each_probability(
        &self,
        probabilities: &[f32],
        shape: [usize; 4],
        mut visit: impl FnMut(usize, &[f32]),
    ) -> Result<(), InverseTransformError> {
        check(probabilities, shape)?;
        self.visit_inside(&classes_last(probabilities, shape[0]), shape, &mut visit);
        self.visit_outside(shape[0], visit);
        Ok(())
    }

    /// Returns the probability of one class at every voxel of the image, as [`InverseTransform::for_each_probability`]
    /// computes it.
    ///
    /// # Errors
    /// [`InverseTransformError`] if shape and length disagree or a number is not finite.
    ///
    /// # Panics
    /// If `class` is not below the number of classes.
    pub fn probability_to_image(
        &self,
        probabilities: &[f32],
        shape: [usize; 4],
        class: usize,
    ) -> Result<Volume, InverseTransformError> {
        check(probabilities, shape)?;
        let [classes, depth, height, width] = shape;
        assert!(class < classes, "class {class} of {classes}");
        let points = depth * height * width;
        let of_class = &probabilities[class * points..][..points];
        let mut voxels = vec![if class == 0 { 1.0 } else { 0.0 }; self.grid.len()];
        self.visit_inside(of_class, [1, depth, height, width], &mut |offset, value| voxels[offset] = value[0]);
        Ok(Image::new(self.grid, voxels))
    }

    /// Visits the voxels of the part that the network's input covers; `interleaved` is `[D, H, W, C]`.
    fn visit_inside(&self, interleaved: &[f32], shape: [usize; 4], visit: &mut impl FnMut(usize, &[f32])) {
        let [classes, depth, height, width] = shape;
        let lattice_dims = [width, height, depth];
        let part_dims = self.order.dims(self.part.dims);
        // The inverse of sampling: here the voxels of the part are the samples.
        let samples = std::array::from_fn(|axis| self.convention.between(part_dims[axis], lattice_dims[axis]));
        let lattice = Lattice { values: interleaved, dims: lattice_dims, width: classes };
        lattice.for_each_sample(&samples, |index, of_classes| visit(self.image_offset(index), of_classes));
    }

    /// Returns a channel at the network's input size, interpolated trilinearly.
    pub(super) fn trilinear(&self, channel: &Volume) -> Vec<f32> {
        resample_trilinear(&self.part_of(channel), self.along_lattice(self.size), self.convention).into_voxels()
    }

    /// Returns the voxel nearest to each sample of (D, H, W).
    pub(super) fn nearest<T: Copy>(&self, image: &Image<T>, shape: [usize; 3]) -> Vec<T> {
        resample_nearest(&self.part_of(image), self.along_lattice(shape), self.convention).into_voxels()
    }

    /// Returns channels that need no resampling as a network's input.
    pub(super) fn prepare(self, channels: &[Volume]) -> Prepared {
        let voxels = channels.iter().flat_map(|channel| self.nearest(channel, self.size)).collect();
        self.prepared(channels.len(), voxels)
    }

    /// Returns voxels `[C, D, H, W]` with this transform as a network's input.
    pub(super) fn prepared(self, channels: usize, voxels: Vec<f32>) -> Prepared {
        let [depth, height, width] = self.size;
        Prepared { voxels, shape: [channels, depth, height, width], inverse_transform: self }
    }

    /// Returns the part that the network's input covers, axes (W, H, D).
    fn part_of<T: Copy>(&self, image: &Image<T>) -> Image<T> {
        assert_eq!(image.grid().dims, self.grid.dims, "an image and its placement must share one grid");
        reorder(&crop(image, &self.part), &self.order)
    }

    /// Returns the size (D, H, W) as the dims of an image stored with W fastest.
    fn along_lattice(&self, [depth, height, width]: [usize; 3]) -> [usize; 3] {
        [width, height, depth]
    }

    /// Returns the offset in the image's storage of a voxel of the reordered part.
    fn image_offset(&self, index: [usize; 3]) -> usize {
        let in_part = self.order.old_index(index, self.part.dims);
        self.grid.offset(std::array::from_fn(|axis| self.part.start[axis] + in_part[axis]))
    }

    fn visit_outside(&self, classes: usize, mut visit: impl FnMut(usize, &[f32])) {
        let mut background = vec![0.0; classes];
        background[0] = 1.0;
        let [ni, nj, nk] = self.grid.dims;
        for k in 0..nk {
            for j in 0..nj {
                for i in (0..ni).filter(|&i| !self.part.contains([i, j, k])) {
                    visit(self.grid.offset([i, j, k]), &background);
                }
            }
        }
    }
}

fn check(probabilities: &[f32], shape: [usize; 4]) -> Result<(), InverseTransformError> {
    let length = shape.iter().try_fold(1usize, |product, &axis| product.checked_mul(axis));
    if length != Some(probabilities.len()) || shape.contains(&0) || shape[0] > 255 {
        return Err(InverseTransformError::Shape { shape, found: probabilities.len() });
    }
    match probabilities.iter().position(|probability| !probability.is_finite()) {
        Some(offset) => Err(InverseTransformError::NotFinite { shape, offset, found: probabilities[offset] }),
        None => Ok(()),
    }
}

/// Returns `[C, D, H, W]` as `[D, H, W, C]`, so that the classes of a voxel are contiguous.
fn classes_last(probabilities: &[f32], classes: usize) -> Vec<f32> {
    let points = probabilities.len() / classes;
    let mut interleaved = Vec::with_capacity(probabilities.len());
    for point in 0..points {
        interleaved.extend((0..classes).map(|class| probabilities[class * points + point]));
    }
    interleaved
}

fn most_probable(of_classes: &[f32]) -> u8 {
    let mut best = 0;
    for (class, &probability) in of_classes.iter().enumerate() {
        if probability > of_classes[best] {
            best = class;
        }
    }
    best as u8
}
