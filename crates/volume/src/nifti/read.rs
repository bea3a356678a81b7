//! Reading a file into an image: recognise the format, check the header, then read voxels.

use super::datatype::{Datatype, Scaling, Unfit, Voxel};
use super::fields::ByteOrder;
use super::geometry::FieldProblem;
use super::header::{NiftiHeader, NiftiVersion, RawHeader, parse, recognise};
use super::notice::Notice;
use super::source::Source;
use crate::{Grid, Image, VolumeError};
use std::path::{Path, PathBuf};

/// The largest image that is read; a larger one is an error before its voxels are read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ReadLimits {
    /// The largest number of voxels.
    pub voxels_max: u64,
    /// The largest number of bytes, of the decompressed file and of the image in memory each.
    pub bytes_max: u64,
}

impl Default for ReadLimits {
    /// Returns 2^31 voxels and 8 GiB; a brain at a quarter of a millimetre has 6 * 10^8 voxels.
    fn default() -> ReadLimits {
        ReadLimits { voxels_max: 1 << 31, bytes_max: 8 << 30 }
    }
}

/// An image with its header and notices.
#[derive(Clone, Debug, PartialEq)]
pub struct NiftiFile<T> {
    /// The voxels with their grid.
    pub image: Image<T>,
    /// The header's geometry fields, for writing results on the same grid.
    pub header: NiftiHeader,
    /// The type in which the file stores a voxel.
    pub datatype: Datatype,
    /// The oddities of this file that should be reported.
    pub notices: Vec<Notice>,
}

/// Reads a 3-D image of intensities, with `scl_slope` and `scl_inter` applied.
///
/// # Errors
/// Any [`VolumeError`], also for an intensity that is not finite.
pub fn read_volume(path: &Path, limits: &ReadLimits) -> Result<NiftiFile<f32>, VolumeError> {
    read(path, limits, Snap::No, |path, index, value| VolumeError::NotFinite { path, index, value })
}

/// Reads a 3-D label map of any voxel type, with `scl_slope` and `scl_inter` applied.
///
/// Every value must be an integer from 0 to 65535, to the precision of the 32-bit `scl_slope`. If a slope is set,
/// values within a thousandth of an integer are rounded to it: some programs store labels as fractions of 16 bits.
///
/// # Errors
/// Any [`VolumeError`].
pub fn read_label_map(path: &Path, limits: &ReadLimits) -> Result<NiftiFile<u16>, VolumeError> {
    let refusal = |path, index, value| VolumeError::NotALabel { path, index, value };
    match read(path, limits, Snap::No, refusal) {
        Err(exact @ VolumeError::NotALabel { .. }) => read(path, limits, Snap::Yes, refusal).map_err(|_| exact),
        read => read.map_err(of_labels),
    }
}

/// Whether scaled numbers close to an integer are rounded to it.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Snap {
    No,
    Yes,
}

/// Replaces the fix for an image of several volumes by one that applies to label maps.
fn of_labels(error: VolumeError) -> VolumeError {
    match error {
        VolumeError::Field { path, field: "dim", expected, found, fix } if fix == FIX_SEVERAL => {
            let fix = "save one 3-D label map; of one mask per class, the number of the class of each voxel, in numpy \
                       argmax over the last axis";
            VolumeError::Field { path, field: "dim", expected, found, fix }
        }
        other => other,
    }
}

/// Reads the grid and the header of an image without its voxels.
///
/// # Errors
/// The [`VolumeError`]s of the header.
pub fn read_header(path: &Path, limits: &ReadLimits) -> Result<(Grid, NiftiHeader, Vec<Notice>), VolumeError> {
    let plan = plan(&mut Source::open(path)?, limits, 1)?;
    Ok((plan.grid, plan.header, plan.notices))
}

fn read<T: Voxel>(
    path: &Path,
    limits: &ReadLimits,
    snap: Snap,
    refusal: impl Fn(PathBuf, [usize; 3], f64) -> VolumeError,
) -> Result<NiftiFile<T>, VolumeError> {
    let mut source = Source::open(path)?;
    let mut plan = plan(&mut source, limits, size_of::<T>() as u64)?;
    if snap == Snap::Yes && plan.scaling != Scaling::NONE {
        plan.scaling.snaps = true;
        plan.notices.push(Notice::RoundedLabels { slope: plan.scaling.slope });
    }
    source.skip_to(plan.data_offset, "header", plan.bytes_expected)?;
    let mut rounded = None;
    let voxels = read_voxels(&mut source, &plan, &mut rounded, |offset, value| {
        let [ni, nj, _] = plan.grid.dims;
        refusal(path.to_path_buf(), [offset % ni, offset / ni % nj, offset / (ni * nj)], value)
    });
    let voxels = match voxels {
        // The values of a damaged file mean nothing, and the checksum that shows the damage is at its end.
        Err(refused @ (VolumeError::NotFinite { .. } | VolumeError::NotALabel { .. })) => {
            let rest = source.skip_to(plan.bytes_expected, "voxels", plan.bytes_expected);
            return Err(rest.and_then(|()| source.is_at_end()).err().unwrap_or(refused));
        }
        voxels => voxels?,
    };
    if !source.is_at_end()? {
        plan.notices.push(Notice::BytesAfterData);
    }
    plan.notices.extend(rounded.map(|stored| Notice::Rounded { stored, read: stored as f32 }));
    let Plan { grid, header, datatype, notices, .. } = plan;
    Ok(NiftiFile { image: Image::new(grid, voxels), header, datatype, notices })
}

/// The steps of reading the voxels, from a checked header.
struct Plan {
    grid: Grid,
    header: NiftiHeader,
    notices: Vec<Notice>,
    datatype: Datatype,
    order: ByteOrder,
    scaling: Scaling,
    data_offset: u64,
    /// The number of bytes from the beginning of the file to the end of the last voxel.
    bytes_expected: u64,
}

fn plan(source: &mut Source, limits: &ReadLimits, voxel_bytes: u64) -> Result<Plan, VolumeError> {
    let (raw, extended) = read_raw_header(source)?;
    let path = source.path().to_path_buf();
    let at_path = |FieldProblem { field, expected, found, fix }: FieldProblem| VolumeError::Field {
        path: path.clone(),
        field,
        expected,
        found,
        fix,
    };
    check_magic(&raw).map_err(at_path)?;
    let dims = checked_dims(&raw).map_err(at_path)?;
    check_intent(&raw).map_err(at_path)?;
    let (datatype, bitpix_notice) = checked_datatype(&raw).map_err(at_path)?;
    let (data_offset, offset_notice) = checked_data_offset(&raw).map_err(at_path)?;
    let (scaling, scaling_notice) = checked_scaling(&raw).map_err(at_path)?;
    let bytes_expected = checked_size(&path, dims, datatype, data_offset, voxel_bytes, limits)?;
    source.expect_length("voxels", bytes_expected)?;

    let mut notices: Vec<Notice> = scaling_notice.into_iter().chain(bitpix_notice).chain(offset_notice).collect();
    if extended {
        notices.push(Notice::Extensions);
    }
    if !raw.text_fields.is_empty() {
        notices.push(Notice::TextFields { fields: raw.text_fields.clone() });
    }
    let order = raw.order;
    let header = geometry_of(raw, dims);
    let (grid, geometry_notices) = header.grid().map_err(at_path)?;
    notices.extend(geometry_notices);
    Ok(Plan { grid, header, notices, datatype, order, scaling, data_offset, bytes_expected })
}

/// Reads the header's fields, and whether extensions follow it.
fn read_raw_header(source: &mut Source) -> Result<(RawHeader, bool), VolumeError> {
    let mut bytes = [0; NiftiVersion::Two.data_offset_min() as usize];
    let shortest = NiftiVersion::One.data_offset_min();
    // The header of a pair ends without the extension flag.
    let of_a_pair = source.expect_length("header", NiftiVersion::One.header_bytes() as u64);
    of_a_pair.or_else(|_| source.expect_length("header", shortest))?;
    source.fill(&mut bytes[..4], "header", shortest)?;
    let first = [bytes[0], bytes[1], bytes[2], bytes[3]];
    let Some((version, order)) = recognise(first) else {
        let (path, found) = (source.path().to_path_buf(), i32::from_le_bytes(first));
        let is_half = path.extension().is_some_and(|end| end.eq_ignore_ascii_case("img"));
        return Err(if is_half { half_of_a_pair(path) } else { VolumeError::NotNifti { path, found } });
    };
    let (header_bytes, length) = (version.header_bytes(), version.data_offset_min());
    source.fill(&mut bytes[4..header_bytes], "header", length)?;
    let raw = parse(&bytes[..header_bytes], version, order);
    if raw.magic == version.magics()[1] {
        return Err(half_of_a_pair(source.path().to_path_buf()));
    }
    source.fill(&mut bytes[header_bytes..length as usize], "header", length)?;
    Ok((raw, bytes[header_bytes] != 0))
}

fn half_of_a_pair(path: PathBuf) -> VolumeError {
    VolumeError::Field {
        path,
        field: "magic",
        expected: "a single file".into(),
        found: "half of a .hdr/.img pair".into(),
        fix: "convert the pair to one .nii or .nii.gz file, for example with nibabel: nib.save(nib.load(\"NAME.img\"), \
              \"NAME.nii.gz\")",
    }
}

fn geometry_of(raw: RawHeader, dims: [usize; 3]) -> NiftiHeader {
    NiftiHeader {
        version: raw.version,
        dims,
        pixdim: raw.pixdim,
        xyzt_units: raw.xyzt_units,
        qform_code: raw.qform_code,
        quaternion: raw.quaternion,
        qoffset: raw.qoffset,
        sform_code: raw.sform_code,
        srow: raw.srow,
    }
}

fn check_magic(raw: &RawHeader) -> Result<(), FieldProblem> {
    let [single, _] = raw.version.magics();
    if raw.magic == single {
        return Ok(());
    }
    let fix = "convert the file to .nii or .nii.gz; ANALYZE 7.5 is not read";
    let text = |bytes: &[u8]| format!("\"{}\"", bytes.escape_ascii());
    Err(FieldProblem { field: "magic", expected: text(single), found: text(&raw.magic), fix })
}

const FIX_SEVERAL: &str = "save each volume or channel as a 3-D file of its own";

fn checked_dims(raw: &RawHeader) -> Result<[usize; 3], FieldProblem> {
    let [rank, dims @ ..] = raw.dim;
    if !(3..=7).contains(&rank) {
        let (expected, found) = ("3 dimensions".into(), rank.to_string());
        return Err(FieldProblem { field: "dim[0]", expected, found, fix: "stack slices into one 3-D volume" });
    }
    let used = &dims[..rank as usize];
    if used.iter().any(|&dim| dim < 1) {
        let (expected, found) = ("numbers of voxels above 0".into(), format!("{used:?}"));
        return Err(FieldProblem { field: "dim", expected, found, fix: "write the file again from its source" });
    }
    if used[3..].iter().any(|&dim| dim > 1) {
        let (expected, found) = ("3 dimensions".into(), format!("{used:?}"));
        return Err(FieldProblem { field: "dim", expected, found, fix: FIX_SEVERAL });
    }
    let mut sizes = [0; 3];
    for (size, &dim) in sizes.iter_mut().zip(used) {
        let (expected, found) = ("numbers of voxels this machine can count".into(), format!("{used:?}"));
        let problem = FieldProblem { field: "dim", expected, found, fix: "write the file again from its source" };
        *size = usize::try_from(dim).map_err(|_| problem)?;
    }
    Ok(sizes)
}

/// Rejects intents 1004 to 1010, which are matrices, vectors and meshes: several numbers per voxel.
fn check_intent(raw: &RawHeader) -> Result<(), FieldProblem> {
    if !(1004..=1010).contains(&raw.intent_code) {
        return Ok(());
    }
    let expected = "an image of one number per voxel".into();
    let fix = "save the component to be used as a 3-D file of its own";
    Err(FieldProblem { field: "intent_code", expected, found: raw.intent_code.to_string(), fix })
}

/// Returns the datatype, which is used whatever `bitpix` is, as in nibabel and ITK.
fn checked_datatype(raw: &RawHeader) -> Result<(Datatype, Option<Notice>), FieldProblem> {
    let Some(datatype) = Datatype::from_code(raw.datatype) else {
        return Err(FieldProblem {
            field: "datatype",
            expected: "an integer or float of 8 to 64 bits".into(),
            found: format!("{} ({})", raw.datatype, Datatype::name_of_unread(raw.datatype)),
            fix: "convert the voxels to an integer or float type",
        });
    };
    let (bitpix, expected) = (raw.bitpix, datatype.bits());
    Ok((datatype, (bitpix != expected).then_some(Notice::OtherBitpix { bitpix, expected })))
}

/// Returns the offset of the voxels. An offset within the header of a single file means its end, according to the
/// standard; nibabel 5.4.2 and SimpleITK 2.5.7 use the offset itself.
fn checked_data_offset(raw: &RawHeader) -> Result<(u64, Option<Notice>), FieldProblem> {
    let smallest = raw.version.data_offset_min();
    let offset = raw.vox_offset;
    if (0.0..smallest as f64).contains(&offset) {
        return Ok((smallest, Some(Notice::EarlyVoxels { offset, read_from: smallest })));
    }
    // Beyond 2^53 not every integer is an f64; no file is that long.
    let fits = offset.is_finite() && offset.fract() == 0.0 && (smallest as f64..=(1u64 << 53) as f64).contains(&offset);
    fits.then_some((offset as u64, None)).ok_or_else(|| FieldProblem {
        field: "vox_offset",
        expected: format!("a whole number from {smallest}"),
        found: offset.to_string(),
        fix: "write the file again from its source",
    })
}

fn checked_scaling(raw: &RawHeader) -> Result<(Scaling, Option<Notice>), FieldProblem> {
    let (slope, intercept) = (raw.slope, raw.intercept);
    // 0 is the standard's value for no scaling; an intercept set with it is used by some tools only.
    if slope == 0.0 && (intercept == 0.0 || intercept.is_nan()) {
        return Ok((Scaling::NONE, None));
    }
    if slope == 0.0 || !slope.is_finite() {
        return Ok((Scaling::NONE, Some(Notice::Unscaled { slope, intercept })));
    }
    if !intercept.is_finite() {
        let (expected, found) = (format!("a finite number beside scl_slope {slope}"), intercept.to_string());
        return Err(FieldProblem { field: "scl_inter", expected, found, fix: "set scl_inter to 0 if none is meant" });
    }
    Ok((Scaling { slope, intercept, snaps: false }, None))
}

/// Returns the number of bytes from the beginning of the file to the end of the last voxel, if the limits allow it.
fn checked_size(
    path: &Path,
    dims: [usize; 3],
    datatype: Datatype,
    data_offset: u64,
    voxel_bytes: u64,
    limits: &ReadLimits,
) -> Result<u64, VolumeError> {
    let over = |unit, found: Option<u64>, limit| VolumeError::OverLimit {
        path: path.to_path_buf(),
        dims,
        unit,
        found: found.unwrap_or(u64::MAX),
        limit,
    };
    let voxels = dims.iter().try_fold(1u64, |product, &dim| product.checked_mul(dim as u64));
    let count = voxels.filter(|&count| count <= limits.voxels_max);
    let count = count.ok_or_else(|| over("voxels", voxels, limits.voxels_max))?;
    let in_file = count.checked_mul(datatype.bytes() as u64).and_then(|bytes| bytes.checked_add(data_offset));
    let in_memory = count.checked_mul(voxel_bytes);
    let larger = in_file.zip(in_memory).map(|(file, memory)| file.max(memory));
    match in_file {
        Some(bytes) if larger.is_some_and(|larger| larger <= limits.bytes_max) => Ok(bytes),
        _ => Err(over("bytes", larger, limits.bytes_max)),
    }
}

fn read_voxels<T: Voxel>(
    source: &mut Source,
    plan: &Plan,
    rounded: &mut Option<f64>,
    refusal: impl Fn(usize, f64) -> VolumeError,
) -> Result<Vec<T>, VolumeError> {
    // A multiple of every voxel size. The decompressor copies 32 KiB between two calls, which longer chunks make rare;
    // still longer ones would exceed the second-level cache.
    const CHUNK_BYTES: usize = 256 * 1024;
    let count = plan.grid.len();
    let mut voxels = Vec::new();
    let no_memory = |_| VolumeError::OutOfMemory { path: source.path().to_path_buf(), voxels: count as u64 };
    voxels.try_reserve_exact(count).map_err(no_memory)?;
    let mut bytes = vec![0; CHUNK_BYTES.min(count * plan.datatype.bytes())];
    while voxels.len() < count {
        let before = voxels.len();
        let step = (count - before).min(CHUNK_BYTES / plan.datatype.bytes());
        let chunk = &mut bytes[..step * plan.datatype.bytes()];
        source.fill(chunk, "voxels", plan.bytes_expected)?;
        if T::IS_INTENSITY && rounded.is_none() && plan.scaling == Scaling::NONE {
            *rounded = plan.datatype.first_rounded(chunk, plan.order);
        }
        plan.datatype
            .decode(chunk, plan.order, plan.scaling, &mut voxels)
            .map_err(|Unfit { at, number }| refusal(before + at, number))?;
    }
    Ok(voxels)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write;

    #[test]
    fn a_damaged_stream_is_told_as_damaged_and_not_by_the_values_that_came_of_it() {
        let folder = tempfile::tempdir().unwrap();
        let (plain, packed) = (folder.path().join("a.nii"), folder.path().join("a.nii.gz"));
        let grid = Grid::axis_aligned([4, 3, 2], crate::SpacingMm([1.0; 3]));
        crate::write_volume(&plain, &Image::new(grid, vec![1.0; 24]), None).unwrap();
        let mut bytes = std::fs::read(&plain).unwrap();
        let last = bytes.len() - 4;
        bytes[last..].copy_from_slice(&f32::NAN.to_le_bytes());
        let mut stream = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::none());
        stream.write_all(&bytes).unwrap();
        let mut stream = stream.finish().unwrap();
        std::fs::write(&packed, &stream).unwrap();
        let told = || read_volume(&packed, &ReadLimits::default()).unwrap_err();
        assert!(matches!(told(), VolumeError::NotFinite { .. }), "{}", told());
        // The checksum is in the last eight bytes.
        let checksum = stream.len() - 8;
        stream[checksum] ^= 1;
        std::fs::write(&packed, &stream).unwrap();
        assert!(!matches!(told(), VolumeError::NotFinite { .. }), "{}", told());
    }
}
