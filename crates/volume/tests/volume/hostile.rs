//! Broken and hostile files give an error that names what is wrong, never a panic, and never use more memory than the
//! header requires.

use crate::builder::{Builder, file, gzip};
use flate2::Compression;
use flate2::write::GzEncoder;
use lacuna_volume::{Notice, ReadLimits, VolumeError, read_header, read_label_map, read_volume};
use proptest::prelude::*;
use std::io::{self, Read, Write};

fn read_bytes(bytes: &[u8]) -> Result<lacuna_volume::NiftiFile<f32>, VolumeError> {
    let (_folder, path) = file(bytes);
    read_volume(&path, &ReadLimits::default())
}

/// Checks that the file is an error whose message holds every one of `words`, the file and a fix.
#[track_caller]
fn refused(bytes: &[u8], words: &[&str]) {
    let message = read_bytes(bytes).unwrap_err().to_string();
    for word in words.iter().chain(&["scan.nii", "expected", "found", "fix"]) {
        assert!(message.contains(word), "`{word}` is missing in: {message}");
    }
}

fn changed(field: &str, index: usize, value: f64) -> Vec<u8> {
    Builder::small().set(field, index, value).bytes.clone()
}

#[test]
fn a_lie_in_any_field_is_refused_by_name() {
    refused(&changed("sizeof_hdr", 0, 349.0), &["sizeof_hdr", "349"]);
    refused(&changed("dim", 0, 2.0), &["dim[0]", "found 2"]);
    refused(&changed("dim", 0, -1.0), &["dim[0]", "-1"]);
    refused(&changed("dim", 2, 0.0), &["dim", "[2, 0, 4]"]);
    refused(&changed("dim", 3, -4.0), &["dim", "[2, 3, -4]"]);
    refused(&changed("datatype", 0, 32.0), &["datatype", "complex"]);
    refused(&changed("datatype", 0, 128.0), &["datatype", "colour"]);
    refused(&changed("datatype", 0, 4.0), &["voxels", "expected 400", "found 376"]);
    refused(&changed("intent_code", 0, 1007.0), &["intent_code", "1007"]);
    refused(&changed("vox_offset", 0, 352.5), &["vox_offset", "352.5"]);
    refused(&changed("vox_offset", 0, -1.0), &["vox_offset", "-1"]);
    refused(&changed("vox_offset", 0, f64::NAN), &["vox_offset", "NaN"]);
    refused(&changed("vox_offset", 0, f64::INFINITY), &["vox_offset", "inf"]);
    refused(&changed("scl_inter", 0, f64::NAN), &["scl_inter", "NaN"]);
    refused(&changed("srow_x", 0, f64::NAN), &["srow_x", "NaN"]);
    refused(&changed("srow_z", 2, 0.0), &["srow_z", "invertible"]);
    refused(Builder::small().set("sform_code", 0, 0.0).set("pixdim", 1, 0.0).bytes.as_slice(), &["pixdim[1]"]);
}

#[test]
fn a_time_series_is_refused_with_its_dimensions() {
    let mut builder = Builder::small();
    builder.set("dim", 0, 4.0).set("dim", 4, 3.0);
    refused(&builder.bytes, &["dim", "[2, 3, 4, 3]", "a 3-D file of its own"]);
}

#[test]
fn trailing_dimensions_of_one_are_no_dimensions() {
    let bytes = changed("dim", 0, 7.0);
    assert_eq!(read_bytes(&bytes).unwrap().image.grid().dims, [2, 3, 4]);
}

#[test]
fn half_a_pair_is_refused_with_the_way_out() {
    let mut builder = Builder::small();
    builder.bytes[344..348].copy_from_slice(b"ni1\0");
    refused(&builder.bytes, &["magic", "half of a .hdr/.img pair", "nibabel"]);
    // The header as nibabel writes it has 348 bytes.
    refused(&builder.bytes[..348], &["half of a .hdr/.img pair"]);
    builder.bytes[344..348].fill(0);
    refused(&builder.bytes, &["magic", "ANALYZE"]);
}

#[test]
fn an_offset_within_the_header_is_read_as_the_smallest_and_said() {
    for (version, read_from) in [(1, 352), (2, 544)] {
        for offset in [0.0, 1.0, 348.0, 351.0] {
            let mut builder = Builder::new(version, false, 2, 8, [2, 1, 1]);
            builder.set("vox_offset", 0, offset).bytes.extend([7, 8]);
            let read = read_bytes(&builder.bytes).unwrap();
            assert_eq!(read.image.voxels(), [7.0, 8.0]);
            assert_eq!(read.notices, [Notice::EarlyVoxels { offset, read_from }]);
        }
    }
}

#[test]
fn the_datatype_decides_whatever_bitpix_says() {
    // nibabel 5.4.2 and SimpleITK 2.5.7 read such files without a warning.
    let read = read_bytes(&changed("bitpix", 0, 0.0)).unwrap();
    assert_eq!(read.notices, [Notice::OtherBitpix { bitpix: 0, expected: 8 }]);
}

#[test]
fn whole_numbers_that_are_rounded_are_said() {
    let mut builder = Builder::new(1, false, 8, 32, [2, 1, 1]);
    builder.push(8, 16_777_216.0);
    builder.push(8, 16_777_217.0);
    let notices = read_bytes(&builder.bytes).unwrap().notices;
    assert_eq!(notices, [Notice::Rounded { stored: 16_777_217.0, read: 16_777_216.0 }]);
}

#[test]
fn a_file_cut_anywhere_is_refused() {
    for version in [1, 2] {
        let mut whole = Builder::new(version, false, 2, 8, [2, 3, 4]);
        whole.bytes.extend(0..24);
        let compressed = gzip(&whole.bytes);
        let (_folder, path) = file(&[]);
        for bytes in [whole.bytes, compressed] {
            for length in 0..bytes.len() {
                std::fs::write(&path, &bytes[..length]).unwrap();
                assert!(read_volume(&path, &ReadLimits::default()).is_err(), "{length} bytes of version {version}");
            }
        }
    }
}

#[test]
fn a_cut_file_says_what_was_promised_and_what_is_there() {
    let mut bytes = Builder::small().bytes;
    bytes.truncate(370);
    refused(&bytes, &["voxels", "expected 376", "found 370"]);
    refused(&bytes[..100], &["header", "expected 352", "found 100"]);
}

#[test]
fn a_damaged_gzip_stream_is_refused() {
    let mut bytes = gzip(&Builder::small().bytes);
    let checksum = bytes.len() - 8;
    bytes[checksum] ^= 1;
    let refusal = read_bytes(&bytes).unwrap_err();
    assert!(matches!(refusal, VolumeError::Gzip { bytes_found: 376, .. }), "{refusal}");
}

/// Damage that makes a stream yield too many bytes can look like a valid stream with further bytes after the voxels. If
/// its checksum were not read, 66 of 2000 damaged files would be accepted.
#[test]
fn a_damaged_gzip_stream_that_grew_is_refused_too() {
    let mut longer = Builder::small().bytes;
    longer.push(0);
    let mut bytes = gzip(&longer);
    let checksum = bytes.len() - 8;
    bytes[checksum] ^= 1;
    assert!(matches!(read_bytes(&bytes).unwrap_err(), VolumeError::Gzip { .. }));
    bytes.truncate(checksum);
    assert!(read_bytes(&bytes).is_err(), "nor is one that stops before its checksum");
}

#[test]
fn members_are_joined_up_to_the_expected_length() {
    let whole = Builder::small().bytes;
    let mut members: Vec<u8> = Vec::new();
    for part in [&whole[..3], &whole[3..360], &[], &whole[360..]] {
        members.extend(gzip(part));
    }
    let expected = read_bytes(&whole).unwrap();
    assert_eq!(read_bytes(&members).unwrap(), expected);
    members.extend([0; 512]); // what tar leaves behind
    let padded = read_bytes(&members).unwrap();
    assert_eq!(padded.image, expected.image);
    assert_eq!(padded.notices, [Notice::BytesAfterData]);
}

#[test]
fn bytes_after_the_last_voxel_are_said() {
    let mut bytes = Builder::small().bytes;
    bytes.push(0);
    assert_eq!(read_bytes(&bytes).unwrap().notices, [Notice::BytesAfterData]);
    assert_eq!(read_bytes(&gzip(&bytes)).unwrap().notices, [Notice::BytesAfterData]);
}

#[test]
fn a_bomb_is_read_little_further_than_its_header_says() {
    // 376 bytes of file, then a gigabyte of zeros in the same gzip member: its checksum is not read.
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(&Builder::small().bytes).unwrap();
    io::copy(&mut io::repeat(0).take(1 << 30), &mut encoder).unwrap();
    let refusal = read_bytes(&encoder.finish().unwrap()).unwrap_err().to_string();
    assert!(refusal.contains("more than 16777216 bytes follow the voxels"), "{refusal}");
    if let Ok(status) = std::fs::read_to_string("/proc/self/status") {
        let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
        let peak_kb: u64 = peak.trim().trim_end_matches(" kB").parse().unwrap();
        assert!(peak_kb < 256 << 10, "peak memory {peak_kb} kB");
    }
}

#[test]
fn a_header_that_promises_more_than_the_file_can_hold_is_refused_unallocated() {
    let mut builder = Builder::small();
    builder.set("dim", 1, 1200.0).set("dim", 2, 1200.0).set("dim", 3, 1200.0);
    refused(&builder.bytes, &["voxels", "expected 1728000352", "found 376"]);
    // The largest compression ratio of gzip is 1032 : 1.
    refused(&gzip(&builder.bytes), &["voxels", "expected 1728000352", "at most"]);
}

#[test]
fn an_image_over_the_limits_is_refused_and_a_raised_limit_lets_it_in() {
    let (_folder, path) = file(&Builder::small().bytes);
    let read = |limits| read_volume(&path, &limits).map(|read| read.image.voxels().len());
    let voxels = ReadLimits { voxels_max: 23, ..ReadLimits::default() };
    assert!(matches!(read(voxels), Err(VolumeError::OverLimit { unit: "voxels", found: 24, limit: 23, .. })));
    let bytes = ReadLimits { bytes_max: 375, ..ReadLimits::default() };
    assert!(matches!(read(bytes), Err(VolumeError::OverLimit { unit: "bytes", found: 376, limit: 375, .. })));
    assert_eq!(read(ReadLimits { voxels_max: 24, bytes_max: 376 }).unwrap(), 24);
}

#[test]
fn dimensions_whose_product_overflows_are_refused() {
    let mut builder = Builder::new(2, false, 1280, 64, [1, 1, 1]);
    let huge = (1u64 << 62) as f64;
    builder.set("dim", 1, huge).set("dim", 2, huge).set("dim", 3, huge);
    refused(&builder.bytes, &["dim", "voxels"]);
}

#[test]
fn a_voxel_that_is_no_label_is_named() {
    for (value, kept) in [(1.5, false), (-1.0, false), (65536.0, false), (f64::NAN, false), (65535.0, true)] {
        let mut builder = Builder::new(1, false, 16, 32, [2, 3, 1]);
        for n in 0..6 {
            builder.push(16, if n == 3 { value } else { 1.0 });
        }
        let (_folder, path) = file(&builder.bytes);
        match read_label_map(&path, &ReadLimits::default()) {
            Ok(read) => assert!(kept && read.image.at([1, 1, 0]) == 65535),
            Err(VolumeError::NotALabel { index, .. }) => assert!(!kept && index == [1, 1, 0], "{value}"),
            Err(other) => panic!("{other}"),
        }
    }
}

#[test]
fn labels_scaled_by_a_rounded_slope_are_still_whole() {
    // 0.1 in 32 bits is 0.100000001490116.
    let mut builder = Builder::small();
    builder.set("scl_slope", 0, 0.1);
    builder.bytes[352..376].copy_from_slice(&[10; 24]);
    let (_folder, path) = file(&builder.bytes);
    assert_eq!(read_label_map(&path, &ReadLimits::default()).unwrap().image.voxels(), [1; 24]);
}

#[test]
fn labels_rounded_by_a_slope_are_read_and_said_and_interpolated_ones_refused() {
    // nibabel 5.4.2 stores the labels 0, 1 and 2 as int16 with a slope of 2 / 65535 so that 1 becomes 1.0000153.
    let slope = f64::from(2.0f32 / 65535.0);
    let read = |stored: f64| {
        let mut builder = Builder::new(1, false, 512, 16, [2, 1, 1]);
        builder.set("scl_slope", 0, slope).push(512, stored);
        builder.push(512, 65535.0);
        let (_folder, path) = file(&builder.bytes);
        read_label_map(&path, &ReadLimits::default())
    };
    let whole = read(32768.0).unwrap();
    assert_eq!((whole.image.voxels(), &whole.notices), (&[1, 2][..], &vec![Notice::RoundedLabels { slope }]));
    let message = read(16000.0).unwrap_err().to_string();
    assert!(message.contains("found 0.488") && message.contains("nearest neighbour"), "{message}");
}

#[test]
fn each_label_that_is_none_has_a_fix_of_its_own() {
    for (value, fix) in [(-1.0, "as ignored"), (614_454_277.0, "number the regions anew"), (0.5, "nearest neighbour")] {
        let mut builder = Builder::new(1, false, 64, 64, [2, 1, 1]);
        builder.push(64, 1.0);
        builder.push(64, value);
        let (_folder, path) = file(&builder.bytes);
        let message = read_label_map(&path, &ReadLimits::default()).unwrap_err().to_string();
        assert!(message.contains(fix), "{message}");
    }
    let mut several = Builder::small();
    several.set("dim", 0, 4.0).set("dim", 4, 3.0);
    let (_folder, path) = file(&several.bytes);
    let message = read_label_map(&path, &ReadLimits::default()).unwrap_err().to_string();
    assert!(message.contains("argmax"), "{message}");
}

#[test]
fn an_intensity_that_is_not_finite_is_named() {
    let mut builder = Builder::new(1, false, 64, 64, [2, 1, 1]);
    builder.push(64, 1.0);
    builder.push(64, 1e300);
    refused(&builder.bytes, &["[1, 0, 0]", "float32"]);
}

#[test]
fn a_folder_and_a_missing_file_are_errors() {
    let folder = tempfile::tempdir().unwrap();
    assert!(read_volume(folder.path(), &ReadLimits::default()).is_err());
    let missing = read_volume(&folder.path().join("none.nii"), &ReadLimits::default()).unwrap_err();
    assert!(missing.to_string().contains("none.nii"));
}

/// Limits so small that no file made by the tests below can use much memory.
const TIGHT: ReadLimits = ReadLimits { voxels_max: 4096, bytes_max: 1 << 16 };

fn read_all_ways(bytes: &[u8]) {
    let (_folder, path) = file(bytes);
    if let Ok(read) = read_volume(&path, &TIGHT) {
        assert!(read.image.voxels().len() <= 4096);
        assert!(read.image.voxels().iter().all(|voxel| voxel.is_finite()));
    }
    let _ = read_label_map(&path, &TIGHT);
    let _ = read_header(&path, &TIGHT);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 256, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn random_bytes_never_panic(mut bytes in prop::collection::vec(any::<u8>(), 0..700), start in 0..4) {
        // Three in four begin like a header, a byte-swapped header or a gzip stream.
        let beginnings: [&[u8]; 4] = [&[], &[0x5c, 1, 0, 0], &[0, 0, 2, 0x1c], &[0x1f, 0x8b, 8, 0]];
        let beginning = beginnings[start as usize];
        if bytes.len() >= beginning.len() {
            bytes[..beginning.len()].copy_from_slice(beginning);
        }
        read_all_ways(&bytes);
    }

    #[test]
    fn a_mutated_header_never_panics(
        version in 1..=2u8, big_endian: bool, compressed: bool,
        changes in prop::collection::vec((0..544usize, any::<u8>()), 1..6),
    ) {
        let mut builder = Builder::new(version, big_endian, 4, 16, [3, 4, 5]);
        (0..60).for_each(|value| builder.push(4, f64::from(value)));
        for (at, value) in changes {
            let length = builder.bytes.len();
            builder.bytes[at % length] = value;
        }
        read_all_ways(&if compressed { gzip(&builder.bytes) } else { builder.bytes });
    }

    #[test]
    fn a_mutated_gzip_stream_never_panics(changes in prop::collection::vec((any::<usize>(), any::<u8>()), 1..4)) {
        let mut bytes = gzip(&Builder::small().bytes);
        let length = bytes.len();
        for (at, value) in changes {
            bytes[at % length] = value;
        }
        read_all_ways(&bytes);
    }
}
