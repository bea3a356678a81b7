//! Mirror images of arrays `[C, D, H, W]`.

/// An axis of a network's input.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, serde::Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Axis {
    /// The first axis: from inferior to superior in canonical preprocessing.
    D,
    /// The second axis: from posterior to anterior in canonical preprocessing.
    H,
    /// The third axis: from left to right in canonical preprocessing.
    W,
}

impl Axis {
    /// All three axes, in the order D, H, W.
    pub const ALL: [Axis; 3] = [Axis::D, Axis::H, Axis::W];

    /// Returns the name used by commands and files.
    pub fn name(self) -> &'static str {
        match self {
            Axis::D => "d",
            Axis::H => "h",
            Axis::W => "w",
        }
    }
}

/// Returns every combination of mirrored axes among `axes`, as flags for (D, H, W); the first mirrors none.
pub fn mirrorings(axes: &[Axis]) -> Vec<[bool; 3]> {
    let all = (0..8usize).map(|bits| [bits & 4 > 0, bits & 2 > 0, bits & 1 > 0]);
    let given = Axis::ALL.map(|axis| axes.contains(&axis));
    all.filter(|mirrors| mirrors.iter().zip(given).all(|(mirror, given)| given || !mirror)).collect()
}

/// Returns the array `[C, D, H, W]` with the flagged axes of (D, H, W) reversed.
pub fn mirrored(values: &[f32], [c, d, h, w]: [usize; 4], [along_d, along_h, along_w]: [bool; 3]) -> Vec<f32> {
    let at = |backwards: bool, index: usize, length: usize| if backwards { length - 1 - index } else { index };
    let mut turned = Vec::with_capacity(values.len());
    for channel in 0..c {
        for depth in 0..d {
            for height in 0..h {
                let row = ((channel * d + at(along_d, depth, d)) * h + at(along_h, height, h)) * w;
                let row = &values[row..row + w];
                if along_w { turned.extend(row.iter().rev()) } else { turned.extend(row) }
            }
        }
    }
    turned
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn mirroring_twice_is_not_mirroring_and_once_moves_every_axis_asked_for() {
        let values: Vec<f32> = (0..2 * 3 * 4 * 5).map(|n| n as f32).collect();
        let shape = [2, 3, 4, 5];
        for axes in mirrorings(&[Axis::D, Axis::H, Axis::W]) {
            let once = mirrored(&values, shape, axes);
            assert_eq!(mirrored(&once, shape, axes), values);
            // In the second channel the first voxel comes from the far end of each mirrored axis.
            let far = |axis: usize| if axes[axis] { shape[axis + 1] - 1 } else { 0 };
            assert_eq!(once[60], (60 + (far(0) * 4 + far(1)) * 5 + far(2)) as f32);
        }
    }

    #[test]
    fn orientations_are_all_subsets_of_the_axes() {
        assert_eq!(mirrorings(&[]), [[false; 3]]);
        assert_eq!(mirrorings(&[Axis::W]), [[false; 3], [false, false, true]]);
        assert_eq!(mirrorings(&[Axis::H, Axis::D]).len(), 4);
        assert_eq!(mirrorings(&[Axis::W, Axis::D, Axis::H]).len(), 8);
    }
}
