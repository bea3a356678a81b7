//! The bytes of one prepared scan.
//!
//! | bytes | content |
//! |---|---|
//! | 16 | `lacuna case` and the format's number |
//! | 64 | the entry's key, in hexadecimal |
//! | 4 | length of the facts, little-endian |
//! | | the facts: TOML, which keeps every bit of an `f64` |
//! | 4 each | the input, `[C, D, H, W]`, little-endian |
//! | 1 each | the target |
//! | 1 each | the truth, `i` fastest |
//! | 32 | BLAKE3 digest of all before |
//!
//! Neither the subject nor the scan nor a path is written: who asks for an entry knows them.

use crate::{Case, CaseVoxels, Scan, Voxels};
use lacuna_volume::{IGNORED, Image, InverseTransform};
use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// Raised whenever the bytes of an entry, or what preprocessing makes of the same files, change.
pub(super) const FORMAT: u32 = 2;

const MAGIC: &[u8; 16] = b"lacuna case 0001";
const KEY_BYTES: usize = 64;
const DIGEST_BYTES: usize = 32;

/// Everything of a case but its voxels and names.
#[derive(Serialize, Deserialize)]
pub(super) struct Facts {
    shape: [usize; 4],
    target_shape: [usize; 3],
    notices: Vec<FileNotice>,
    #[serde(rename = "placement")]
    inverse_transform: InverseTransform,
}

#[derive(Serialize, Deserialize)]
struct FileNotice {
    /// Which file of the scan.
    file: usize,
    text: String,
}

impl Facts {
    pub(super) fn of(case: &Case, scan: &Scan) -> Facts {
        let file = |path| super::files(scan).position(|file| file == path).expect("a notice is of a file of the scan");
        let notices = case.notices.iter();
        Facts {
            shape: case.shape,
            target_shape: case.target_shape,
            notices: notices.map(|(path, text)| FileNotice { file: file(path), text: text.clone() }).collect(),
            inverse_transform: case.inverse_transform.clone(),
        }
    }
}

pub(super) fn encode(key: &str, facts: &Facts, voxels: &CaseVoxels) -> Vec<u8> {
    let facts = toml::to_string(facts).expect("facts are TOML");
    let input: Vec<[u8; 4]> = voxels.input.iter().map(|value| value.to_le_bytes()).collect();
    let length = (facts.len() as u32).to_le_bytes();
    let parts: [&[u8]; 7] =
        [MAGIC, key.as_bytes(), &length, facts.as_bytes(), input.as_flattened(), &voxels.target, voxels.truth.voxels()];
    let mut bytes = parts.concat();
    let digest = blake3::hash(&bytes);
    bytes.extend(digest.as_bytes());
    bytes
}

/// The case that the bytes hold; `None` unless they are whole, of this key, and agree with
/// each other and with the number of classes.
pub(super) fn decode(key: &str, bytes: &[u8], scan: &Scan, classes: usize) -> Option<Case> {
    let (bytes, digest) = bytes.split_at_checked(bytes.len().checked_sub(DIGEST_BYTES)?)?;
    if blake3::hash(bytes).as_bytes() != digest {
        return None;
    }
    let bytes = bytes.strip_prefix(MAGIC)?;
    let (found_key, bytes) = bytes.split_at_checked(KEY_BYTES)?;
    if found_key != key.as_bytes() {
        return None;
    }
    let (length, bytes) = bytes.split_first_chunk()?;
    let (facts, voxels) = bytes.split_at_checked(u32::from_le_bytes(*length) as usize)?;
    case_of(toml::from_str(std::str::from_utf8(facts).ok()?).ok()?, voxels, scan, classes)
}

fn case_of(facts: Facts, voxels: &[u8], scan: &Scan, classes: usize) -> Option<Case> {
    let Facts { shape, target_shape, notices, inverse_transform } = facts;
    let [channels, depth, height, width] = shape;
    if !inverse_transform.is_sound()
        || inverse_transform.size() != [depth, height, width]
        || channels != scan.images.len()
    {
        return None;
    }
    let (input, rest) = voxels.split_at_checked(product(&shape)?.checked_mul(4)?)?;
    let (target, truth) = rest.split_at_checked(product(&target_shape)?)?;
    let (input, _) = input.as_chunks();
    let input: Vec<f32> = input.iter().map(|&value| f32::from_le_bytes(value)).collect();
    let is_class = |&label: &u8| usize::from(label) < classes || label == IGNORED;
    let fits = truth.len() == inverse_transform.grid().len()
        && input.iter().all(|value| value.is_finite())
        && target.iter().chain(truth).all(is_class);
    if !fits {
        return None;
    }
    let files: Vec<_> = super::files(scan).collect();
    let notices = notices.into_iter().map(|notice| Some((files.get(notice.file)?.to_path_buf(), notice.text)));
    let truth = Image::new(*inverse_transform.grid(), truth.to_vec());
    Some(Case {
        subject: scan.subject.clone(),
        scan: scan.name.clone(),
        shape,
        target_shape,
        inverse_transform,
        notices: notices.collect::<Option<_>>()?,
        voxels: Voxels::Held(Arc::new(CaseVoxels { input, target: target.to_vec(), truth })),
    })
}

fn product(sizes: &[usize]) -> Option<usize> {
    sizes.iter().try_fold(1usize, |product, &size| product.checked_mul(size))
}
