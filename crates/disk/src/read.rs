//! Bounded ways to read a file.

use crate::DiskError;
use std::fs::File;
use std::io::Read;
use std::path::Path;

/// Returns the content of a file of at most `limit_bytes`; a larger one is [`DiskError::TooLarge`].
pub fn read_bytes(path: &Path, limit_bytes: u64) -> Result<Vec<u8>, DiskError> {
    let file = File::open(path).map_err(DiskError::io(path, "read"))?;
    let found_bytes = file.metadata().map_err(DiskError::io(path, "read"))?.len();
    let too_large = |found_bytes| DiskError::TooLarge { path: path.to_path_buf(), found_bytes, limit_bytes };
    if found_bytes > limit_bytes {
        return Err(too_large(found_bytes));
    }
    let mut bytes = Vec::with_capacity(found_bytes as usize);
    // A device or a growing file can yield more bytes than its metadata states.
    file.take(limit_bytes + 1).read_to_end(&mut bytes).map_err(DiskError::io(path, "read"))?;
    if bytes.len() as u64 > limit_bytes {
        return Err(too_large(bytes.len() as u64));
    }
    Ok(bytes)
}

/// Returns the text of a UTF-8 file of at most `limit_bytes`, without a byte order mark.
pub fn read_text(path: &Path, limit_bytes: u64) -> Result<String, DiskError> {
    const MARK: &[u8] = b"\xef\xbb\xbf";
    let mut bytes = read_bytes(path, limit_bytes)?;
    if bytes.starts_with(MARK) {
        bytes.drain(..MARK.len());
    }
    String::from_utf8(bytes).map_err(|error| {
        let at = error.utf8_error().valid_up_to();
        let found = match error.as_bytes() {
            [0xff, 0xfe, ..] | [0xfe, 0xff, ..] => "UTF-16".to_string(),
            bytes => format!("the byte {:02x} at {at}, perhaps Latin-1", bytes[at]),
        };
        DiskError::NotUtf8 { path: path.to_path_buf(), found }
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::write_bytes;

    #[test]
    fn text_is_read_without_a_mark_and_other_encodings_are_called_by_name() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("x.tsv");
        let read = |bytes: &[u8]| {
            write_bytes(&path, bytes).unwrap();
            read_text(&path, 100)
        };
        assert_eq!(read(b"\xef\xbb\xbfscan\n").unwrap(), "scan\n");
        assert_eq!(read("größe".as_bytes()).unwrap(), "größe");
        for (bytes, found) in [(&b"\xff\xfes\0"[..], "UTF-16"), (b"\xfe\xff\0s", "UTF-16"), (b"gr\xf6", "byte f6 at 2")]
        {
            let message = read(bytes).unwrap_err().to_string();
            assert!(message.contains(found) && message.contains("fix: save the file as UTF-8"), "{message}");
        }
    }

    #[test]
    fn a_file_over_the_limit_is_refused_with_both_sizes() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("x.bin");
        write_bytes(&path, &[0; 11]).unwrap();
        let message = read_bytes(&path, 10).unwrap_err().to_string();
        assert!(message.contains("11 bytes") && message.contains("10 bytes"), "{message}");
    }
}
