//! A NIfTI image: where its voxels lie, what is odd about its header, never its text fields.

use crate::error::CliError;
use crate::output::Outcome;
use crate::text_table::{by, named};
use lacuna_volume::{NiftiVersion, ReadLimits, axis_codes, read_header};
use serde::Serialize;
use std::path::Path;

#[derive(Serialize)]
struct Record<'a> {
    kind: &'static str,
    #[serde(serialize_with = "lacuna_artefacts::portable::path")]
    file: &'a Path,
    format: &'static str,
    shape: [usize; 3],
    spacing_mm: [f64; 3],
    axes: String,
    affine: [[f64; 4]; 3],
    notices: Vec<String>,
}

/// Read the header alone.
pub fn inspect(path: &Path, limits: &ReadLimits) -> Result<Outcome, CliError> {
    let (grid, header, notices) = read_header(path, limits)?;
    let record = Record {
        kind: "image",
        file: path,
        format: match header.version() {
            NiftiVersion::One => "NIfTI-1",
            NiftiVersion::Two => "NIfTI-2",
        },
        shape: grid.dims,
        spacing_mm: grid.affine.spacing().0,
        axes: axis_codes(&grid.affine),
        affine: grid.affine.0,
        notices: notices.iter().map(ToString::to_string).collect(),
    };
    Ok(Outcome::new("inspect", &record, text(&record)))
}

fn text(record: &Record) -> String {
    let row = |numbers: [f64; 4]| numbers.map(|number| format!("{number:>10.4}")).join(" ");
    let [x, y, z] = record.affine.map(row);
    let mut lines = vec![
        ("image", record.file.display().to_string()),
        ("format", record.format.to_string()),
        ("voxels", by(record.shape)),
        ("spacing", format!("{} mm", by(record.spacing_mm.map(|mm| format!("{mm:.4}"))))),
        ("axes", format!("{} (where i, j and k lead)", record.axes)),
        ("affine", x),
        ("", y),
        ("", z),
    ];
    lines.extend(record.notices.iter().map(|notice| ("note", notice.clone())));
    named(&lines)
}
