//! Where the results of a prediction go, and where they must not.

use super::scans::PROBABILITY;
use crate::error::CliError;
use lacuna_cohort::Scan;
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

/// What is made of each scan, and where it goes.
pub struct OutputOptions<'a> {
    pub folder: &'a Path,
    /// What stands behind a scan's name in that of its label map.
    pub suffix: &'a str,
    pub probabilities: bool,
    pub largest_component: bool,
}

/// A scan's label map.
pub fn label_file(output_options: &OutputOptions, scan: &Scan) -> PathBuf {
    output_options.folder.join(format!("{}{}.nii.gz", scan.name, output_options.suffix))
}

/// A scan's probabilities of one class.
pub fn probability_file(folder: &Path, scan: &Scan, class: usize) -> PathBuf {
    folder.join(format!("{}{}{class}.nii.gz", scan.name, PROBABILITY))
}

/// A text that may stand in a file's name, and in no name of probabilities.
pub fn suffix(text: &str) -> Result<String, String> {
    const LENGTH_MAX: usize = 64;
    let fits = |letter: char| letter.is_ascii_alphanumeric() || "-_.".contains(letter);
    match text.len() <= LENGTH_MAX && text.chars().all(fits) && !text.starts_with(PROBABILITY) {
        true => Ok(text.to_string()),
        false => Err(format!(
            "expected up to {LENGTH_MAX} of the letters A-Z a-z 0-9 - _ . that do not begin with `{}`, found `{text}`",
            PROBABILITY
        )),
    }
}

/// No image is ever overwritten or taken for the label map of one, by this call or the next.
pub fn refuse_inputs(scans: &[Scan], output_options: &OutputOptions) -> Result<(), CliError> {
    let refuse = |what: String| Err(CliError::Config { what });
    let images: BTreeSet<PathBuf> =
        scans.iter().flat_map(|scan| &scan.images).filter_map(|image| image.canonicalize().ok()).collect();
    let folder = output_options.folder.display();
    let is_among_images =
        output_options.folder.canonicalize().is_ok_and(|out| images.iter().any(|image| image.parent() == Some(&*out)));
    if output_options.suffix.is_empty() && is_among_images {
        return refuse(format!(
            "--suffix: expected a text where label maps lie beside their images, found none; fix: another folder than \
             {folder} for --out, or leave --suffix out"
        ));
    }
    let is_image = |output: &PathBuf| output.canonicalize().is_ok_and(|output| images.contains(&output));
    match scans.iter().map(|scan| label_file(output_options, scan)).find(is_image) {
        Some(output) => refuse(format!(
            "{}: expected a name for a label map, found one of the images; fix: another --suffix, or another folder for --out",
            output.display()
        )),
        None => Ok(()),
    }
}

/// No label map is ever overwritten, nor two scans written to one place.
pub fn refuse_taken(scans: &[Scan], output_options: &OutputOptions) -> Result<(), CliError> {
    let mut taken = BTreeSet::new();
    for output in scans.iter().map(|scan| label_file(output_options, scan)) {
        if output.exists() || !taken.insert(output.clone()) {
            let what = format!("{}: is there already; fix: choose another folder for --out", output.display());
            return Err(CliError::Config { what });
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_ending_is_part_of_one_files_name_and_of_no_probabilitys() {
        for fits in ["", "_labels", "_dseg", ".seg-1"] {
            assert_eq!(suffix(fits).unwrap(), fits);
        }
        for refused in ["/x", "..\\x", "a b", "_probability-0", "ü", &"x".repeat(65)] {
            assert!(suffix(refused).unwrap_err().contains("expected"), "{refused}");
        }
    }

    fn scan(name: &str, image: PathBuf) -> Scan {
        let subject = lacuna_cohort::SubjectId::new("a").unwrap();
        Scan { subject, name: name.to_string(), images: vec![image], label: None }
    }

    #[test]
    fn no_result_is_written_over_an_image_whatever_the_ending() {
        let folder = tempfile::tempdir().unwrap();
        let image = |name: &str| folder.path().join(name);
        for name in ["a.nii.gz", "a_x.nii.gz"] {
            std::fs::write(image(name), b"").unwrap();
        }
        let scans = [scan("a", image("a.nii.gz")), scan("a_x", image("a_x.nii.gz"))];
        let out = tempfile::tempdir().unwrap();
        let check = |folder: &Path, suffix: &str| {
            let output_options = OutputOptions { folder, suffix, probabilities: false, largest_component: false };
            refuse_inputs(&scans, &output_options).map_err(|error| error.to_string())
        };
        for suffix in ["", "_x", "_labels"] {
            assert!(check(out.path(), suffix).is_ok(), "{suffix}");
        }
        assert!(check(folder.path(), "_labels").is_ok());
        assert!(check(&folder.path().join("."), "").unwrap_err().contains("another folder"));
        assert!(check(folder.path(), "_x").unwrap_err().contains("found one of the images"));
    }
}
