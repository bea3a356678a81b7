//! Where on the label map a feature looks.

use lacuna_volume::IGNORED;

/// How many steps the band reaches from a boundary, on either side.
const BAND_VOXELS: usize = 2;

/// A set of voxels.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Region {
    /// Every class but the background.
    Foreground,
    /// Within two voxels of a boundary between labels, on either side: where a network must have seen a subject to
    /// know it, since the inside looks alike in all subjects.
    Band,
    /// Voxels of the background.
    Background,
}

impl Region {
    /// How it is called in errors.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Region::Foreground => "foreground",
            Region::Band => "boundary band",
            Region::Background => "background",
        }
    }

    /// Which voxels belong to it; ignored ones never do.
    pub(crate) fn voxels(self, labels: &[u8], shape: [usize; 3]) -> Vec<bool> {
        match self {
            Region::Foreground => labels.iter().map(|label| *label != 0 && *label != IGNORED).collect(),
            Region::Background => labels.iter().map(|label| *label == 0).collect(),
            Region::Band => band(labels, shape),
        }
    }
}

/// Voxels with a neighbour of another label are one step from a boundary, their neighbours two, along the axes.
fn band(labels: &[u8], shape: [usize; 3]) -> Vec<bool> {
    let counts = |voxel: usize| labels[voxel] != IGNORED;
    let at_boundary = |voxel: usize| {
        counts(voxel) && neighbours(voxel, shape).any(|other| counts(other) && labels[other] != labels[voxel])
    };
    let mut within: Vec<bool> = (0..labels.len()).map(at_boundary).collect();
    for _ in 1..BAND_VOXELS {
        let grown =
            |voxel: usize| within[voxel] || counts(voxel) && neighbours(voxel, shape).any(|other| within[other]);
        within = (0..labels.len()).map(grown).collect();
    }
    within
}

/// The up to six voxels that share a face.
fn neighbours(voxel: usize, [depth, height, width]: [usize; 3]) -> impl Iterator<Item = usize> {
    let coordinates = [voxel / (height * width), voxel / width % height, voxel % width];
    let steps = [(0, height * width, depth), (1, width, height), (2, 1, width)];
    steps.into_iter().flat_map(move |(axis, stride, size)| {
        let before = (coordinates[axis] > 0).then(|| voxel - stride);
        let after = (coordinates[axis] + 1 < size).then(|| voxel + stride);
        before.into_iter().chain(after)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn drawn(region: Region, labels: &[u8], shape: [usize; 3]) -> String {
        region.voxels(labels, shape).iter().map(|within| if *within { '#' } else { '.' }).collect()
    }

    #[test]
    fn the_band_is_two_voxels_on_either_side() {
        assert_eq!(drawn(Region::Band, &[0, 0, 0, 0, 1, 1, 1, 1], [1, 1, 8]), "..####..");
        assert_eq!(drawn(Region::Foreground, &[0, 0, 0, 0, 1, 1, 1, 1], [1, 1, 8]), "....####");
        assert_eq!(drawn(Region::Background, &[0, 0, 0, 0, 1, 1, 1, 1], [1, 1, 8]), "####....");
    }

    #[test]
    fn it_is_the_same_along_every_axis() {
        for shape in [[8, 1, 1], [1, 8, 1], [1, 1, 8]] {
            assert_eq!(drawn(Region::Band, &[0, 0, 0, 2, 2, 2, 2, 2], shape), ".####...");
        }
    }

    #[test]
    fn ignored_voxels_make_no_boundary_and_are_in_no_region() {
        assert_eq!(drawn(Region::Band, &[0, 0, IGNORED, 1, 1], [1, 1, 5]), ".....");
        for region in [Region::Foreground, Region::Band, Region::Background] {
            assert!(!region.voxels(&[IGNORED, 0, 1, IGNORED], [1, 1, 4])[0]);
        }
    }
}
