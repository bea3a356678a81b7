//! The parsers of files from outside, with a check of what each has read.

use crate::Failure;
use lacuna_cohort::LabelTable;
use lacuna_report::{probes, results};
use lacuna_volume::{Grid, ReadLimits, read_label_map, read_volume, write_label_map, write_volume};
use lacuna_weights::{Array, Tensor, WeightFile, write_safetensors};
use std::collections::BTreeMap;
use std::path::Path;

/// The result of a parser on a file.
pub enum Answer {
    /// The file was refused with an error.
    Refused,
    /// The file was read, and the content is right.
    Accepted,
    /// The file was read, and the content is wrong for this reason.
    Wrong(String),
}

/// A parser and its input files.
pub struct Parser {
    pub name: &'static str,
    /// The folder and ending of its whole files.
    folder: &'static str,
    endings: &'static [&'static str],
    /// The file that an accepted one is written to, to be read again.
    pub copy: &'static str,
    /// Read bytes under a path; the second path is a folder to write in.
    pub read: fn(&Path, Vec<u8>, &Path) -> Answer,
}

const VOLUME: &str = "copy.nii";
const LABELS: &str = "copy.nii.gz";
const TENSORS: &str = "copy.safetensors";
const ROWS: &str = "copy.csv";

/// All parsers, one line each.
pub const PARSERS: [Parser; 8] = [
    Parser { name: "nifti", folder: "crates/volume/fixtures", endings: &[".nii"], copy: VOLUME, read: volume },
    Parser { name: "nifti-gz", folder: "crates/volume/fixtures", endings: &[".nii.gz"], copy: VOLUME, read: volume },
    Parser {
        name: "nifti-labels",
        folder: "crates/volume/fixtures",
        endings: &[".nii", ".nii.gz"],
        copy: LABELS,
        read: labels,
    },
    Parser { name: "torch", folder: "crates/weights/fixtures", endings: &[".pth"], copy: TENSORS, read: weights },
    Parser {
        name: "safetensors",
        folder: "crates/weights/fixtures",
        endings: &[".safetensors"],
        copy: TENSORS,
        read: weights,
    },
    Parser { name: "results", folder: "docs/results/ixi7-noise", endings: &["results.csv"], copy: ROWS, read: rows },
    Parser {
        name: "probes",
        folder: "docs/results/ixi7-goals",
        endings: &["probes.csv"],
        copy: ROWS,
        read: probe_rows,
    },
    Parser { name: "label-table", folder: "xtask/src/mutate", endings: &["labels.toml"], copy: "", read: label_table },
];

/// The bytes of a file that are used: the first rows of a table are like the others.
const INPUT_BYTES: usize = 1 << 16;

impl Parser {
    /// Names and bytes of whole files.
    pub fn inputs(&self) -> Result<Vec<(String, Vec<u8>)>, Failure> {
        let mut found = Vec::new();
        for entry in std::fs::read_dir(self.folder)? {
            let path = entry?.path();
            let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
            if self.endings.iter().any(|ending| name.ends_with(ending)) {
                let mut bytes = std::fs::read(&path)?;
                if name.ends_with(".csv") && bytes.len() > INPUT_BYTES {
                    let line = bytes[..INPUT_BYTES].iter().rposition(|byte| *byte == b'\n').unwrap_or(0);
                    bytes.truncate(line + 1);
                }
                found.push((name, bytes));
            }
        }
        found.sort();
        if found.is_empty() {
            return Err(
                format!("{}: no file with the ending {:?}; run this from the root", self.folder, self.endings).into()
            );
        }
        Ok(found)
    }
}

/// The limits of a read: far above any fixture, and below what a hostile header asks for.
const LIMITS: ReadLimits = ReadLimits { voxels_max: 1 << 22, bytes_max: 1 << 25 };

fn volume(path: &Path, bytes: Vec<u8>, folder: &Path) -> Answer {
    let Some(file) = written(path, &bytes).and_then(|()| read_volume(path, &LIMITS).ok()) else {
        return Answer::Refused;
    };
    if file.image.voxels().iter().any(|value| !value.is_finite()) {
        return Answer::Wrong("an intensity is not finite".to_string());
    }
    let copy = folder.join(VOLUME);
    let again =
        write_volume(&copy, &file.image, Some(&file.header)).ok().and_then(|()| read_volume(&copy, &LIMITS).ok());
    match again {
        Some(again)
            if again.image.voxels() == file.image.voxels() && is_near(again.image.grid(), file.image.grid()) =>
        {
            Answer::Accepted
        }
        Some(_) => Answer::Wrong(format!("{}: written and read, it is another image", path.display())),
        None => Answer::Wrong(format!("{}: it can be read and not written", path.display())),
    }
}

fn labels(path: &Path, bytes: Vec<u8>, folder: &Path) -> Answer {
    let Some(file) = written(path, &bytes).and_then(|()| read_label_map(path, &LIMITS).ok()) else {
        return Answer::Refused;
    };
    let copy = folder.join(LABELS);
    let again =
        write_label_map(&copy, &file.image, Some(&file.header)).ok().and_then(|()| read_label_map(&copy, &LIMITS).ok());
    match again {
        Some(again)
            if again.image.voxels() == file.image.voxels() && is_near(again.image.grid(), file.image.grid()) =>
        {
            Answer::Accepted
        }
        _ => Answer::Wrong(format!("{}: written and read, it is another map", path.display())),
    }
}

/// Whether two grids agree within the 32-bit precision of a header's numbers.
fn is_near(one: &Grid, other: &Grid) -> bool {
    let numbers = |grid: &Grid| grid.affine.0.into_iter().flatten().collect::<Vec<f64>>();
    let scale = numbers(one).iter().fold(1e-30f64, |most, value| most.max(value.abs()));
    one.dims == other.dims && numbers(one).iter().zip(numbers(other)).all(|(a, b)| (a - b).abs() <= 1e-5 * scale)
}

fn weights(path: &Path, bytes: Vec<u8>, folder: &Path) -> Answer {
    let Ok(file) = WeightFile::from_bytes(path, bytes) else { return Answer::Refused };
    let mut arrays = BTreeMap::new();
    for (name, tensor) in file.tensors() {
        if tensor.len() != tensor.shape().iter().product::<usize>() || tensor.to_f32().len() != tensor.len() {
            return Answer::Wrong(format!("{name} is not of the size that it states"));
        }
        arrays.insert(name.to_string(), Array::of_f32(tensor.shape().to_vec(), &tensor.to_f32()));
    }
    let copy = folder.join(TENSORS);
    // A name or a count that safetensors has no room for is refused when it is written.
    if write_safetensors(&copy, &arrays, None).is_err() {
        return Answer::Accepted;
    }
    let Ok(again) = WeightFile::open(&copy) else { return Answer::Wrong("it can be written and not read".to_string()) };
    let bits = |values: Vec<f32>| values.into_iter().map(f32::to_bits).collect::<Vec<u32>>();
    let same = |(name, tensor): (&str, Tensor)| {
        again.tensor(name).is_some_and(|found| bits(found.to_f32()) == bits(tensor.to_f32()))
    };
    match file.tensors().all(same) {
        true => Answer::Accepted,
        false => Answer::Wrong("written and read, it is another file".to_string()),
    }
}

fn rows(path: &Path, bytes: Vec<u8>, folder: &Path) -> Answer {
    let Some(rows) = written(path, &bytes).and_then(|()| results::read(path).ok()) else { return Answer::Refused };
    let copy = folder.join(ROWS);
    match results::write(&copy, &rows).ok().and_then(|()| results::read(&copy).ok()) {
        Some(again) if again.len() == rows.len() => Answer::Accepted,
        Some(_) => Answer::Wrong("written and read, rows are missing".to_string()),
        // A table may repeat a row's place: reading accepts it, and tabulating refuses it.
        None => Answer::Accepted,
    }
}

fn probe_rows(path: &Path, bytes: Vec<u8>, folder: &Path) -> Answer {
    let Some(rows) = written(path, &bytes).and_then(|()| probes::read(path).ok()) else { return Answer::Refused };
    let copy = folder.join(ROWS);
    match probes::write(&copy, &rows).ok().and_then(|()| probes::read(&copy).ok()) {
        Some(again) if again.len() != rows.len() => Answer::Wrong("written and read, rows are missing".to_string()),
        _ => Answer::Accepted,
    }
}

fn label_table(_: &Path, bytes: Vec<u8>, _: &Path) -> Answer {
    let Ok(text) = String::from_utf8(bytes) else { return Answer::Refused };
    match LabelTable::from_toml(&text) {
        Ok(table) if (1..=255).contains(&table.classes().len()) => Answer::Accepted,
        Ok(table) => Answer::Wrong(format!("a table of {} classes", table.classes().len())),
        Err(_) => Answer::Refused,
    }
}

/// Writes the bytes of a test; `None` if the system refuses.
fn written(path: &Path, bytes: &[u8]) -> Option<()> {
    std::fs::write(path, bytes).ok()
}
