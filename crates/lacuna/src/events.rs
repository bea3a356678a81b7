//! A run's epochs as a TensorBoard event file.
//!
//! `metrics.jsonl` is the truth; this is the same for whoever watches runs in TensorBoard. The file is written whole
//! after each epoch, as everything is, so TensorBoard shows new epochs when it loads the run again.
//!
//! A file is a row of records: the length in 8 bytes, its checksum, the bytes, their checksum. A record is an `Event` in
//! protocol buffers: 1 the time in seconds (double), 2 the step (varint), and 3 the version of the format or 5 a summary,
//! whose values (1) have a tag (1) and a number (2, float). Checksums are CRC-32C, rotated and shifted.
//!
//! Source: TensorFlow's `event.proto`, `summary.proto` and `record_writer.h`.

use lacuna_train::EpochRecord;

/// The name under which TensorBoard finds it.
pub const EVENTS: &str = "events.out.tfevents.0.lacuna";

/// The bytes of the file. `seconds` has for each epoch when it ended, since 1970.
pub fn bytes(history: &[EpochRecord], seconds: &[f64]) -> Vec<u8> {
    let began = seconds.first().copied().unwrap_or(0.0);
    let mut file = Vec::new();
    record(&mut file, &event(began, 0, (3, b"brain.Event:2")));
    for (epoch, &ended) in history.iter().zip(seconds) {
        let values: Vec<u8> = scalars(epoch).iter().flat_map(|(tag, number)| value(tag, *number)).collect();
        record(&mut file, &event(ended, epoch.epoch as u64, (5, &values)));
    }
    file
}

/// What is told of an epoch; what an objective does not tell apart is not there.
fn scalars(epoch: &EpochRecord) -> Vec<(String, f64)> {
    let mut scalars = vec![
        ("loss".to_string(), epoch.loss),
        ("learning_rate".to_string(), epoch.learning_rate),
        ("gradient_norm".to_string(), epoch.gradient_norm),
        ("passes".to_string(), epoch.passes as f64),
    ];
    scalars.extend(epoch.distance.map(|distance| ("distance".to_string(), distance)));
    scalars
}

fn event(seconds: f64, step: u64, (field, content): (u64, &[u8])) -> Vec<u8> {
    // Wire types: 1 is eight bytes, 0 a varint, 2 a length and as many bytes, 5 four bytes.
    let mut event = vec![1 << 3 | 1];
    event.extend(seconds.to_le_bytes());
    event.push(2 << 3);
    varint(&mut event, step);
    counted(&mut event, field, content);
    event
}

/// One value of a summary.
fn value(tag: &str, number: f64) -> Vec<u8> {
    let mut value = Vec::new();
    counted(&mut value, 1, tag.as_bytes());
    value.push(2 << 3 | 5);
    value.extend((number as f32).to_le_bytes());
    let mut field = Vec::new();
    counted(&mut field, 1, &value);
    field
}

fn counted(out: &mut Vec<u8>, field: u64, content: &[u8]) {
    varint(out, field << 3 | 2);
    varint(out, content.len() as u64);
    out.extend(content);
}

/// Seven bits a byte, the least first; the top bit says that more follow.
fn varint(out: &mut Vec<u8>, mut number: u64) {
    while number >= 0x80 {
        out.push(number as u8 | 0x80);
        number >>= 7;
    }
    out.push(number as u8);
}

fn record(file: &mut Vec<u8>, content: &[u8]) {
    let length = (content.len() as u64).to_le_bytes();
    file.extend(length);
    file.extend(masked_crc32c(&length).to_le_bytes());
    file.extend(content);
    file.extend(masked_crc32c(content).to_le_bytes());
}

/// The checksum, made unlike itself so that a checksum of bytes with checksums in them is no degenerate case.
fn masked_crc32c(bytes: &[u8]) -> u32 {
    crc32c(bytes).rotate_right(15).wrapping_add(0xa282_ead8)
}

/// Castagnoli's polynomial, bits reversed; bit by bit, since a run has kilobytes of it.
fn crc32c(bytes: &[u8]) -> u32 {
    let step = |crc: u32| (crc >> 1) ^ (0x82f6_3b78 & (crc & 1).wrapping_neg());
    !bytes.iter().fold(u32::MAX, |crc, &byte| (0..8).fold(crc ^ u32::from(byte), |crc, _| step(crc)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeMap;

    #[test]
    fn checksums_are_those_of_the_standard() {
        // RFC 3720, B.4: 32 zeros, 32 ones; and the usual check value.
        assert_eq!(crc32c(&[0; 32]), 0x8a91_36aa);
        assert_eq!(crc32c(&[0xff; 32]), 0x62a8_ab43);
        assert_eq!(crc32c(b"123456789"), 0xe306_9283);
    }

    #[test]
    fn numbers_take_seven_bits_a_byte() {
        let of = |number| {
            let mut out = Vec::new();
            varint(&mut out, number);
            out
        };
        assert_eq!((of(0), of(127), of(300)), (vec![0], vec![127], vec![0xac, 2]));
    }

    #[test]
    fn a_file_is_its_version_and_a_record_per_epoch() {
        let epoch = |epoch| EpochRecord {
            epoch,
            learning_rate: 0.1,
            loss: 0.5,
            gradient_norm: 2.0,
            passes: 3,
            terms: BTreeMap::new(),
            distance: None,
        };
        let file = bytes(&[epoch(1), epoch(2)], &[10.0, 20.0]);
        let (mut rest, mut steps) = (file.as_slice(), Vec::new());
        while !rest.is_empty() {
            let length = u64::from_le_bytes(rest[..8].try_into().unwrap()) as usize;
            assert_eq!(rest[8..12], masked_crc32c(&rest[..8]).to_le_bytes());
            let content = &rest[12..12 + length];
            assert_eq!(rest[12 + length..16 + length], masked_crc32c(content).to_le_bytes());
            // Behind a key and eight bytes of time the key and the number of the step.
            steps.push((f64::from_le_bytes(content[1..9].try_into().unwrap()), content[10]));
            rest = &rest[16 + length..];
        }
        assert_eq!(steps, [(10.0, 0), (10.0, 1), (20.0, 2)]);
    }
}
