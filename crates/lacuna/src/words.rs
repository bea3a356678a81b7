//! The words of this process's command line. On Unix they are bytes; they are read through this module.

use std::ffi::{OsStr, OsString};
use std::path::Path;

/// Every word but the program's name.
pub fn all() -> Vec<OsString> {
    std::env::args_os().skip(1).collect()
}

/// The same as text; bytes that are none become replacement characters.
pub fn texts() -> Vec<String> {
    all().iter().map(|word| word.to_string_lossy().into_owned()).collect()
}

/// Whether a flag is among them, before the command line is understood.
pub fn has(flag: &str) -> bool {
    std::env::args_os().any(|word| word == flag)
}

/// The first of them, or of the paths given, that is not UTF-8.
pub fn first_that_is_no_text<'a>(paths: impl IntoIterator<Item = &'a Path>) -> Option<OsString> {
    let paths = paths.into_iter().map(|path| path.as_os_str().to_os_string());
    all().into_iter().chain(paths).find(|word| word.to_str().is_none())
}

/// The pieces of a word that are text, and may be printed in whatever way its other bytes are shown.
pub fn pieces(word: &OsStr) -> Vec<String> {
    let pieces = word.as_encoded_bytes().utf8_chunks();
    pieces.map(|piece| piece.valid().to_string()).filter(|piece| !piece.is_empty()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::ffi::OsStrExt;

    #[test]
    fn a_word_of_any_bytes_falls_into_pieces_of_text() {
        assert_eq!(pieces(OsStr::from_bytes(b"anna\xff.nii\xfe")), ["anna", ".nii"]);
        assert_eq!(pieces(OsStr::new("anna.nii")), ["anna.nii"]);
        assert!(pieces(OsStr::from_bytes(b"\xff")).is_empty());
    }

    #[test]
    fn a_path_that_is_no_text_is_named() {
        let odd = Path::new(OsStr::from_bytes(b"a\xff"));
        assert_eq!(first_that_is_no_text([Path::new("a"), odd]).as_deref(), Some(odd.as_os_str()));
        assert_eq!(first_that_is_no_text([Path::new("a")]), None);
    }
}
