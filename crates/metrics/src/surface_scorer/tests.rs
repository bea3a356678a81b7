use super::*;
use crate::scorer::tests::score;
use lacuna_volume::{Grid, IGNORED, SpacingMm};
use proptest::prelude::*;

fn map(dims: [usize; 3], spacing_mm: [f64; 3], classes: &[u8]) -> ClassMap {
    ClassMap::new(Grid::axis_aligned(dims, SpacingMm(spacing_mm)), classes.to_vec())
}

/// Returns the surface scores of the single class of two maps.
fn surface(truth: &ClassMap, predicted: &[u8], tolerance_mm: f64) -> SurfaceScore {
    let mut scorer = SurfaceScorer::new(2, tolerance_mm).unwrap();
    scorer.add(truth, predicted);
    scorer.gathered[0].score(tolerance_mm)
}

/// Checks a line of voxels of 2 mm: `#` is class 1, `?` ignored.
#[track_caller]
fn check(prediction: &str, truth: &str, hd95_mm: Option<f64>, similarity: Option<f64>, surface_dice: Option<f64>) {
    let classes = |text: &str| -> Vec<u8> {
        text.bytes().map(|byte| if byte == b'?' { IGNORED } else { u8::from(byte == b'#') }).collect()
    };
    let truth = map([truth.len(), 1, 1], [2.0, 1.0, 1.0], &classes(truth));
    let found = surface(&truth, &classes(prediction), 2.0);
    assert_eq!((found.volume_similarity, found.surface_dice), (similarity, surface_dice));
    // An interpolated percentile is rounded.
    let near = |(found, expected): (f64, f64)| (found - expected).abs() < 1e-12;
    assert!(found.hd95_mm.zip(hd95_mm).map_or(found.hd95_mm == hd95_mm, near), "{:?} {hd95_mm:?}", found.hd95_mm);
}

#[test]
fn cases_on_a_line_by_hand() {
    check("..##..", "..##..", Some(0.0), Some(1.0), Some(1.0));
    // In a line every voxel of a mask is boundary. One step apart: distances 2, 0 and 0, 2; the 95th percentile
    // of (0, 0, 2, 2) lies at position 2.85, so it is 2. All are within 2 mm.
    check(".##...", "..##..", Some(2.0), Some(1.0), Some(1.0));
    // Two steps apart: 4, 2, 2, 4; the percentile at 2.85 is 4, and half is within 2 mm.
    check(".##...", "...##.", Some(4.0), Some(1.0), Some(0.5));
    // Volumes of 1 and 3: 1 - 2 / 4.
    // Distances 0 and 0, 2, 4: at position 2.85 between 2 and 4.
    check("#.....", "###...", Some(3.7), Some(0.5), Some(0.75));
}

#[test]
fn a_missed_structure_is_as_far_as_the_image_is_long() {
    // Six voxels of 2 mm: 10 mm from the first to the last.
    check("......", "..##..", Some(10.0), Some(0.0), Some(0.0));
    check("..##..", "......", Some(10.0), Some(0.0), Some(0.0));
    check("......", "......", None, None, None);
}

#[test]
fn finding_less_is_never_nearer_than_finding_nothing_is_far() {
    let truth = map([6, 1, 1], [2.0, 1.0, 1.0], &[1, 0, 0, 0, 0, 0]);
    let [missed, astray] = [[0; 6], [0, 0, 0, 0, 0, 1]].map(|found| surface(&truth, &found, 1.0).hd95_mm.unwrap());
    assert!(missed >= astray);
}

#[test]
fn an_ignored_voxel_is_in_neither_mask() {
    // MRBrainS18 excludes infarctions from both masks, so what is predicted there is ignored.
    check("..###.", "..##?.", Some(0.0), Some(1.0), Some(1.0));
}

#[test]
fn the_boundary_of_mrbrains_does_not_cross_planes() {
    // Two planes of 3 x 3, the mask in the first alone: every voxel has a face to the other plane, but within its
    // plane there is nothing outside the mask, so MRBrainS18's boundary is empty and its distance undefined.
    let one_plane: Vec<u8> = (0..18).map(|voxel| u8::from(voxel < 9)).collect();
    let found = surface(&map([3, 3, 2], [1.0; 3], &one_plane), &one_plane, 1.0);
    assert_eq!((found.hd95_mm, found.hd95_mrbrains_mm), (Some(0.0), None));
}

#[test]
fn several_scans_of_a_subject_are_joined_distance_by_distance() {
    let truth = map([6, 1, 1], [1.0; 3], &[1, 0, 0, 0, 0, 0]);
    let mut scorer = SurfaceScorer::new(2, 1.0).unwrap();
    for predicted in [[1, 0, 0, 0, 0, 0], [0, 0, 0, 0, 1, 0]] {
        scorer.add(&truth, &predicted);
    }
    // Distances 0, 0, 4, 4; volumes 2 and 2.
    let found = scorer.gathered[0].score(1.0);
    assert_eq!((found.hd95_mm, found.volume_similarity, found.surface_dice), (Some(4.0), Some(1.0), Some(0.5)));
}

#[test]
fn the_mean_is_over_the_classes_that_have_a_value() {
    let truth = map([6, 1, 1], [1.0; 3], &[0, 1, 0, 0, 0, 0]);
    let predicted = [0, 1, 0, 0, 2, 0];
    let mut scores = score(4, &predicted, truth.voxels()).unwrap();
    let mut scorer = SurfaceScorer::new(4, 1.0).unwrap();
    scorer.add(&truth, &predicted);
    scorer.finish(&mut scores);
    // Class 1 is correct, class 2 is predicted but absent (5 mm of diagonal), class 3 is in neither map.
    assert_eq!(scores.mean.surface.unwrap().hd95_mm, Some(2.5));
    assert_eq!(scores.classes[3].surface.as_ref().unwrap().hd95_mm, None);
    assert_eq!(scores.classes[0].surface, None);
}

#[test]
fn a_tolerance_that_is_no_length_is_refused() {
    for tolerance_mm in [-1.0, f64::NAN, f64::INFINITY] {
        assert!(SurfaceScorer::new(2, tolerance_mm).is_err());
    }
}

/// The script that made the figures, with scipy and SimpleITK, is `fixtures/make.py`; the tolerance is that of
/// sums in another order.
#[test]
fn figures_are_those_of_scipy_and_simpleitk() {
    let text = include_str!("../../fixtures/surface.json");
    let cases: Vec<serde_json::Value> = serde_json::from_str(text).unwrap();
    assert!(cases.len() >= 5);
    for case in cases {
        let number = |key: &str| case[key].as_f64().unwrap();
        let three = |key: &str| [0, 1, 2].map(|axis| case[key][axis].as_f64().unwrap());
        let classes =
            |key: &str| -> Vec<u8> { case[key].as_str().unwrap().bytes().map(|byte| u8::from(byte == b'#')).collect() };
        let dims = three("dims").map(|size| size as usize);
        let truth = map(dims, three("spacing_mm"), &classes("truth"));
        let found = surface(&truth, &classes("prediction"), 1.0);
        for (key, value) in [
            ("hd95_mm", found.hd95_mm),
            ("hd95_mrbrains_mm", found.hd95_mrbrains_mm),
            ("volume_similarity", found.volume_similarity),
            ("surface_dice", found.surface_dice),
        ] {
            assert!((value.unwrap() - number(key)).abs() < 1e-9, "{dims:?} {key}: {value:?} {}", case[key]);
        }
        let sites: Vec<bool> = truth.voxels().iter().map(|&class| class == 1).collect();
        let squared = crate::distance_transform::squared_distances(&sites, dims, three("spacing_mm"));
        for (found, expected) in squared.iter().step_by(7).zip(case["distance_to_truth_mm"].as_array().unwrap()) {
            assert!((found.sqrt() - expected.as_f64().unwrap()).abs() < 1e-9, "{dims:?}");
        }
    }
}

proptest! {
    #[test]
    fn scores_are_symmetric_and_bounded(
        dims in prop::array::uniform3(1usize..6), spacing in prop::array::uniform3(0.5f64..3.0), a in any::<u64>(), b in any::<u64>())
    {
        let voxels = |mut seed: u64| -> Vec<u8> {
            (0..dims.iter().product()).map(|_| {
                seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
                u8::from(seed >> 62 == 0)
            }).collect()
        };
        let (first, second) = (map(dims, spacing, &voxels(a)), map(dims, spacing, &voxels(b)));
        let found = surface(&first, second.voxels(), 1.0);
        prop_assert_eq!(&found, &surface(&second, first.voxels(), 1.0));
        let own = surface(&first, first.voxels(), 1.0);
        if let Some(hd95_mm) = found.hd95_mm {
            let diagonal = dims.iter().zip(spacing).map(|(&n, mm)| ((n - 1) as f64 * mm).powi(2)).sum::<f64>().sqrt();
            prop_assert!((0.0..=diagonal * (1.0 + 1e-12)).contains(&hd95_mm), "{hd95_mm} {diagonal}");
            prop_assert!((0.0..=1.0).contains(&found.surface_dice.unwrap()));
            prop_assert!((0.0..=1.0).contains(&found.volume_similarity.unwrap()));
        }
        prop_assert!(own.hd95_mm.is_none_or(|hd95_mm| hd95_mm == 0.0));
    }
}

/// Shapes at several spacings, scored by surface-distance 0.1; `fixtures/make_areas.py` wrote them.
#[test]
fn surface_dice_by_area_is_that_of_surface_distance() {
    let text = include_str!("../../fixtures/areas.json");
    let file: serde_json::Value = serde_json::from_str(text).unwrap();
    let cases = file["cases"].as_array().unwrap();
    assert!(cases.len() >= 6);
    for case in cases {
        let three = |key: &str| [0, 1, 2].map(|axis| case[key][axis].as_f64().unwrap());
        let classes =
            |key: &str| -> Vec<u8> { case[key].as_str().unwrap().bytes().map(|byte| u8::from(byte == b'#')).collect() };
        let truth = map(three("dims").map(|size| size as usize), three("spacing_mm"), &classes("truth"));
        let tolerance_mm = case["tolerance_mm"].as_f64().unwrap();
        let found = surface(&truth, &classes("prediction"), tolerance_mm).surface_dice_area.unwrap();
        let expected = case["surface_dice_area"].as_f64().unwrap();
        assert!((found - expected).abs() < 1e-9, "{}: {found} {expected}", case["name"]);
    }
}

#[test]
fn a_missed_structure_has_no_area_near() {
    let truth = map([6, 1, 1], [2.0, 1.0, 1.0], &[0, 0, 1, 1, 0, 0]);
    assert_eq!(surface(&truth, &[0; 6], 1.0).surface_dice_area, Some(0.0));
    assert_eq!(surface(&truth, truth.voxels(), 0.0).surface_dice_area, Some(1.0));
    let nothing = map([6, 1, 1], [1.0; 3], &[0; 6]);
    assert_eq!(surface(&nothing, &[0; 6], 1.0).surface_dice_area, None);
}

/// A cube and the same shifted by one voxel: every distance is 0 or 1 voxel, so at a tolerance of one voxel both kinds
/// of surface Dice are 1, whatever 32 bits or a rotation make of the spacing.
#[test]
fn a_tolerance_of_whole_voxels_does_not_depend_on_the_rounding_of_headers() {
    let cube = |from: usize| -> Vec<u8> {
        let inside = |at: usize, from: usize| (from..from + 3).contains(&at);
        (0..512).map(|v| u8::from(inside(v % 8, from) && inside(v / 8 % 8, 2) && inside(v / 64, 2))).collect()
    };
    let single = |value: f64| f64::from(value as f32);
    for spacing_mm in [0.3, 0.7, 0.958, 1.0, 3.0, 0.000_38] {
        for degrees in [0.0f64, 10.0, 20.0, 37.0] {
            let (sin, cos) = degrees.to_radians().sin_cos();
            // Turned about k, then about i, each number as a header keeps it.
            let turn = [[cos, -sin, 0.0], [sin * cos, cos * cos, -sin], [sin * sin, cos * sin, cos]];
            let row = |row: [f64; 3]| [row[0], row[1], row[2], 0.0].map(|part| single(part * spacing_mm));
            let grid = Grid { dims: [8; 3], affine: lacuna_volume::Affine(turn.map(row)) };
            let found = surface(&ClassMap::new(grid, cube(2)), &cube(3), spacing_mm);
            assert_eq!(found.surface_dice, Some(1.0), "{spacing_mm} mm, {degrees} degrees");
            assert_eq!(found.surface_dice_area, Some(1.0), "{spacing_mm} mm, {degrees} degrees");
            // A tolerance that is shorter by a thousandth is shorter.
            assert!(surface(&ClassMap::new(grid, cube(2)), &cube(3), spacing_mm * 0.999).surface_dice < Some(1.0));
        }
    }
}
