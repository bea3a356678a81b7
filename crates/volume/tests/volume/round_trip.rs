//! Written files are read back, by this crate and by the `nifti` crate.

use crate::builder::{Builder, DATATYPES, file, gzip};
use lacuna_volume::{
    Affine, Grid, Image, NiftiVersion, Notice, ReadLimits, SpacingMm, VolumeError, read_header, read_label_map,
    read_volume, write_label_map, write_volume,
};
use nifti::{NiftiObject, NiftiVolume, RandomAccessNiftiVolume};
use std::path::Path;

fn limits() -> ReadLimits {
    ReadLimits::default()
}

fn image() -> Image<f32> {
    // Tilted, flipped and permuted, with numbers that 32-bit fields hold exactly.
    let affine = Affine([[0.125, 0.0, 2.0, -30.0], [-1.5, 0.25, 0.125, 40.5], [0.25, 2.5, 0.0, -50.0]]);
    let grid = Grid { dims: [5, 4, 3], affine };
    Image::new(grid, (0..60).map(|n| n as f32 * 0.3 - 4.0).collect())
}

#[test]
fn every_type_version_byte_order_and_compression_reads_back() {
    for (datatype, bits, low, high) in DATATYPES {
        for version in [1, 2] {
            for big_endian in [false, true] {
                for compressed in [false, true] {
                    let mut builder = Builder::new(version, big_endian, datatype, bits, [2, 2, 1]);
                    [low, high, 0.0, 1.0].into_iter().for_each(|value| builder.push(datatype, value));
                    let bytes = if compressed { gzip(&builder.bytes) } else { builder.bytes };
                    let (_folder, path) = file(&bytes);
                    let read = read_volume(&path, &limits()).unwrap();
                    let case = format!("datatype {datatype} version {version} {big_endian} {compressed}");
                    assert_eq!(read.image.voxels(), [low as f32, high as f32, 0.0, 1.0], "{case}");
                    assert_eq!(read.image.grid(), &Grid::axis_aligned([2, 2, 1], SpacingMm([1.0, 2.0, 3.0])), "{case}");
                    // 2^31 - 1 and 2^32 - 1 are not representable as 32-bit floats.
                    let rounded = [8, 768].contains(&datatype);
                    let said = read.notices.iter().all(|notice| matches!(notice, Notice::Rounded { .. }));
                    assert!(said && rounded != read.notices.is_empty(), "{case}: {:?}", read.notices);
                }
            }
        }
    }
}

#[test]
fn a_written_volume_is_read_back_bit_by_bit() {
    let folder = tempfile::tempdir().unwrap();
    for name in ["x.nii", "x.nii.gz", "X.NII.GZ", "sub-01_v1.2.nii"] {
        let path = folder.path().join(name);
        write_volume(&path, &image(), None).unwrap();
        let read = read_volume(&path, &limits()).unwrap();
        assert_eq!(read.image, image(), "{name}");
        assert_eq!(read_header(&path, &limits()).unwrap().0, *image().grid());
    }
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 4, "no other file appears");
}

#[test]
fn label_numbers_are_read_back_whatever_holds_them() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("labels.nii.gz");
    let wide = image().map(|&value| (value.abs() * 4000.0) as u16);
    write_label_map(&path, &wide, None).unwrap();
    assert_eq!(read_label_map(&path, &limits()).unwrap().image, wide);
    let narrow = image().map(|&value| value.abs() as u8);
    write_label_map(&path, &narrow, None).unwrap();
    assert_eq!(read_label_map(&path, &limits()).unwrap().image, narrow.map(|&label| u16::from(label)));
}

#[test]
fn the_same_image_gives_the_same_bytes() {
    let folder = tempfile::tempdir().unwrap();
    let [one, two] = ["one.nii.gz", "two.nii.gz"].map(|name| folder.path().join(name));
    write_volume(&one, &image(), None).unwrap();
    write_volume(&two, &image(), None).unwrap();
    assert_eq!(std::fs::read(one).unwrap(), std::fs::read(two).unwrap());
}

#[test]
fn a_result_carries_the_inputs_geometry_and_none_of_its_text() {
    for version in [1, 2] {
        let mut builder = Builder::new(version, true, 4, 16, [2, 3, 4]);
        builder.set("qform_code", 0, 1.0).set("quatern_b", 0, 0.5).set("qoffset_x", 0, 7.0).set("pixdim", 0, -1.0);
        let name = if version == 1 { 148 } else { 240 };
        builder.bytes[name..name + 12].copy_from_slice(b"DOE^JANE 070");
        let flag = if version == 1 { 348 } else { 540 };
        builder.bytes[flag] = 1;
        (0..24).for_each(|value| builder.push(4, f64::from(value)));
        let (folder, path) = file(&builder.bytes);
        let input = read_volume(&path, &limits()).unwrap();
        assert!(input.notices.contains(&Notice::TextFields { fields: vec!["descrip"] }), "{:?}", input.notices);
        assert!(input.notices.contains(&Notice::Extensions));

        let output = folder.path().join("result.nii");
        write_label_map(&output, &input.image.map(|&value| value as u8), Some(&input.header)).unwrap();
        let read = read_label_map(&output, &limits()).unwrap();
        // SimpleITK 2.5.7 reads no NIfTI-2, and NIfTI-1 holds this grid.
        assert_eq!(read.header.version(), NiftiVersion::One);
        if version == 1 {
            assert_eq!(read.header, input.header);
        }
        assert_eq!(read.image.grid(), input.image.grid());
        let bytes = std::fs::read(&output).unwrap();
        assert!(!bytes.windows(3).any(|window| window == b"DOE"));
    }
}

#[test]
fn an_image_on_another_grid_is_not_written_with_this_header() {
    let (folder, path) = file(&Builder::small().bytes);
    let header = read_volume(&path, &limits()).unwrap().header;
    let refused = write_volume(&folder.path().join("y.nii"), &image(), Some(&header)).unwrap_err();
    assert!(matches!(refused, VolumeError::OtherGrid { expected: [2, 3, 4], found: [5, 4, 3], .. }), "{refused}");
}

#[test]
fn a_name_that_does_not_say_how_to_write_is_refused() {
    for name in ["seg.tmp", "seg.gz", "seg.nii.zip", "seg"] {
        let refused = write_volume(Path::new(name), &image(), None).unwrap_err();
        assert!(matches!(refused, VolumeError::FileName { .. }), "{name}: {refused}");
    }
}

#[test]
fn an_axis_too_long_for_nifti_1_is_written_as_nifti_2() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("long.nii.gz");
    let grid = Grid::axis_aligned([40_000, 1, 2], SpacingMm([1.0; 3]));
    write_label_map(&path, &Image::new(grid, vec![3u8; grid.len()]), None).unwrap();
    let read = read_label_map(&path, &limits()).unwrap();
    assert_eq!(read.header.version(), NiftiVersion::Two);
    assert_eq!(read.image.grid(), &grid);
}

#[test]
fn places_that_32_bits_cannot_hold_stay_nifti_2() {
    let mut builder = Builder::new(2, false, 2, 8, [2, 1, 1]);
    builder.set("srow_x", 3, 123_456_789.123).bytes.extend([7, 8]);
    let (folder, path) = file(&builder.bytes);
    let input = read_volume(&path, &limits()).unwrap();
    let output = folder.path().join("result.nii");
    write_volume(&output, &input.image, Some(&input.header)).unwrap();
    let read = read_volume(&output, &limits()).unwrap();
    assert_eq!((read.header.version(), read.image.grid()), (NiftiVersion::Two, input.image.grid()));
}

#[test]
fn the_nifti_crate_reads_what_we_write() {
    let folder = tempfile::tempdir().unwrap();
    let labels = image().map(|&value| (value.abs() * 4000.0) as u16);
    for name in ["x.nii", "x.nii.gz"] {
        let path = folder.path().join(name);
        write_volume(&path, &image(), None).unwrap();
        check_against_nifti_crate(&path, &image());
        write_label_map(&path, &labels, None).unwrap();
        check_against_nifti_crate(&path, &labels.map(|&label| f32::from(label)));
    }
}

#[test]
fn we_read_what_the_nifti_crate_reads() {
    for (datatype, bits, low, high) in DATATYPES {
        for big_endian in [false, true] {
            let mut builder = Builder::new(1, big_endian, datatype, bits, [3, 1, 2]);
            [low, high, 0.0, 1.0, 2.0, 3.0].into_iter().for_each(|value| builder.push(datatype, value));
            let (_folder, path) = file(&builder.bytes);
            check_against_nifti_crate(&path, &read_volume(&path, &limits()).unwrap().image);
        }
    }
}

fn check_against_nifti_crate(path: &Path, ours: &Image<f32>) {
    let theirs = nifti::ReaderOptions::new().read_file(path).unwrap();
    let header = theirs.header();
    for (row, theirs) in ours.grid().affine.0.iter().zip([header.srow_x, header.srow_y, header.srow_z]) {
        assert_eq!(row.map(|value| value as f32), theirs);
    }
    let volume = theirs.volume();
    assert_eq!(volume.dim(), ours.grid().dims.map(|dim| dim as u16));
    let [ni, nj, nk] = ours.grid().dims;
    for k in 0..nk {
        for j in 0..nj {
            for i in 0..ni {
                let theirs = volume.get_f32(&[i as u16, j as u16, k as u16]).unwrap();
                assert_eq!(theirs, ours.at([i, j, k]), "{i} {j} {k}");
            }
        }
    }
}
