//! Files written by PyTorch and safetensors, intact and damaged.
//!
//! `fixtures/make.py` wrote them and `fixtures/expected.json`, which lists the content of each.

use cap::Cap;
use lacuna_weights::{Array, Element, Format, WeightFile, WeightsError, Wrapping, write_pth, write_safetensors};
use proptest::prelude::*;
use serde_json::Value;
use std::alloc::System;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Mutex;

#[global_allocator]
static MEMORY: Cap<System> = Cap::new(System, usize::MAX);

/// Serialises the tests of this file that measure memory.
static MEASURING: Mutex<()> = Mutex::new(());

fn fixtures() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures")
}

fn bytes(name: &str) -> Vec<u8> {
    std::fs::read(fixtures().join(name)).unwrap()
}

fn expected() -> Value {
    serde_json::from_slice(&bytes("expected.json")).unwrap()
}

fn sound_files() -> Vec<String> {
    expected()["files"].as_object().unwrap().keys().cloned().collect()
}

/// Reads every tensor to its last element.
fn read_all(name: &str, bytes: Vec<u8>) -> Result<BTreeMap<String, Vec<f32>>, WeightsError> {
    let file = WeightFile::from_bytes(Path::new(name), bytes)?;
    Ok(file.tensors().map(|(name, tensor)| (name.to_string(), tensor.to_f32())).collect())
}

#[test]
fn every_file_of_pytorch_is_read_to_the_values_it_was_given() {
    for (name, tensors) in expected()["files"].as_object().unwrap() {
        let file = WeightFile::open(&fixtures().join(name)).unwrap();
        let tensors = tensors.as_object().unwrap();
        assert!(file.tensors().map(|(name, _)| name).eq(tensors.keys()), "{name}");
        for (key, expected) in tensors {
            let tensor = file.tensor(key).unwrap();
            let shape: Vec<u64> = tensor.shape().iter().map(|&size| size as u64).collect();
            let values: Vec<f32> = expected["values"].as_array().unwrap().iter().map(f32_of).collect();
            assert_eq!(tensor.element().word(), expected["element"], "{name} {key}");
            assert_eq!(Value::from(shape), expected["shape"], "{name} {key}");
            assert_eq!(tensor.to_f32(), values, "{name} {key}");
        }
    }
}

fn f32_of(value: &Value) -> f32 {
    value.as_f64().unwrap() as f32
}

#[test]
fn layouts_are_told_apart_by_content() {
    let format = |name: &str| WeightFile::open(&fixtures().join(name)).unwrap().format();
    assert_eq!(format("checkpoint.pth"), Format::TorchZip);
    assert_eq!(format("checkpoint-legacy.pth"), Format::TorchLegacy);
    assert_eq!(format("elements.safetensors"), Format::Safetensors);
}

#[test]
fn numbers_beside_the_tensors_are_kept_as_notes() {
    for name in ["checkpoint.pth", "checkpoint-legacy.pth", "checkpoint-protocol4.pth"] {
        let file = WeightFile::open(&fixtures().join(name)).unwrap();
        assert_eq!((file.notes()["ecpoch"].as_str(), file.notes()["batch_id"].as_str()), ("3", "20"), "{name}");
    }
}

#[test]
fn a_hostile_pickle_is_data_and_its_call_is_told_by_name() {
    for name in ["hostile.pth", "hostile-legacy.pth"] {
        let file = WeightFile::open(&fixtures().join(name)).unwrap();
        let skipped = &file.skipped()["owned"];
        assert!(skipped.contains("system"), "{skipped}");
        assert_eq!(file.tensor("weight").unwrap().to_f32(), [1.0, 1.0]);
    }
    // The pickle's command would have created this file in the current folder.
    assert!(!Path::new("executed-by-a-pickle").exists());
}

#[test]
fn what_is_no_state_dict_is_refused_with_what_it_is() {
    for (name, words) in [
        ("refused-module.pth", "an object of `torch.nn.modules.container.Sequential`"),
        ("refused-number.pth", "the number 7"),
        ("refused-empty.pth", "the text `epoch`, the text `note`"),
    ] {
        let message = WeightFile::open(&fixtures().join(name)).unwrap_err().to_string();
        for part in [name, words, "expected", "fix: "] {
            assert!(message.contains(part), "{message}");
        }
    }
}

#[test]
fn a_file_cut_at_any_byte_is_an_error_that_names_it() {
    for name in sound_files() {
        let whole = bytes(&name);
        for length in 0..whole.len() {
            let message = read_all(&name, whole[..length].to_vec()).unwrap_err().to_string();
            assert!(message.contains(&name) && message.contains("fix: "), "{name} at {length}: {message}");
        }
    }
}

#[test]
fn a_flipped_bit_is_an_error_or_another_file_and_takes_no_memory() {
    let _alone = MEASURING.lock().unwrap();
    for name in sound_files() {
        let whole = bytes(&name);
        for at in 0..whole.len() {
            for bit in [0, 3, 6, 7] {
                let mut other = whole.clone();
                other[at] ^= 1 << bit;
                let _ = within_bounds(&name, other);
            }
        }
    }
}

#[test]
fn a_flipped_bit_of_a_weight_in_a_zip_file_is_found_by_its_checksum() {
    let mut bytes = bytes("views.pth");
    let weight = 5f32.to_le_bytes();
    let at = bytes.windows(4).position(|window| window == weight).unwrap();
    bytes[at] ^= 1;
    let message = read_all("views.pth", bytes).unwrap_err().to_string();
    assert!(message.contains("zip entry `views/data/0`: expected the checksum"), "{message}");
}

/// Reads a file and checks the memory used: at most 64 times its size plus 1 MiB.
///
/// A value of the pickle takes 32 bytes for one byte of the file; small expanded tensors need the 1 MiB.
fn within_bounds(name: &str, bytes: Vec<u8>) -> Result<BTreeMap<String, Vec<f32>>, WeightsError> {
    let (before, length) = (MEMORY.allocated(), bytes.len());
    let bound = 64 * length + (1 << 20);
    MEMORY.set_limit(before + bound + SLACK).unwrap();
    let outcome = read_all(name, bytes);
    MEMORY.set_limit(usize::MAX).unwrap();
    outcome
}

/// The memory in bytes that other tests of this binary may use at the same time.
const SLACK: usize = 32 << 20;

#[test]
fn sizes_that_lie_take_no_memory() {
    let _alone = MEASURING.lock().unwrap();
    let mut zip = bytes("views.pth");
    // The element count of the storage, 24, as a one-byte integer: it and its neighbours are replaced by large values.
    let at = zip.windows(2).position(|window| window == [b'K', 24]).unwrap();
    zip[at + 1] = 255;
    assert!(within_bounds("views.pth", zip).is_err());
    let mut legacy = bytes("views-legacy.pth");
    let at = legacy.windows(8).rposition(|window| window == 24u64.to_le_bytes()).unwrap();
    for lie in [25u64, 1 << 31, 1 << 62, u64::MAX] {
        legacy[at..at + 8].copy_from_slice(&lie.to_le_bytes());
        let message = within_bounds("views-legacy.pth", legacy.clone()).unwrap_err().to_string();
        assert!(message.contains(&format!("{lie} f32 values")), "{message}");
    }
}

#[test]
fn our_files_survive_being_cut_as_well() {
    let folder = tempfile::tempdir().unwrap();
    let arrays = BTreeMap::from([("w".to_string(), Array::new(Element::F16, vec![2], vec![0, 60, 0, 64]))]);
    let pth = folder.path().join("w.pth");
    write_pth(&pth, &arrays, &Wrapping::StateDict(BTreeMap::new())).unwrap();
    let safetensors = folder.path().join("w.safetensors");
    write_safetensors(&safetensors, &arrays, None).unwrap();
    for path in [pth, safetensors] {
        assert_eq!(WeightFile::open(&path).unwrap().tensor("w").unwrap().to_f32(), [1.0, 2.0]);
        let whole = std::fs::read(&path).unwrap();
        for length in 0..whole.len() {
            assert!(read_all("w", whole[..length].to_vec()).is_err(), "{} at {length}", path.display());
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn bytes_written_over_never_panic_and_never_take_more_than_their_bound(
        file in 0usize..100, edits in prop::collection::vec((any::<u16>(), any::<u8>()), 1..12))
    {
        let _alone = MEASURING.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
        let names = sound_files();
        let name = &names[file % names.len()];
        let mut bytes = bytes(name);
        for (at, byte) in edits {
            let at = usize::from(at) % bytes.len();
            bytes[at] = byte;
        }
        let _ = within_bounds(name, bytes);
    }
}
