//! The second look: files of others, and names of files, that mention a person. It lists them with the place, for a
//! person to look at; nothing here is ever changed or removed.

use crate::person::Person;
use lacuna_artefacts::PortablePath;
use serde::Serialize;
use std::io::Read;
use std::path::Path;

/// Larger texts are listed as unknown.
pub const TEXT_BYTES_MAX: u64 = 1 << 30;
/// So much of a file shows whether it is a text.
const HEAD_BYTES: u64 = 8 << 10;

/// A file that mentions a person.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Mention {
    /// The path of the file.
    pub path: PortablePath,
    /// Whether its name does.
    pub in_name: bool,
    /// The number of the first line that does, from 1.
    pub line: Option<usize>,
    /// How many lines do.
    pub lines: usize,
}

/// Whether a file or its name mentions the person, and where.
pub fn mention(path: &Path, person: &Person) -> Option<Mention> {
    let in_name = path.file_name().is_some_and(|name| person.is_mentioned_in(name.as_encoded_bytes()));
    let (mut line, mut lines) = (None, 0);
    if let Some(text) = text_of(path) {
        for (number, one) in text.split(|byte| *byte == b'\n').enumerate() {
            if person.is_mentioned_in(one) {
                line = line.or(Some(number + 1));
                lines += 1;
            }
        }
    }
    (in_name || lines > 0).then(|| Mention { path: path.into(), in_name, line, lines })
}

/// The bytes of a text of a size that is read; nothing of tensors and images.
fn text_of(path: &Path) -> Option<Vec<u8>> {
    is_text(path).then(|| lacuna_disk::read_bytes(path, TEXT_BYTES_MAX).ok())?
}

/// Whether a file begins like a text: no zero byte.
pub fn is_text(path: &Path) -> bool {
    let mut head = Vec::new();
    let read = std::fs::File::open(path).map(|file| file.take(HEAD_BYTES).read_to_end(&mut head));
    let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let is_image = name.ends_with(".nii.gz") || name.ends_with(".nii") || name.ends_with(".png");
    matches!(read, Ok(Ok(_))) && !is_image && !head.contains(&0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_is_listed_with_its_first_line_and_bytes_are_not_searched() {
        let folder = tempfile::tempdir().unwrap();
        let person = Person::named("01");
        let check = |name: &str, bytes: &[u8]| {
            let path = folder.path().join(name);
            std::fs::write(&path, bytes).unwrap();
            mention(&path, &person).map(|found| (found.in_name, found.line, found.lines))
        };
        assert_eq!(check("notes.txt", b"a\nsub 01 came\n01, too\n"), Some((false, Some(2), 2)));
        assert_eq!(check("01_labels.nii.gz", b"01"), Some((true, None, 0)));
        assert_eq!(check("weights.bin", b"\0 01 "), None);
        assert_eq!(check("other.txt", b"101, 010"), None);
    }
}
