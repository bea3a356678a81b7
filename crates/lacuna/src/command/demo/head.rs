//! The demo's picture: the forgotten head, its labels, and what three models say of it.

use crate::error::CliError;
use crate::picture::{self, Colour, Picture, Plane, Slice};
use crate::png;
use crate::viewing::said;
use lacuna_cohort::load;
use lacuna_nn::Network;
use lacuna_study::{Study, Task, Unwatched};
use lacuna_volume::{ClassMap, IGNORED, canonical_order, reorder};
use std::collections::BTreeSet;

/// The longer side of a slice, in pixels.
const PIXELS: usize = 256;
/// The strategy whose model is shown.
const STRATEGY: &str = "noisy-label";

/// From the left: the image; over it the labels, then what the original, the unlearned and the retrained
/// model say; on the axial slice on which original and retrained disagree most.
pub fn png(study: &Study) -> Result<Vec<u8>, CliError> {
    let (forgotten, split) = &study.splits()[0];
    let cohort = &study.data().cohort;
    crate::redact::hide_cohort(cohort);
    let scan = load(&cohort.scans_of(forgotten)[0], &cohort.read)?;
    let order = canonical_order(&scan.images[0].grid().affine);
    let image = reorder(&scan.images[0], &order);
    let case = study.data().of(&BTreeSet::from([forgotten.clone()]))[0];
    let say = |network: &Network| said(case, network, study.device(), &order);

    let [mut original, mut retrained, mut unlearned] = [None, None, None];
    for task in study.tasks() {
        let model = match &task {
            Task::Train(training) if training.train == *split.train() => &mut original,
            Task::Train(_) => &mut retrained,
            Task::Unlearn(task) if task.variant.strategy == STRATEGY => &mut unlearned,
            Task::Unlearn(_) | Task::Probe(_) => continue,
        };
        *model = Some(say(&study.model(&task, &mut Unwatched)?)?);
    }
    let [original, unlearned, retrained] =
        [original, unlearned, retrained].map(|model| model.expect("the demo's study has all three"));

    let voxels = case.voxels()?;
    let slice = Slice::new(&image, Plane::Axial, most_different(&original, &retrained), PIXELS);
    let plain = slice.paint(&image, picture::greys(&image));
    let over = |classes: &ClassMap| picture::over(&plain, &slice.paint(classes, colour));
    let maps = [over(&reorder(&voxels.truth, &order)), over(&original), over(&unlearned), over(&retrained)];
    let row: Vec<Picture> = [plain].into_iter().chain(maps).collect();
    Ok(png::encode(&picture::montage(&[row])))
}

/// The axial slice with the most voxels of different classes; the lowest of equals.
fn most_different(one: &ClassMap, other: &ClassMap) -> usize {
    let [across, up, slices] = one.grid().dims;
    let differing = |slice: &usize| {
        let voxels = (0..across * up).map(|voxel| [voxel % across, voxel / across, *slice]);
        voxels.filter(|&voxel| one.at(voxel) != other.at(voxel)).count()
    };
    (0..slices).rev().max_by_key(differing).unwrap_or(0)
}

fn colour(class: u8) -> Colour {
    if class == IGNORED { [0; 3] } else { picture::label_colour(class.into()) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use lacuna_volume::{Grid, Image, SpacingMm};

    #[test]
    fn the_slice_shown_is_where_two_models_differ_most() {
        let grid = Grid::axis_aligned([2, 2, 3], SpacingMm([1.0; 3]));
        let map = |classes: [u8; 12]| Image::new(grid, classes.to_vec());
        let one = map([0; 12]);
        assert_eq!(most_different(&one, &map([0, 1, 0, 0, 1, 1, 0, 0, 1, 0, 0, 0])), 1);
        assert_eq!(most_different(&one, &map([1; 12])), 0, "the lowest of equals");
    }
}
