//! Tests that read every available real volume completely.

use lacuna_volume::{
    ReadLimits, axis_codes, canonical_order, read_header, read_label_map, read_volume, reorder, write_label_map,
};
use std::collections::BTreeSet;
use std::io::Write;
use std::path::{Path, PathBuf};

/// Returns the data folder; without one the test reports that it is skipped, or fails if data are required.
fn data() -> Option<PathBuf> {
    let beside = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/data");
    let folder = std::env::var_os("LACUNA_TEST_DATA").map_or(beside, PathBuf::from);
    if folder.is_dir() {
        return Some(folder);
    }
    assert!(std::env::var_os("LACUNA_REQUIRE_DATA").is_none_or(|value| value != "1"), "real data is required");
    // Written past the test harness, which hides the `println!` output of a passing test.
    let line = "skipped: no real volumes; set LACUNA_TEST_DATA to a folder that holds ixi7 and hippocampus60";
    std::io::stderr().write_all(format!("{line}\n").as_bytes()).unwrap();
    None
}

fn volumes(folder: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let mut paths: Vec<PathBuf> = entries.filter(|path| path.to_string_lossy().ends_with(".nii.gz")).collect();
    paths.sort();
    paths
}

#[test]
fn the_seven_adults_are_psr_at_two_millimetres() {
    let Some(data) = data() else { return };
    let images = volumes(&data.join("ixi7/images"));
    assert_eq!(images.len(), 7);
    for path in images {
        let read = read_volume(&path, &ReadLimits::default()).unwrap();
        let grid = read.image.grid();
        assert_eq!(grid.dims, [120, 120, 90], "{}", path.display());
        assert_eq!(axis_codes(&grid.affine), "PSR");
        assert!(grid.affine.spacing().0.iter().all(|mm| (mm - 2.0).abs() < 1e-3), "{:?}", grid.affine.spacing());
        let canonical = reorder(&read.image, &canonical_order(&grid.affine));
        assert_eq!(axis_codes(&canonical.grid().affine), "RAS");
        assert_eq!(canonical.grid().dims, [90, 120, 120]);
        assert!(read.image.voxels().iter().all(|&voxel| (0.0..=65535.0).contains(&voxel)));
    }
    for path in volumes(&data.join("ixi7/labels")) {
        let labels = read_label_map(&path, &ReadLimits::default()).unwrap().image;
        let found: BTreeSet<u16> = labels.voxels().iter().copied().collect();
        assert_eq!(found, BTreeSet::from([0, 1, 2, 3, 5, 6, 7, 8]), "{}", path.display());
    }
}

#[test]
fn the_sixty_crops_match_their_labels() {
    let Some(data) = data() else { return };
    let images = volumes(&data.join("hippocampus60/imagesTr"));
    assert_eq!(images.len(), 60);
    for path in images {
        let image = read_volume(&path, &ReadLimits::default()).unwrap().image;
        assert_eq!(axis_codes(&image.grid().affine), "RAS", "{}", path.display());
        let label_path = data.join("hippocampus60/labelsTr").join(path.file_name().unwrap());
        let labels = read_label_map(&label_path, &ReadLimits::default()).unwrap().image;
        assert!(image.grid().distance_mm(labels.grid()) < 1e-3);
        assert!(labels.voxels().iter().all(|&label| label <= 2));
    }
}

#[test]
fn a_real_label_map_written_like_its_input_is_the_same() {
    let Some(data) = data() else { return };
    let folder = tempfile::tempdir().unwrap();
    let original = &volumes(&data.join("ixi7/labels"))[0];
    let read = read_label_map(original, &ReadLimits::default()).unwrap();
    let copy = folder.path().join("copy.nii.gz");
    write_label_map(&copy, &read.image, Some(&read.header)).unwrap();
    assert_eq!(read_label_map(&copy, &ReadLimits::default()).unwrap().image, read.image);
    assert_eq!(read_header(&copy, &ReadLimits::default()).unwrap().1, read.header);
}
