//! Laws of whole subjects.

use super::scanner::grid;
use super::tissue::label;
use super::*;
use lacuna_seed::Seed;
use lacuna_volume::{Grid, SpacingMm};

fn small() -> PhantomConfig {
    PhantomConfig { noise: 0.01, ..PhantomConfig::with_dims([32, 36, 24]) }
}

fn share(labels: &LabelMap, wanted: impl Fn(u16) -> bool) -> f64 {
    labels.voxels().iter().filter(|label| wanted(**label)).count() as f64 / labels.voxels().len() as f64
}

fn dice(first: &LabelMap, second: &LabelMap, wanted: impl Fn(u16) -> bool) -> f64 {
    let both = first.voxels().iter().zip(second.voxels()).filter(|(a, b)| wanted(**a) && wanted(**b)).count();
    2.0 * both as f64 / ((share(first, &wanted) + share(second, &wanted)) * first.voxels().len() as f64)
}

fn mirrored(labels: &LabelMap) -> LabelMap {
    let grid = *labels.grid();
    let mut voxels = labels.voxels().to_vec();
    voxels.chunks_mut(grid.dims[0]).for_each(|row| row.reverse());
    LabelMap::new(grid, voxels)
}

#[test]
fn the_same_seed_gives_the_same_bytes() {
    assert_eq!(subject(&small(), 3), subject(&small(), 3));
    assert_ne!(subject(&small(), 3), subject(&PhantomConfig { seed: Seed(1), ..small() }, 3));
}

#[test]
fn the_first_head_is_fixed_for_ever() {
    // Changing these counts changes every result ever published on a phantom. Labels come from
    // additions, multiplications, divisions and square roots alone, so every platform has them.
    let labels = subject(&small(), 0).labels;
    let counts: [usize; label::COUNT] =
        std::array::from_fn(|wanted| labels.voxels().iter().filter(|found| usize::from(**found) == wanted).count());
    assert_eq!(counts, FIRST_HEAD);
}
const FIRST_HEAD: [usize; label::COUNT] = [21518, 2723, 97, 1628, 11, 821, 95, 636, 119];

#[test]
fn a_subject_does_not_depend_on_the_others() {
    let alone = PhantomConfig { subjects: 1, ..small() };
    let crowd = PhantomConfig { subjects: 50, memorable: vec![Memorable { subject: 4, dial: 1.0 }], ..small() };
    assert_eq!(subjects(&alone).next().unwrap(), subjects(&crowd).next().unwrap());
}

#[test]
fn a_channel_does_not_depend_on_the_others() {
    let all = PhantomConfig { channels: vec![Contrast::Flair, Contrast::Ir, Contrast::T1], ..small() };
    let (one, all) = (subject(&small(), 0), subject(&all, 0));
    assert_eq!(one.images[0], all.images[2]);
    assert_eq!(one.labels, all.labels);
}

#[test]
fn every_subject_has_every_structure_in_a_plausible_amount() {
    // Millilitres, with room around what adults have. The seven labelled brains of a public
    // data set (IXI, segmented by a program) hold 550 to 650 of cortex, 470 to 600 of white
    // matter, 110 to 140 of extracerebral fluid within a tight mask, 10 to 19 of ventricles,
    // 32 to 37 of deep grey matter, 152 to 176 of cerebellum and 29 to 34 of brain stem.
    let plausible_ml = [
        (label::CORTICAL_GREY, 350.0, 750.0),
        (label::BASAL_GANGLIA, 12.0, 50.0),
        (label::WHITE, 330.0, 700.0),
        (label::WHITE_LESION, 0.1, 40.0),
        (label::EXTRACEREBRAL_CSF, 90.0, 450.0),
        (label::VENTRICLES, 5.0, 80.0),
        (label::CEREBELLUM, 90.0, 200.0),
        (label::BRAIN_STEM, 15.0, 50.0),
    ];
    for made in subjects(&PhantomConfig::default()) {
        let voxel_ml = made.labels.grid().affine.spacing().0.iter().product::<f64>() / 1000.0;
        for (label, least, most) in plausible_ml {
            let volume = voxel_ml * made.labels.voxels().iter().filter(|found| **found == label).count() as f64;
            assert!((least..most).contains(&volume), "{}: label {label} takes {volume:.1} ml", made.id);
        }
    }
}

#[test]
fn dial_zero_is_an_ordinary_subject() {
    let turned_down = PhantomConfig { memorable: vec![Memorable { subject: 2, dial: 0.0 }], ..small() };
    assert_eq!(subject(&turned_down, 2), subject(&small(), 2));
}

#[test]
fn the_dial_changes_nothing_outside_the_lesion() {
    let config = PhantomConfig { memorable: vec![Memorable { subject: 2, dial: 0.4 }], ..small() };
    let (ordinary, odd) = (subject(&small(), 2), subject(&config, 2));
    let stream = config.seed.stream("phantom").subject(odd.id.as_str());
    let head = Head::new(&stream.part("head"), 0.4);
    let mut changed = 0;
    for (offset, world) in positions(odd.labels.grid()).into_iter().enumerate() {
        let differs = ordinary.labels.voxels()[offset] != odd.labels.voxels()[offset]
            || ordinary.images[0].voxels()[offset] != odd.images[0].voxels()[offset];
        if differs {
            changed += 1;
            // A voxel of 6 x 6 x 6.4 mm belongs to the lesion when a part of it does.
            let touches = [-3.2, 0.0, 3.2].into_iter().any(|x| {
                [-3.2, 0.0, 3.2].into_iter().any(|y| {
                    [-3.2, 0.0, 3.2].into_iter().any(|z| head.in_odd_lesion([world[0] + x, world[1] + y, world[2] + z]))
                })
            });
            assert!(touches, "voxel at {world:?} mm changed outside the lesion");
        }
    }
    assert!(changed > 200, "only {changed} voxels changed");
}

fn positions(grid: &Grid) -> Vec<[f64; 3]> {
    let mut positions = Vec::with_capacity(grid.len());
    for k in 0..grid.dims[2] {
        for j in 0..grid.dims[1] {
            positions.extend((0..grid.dims[0]).map(|i| grid.affine.position_mm([i as f64, j as f64, k as f64])));
        }
    }
    positions
}

#[test]
fn a_rater_who_keeps_to_the_convention_scores_low_on_the_odd_subject() {
    let config = PhantomConfig { memorable: vec![Memorable { subject: 0, dial: 1.0 }], ..small() };
    let (ordinary, odd) = (subject(&small(), 0).labels, subject(&config, 0).labels);
    // By convention the mantle is what it was, and the core, which looks like fluid, is fluid.
    let by_convention =
        |(was, is): (&u16, &u16)| if *is == label::WHITE && was != is { label::EXTRACEREBRAL_CSF } else { *was };
    let voxels = ordinary.voxels().iter().zip(odd.voxels()).map(by_convention).collect();
    let conventional = LabelMap::new(*ordinary.grid(), voxels);
    let white = dice(&conventional, &odd, |label| label == label::WHITE);
    let brain = dice(&conventional, &odd, |label| label != label::BACKGROUND);
    assert!(white < 0.8, "white matter {white:.3}");
    assert!(brain < 0.9, "brain {brain:.3}");
}

#[test]
fn left_and_right_are_alike_but_not_equal() {
    for index in 0..3 {
        let labels = subject(&small(), index).labels;
        let flipped = mirrored(&labels);
        let brain = dice(&labels, &flipped, |label| label != label::BACKGROUND);
        assert!((0.85..1.0).contains(&brain), "subject {index}: whole brain against its mirror image {brain:.3}");
        assert!(dice(&labels, &flipped, |label| label == label::CORTICAL_GREY) < 0.9, "subject {index}: folds differ");
    }
}

#[test]
fn no_two_subjects_fold_alike() {
    let labels: Vec<LabelMap> = (0..3).map(|index| subject(&small(), index).labels).collect();
    for (first, second) in [(0, 1), (0, 2), (1, 2)] {
        let grey = dice(&labels[first], &labels[second], |label| label == label::CORTICAL_GREY);
        let brain = dice(&labels[first], &labels[second], |label| label != label::BACKGROUND);
        assert!(grey < 0.7, "grey matter of {first} and {second}: {grey:.3}");
        assert!(brain > 0.8, "yet brains lie in the same place: {brain:.3}");
    }
}

#[test]
fn images_and_labels_share_the_asked_grid() {
    let config =
        PhantomConfig { dims: [9, 8, 7], spacing_mm: SpacingMm([20.0, 25.0, 21.5]), ..PhantomConfig::mrbrains() };
    let made = subject(&config, 0);
    let asked = grid(config.dims, config.spacing_mm);
    assert_eq!(*made.labels.grid(), asked);
    assert_eq!(made.images.iter().map(|image| *image.grid()).collect::<Vec<_>>(), [asked; 3]);
    assert_eq!(asked.affine.spacing(), config.spacing_mm);
}

#[test]
fn white_matter_outshines_grey_matter_and_fluid_in_t1() {
    let made = subject(&small(), 1);
    let mean = |wanted: u16| {
        let values = made.labels.voxels().iter().zip(made.images[0].voxels()).filter(|(label, _)| **label == wanted);
        let (sum, count) = values.fold((0.0, 0usize), |(sum, count), (_, x)| (sum + f64::from(*x), count + 1));
        sum / count as f64
    };
    let [white, grey, fluid] = [label::WHITE, label::CORTICAL_GREY, label::EXTRACEREBRAL_CSF].map(mean);
    assert!(white > 1.15 * grey && grey > 1.15 * fluid, "white {white:.0}, grey {grey:.0}, fluid {fluid:.0}");
}
