//! How a data set lies on the disk decides nothing: the same scans in every layout train to the same bytes.

use crate::support::Place;
use crate::train::read;
use std::path::PathBuf;

const LAYOUTS: [&str; 6] = ["plain", "list", "msd", "nnunet", "bids", "mrbrains"];

/// What a training leaves that depends on its data: the weights' digest, the scores, the epochs' losses.
fn trained(place: &Place, layout: &str) -> [String; 3] {
    let words = "--labels tissue --preprocess canonical --size 16x16x16 --depth 10 --epochs 2 --held-out phantom-002";
    let record = place.json(&format!("train --data as-{layout} {words} --quiet"), "lacuna.train/1");
    let run: PathBuf = place.path(record["run"].as_str().unwrap());
    [record["digest"].as_str().unwrap().to_string(), read(&run.join("subjects.csv")), read(&run.join("metrics.jsonl"))]
}

#[test]
fn every_layout_trains_to_the_same_bytes() {
    let place = Place::new();
    place.heads("first", "--channels t1");
    let mut expected: Option<[String; 3]> = None;
    for layout in LAYOUTS {
        place.ok(&format!("data export first --channels T1 --to {layout} --out as-{layout} --quiet"));
        let found = trained(&place, layout);
        assert!(found.iter().all(|text| !text.is_empty()) && found[2].lines().count() == 2, "{found:?}");
        assert_eq!(expected.get_or_insert(found.clone()), &found, "{layout}");
    }
}
