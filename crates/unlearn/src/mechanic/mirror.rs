//! Volumes seen in a mirror.

/// Every row of the last axis, of length `width`, back to front: left and right exchanged where W runs from one to the
/// other, as it does after canonical preprocessing.
pub(crate) fn mirrored(values: &[f32], width: usize) -> Vec<f32> {
    values.chunks_exact(width).flat_map(|row| row.iter().rev().copied()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mirror_of_a_mirror_is_the_volume() {
        let volume: Vec<f32> = (0..12).map(|value| value as f32).collect();
        assert_eq!(mirrored(&volume, 4)[..4], [3.0, 2.0, 1.0, 0.0]);
        assert_eq!(mirrored(&mirrored(&volume, 4), 4), volume);
    }
}
