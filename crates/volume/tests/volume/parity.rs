//! Agreement with nibabel in reading, and with scipy in resampling; see `fixtures/make.py`.

use lacuna_seed::Seed;
use lacuna_volume::{
    Affine, Convention, Grid, Image, Notice, Preprocessing, ReadLimits, SpacingMm, axis_codes, read_volume,
    resample_nearest, resample_trilinear,
};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use std::collections::BTreeMap;
use std::path::PathBuf;

fn fixture(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("fixtures").join(name)
}

fn json<T: DeserializeOwned>(name: &str) -> T {
    serde_json::from_slice(&std::fs::read(fixture(name)).unwrap()).unwrap()
}

#[derive(Deserialize)]
struct Reading {
    dims: [usize; 3],
    affine: [[f64; 4]; 3],
    axcodes: String,
    sum: f64,
    voxels: Vec<([usize; 3], f64)>,
}

#[test]
fn every_fixture_is_read_as_nibabel_reads_it() {
    let readings: BTreeMap<String, Reading> = json("nibabel.json");
    assert_eq!(readings.len(), 16);
    for (name, expected) in readings {
        let read = read_volume(&fixture(&name), &ReadLimits::default()).unwrap();
        let grid = read.image.grid();
        assert_eq!(grid.dims, expected.dims, "{name}");
        assert_eq!(axis_codes(&grid.affine), expected.axcodes, "{name}");
        for (ours, theirs) in grid.affine.0.as_flattened().iter().zip(expected.affine.as_flattened()) {
            assert!((ours - theirs).abs() < 1e-6, "{name}: {ours} and {theirs}");
        }
        for (index, theirs) in expected.voxels {
            assert_eq!(read.image.at(index), theirs as f32, "{name} at {index:?}");
        }
        let sum: f64 = read.image.voxels().iter().map(|&voxel| f64::from(voxel)).sum();
        // Values beyond 2^24 are rounded to 32 bits before they are summed here.
        assert!((sum - expected.sum).abs() <= 1e-7 * expected.sum.abs(), "{name}: {sum} and {}", expected.sum);
    }
}

#[test]
fn what_is_odd_about_a_fixture_is_said() {
    let notices = |name: &str| read_volume(&fixture(name), &ReadLimits::default()).unwrap().notices;
    assert_eq!(notices("uint8-pixdim-only.nii"), [Notice::AffineFromPixdim]);
    assert_eq!(notices("float32-qform-mirrored.nii"), []);
    // Most fixtures have voxel edges that are not at right angles.
    let [Notice::Unscaled { slope: 0.0, .. }, Notice::NonOrthonormalSform { .. }] = notices("int8-slope-0.nii")[..]
    else {
        panic!()
    };
    let [Notice::Unscaled { slope, .. }, _] = notices("int16-slope-nan.nii.gz")[..] else { panic!() };
    assert!(slope.is_nan());
    // qoffset_x was moved from 7 to 17.
    let [Notice::SformAndQformDiffer { by_mm, .. }] = notices("uint8-sform-and-qform.nii")[..] else { panic!() };
    assert!((by_mm - 10.0).abs() < 1e-5, "{by_mm}");
}

#[derive(Deserialize)]
struct Codes {
    affine: [[f64; 4]; 3],
    axcodes: String,
}

#[test]
fn hard_affines_get_nibabels_axis_codes() {
    for Codes { affine, axcodes } in json::<Vec<Codes>>("axcodes.json") {
        assert_eq!(axis_codes(&Affine(affine)), axcodes, "{affine:?}");
    }
}

#[derive(Deserialize)]
struct Zoom {
    shape: [usize; 3],
    target: [usize; 3],
    data: Vec<f32>,
    order0: Vec<f32>,
    order1: Vec<f32>,
}

fn check_close(ours: &[f32], theirs: &[f32]) {
    assert_eq!(ours.len(), theirs.len());
    for (ours, theirs) in ours.iter().zip(theirs) {
        // Values up to 250, so 32-bit rounding stays below this.
        assert!((ours - theirs).abs() < 1e-4, "{ours} and {theirs}");
    }
}

#[test]
fn aligned_corners_are_scipys_zoom() {
    for zoom in json::<Vec<Zoom>>("zoom.json") {
        let image = Image::new(Grid::axis_aligned(zoom.shape, SpacingMm([1.0; 3])), zoom.data);
        assert_eq!(resample_nearest(&image, zoom.target, Convention::AlignCorners).voxels(), zoom.order0);
        check_close(resample_trilinear(&image, zoom.target, Convention::AlignCorners).voxels(), &zoom.order1);
    }
}

#[test]
fn probabilities_come_back_as_scipys_zoom_of_order_one() {
    for zoom in json::<Vec<Zoom>>("zoom.json") {
        let grid = Grid::axis_aligned(zoom.target, SpacingMm([1.0; 3]));
        let image = Image::new(grid, vec![0.0; grid.len()]);
        let prepared = Preprocessing::None.apply(&[image], &Seed(0).stream("noise")).unwrap();
        let [d, h, w] = zoom.shape;
        // The data are stored i fastest, the network's arrays with its last axis fastest.
        let row_major: Vec<f32> =
            (0..d * h * w).map(|n| zoom.data[(n / (h * w)) + d * (n / w % h) + d * h * (n % w)]).collect();
        let mut found = vec![f32::NAN; grid.len()];
        let visit = |offset: usize, of_classes: &[f32]| found[offset] = of_classes[0];
        prepared.inverse_transform.for_each_probability(&row_major, [1, d, h, w], visit).unwrap();
        check_close(&found, &zoom.order1);
    }
}
