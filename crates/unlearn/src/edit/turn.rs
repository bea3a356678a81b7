//! Every kernel is turned in space: its axes change places.
//!
//! What a convolution finds along one axis it now looks for along another. Nothing is lost, since turning back restores
//! it, but no layer meets what it learned to expect; retain training repairs that sooner than it could learn anew.
//!
//! Source: Triantafillou et al., "Are we making progress in unlearning? Findings from the first NeurIPS unlearning
//! competition", 2024, an entry of which this is; named convolution transpose (CT) by Cadet et al., "Deep Unlearn:
//! Benchmarking Machine Unlearning", 2024. There two axes change places; of the five ways that three axes have, the
//! recipe names one (*our reading*). Kernels that the recipe keeps in place are left alone, and so are those of a U-Net
//! whose taps differ along the axes that would change places.
//! Cost: no pass.

use lacuna_nn::{Network, Parameter};

/// Axis n of every kernel that may move becomes its former axis `axes[n]`, of D, H and W.
pub(super) fn turn(mut network: Network, axes: [usize; 3], is_trainable: &dyn Fn(&str) -> bool) -> Network {
    for (name, parameter) in network.parameters.iter_mut() {
        let &[_, _, d, h, w] = parameter.shape.as_slice() else { continue };
        let taps = [d, h, w];
        if is_trainable(name) && axes.map(|axis| taps[axis]) == taps {
            let turned = turned(&parameter.to_vec(), taps, axes);
            let device = parameter.values.device();
            *parameter = Parameter::new(parameter.shape.clone(), parameter.role, turned, &device);
        }
    }
    network
}

/// Whether three numbers are the axes in another order.
pub(super) fn is_turn(axes: [usize; 3]) -> bool {
    let mut sorted = axes;
    sorted.sort_unstable();
    sorted == [0, 1, 2] && axes != sorted
}

/// Row-major kernels, each with its axes exchanged.
fn turned(values: &[f32], [depth, height, width]: [usize; 3], axes: [usize; 3]) -> Vec<f32> {
    let strides = [height * width, width, 1];
    let [d, h, w] = axes.map(|axis| strides[axis]);
    let mut result = Vec::with_capacity(values.len());
    for cube in values.chunks_exact(depth * height * width) {
        for i in 0..depth {
            for j in 0..height {
                result.extend((0..width).map(|k| cube[i * d + j * h + k * w]));
            }
        }
    }
    result
}

#[cfg(test)]
mod tests {
    use super::*;
    use lacuna_nn::{Device, Pass, Stage, Tensor};
    use lacuna_seed::Seed;
    use lacuna_train::test_cases::{moved, resnet_10};

    const ALL: [[usize; 3]; 5] = [[0, 2, 1], [1, 0, 2], [1, 2, 0], [2, 0, 1], [2, 1, 0]];

    #[test]
    fn a_turned_network_says_of_a_turned_volume_what_it_said_of_the_volume() {
        // Every layer treats the axes alike, so turning all kernels is turning space.
        let network = resnet_10();
        let mut draws = Seed(1).stream("volume").draws();
        let values: Vec<f32> = (0..8 * 16 * 24).map(|_| draws.normal() as f32).collect();
        let input = Tensor::<1>::from_floats(values.as_slice(), &Device::flex()).reshape([1, 1, 8, 16, 24]);
        let say = |network: &Network, input| network.forward(&Pass::evaluation(&network.parameters), input);
        for axes in ALL {
            let permutation = [0, 1, 2 + axes[0], 2 + axes[1], 2 + axes[2]].map(|axis| axis as isize);
            let expected = say(&network, input.clone()).permute(permutation);
            let found = say(&turn(network.clone(), axes, &|_| true), input.clone().permute(permutation));
            let apart = (found - expected.clone()).abs().max().into_scalar::<f32>();
            let scale = expected.abs().max().into_scalar::<f32>();
            assert!(apart < 1e-4 * scale, "{axes:?}: {apart} apart at {scale}");
        }
    }

    #[test]
    fn three_rotations_are_none() {
        let rotate = |network| turn(network, [1, 2, 0], &|_| true);
        let once = rotate(resnet_10());
        assert_ne!(once.digest(), resnet_10().digest());
        assert_eq!(rotate(rotate(once)).digest(), resnet_10().digest());
    }

    #[test]
    fn only_the_kernels_of_the_stages_that_move_are_turned() {
        let original = resnet_10();
        let edited = turn(original.clone(), [0, 2, 1], &|name| original.stage(name) == Stage::Encoder3);
        // Kernels of one voxel have nothing to turn.
        assert_eq!(moved(&resnet_10(), &edited), ["layer3.0.conv1.weight", "layer3.0.conv2.weight"]);
    }

    #[test]
    fn five_orders_of_the_axes_are_turns() {
        assert!(ALL.into_iter().all(is_turn));
        assert!(![[0, 1, 2], [0, 0, 1], [1, 2, 3]].into_iter().any(is_turn));
    }
}
