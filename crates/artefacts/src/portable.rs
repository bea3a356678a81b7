//! Fields of paths in records that are written as JSON: `#[serde(serialize_with = "lacuna_artefacts::portable::path")]`.

use crate::PortablePath;
use serde::{Serialize, Serializer};
use std::path::{Path, PathBuf};

/// Serializes a path as a [`PortablePath`].
///
/// # Errors
/// Errors of the serializer.
pub fn path<S: Serializer>(path: impl AsRef<Path>, serializer: S) -> Result<S::Ok, S::Error> {
    PortablePath::from(path.as_ref()).serialize(serializer)
}

/// Serializes an optional path as a [`PortablePath`].
///
/// # Errors
/// Errors of the serializer.
pub fn option<S: Serializer, P: AsRef<Path>>(path: &Option<P>, serializer: S) -> Result<S::Ok, S::Error> {
    path.as_ref().map(|path| PortablePath::from(path.as_ref())).serialize(serializer)
}

/// Serializes several paths as [`PortablePath`]s.
///
/// # Errors
/// Errors of the serializer.
pub fn list<S: Serializer>(paths: &[PathBuf], serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_seq(paths.iter().map(|path| PortablePath::from(path.as_path())))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::ffi::OsStr;
    use std::os::unix::ffi::OsStrExt;

    #[derive(Serialize)]
    struct Record<'a> {
        #[serde(serialize_with = "path")]
        one: &'a Path,
        #[serde(serialize_with = "option")]
        perhaps: Option<PathBuf>,
        #[serde(serialize_with = "list")]
        several: Vec<PathBuf>,
    }

    #[test]
    fn a_record_of_any_paths_is_json_and_text_stays_text() {
        let odd = Path::new(OsStr::from_bytes(b"a\xff"));
        let json = |path: &Path, perhaps| {
            serde_json::to_value(Record { one: path, perhaps, several: vec![path.to_path_buf()] }).unwrap()
        };
        let text = json(Path::new("a"), None);
        assert_eq!(text, serde_json::json!({"one": "a", "perhaps": null, "several": ["a"]}));
        let bytes = json(odd, Some(odd.to_path_buf()));
        for field in [&bytes["one"], &bytes["perhaps"], &bytes["several"][0]] {
            assert_eq!(field["hex"], "61ff");
        }
    }
}
