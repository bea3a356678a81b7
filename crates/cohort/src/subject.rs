//! Who is in a cohort.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::fmt;
use std::path::PathBuf;

/// The cohort's own name of a person; safe as a file name.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(try_from = "String", into = "String")]
pub struct SubjectId(String);

/// Text that cannot name a subject.
#[derive(Debug, thiserror::Error)]
#[error("`{text}` cannot be a subject id: expected 1 to 64 of A-Z a-z 0-9 _ -")]
pub struct SubjectIdError {
    /// The text as given.
    pub text: String,
}

impl SubjectId {
    /// Accepts 1 to 64 characters of `A-Z a-z 0-9 _ -`, since ids become file names.
    pub fn new(text: impl Into<String>) -> Result<SubjectId, SubjectIdError> {
        let text = text.into();
        let fits = (1..=64).contains(&text.len())
            && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'-');
        if fits { Ok(SubjectId(text)) } else { Err(SubjectIdError { text }) }
    }

    /// Returns the id as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl TryFrom<String> for SubjectId {
    type Error = SubjectIdError;
    fn try_from(text: String) -> Result<SubjectId, SubjectIdError> {
        SubjectId::new(text)
    }
}

impl From<SubjectId> for String {
    fn from(id: SubjectId) -> String {
        id.0
    }
}

impl fmt::Display for SubjectId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

/// One visit of a subject to the scanner: co-registered images and, if there is one, the truth.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Scan {
    /// Whose scan it is.
    pub subject: SubjectId,
    /// The scan's own name, unique in the cohort; equal to the subject's where there is one scan each.
    pub name: String,
    /// One file per input channel, in the cohort's channel order.
    pub images: Vec<PathBuf>,
    /// The label map, on the images' grid.
    pub label: Option<PathBuf>,
}
