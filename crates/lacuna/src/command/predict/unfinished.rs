//! A call that did not come to its end, so that the same command goes on where it failed.
//!
//! Before its first scan a call leaves a note of what it was asked for in the hidden folder of `--out`, and takes it away at
//! its end. A later call of the same settings and images that finds the note passes over scans that have their label map,
//! as `--continue` does: no other call's can be among them, since the first would have been refused.

use crate::error::CliError;
use lacuna_cohort::Scan;
use serde::Serialize;
use std::path::{Path, PathBuf};

/// What decides the outcome of a call.
#[derive(Serialize)]
pub struct Asked<'a, S: Serialize> {
    /// The digest of the model.
    pub model: &'a str,
    /// Everything else that was asked for.
    pub settings: S,
}

/// The note of a call.
pub struct Unfinished {
    file: PathBuf,
    digest: String,
}

const NAME: &str = "predict.unfinished";
const BYTES_MAX: u64 = 1 << 10;

impl Unfinished {
    /// That of a call on these scans.
    pub fn of<S: Serialize>(folder: &Path, asked: &Asked<'_, S>, scans: &[Scan]) -> Unfinished {
        let mut text = serde_json::to_vec(asked).expect("plain data is JSON");
        for path in scans.iter().flat_map(|scan| &scan.images) {
            text.push(0);
            text.extend(path.as_os_str().as_encoded_bytes());
        }
        Unfinished { file: folder.join(lacuna_disk::OWN_FOLDER).join(NAME), digest: lacuna_disk::digest(&text) }
    }

    /// Whether the same call was begun before and not ended.
    pub fn is_there(&self) -> bool {
        lacuna_disk::read_text(&self.file, BYTES_MAX).is_ok_and(|text| text.trim() == self.digest)
    }

    /// Leave the note.
    ///
    /// # Errors
    /// A file that cannot be written.
    pub fn begin(&self) -> Result<(), CliError> {
        Ok(lacuna_disk::write_bytes(&self.file, format!("{}\n", self.digest).as_bytes())?)
    }

    /// Take it away.
    ///
    /// # Errors
    /// A file that cannot be removed.
    pub fn end(&self) -> Result<(), CliError> {
        Ok(lacuna_disk::remove_file(&self.file).map(drop)?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use lacuna_cohort::SubjectId;

    #[test]
    fn a_note_is_of_one_model_its_settings_and_its_images() {
        let folder = tempfile::tempdir().unwrap();
        let scan = |image: &str| Scan {
            subject: SubjectId::new("a").unwrap(),
            name: "a".to_string(),
            images: vec![PathBuf::from(image)],
            label: None,
        };
        let of = |model: &str, settings: &str, image: &str| {
            Unfinished::of(folder.path(), &Asked { model, settings }, &[scan(image)])
        };
        let note = of("m", "s", "i");
        assert!(!note.is_there());
        note.begin().unwrap();
        assert!(of("m", "s", "i").is_there());
        for other in [of("n", "s", "i"), of("m", "t", "i"), of("m", "s", "j")] {
            assert!(!other.is_there());
        }
        note.end().unwrap();
        assert!(!note.is_there());
    }
}
