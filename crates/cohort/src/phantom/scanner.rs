//! From a head to voxels: partial volume, contrast, coil sensitivity, noise.
//!
//! Every voxel looks at several points inside it. Its label is the most frequent one and its
//! signal the mean, so that borders blur as partial volume blurs them.

use super::contrast::Contrast;
use super::head::{FIELD_CENTRE_MM, Head};
use super::noise::Noise;
use super::shape::{Point, subtracted};
use super::tissue::{Spot, label};
use lacuna_seed::Stream;
use lacuna_volume::{Affine, Grid, Image, LabelMap, SpacingMm, Volume};

/// Points are at most this far apart within a voxel, unless there would be more than `POINTS_MAX` per axis.
const POINT_DISTANCE_MM: f64 = 1.6;
const POINTS_MAX: usize = 3;
/// Typical wavelength of the coil's sensitivity.
const SENSITIVITY_MM: f64 = 110.0;

/// A grid whose middle voxel lies in the middle of the head, i to the right, j to the front, k up.
pub(super) fn grid(dims: [usize; 3], spacing_mm: SpacingMm) -> Grid {
    let mut affine = Affine::from_spacing(spacing_mm);
    let middle = affine.position_mm(dims.map(|n| (n as f64 - 1.0) / 2.0));
    let origin = subtracted(FIELD_CENTRE_MM, middle);
    for (row, start) in affine.0.iter_mut().zip(origin) {
        row[3] = start;
    }
    Grid { dims, affine }
}

/// The label map, and the noiseless signal of each contrast.
pub(super) fn look(head: &Head, grid: &Grid, channels: &[Tuned]) -> (LabelMap, Vec<Volume>) {
    let points = points_in_voxel(grid.affine.spacing());
    let mut labels = Vec::with_capacity(grid.len());
    let mut signals: Vec<Vec<f32>> = channels.iter().map(|_| Vec::with_capacity(grid.len())).collect();
    let mut spots = Vec::with_capacity(points.len());
    for_each_voxel(grid, |index| {
        spots.clear();
        spots.extend(
            points
                .iter()
                .map(|point| head.spot(grid.affine.position_mm(std::array::from_fn(|axis| index[axis] + point[axis])))),
        );
        labels.push(most_frequent_label(&spots));
        for (signal, tuned) in signals.iter_mut().zip(channels) {
            signal.push(tuned.mean_brightness(&spots) as f32);
        }
    });
    (Image::new(*grid, labels), signals.into_iter().map(|signal| Image::new(*grid, signal)).collect())
}

/// A sequence as one subject's scan has it: contrast a little steeper or flatter, its own gain.
pub(super) struct Tuned {
    contrast: Contrast,
    steepness: f64,
    gain: f64,
}

impl Tuned {
    pub(super) fn new(contrast: Contrast, stream: &Stream) -> Tuned {
        let mut draws = stream.draws();
        Tuned { contrast, steepness: draws.uniform_in(-0.12, 0.12), gain: draws.uniform_in(700.0, 1100.0) }
    }

    fn mean_brightness(&self, spots: &[Spot]) -> f64 {
        let brightness = |spot: &Spot| {
            let plain = self.contrast.brightness(spot.tissue);
            plain * (1.0 + self.steepness * (plain - 0.5))
        };
        spots.iter().map(brightness).sum::<f64>() / spots.len() as f64
    }

    /// Adds what the receiver adds: uneven sensitivity, noise in two channels, and the scanner's gain.
    ///
    /// The magnitude of a complex signal with Gaussian noise in both parts follows the law of
    /// Rice, so that air is not black. Source: Gudbjartsson and Patz, "The Rician distribution of
    /// noisy MRI data", 1995.
    pub(super) fn receive(&self, signal: &mut Volume, stream: &Stream, bias_field: f64, noise: f64) {
        let sensitivity = Noise::new(&stream.part("sensitivity"), SENSITIVITY_MM);
        let mut draws = stream.part("noise").draws();
        let grid = *signal.grid();
        let mut voxels = signal.voxels_mut().iter_mut();
        for_each_voxel(&grid, |index| {
            let voxel = voxels.next().expect("one voxel per index");
            // The field's values reach about 0.6 either way.
            let received =
                f64::from(*voxel) * (1.0 + bias_field * sensitivity.at(grid.affine.position_mm(index)) / 0.6);
            let (real, imaginary) = (received + noise * draws.normal(), noise * draws.normal());
            *voxel = (self.gain * (real * real + imaginary * imaginary).sqrt()) as f32;
        });
    }
}

/// Calls back for each voxel in storage order, i fastest.
fn for_each_voxel(grid: &Grid, mut visit: impl FnMut(Point)) {
    for k in 0..grid.dims[2] {
        for j in 0..grid.dims[1] {
            for i in 0..grid.dims[0] {
                visit([i as f64, j as f64, k as f64]);
            }
        }
    }
}

/// Points spread evenly over a voxel, in voxel units from its centre.
fn points_in_voxel(spacing_mm: SpacingMm) -> Vec<Point> {
    let [in_i, in_j, in_k] = spacing_mm.0.map(|edge| {
        let count = ((edge / POINT_DISTANCE_MM).ceil() as usize).clamp(1, POINTS_MAX);
        (0..count).map(|step| (step as f64 + 0.5) / count as f64 - 0.5).collect::<Vec<f64>>()
    });
    let mut points = Vec::new();
    for &k in &in_k {
        for &j in &in_j {
            points.extend(in_i.iter().map(|&i| [i, j, k]));
        }
    }
    points
}

/// The label that most points have; of equals the one that was met first.
fn most_frequent_label(spots: &[Spot]) -> u16 {
    let mut counts = [0usize; label::COUNT];
    for spot in spots {
        counts[usize::from(spot.label)] += 1;
    }
    let most = counts.iter().max().expect("counts is not empty");
    spots.iter().map(|spot| spot.label).find(|label| counts[usize::from(*label)] == *most).expect("a voxel has points")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::phantom::tissue::Tissue;
    use lacuna_seed::Seed;

    #[test]
    fn the_grid_has_the_asked_spacing_and_is_centred_on_the_head() {
        let spacing = SpacingMm([1.0, 2.0, 3.5]);
        let grid = grid([5, 4, 3], spacing);
        assert_eq!(grid.affine.spacing(), spacing);
        assert_eq!(grid.affine.position_mm([2.0, 1.5, 1.0]), FIELD_CENTRE_MM);
    }

    #[test]
    fn thick_voxels_are_looked_at_in_more_points() {
        // 0.958 mm needs one point, 3 mm two, 50 mm would need 32 and gets as many as are allowed.
        assert_eq!(points_in_voxel(SpacingMm([0.958, 0.958, 3.0])), [[0.0, 0.0, -0.25], [0.0, 0.0, 0.25]]);
        assert_eq!(points_in_voxel(SpacingMm([50.0, 1.0, 1.0])).len(), POINTS_MAX);
    }

    #[test]
    fn a_voxel_takes_the_most_frequent_label() {
        let spots = [5, 3, 3, 1].map(|label| Spot::new(Tissue::White, label));
        assert_eq!(most_frequent_label(&spots), 3);
        assert_eq!(most_frequent_label(&spots[..2]), 5, "of equals the first");
    }

    #[test]
    fn noise_lifts_air_above_zero_as_rice_has_it() {
        let grid = Grid::axis_aligned([30, 30, 30], SpacingMm([1.0; 3]));
        let mut air = Image::new(grid, vec![0.0f32; grid.len()]);
        Tuned { contrast: Contrast::T1, steepness: 0.0, gain: 1.0 }.receive(&mut air, &Seed(1).stream("t"), 0.2, 0.1);
        let mean = air.voxels().iter().map(|&x| f64::from(x)).sum::<f64>() / grid.len() as f64;
        // Rayleigh: mean = deviation * sqrt(pi / 2) = 0.12533; four standard errors are 0.0016.
        assert!((mean - 0.12533).abs() < 0.0016, "mean {mean}");
    }
}
