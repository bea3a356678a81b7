//! A run's epochs as a TensorBoard event file.
//!
//! `metrics.jsonl` is the source; this is the same data for TensorBoard. The file is written whole
//! after each epoch, as everything is, so TensorBoard shows new epochs when it loads the run again.
//!
//! A file is a row of records: the length in 8 bytes, its checksum, the bytes, their checksum. A record is an `Event`
//! in protocol buffers. Checksums are CRC-32C, rotated and shifted.
//!
//! Source: TensorFlow's `event.proto`, `summary.proto` and `record_writer.h`.

use crc32c::crc32c;
use lacuna_train::EpochRecord;
use prost::Message;

/// The name under which TensorBoard finds it.
pub const EVENTS: &str = "events.out.tfevents.0.lacuna";

#[derive(Clone, PartialEq, Message)]
struct Event {
    /// Since 1970, in seconds.
    #[prost(double, tag = "1")]
    wall_time: f64,
    #[prost(int64, tag = "2")]
    step: i64,
    /// The version of the format, in the first event of a file.
    #[prost(string, optional, tag = "3")]
    file_version: Option<String>,
    #[prost(message, optional, tag = "5")]
    summary: Option<Summary>,
}

#[derive(Clone, PartialEq, Message)]
struct Summary {
    #[prost(message, repeated, tag = "1")]
    values: Vec<Value>,
}

#[derive(Clone, PartialEq, Message)]
struct Value {
    #[prost(string, tag = "1")]
    tag: String,
    #[prost(float, tag = "2")]
    simple_value: f32,
}

/// The bytes of the file. `seconds` has for each epoch when it ended, since 1970.
pub fn bytes(history: &[EpochRecord], seconds: &[f64]) -> Vec<u8> {
    let wall_time = seconds.first().copied().unwrap_or(0.0);
    let first = Event { wall_time, step: 0, file_version: Some("brain.Event:2".to_string()), summary: None };
    let epochs = history.iter().zip(seconds).map(|(epoch, &wall_time)| {
        let values = scalars(epoch).into_iter().map(|(tag, number)| Value { tag, simple_value: number as f32 });
        let summary = Some(Summary { values: values.collect() });
        Event { wall_time, step: epoch.epoch as i64, file_version: None, summary }
    });
    let mut file = Vec::new();
    std::iter::once(first).chain(epochs).for_each(|event| append(&mut file, &event.encode_to_vec()));
    file
}

/// The numbers of an epoch by their tags; `distance` only where the objective has one.
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

fn append(file: &mut Vec<u8>, content: &[u8]) {
    let length = (content.len() as u64).to_le_bytes();
    file.extend(length);
    file.extend(masked_checksum(&length).to_le_bytes());
    file.extend(content);
    file.extend(masked_checksum(content).to_le_bytes());
}

/// CRC-32C, rotated and shifted, so that checksums of bytes that hold checksums are no special case.
fn masked_checksum(bytes: &[u8]) -> u32 {
    crc32c(bytes).rotate_right(15).wrapping_add(0xa282_ead8)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeMap;

    #[test]
    fn checksums_are_masked_as_the_format_asks() {
        // CRC-32C of "123456789" is 0xe3069283 (the usual check value); 15 bits to the right, plus 0xa282ead8.
        assert_eq!(masked_checksum(b"123456789"), 0xe306_9283_u32.rotate_right(15).wrapping_add(0xa282_ead8));
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
            assert_eq!(rest[8..12], masked_checksum(&rest[..8]).to_le_bytes());
            let content = &rest[12..12 + length];
            assert_eq!(rest[12 + length..16 + length], masked_checksum(content).to_le_bytes());
            let event = Event::decode(content).unwrap();
            let loss = event.summary.and_then(|summary| summary.values.into_iter().find(|value| value.tag == "loss"));
            steps.push((event.wall_time, event.step, event.file_version, loss.map(|loss| loss.simple_value)));
            rest = &rest[16 + length..];
        }
        let version = Some("brain.Event:2".to_string());
        assert_eq!(steps, [(10.0, 0, version, None), (10.0, 1, None, Some(0.5)), (20.0, 2, None, Some(0.5))]);
    }
}
