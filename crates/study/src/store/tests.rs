//! Tests of writing and reading records and models.

use super::*;
use crate::cost::HorizonCost;
use crate::{EpochScores, RECORD_SCHEMA};
use lacuna_metrics::Scorer;
use lacuna_train::{EpochRecord, Passes};

const KEY: &str = "ab12";

/// A record with a score and a loss.
fn record() -> Record {
    let names = ["background", "brain"].map(String::from);
    let mut scorer = Scorer::new(&names).unwrap();
    for (probability, truth) in [(0.3, 0), (0.7, 1), (0.6, 0)] {
        scorer.add(&[1.0 - probability, probability], u8::from(probability > 0.5), truth).unwrap();
    }
    let scores = BTreeMap::from([("sub-01".to_string(), scorer.finish().unwrap())]);
    let passes = Passes { training: 2, teacher: 0 };
    let preparation = Passes::default();
    let cost = HorizonCost { steps: 2, passes, preparation, seconds: 0.5, peak_mib: Some(100.0) };
    let epoch = EpochRecord {
        epoch: 1,
        learning_rate: 0.01,
        loss: 0.7,
        gradient_norm: 1.5,
        passes: 2,
        terms: BTreeMap::new(),
        distance: None,
    };
    Record {
        schema: RECORD_SCHEMA.to_string(),
        key: KEY.to_string(),
        model: Some("cd34".to_string()),
        parent: None,
        original: None,
        horizons: vec![EpochScores {
            epochs: 1,
            volume: scores.clone(),
            output: scores,
            cross_entropy: BTreeMap::from([("sub-01".to_string(), 0.4)]),
            collapsed: false,
            model: Some("cd34".to_string()),
            cost: Some(cost),
        }],
        returned_epoch: None,
        diverged: None,
        passes,
        preparation,
        seconds: 1.25,
        history: vec![epoch],
        curve: Vec::new(),
        relearned: None,
        seal: None,
    }
}

fn store(folder: &tempfile::TempDir) -> Store {
    Store::new(folder.path().join("records"), folder.path().join("models"))
}

/// Reads from a store that holds `record`, after changing its file.
#[track_caller]
fn read_after(record: Record, change: impl FnOnce(String) -> String) -> Result<Option<Record>, StudyError> {
    let folder = tempfile::tempdir().unwrap();
    let store = store(&folder);
    store.write_record(&record).unwrap();
    let path = store.record_path(KEY);
    let text = std::fs::read_to_string(&path).unwrap();
    let changed = change(text.clone());
    assert_ne!(changed, text, "the test changes something");
    std::fs::write(path, changed).unwrap();
    store.record(KEY)
}

#[test]
fn a_record_reads_back_as_written_and_a_run_without_one_has_none() {
    let folder = tempfile::tempdir().unwrap();
    let (store, record) = (store(&folder), record().sealed());
    assert_eq!(store.record(KEY).unwrap(), None);
    store.write_record(&record).unwrap();
    assert_eq!(store.record(KEY).unwrap(), Some(record));
}

#[test]
fn every_number_reads_back_to_the_last_bit() {
    // A loss and gradient norm as a run can have them. A number parser that trades exactness for speed is one unit in
    // the last place off for about every tenth of such numbers.
    let mut record = record();
    let mut draws = lacuna_seed::Seed(0).stream("round trip").draws();
    record.history = (1..=1000)
        .map(|epoch| EpochRecord {
            epoch,
            loss: draws.uniform(),
            gradient_norm: draws.uniform(),
            ..record.history[0].clone()
        })
        .collect();
    let folder = tempfile::tempdir().unwrap();
    let (store, record) = (store(&folder), record.sealed());
    store.write_record(&record).unwrap();
    let found = store.record(KEY).unwrap().unwrap();
    let off = found.history.iter().zip(&record.history).filter(|(found, written)| found != written).count();
    assert_eq!(off, 0, "of 1000 epochs");
}

#[test]
fn a_record_edited_by_hand_is_refused_with_the_fix() {
    for (from, to) in [("\"loss\":0.7", "\"loss\":0.6"), ("\"diverged\":null", "\"diverged\":\"so\""), ("cd34", "cd35")]
    {
        let message = read_after(record().sealed(), |text| text.replace(from, to)).unwrap_err().to_string();
        assert!(message.contains("changed after it was sealed") && message.contains("; fix: delete"), "{message}");
    }
    let without = |text: String| text[..text.rfind(",\"seal\"").unwrap()].to_string() + "}\n";
    let message = read_after(record().sealed(), without).unwrap_err().to_string();
    assert!(message.contains("whose seal is gone"), "{message}");
}

#[test]
fn a_second_record_of_a_run_does_not_replace_the_first() {
    let folder = tempfile::tempdir().unwrap();
    let (store, first) = (store(&folder), record().sealed());
    assert!(store.write_record_new(&first).unwrap());
    let second = Record { seconds: 9.0, seal: None, ..first.clone() }.sealed();
    assert!(!store.write_record_new(&second).unwrap());
    assert_eq!(store.record(KEY).unwrap(), Some(first));
}

#[test]
fn models_of_a_private_folder_are_found_there_and_then_by_all() {
    let folder = tempfile::tempdir().unwrap();
    let all = store(&folder);
    let private = all.working_in(folder.path().join("private"));
    let device = Device::flex();
    let architecture = lacuna_nn::Architecture::medicalnet(10, 1, 2).unwrap();
    let network = Network::new(architecture, lacuna_seed::Seed(0), &device);
    private.write_model(KEY, &network, &BTreeMap::new()).unwrap();
    let digest = network.digest();
    let is_found = |store: &Store| store.model(KEY, &digest, &device).unwrap().is_some();
    assert!(is_found(&private) && !is_found(&all));
    private.publish_models().unwrap();
    assert!(is_found(&private) && is_found(&all));
    assert_eq!(std::fs::read_dir(folder.path().join("private")).unwrap().count(), 0);
}

#[test]
fn what_killed_processes_left_is_removed_after_a_day_and_what_others_write_now_is_not() {
    let folder = tempfile::tempdir().unwrap();
    let store = store(&folder);
    store.write_record(&record().sealed()).unwrap();
    let records = store.record_path(KEY).parent().unwrap().to_path_buf();
    let [young, old] = ["1-0", "1-1"].map(|write| records.join(format!("{KEY}.json.{write}-0123456789abcdef.tmp")));
    for path in [&young, &old] {
        std::fs::write(path, "half").unwrap();
    }
    let before = std::time::SystemTime::now() - std::time::Duration::from_secs(3 * 24 * 3600);
    for path in [&old, &store.record_path(KEY)] {
        std::fs::File::open(path).unwrap().set_modified(before).unwrap();
    }
    store.remove_abandoned().unwrap();
    assert!(young.exists() && !old.exists() && store.record(KEY).unwrap().is_some());
}

#[test]
fn white_space_is_no_edit() {
    let spread = |text: String| {
        let record: Record = serde_json::from_str(&text).unwrap();
        serde_json::to_string_pretty(&record).unwrap()
    };
    assert!(read_after(record().sealed(), spread).unwrap().is_some());
}
