//! A path in JSON. File names on Unix are bytes; names that are not UTF-8 are written with their bytes, without loss.

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::ffi::OsString;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::{Path, PathBuf};

/// A path that can be written as JSON for any bytes.
///
/// UTF-8 is written as a string; anything else as `{"lossy": "…", "hex": "…"}`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PortablePath(pub PathBuf);

/// The JSON form of a path that is not UTF-8.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Bytes {
    /// The path as readable text, with invalid bytes replaced.
    lossy: String,
    /// Two hexadecimal digits for each byte.
    hex: String,
}

/// A JSON path in either of its two forms.
#[derive(Deserialize)]
#[serde(untagged)]
enum Form {
    Text(String),
    Bytes(Bytes),
}

impl PortablePath {
    /// Returns the path as `&Path`.
    pub fn as_path(&self) -> &Path {
        &self.0
    }
}

impl From<PathBuf> for PortablePath {
    fn from(path: PathBuf) -> PortablePath {
        PortablePath(path)
    }
}

impl From<&Path> for PortablePath {
    fn from(path: &Path) -> PortablePath {
        PortablePath(path.to_path_buf())
    }
}

impl AsRef<Path> for PortablePath {
    fn as_ref(&self) -> &Path {
        &self.0
    }
}

impl std::ops::Deref for PortablePath {
    type Target = Path;

    fn deref(&self) -> &Path {
        &self.0
    }
}

impl Serialize for PortablePath {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self.0.to_str() {
            Some(text) => serializer.serialize_str(text),
            None => {
                let hex = self.0.as_os_str().as_bytes().iter().map(|byte| format!("{byte:02x}")).collect();
                Bytes { lossy: self.0.display().to_string(), hex }.serialize(serializer)
            }
        }
    }
}

impl<'de> Deserialize<'de> for PortablePath {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<PortablePath, D::Error> {
        match Form::deserialize(deserializer)? {
            Form::Text(text) => Ok(PortablePath(PathBuf::from(text))),
            Form::Bytes(Bytes { hex, .. }) => {
                let bytes =
                    from_hex(&hex).ok_or_else(|| serde::de::Error::custom("expected pairs of hexadecimal digits"))?;
                Ok(PortablePath(PathBuf::from(OsString::from_vec(bytes))))
            }
        }
    }
}

fn from_hex(text: &str) -> Option<Vec<u8>> {
    let pairs = text.as_bytes().chunks(2);
    pairs
        .map(|pair| u8::from_str_radix(std::str::from_utf8(pair).ok().filter(|pair| pair.len() == 2)?, 16).ok())
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn any_path_is_read_back_from_its_json(bytes in proptest::collection::vec(1_u8..=255, 1..40)) {
            let path = PortablePath(PathBuf::from(OsString::from_vec(bytes)));
            let text = serde_json::to_string(&path).unwrap();
            prop_assert_eq!(serde_json::from_str::<PortablePath>(&text).unwrap(), path);
        }
    }

    #[test]
    fn a_path_of_text_is_a_string_and_damaged_bytes_are_refused() {
        assert_eq!(serde_json::to_string(&PortablePath(PathBuf::from("a/ü"))).unwrap(), "\"a/ü\"");
        for damaged in ["{\"lossy\": \"\", \"hex\": \"f\"}", "{\"lossy\": \"\", \"hex\": \"zz\"}", "7"] {
            assert!(serde_json::from_str::<PortablePath>(damaged).is_err(), "{damaged}");
        }
    }
}
