//! Prepared scans kept in a folder of the user's choice.

use crate::support::Place;
use std::path::PathBuf;

const TRAIN: &str = "train --data heads --labels tissue --preprocess medicalnet --size 16x16x16 --depth 10 --epochs 1 \
                     --held-out phantom-002 --progress none";

/// Every file of the cache.
fn entries(place: &Place) -> Vec<PathBuf> {
    let sources = std::fs::read_dir(place.path("kept")).unwrap().map(|source| source.unwrap().path());
    sources.flat_map(|source| std::fs::read_dir(source).unwrap().map(|entry| entry.unwrap().path())).collect()
}

#[test]
fn a_cache_changes_no_byte_and_is_found_by_every_verb() {
    let place = Place::new();
    place.heads("heads", "");
    let digest = |more: &str| place.json(&format!("{TRAIN} {more}"), "lacuna.train/1")["digest"].clone();
    let without = digest("");
    assert_eq!(digest("--cache kept"), without, "made and kept");
    assert_eq!(entries(&place).len(), 3);
    assert_eq!(digest("--cache kept"), without, "found");

    let model = std::fs::read_dir(place.path("runs/train")).unwrap().next().unwrap().unwrap().path();
    let eval = format!("eval --model {} --data heads --progress none", model.join("model.safetensors").display());
    let without = place.json(&eval, "lacuna.eval/1")["scores"].clone();
    assert_eq!(place.json(&format!("{eval} --cache kept"), "lacuna.eval/1")["scores"], without);
    assert_eq!(entries(&place).len(), 3, "training and scoring need the same cases");
}

#[test]
fn a_damaged_cache_costs_time_and_nothing_else() {
    let place = Place::new();
    place.heads("heads", "");
    let digest = || place.json(&format!("{TRAIN} --cache kept"), "lacuna.train/1")["digest"].clone();
    let first = digest();
    for entry in entries(&place) {
        let mut bytes = std::fs::read(&entry).unwrap();
        let middle = bytes.len() / 2;
        bytes[middle] ^= 1;
        std::fs::write(&entry, bytes).unwrap();
    }
    assert_eq!(digest(), first);
}

#[test]
fn doctor_says_where_a_cache_lies_and_how_large_it_is() {
    let place = Place::new();
    assert!(place.json("doctor", "lacuna.doctor/1")["cache"].is_null());
    assert!(place.ok("doctor --cache kept").contains("kept: 0 prepared scans, 0.0 MiB"));
    place.heads("heads", "");
    place.ok(&format!("{TRAIN} --cache kept"));
    let cache = place.json("doctor --cache kept", "lacuna.doctor/1")["cache"].clone();
    let bytes: u64 = entries(&place).iter().map(|entry| std::fs::metadata(entry).unwrap().len()).sum();
    assert_eq!((cache["scans"].as_u64(), cache["bytes"].as_u64()), (Some(3), Some(bytes)));
}
