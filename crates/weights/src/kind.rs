//! Recognition of a file's format by its first bytes.

use crate::Format;
use crate::error::SAVE_STATE_DICT;

/// A file of an unsupported format, and the fix.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Foreign {
    pub found: String,
    pub fix: &'static str,
}

/// The longest header in bytes that safetensors allows.
const HEADER_BYTES_MAX: u64 = 100_000_000;

/// The number of bytes of a text that are examined.
const TEXT_BYTES: usize = 1024;

const DOWNLOAD: &str = "copy or download the file again";
const LFS: &str = "fetch the file that it stands for: `git lfs pull` in its repository, or download it by its own link";
const ANNEX: &str = "fetch the file that it stands for: `git annex get FILE` or `datalad get FILE`";
const WEB_PAGE: &str = "open the link in a browser and save the file itself; such a page comes where a log-in or a \
                        confirmation is asked for";
const NOT_WEIGHTS: &str = "give the file of the weights";

/// Returns the format by the first bytes, or what other kind of file they belong to.
///
/// The first eight bytes of safetensors are a number, so they may equal the signature of any other format; safetensors
/// is recognised by the brace that follows and by the limit of the number. Neither a zip archive nor a pickle of
/// PyTorch's can have both: at byte 8 one has its compression method, 0 or 8, the other a byte of its magic number or
/// the sixth byte of a length.
pub(crate) fn format_of(bytes: &[u8]) -> Result<Format, Foreign> {
    match bytes {
        _ if is_safetensors(bytes) => Ok(Format::Safetensors),
        [b'P', b'K', 3, 4, ..] | [b'P', b'K', 5, 6, ..] => Ok(Format::TorchZip),
        // Every pickle of protocol 2 or later begins with this byte.
        [0x80, ..] => Ok(Format::TorchLegacy),
        _ => Err(foreign(bytes)),
    }
}

/// Returns whether the bytes are the length of a header followed by a brace. The header may be longer than the file,
/// which is then damaged.
fn is_safetensors(bytes: &[u8]) -> bool {
    let length = bytes.first_chunk::<8>().map(|length| u64::from_le_bytes(*length));
    // The format requires the brace first; its own reader skips white space.
    let begins = bytes.iter().skip(8).find(|byte| !byte.is_ascii_whitespace());
    length.is_some_and(|length| length <= HEADER_BYTES_MAX) && begins == Some(&b'{')
}

fn foreign(bytes: &[u8]) -> Foreign {
    let of = |found: &str, fix| Foreign { found: found.to_string(), fix };
    match bytes {
        [] => of("an empty file", DOWNLOAD),
        [0x1f, 0x8b, ..] => of("a gzip file", "unpack it first"),
        [0x89, b'H', b'D', b'F', ..] => of("an HDF5 file, as Keras writes it", SAVE_STATE_DICT),
        [0x93, b'N', b'U', b'M', b'P', b'Y', ..] => of("a numpy array", SAVE_STATE_DICT),
        _ if bytes.get(257..262) == Some(b"ustar") => {
            of("a tar archive, as PyTorch wrote before version 0.1.11", SAVE_STATE_DICT)
        }
        _ if bytes.get(344..347) == Some(b"n+1") => of("a NIfTI image", NOT_WEIGHTS),
        _ => text(bytes).unwrap_or_else(|| {
            let first: Vec<String> = bytes.iter().take(8).map(|byte| format!("{byte:02x}")).collect();
            Foreign { found: format!("a file that begins with the bytes {}", first.join(" ")), fix: SAVE_STATE_DICT }
        }),
    }
}

/// Recognises a text in place of weights, which a repository or a web server returns if the file itself was not
/// downloaded.
fn text(bytes: &[u8]) -> Option<Foreign> {
    let bytes = &bytes[..bytes.len().min(TEXT_BYTES)];
    let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
    let printable = |&byte: &u8| byte >= 0x20 && byte != 0x7f || byte.is_ascii_whitespace();
    let text = match std::str::from_utf8(bytes) {
        Ok(text) => text,
        // The examined bytes may end within a character of several bytes.
        Err(error) if error.error_len().is_none() => std::str::from_utf8(&bytes[..error.valid_up_to()]).ok()?,
        Err(_) => return None,
    };
    if !bytes.iter().all(printable) {
        return None;
    }
    let text = text.trim_start();
    let lower = text.to_ascii_lowercase();
    let (found, fix) = match lower.as_str() {
        _ if lower.starts_with("version https://git-lfs.github.com/spec/") => ("a Git LFS pointer", LFS),
        _ if lower.contains("/annex/objects/") => ("a git-annex pointer", ANNEX),
        _ if lower.starts_with("<!doctype html") || lower.starts_with("<html") => ("a web page (HTML)", WEB_PAGE),
        _ if lower.starts_with('<') => ("an XML text, as servers answer with", WEB_PAGE),
        _ if lower.starts_with(['{', '[']) => ("a JSON text", NOT_WEIGHTS),
        _ => {
            let first: String = text.chars().take(20).filter(|letter| !letter.is_control()).collect();
            return Some(Foreign { found: format!("a text that begins with `{first}`"), fix: NOT_WEIGHTS });
        }
    };
    Some(Foreign { found: found.to_string(), fix })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Array, WeightFile};
    use std::collections::BTreeMap;
    use std::path::Path;

    /// Returns the first bytes of a safetensors file whose header has this length.
    fn beginning(length: u64) -> Vec<u8> {
        let mut bytes = length.to_le_bytes().to_vec();
        bytes.extend(b"{\"conv1.weight\":{");
        bytes
    }

    #[test]
    fn no_length_of_a_header_is_taken_for_the_mark_of_another_format() {
        // All short lengths, and all up to the limit whose first bytes are those of a zip archive, a pickle or gzip.
        let marks = [u64::from(u16::from_le_bytes(*b"PK")), 0x8b1f, 0x0280, 0x0380, 0x0480];
        let colliding = marks.iter().flat_map(|mark| (*mark..=HEADER_BYTES_MAX).step_by(1 << 16));
        let exactly_zip = u64::from(u32::from_le_bytes([b'P', b'K', 3, 4]));
        assert!(exactly_zip < HEADER_BYTES_MAX, "a header may have the length that is a zip archive's whole mark");
        for length in (2..1 << 18).chain(colliding).chain([exactly_zip]) {
            assert_eq!(format_of(&beginning(length)), Ok(Format::Safetensors), "{length}");
        }
    }

    #[test]
    fn a_whole_file_with_a_colliding_header_is_read() {
        let arrays = BTreeMap::from([("conv1.weight".to_string(), Array::of_f32(vec![2], &[1.5, -2.0]))]);
        let plain = crate::safe::bytes_of(&arrays, None).unwrap();
        let (length, rest) = plain.split_first_chunk::<8>().unwrap();
        let (header, numbers) = rest.split_at(u64::from_le_bytes(*length) as usize);
        for mark in [u16::from_le_bytes(*b"PK"), 0x8b1f, 0x0280] {
            // The same header, padded with spaces, which the format allows.
            let mut padded = header.to_vec();
            padded.resize(usize::from(mark), b' ');
            let bytes = [&u64::from(mark).to_le_bytes()[..], &padded, numbers].concat();
            let file = WeightFile::from_bytes(Path::new("x"), bytes).unwrap();
            assert_eq!(file.tensor("conv1.weight").unwrap().to_f32(), [1.5, -2.0]);
        }
    }

    #[test]
    fn a_file_of_another_kind_is_named_with_what_to_do() {
        let mut tar = vec![b'a'; 512];
        tar[257..262].copy_from_slice(b"ustar");
        let pointer =
            b"version https://git-lfs.github.com/spec/v1\noid sha256:4d7a214614ab2935c943f9e0ff69d22eadbb8f32b1\n";
        let accents = "é".repeat(TEXT_BYTES);
        for (bytes, found, fix) in [
            (&b""[..], "an empty file", "download"),
            (&[0x1f, 0x8b, 8, 0], "gzip", "unpack"),
            (b"\x89HDF\r\n", "HDF5", "torch.save"),
            (&tar, "tar archive", "torch.save"),
            (pointer, "Git LFS pointer", "git lfs pull"),
            (b"../.git/annex/objects/Kx/q5/MD5E-s1--0.pth/MD5E-s1--0.pth\n", "git-annex", "datalad get"),
            (b"\n <!DOCTYPE html><html><head><title>Google Drive", "web page", "browser"),
            (b"<?xml version='1.0'?><Error><Code>AccessDenied", "XML", "link"),
            (b"{\"error\": \"not found\"}", "JSON", "weights"),
            (b"hello world", "`hello world`", "weights"),
            (accents.as_bytes(), "a text", "weights"),
            (b"\x00\x01\x02\x03\x04\x05\x06\x07", "00 01 02 03 04 05 06 07", "torch.save"),
            (b"PK\x03\x04", "cut short", "download"),
            (b"PKK.", "`PKK.`", "weights"),
            (b"\x80\x02N.", "the number N", "torch.save"),
        ] {
            let message = WeightFile::from_bytes(Path::new("w.pth"), bytes.to_vec()).unwrap_err().to_string();
            let found = found.replace("the number N", "the number that torch.save puts first");
            let (said, advice) = message.split_once("fix: ").unwrap();
            assert!(said.contains("w.pth") && said.contains(&found) && advice.contains(fix), "{message}");
        }
    }
}
