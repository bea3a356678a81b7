//! One file of every kind that a search judges, beside files of no kind: each is found by what its kind says, and what is
//! of no kind is listed as unknown and never passed over.

use lacuna_artefacts::{Artefact, Kind, Site};
use lacuna_cohort::SubjectId;
use lacuna_exact::{Expectation, Kept, MANIFEST, Manifest, Origin, Plan, model_file};
use lacuna_ledger::Holds;
use lacuna_runs::{LINEAGE, Lineage, Maker, RUN, RunRecord, Shown};
use lacuna_seed::Seed;
use lacuna_trace::{FileKind, Folders, Host, Person, Report, find};
use serde::Serialize;
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

const PERSON: &str = "sub-01";
const OTHER: &str = "sub-02";
const STRANGER: &str = "sub-09";

/// A program that takes the digest of a file for that of the network in it.
struct Files;

impl Host for Files {
    fn network_digest(&self, path: &Path) -> Option<String> {
        lacuna_disk::digest_file(path).ok()
    }
}

/// What a search for the person makes of a file.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Expected {
    Holds(Holds),
    Unknown,
    Mention,
    Nobody,
}

/// The folders of the examples, and what is expected of each file.
struct Examples {
    folder: tempfile::TempDir,
    site: Site,
    files: Vec<(FileKind, PathBuf, Expected)>,
}

impl Examples {
    fn new() -> Examples {
        let folder = tempfile::tempdir().unwrap();
        let site = Site::open_or_create(&folder.path().join("runs")).unwrap();
        Examples { folder, site, files: Vec::new() }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().canonicalize().unwrap().join(name)
    }

    fn add(&mut self, kind: FileKind, name: &str, bytes: impl AsRef<[u8]>, expected: Expected) {
        let path = self.path(name);
        lacuna_disk::write_bytes(&path, bytes.as_ref()).unwrap();
        self.files.push((kind, path, expected));
    }

    /// A run folder of the name.
    fn run(&self, name: &str) -> String {
        let [lacuna, burn, device, kernels] = ["1", "1", "cpu", "k"].map(str::to_string);
        let maker = Maker { lacuna, burn, device, kernels, driver: None, threads: 1, command: Vec::new() };
        let record = RunRecord::new(maker, "train", BTreeMap::new(), BTreeMap::new());
        let run = format!("runs/train/{name}");
        lacuna_disk::write_bytes(&self.path(&run).join(RUN), &json(&record)).unwrap();
        run
    }

    fn search(&self, id: &str) -> Report {
        let folders = Folders {
            roots: ["runs", "out"].map(|name| self.path(name)).to_vec(),
            registered: Vec::new(),
            data: vec![self.path("heads")],
            cache: Some(self.path("cache")),
            buckets: Vec::new(),
        };
        let subject = SubjectId::new(id).unwrap();
        let person = Person::of(&subject, &folders.data, None, Some(&self.site), &Files).unwrap();
        find(&person, &folders, None, &Files).unwrap()
    }

    /// Files of a kind. A new kind has to be added here.
    fn plant(&mut self, kind: FileKind) {
        match kind {
            FileKind::DataSet => self.data_set(kind, "heads"),
            FileKind::CopiedDataSet => self.data_set(kind, "cache/data-sets/ab"),
            FileKind::PreparedScan => {
                let digest = lacuna_disk::digest(&image("heads", PERSON));
                let holds = Expected::Holds(Holds::PreparedVolume);
                self.add(kind, &format!("cache/{digest}/k.case"), b"\0prepared", holds);
                let of_other = lacuna_disk::digest(&image("heads", OTHER));
                self.add(kind, &format!("cache/{of_other}/k.case"), b"\0of another", Expected::Nobody);
            }
            FileKind::Page => {
                let run = self.run("page");
                self.add(kind, &format!("{run}/report.html"), "<html>", Expected::Holds(Holds::Prediction));
                let shown = json(&Shown::of(BTreeSet::from([PERSON.to_string()])));
                self.add(kind, &format!("{run}/report.subjects.json"), shown, Expected::Holds(Holds::Name));
            }
            FileKind::Ours => self.documents(kind),
            FileKind::ExactTraining => self.exact_training(kind),
            FileKind::Registered => {
                for (artefact, holds) in of_registers() {
                    let name = format!("{artefact:?}.bin");
                    let entry = Artefact {
                        holds: [self.site.subject_key(PERSON)].into(),
                        ..Artefact::of_file(&name, artefact)
                    };
                    self.site.register(&self.path("out"), &entry).unwrap();
                    self.add(kind, &format!("out/{name}"), format!("\0{name}"), Expected::Holds(holds));
                }
            }
            FileKind::Weights => {
                let run = self.run("weights");
                self.add(kind, &format!("{run}/model.safetensors"), b"\0weights", Expected::Holds(Holds::Weights));
                self.add(
                    kind,
                    &format!("{run}/checkpoint.safetensors"),
                    b"\0state",
                    Expected::Holds(Holds::Checkpoint),
                );
                let lineage = Lineage::of_training(lacuna_disk::digest(b"\0weights"), BTreeSet::from([id(PERSON)]));
                self.add(kind, &format!("{run}/{LINEAGE}"), json(&lineage), Expected::Holds(Holds::Name));
                self.add(kind, &format!("{run}/backup"), b"PK\x03\x04\0", Expected::Unknown);
                self.add(kind, &format!("{run}/other.safetensors"), b"\0of whom?", Expected::Unknown);
            }
            FileKind::EventLog => {
                let run = self.run("events");
                self.add(kind, &format!("{run}/events.out.tfevents.0.lacuna"), b"\0\x01", Expected::Nobody);
            }
            FileKind::Text => self.add(kind, "runs/notes.txt", format!("{PERSON} came\n"), Expected::Mention),
        }
    }

    fn data_set(&mut self, kind: FileKind, folder: &str) {
        let table = format!("scan\tsubject\n{PERSON}\t{PERSON}\n{OTHER}\t{OTHER}\n");
        self.add(kind, &format!("{folder}/subjects.tsv"), table, Expected::Holds(Holds::Name));
        for (subject, expected) in [(PERSON, Expected::Holds(Holds::Volume)), (OTHER, Expected::Nobody)] {
            for part in ["images", "labels"] {
                let bytes = image(&format!("{folder}{}", if part == "images" { "" } else { part }), subject);
                self.add(kind, &format!("{folder}/{part}/{subject}.nii.gz"), bytes, expected);
            }
        }
    }

    /// A document of each form.
    fn documents(&mut self, kind: FileKind) {
        let run = self.run("documents");
        let record =
            r#"{"schema": "lacuna-record-9", "key": "ab", "horizons": [{"volume": {"sub-01": {}}}], "seal": "s"}"#;
        let (name, scores) = (Expected::Holds(Holds::Name), Expected::Holds(Holds::Scores));
        self.add(kind, &format!("{run}/scores.json"), r#"{"subjects": [{"name": "sub-01"}]}"#, name);
        self.add(kind, &format!("{run}/metrics.jsonl"), "{\"subject\": \"sub-01\"}\n", name);
        self.add(kind, &format!("{run}/config.toml"), "forget = [\"sub-01\"]\n", name);
        self.add(kind, &format!("{run}/scores.csv"), "subject,dice\nsub-01,0.5\n", scores);
        self.add(kind, &format!("{run}/table.md"), "| sub-01 | 0.5 |\n", name);
        self.add(kind, "runs/store/records/ab.json", record, scores);
    }

    /// An exact training of two shards, the person in one of them.
    fn exact_training(&mut self, kind: FileKind) {
        let run = self.run("exact");
        let subjects = [id(PERSON), id(OTHER)];
        let expected = Expectation::new(&BTreeMap::new(), &subjects).unwrap();
        let plan = Plan::new(&subjects, &expected, [2, 1], 1, Seed(0)).unwrap();
        let [lacuna, device, kernels, settings] = ["1", "cpu", "k", "s"].map(str::to_string);
        let origin = Origin { lacuna, device, kernels, settings, init: None, init_saw: None };
        let data = subjects.iter().map(|subject| (subject.clone(), "d".to_string())).collect();
        let mut manifest = Manifest::new(&origin, &plan, data, None);
        for (subject, is_person) in [(PERSON, true), (OTHER, false)] {
            let [shard, _] = plan.position(&id(subject)).unwrap();
            let held = |holds: Holds| if is_person { Expected::Holds(holds) } else { Expected::Nobody };
            let bytes = format!("\0model of {subject}");
            let name = |file: &str| format!("{run}/shard-{}/{file}", shard + 1);
            assert_eq!(self.path(&name("model.safetensors")), model_file(&self.path(&run), shard));
            self.add(kind, &name("model.safetensors"), &bytes, held(Holds::Weights));
            self.add(kind, &name("during-slice-1.safetensors"), format!("{bytes} while"), held(Holds::Checkpoint));
            self.add(kind, &name("metrics.jsonl"), format!("{{\"loss\": {shard}}}\n"), held(Holds::Scores));
            let file = lacuna_disk::digest(bytes.as_bytes());
            manifest.shards[shard].model = Some(Kept { key: "k".into(), network: file.clone(), file, passes: 1 });
        }
        self.add(kind, &format!("{run}/{MANIFEST}"), manifest.sealed(), Expected::Holds(Holds::Name));
    }
}

/// What a file of each kind of a register holds; an entry of a whole run is of no file.
fn of_registers() -> Vec<(Kind, Holds)> {
    let kinds =
        [Kind::Volume, Kind::PreparedVolume, Kind::Weights, Kind::Prediction, Kind::Scores, Kind::Name, Kind::Run];
    let holds = |kind: &Kind| match kind {
        Kind::Volume => Some(Holds::Volume),
        Kind::PreparedVolume => Some(Holds::PreparedVolume),
        Kind::Prediction => Some(Holds::Prediction),
        Kind::Scores => Some(Holds::Scores),
        Kind::Name => Some(Holds::Name),
        // Weights are judged with their lineage, below.
        Kind::Weights | Kind::Run => None,
    };
    kinds.into_iter().filter_map(|kind| holds(&kind).map(|holds| (kind, holds))).collect()
}

fn id(name: &str) -> SubjectId {
    SubjectId::new(name).unwrap()
}

fn json(record: &impl Serialize) -> Vec<u8> {
    serde_json::to_vec(record).unwrap()
}

/// Bytes that no other file has.
fn image(folder: &str, subject: &str) -> Vec<u8> {
    format!("\0{folder} {subject}").into_bytes()
}

/// How a report lists a file.
fn listed(report: &Report, path: &Path) -> Expected {
    let held = report.files.iter().find(|held| held.path.as_path() == path);
    let is_unknown = report.unattributed.iter().any(|unknown| unknown.path.as_path() == path);
    match held {
        Some(held) => Expected::Holds(held.holds),
        None if is_unknown => Expected::Unknown,
        None if report.mentions.iter().any(|mention| mention.path.as_path() == path) => Expected::Mention,
        None => Expected::Nobody,
    }
}

#[test]
fn a_file_of_every_kind_is_judged_and_a_tensor_file_of_no_kind_is_listed_as_unknown() {
    let mut examples = Examples::new();
    FileKind::ALL.into_iter().for_each(|kind| examples.plant(kind));
    // Tensors in formats that no version of lacuna wrote, in a run folder and below it.
    let run = examples.run("new");
    let of_no_kind = ["adapter.lora", "deep/moments"].map(|name| examples.path(&format!("{run}/{name}")));
    for path in &of_no_kind {
        lacuna_disk::write_bytes(path, format!("\x01\0\0\0 {}", path.display()).as_bytes()).unwrap();
    }
    for who in [PERSON, STRANGER] {
        let report = examples.search(who);
        for (kind, path, expected) in &examples.files {
            let expected = match expected {
                Expected::Unknown => Expected::Unknown,
                expected if who == PERSON => *expected,
                _ => Expected::Nobody,
            };
            assert_eq!(listed(&report, path), expected, "{who}, {kind:?}: {}", path.display());
        }
        for path in &of_no_kind {
            let why =
                report.unattributed.iter().find(|unknown| unknown.path.as_path() == path).map(|unknown| &unknown.why);
            assert!(why.is_some_and(|why| why.contains("of a kind that lacuna does not know")), "{who}: {why:?}");
        }
        let unknown = examples.files.iter().filter(|(_, _, expected)| *expected == Expected::Unknown).count();
        assert_eq!(report.unattributed.len(), unknown + of_no_kind.len(), "{:?}", report.unattributed);
    }
}

#[test]
fn what_cannot_be_read_as_its_own_type_is_unknown_and_never_taken_for_empty() {
    for (name, bytes) in [
        (RUN, &b"{\"schema\": \"lacuna.run/1\"}"[..]),
        (LINEAGE, b"{}"),
        (MANIFEST, b"{\"schema\": \"lacuna-exact-1\"}"),
        ("ab.json", b"{\"schema\": \"lacuna-record-99\"}"),
    ] {
        let examples = Examples::new();
        let run = examples.run("one");
        fs::write(examples.path(&run).join(name), bytes).unwrap();
        let unattributed = examples.search(PERSON).unattributed;
        let is_listed = |path: &Path| unattributed.iter().any(|unknown| unknown.path.as_path() == path);
        // A manifest speaks of its whole folder.
        assert!(
            is_listed(&examples.path(&run).join(name)) || is_listed(&examples.path(&run)),
            "{name}: {unattributed:?}"
        );
    }
    let examples = Examples::new();
    let run = examples.run("one");
    fs::write(examples.path(&run).join("report.html"), "<html>").unwrap();
    fs::write(examples.path(&run).join("report.subjects.json"), "{}").unwrap();
    let unattributed = examples.search(PERSON).unattributed;
    assert!(unattributed[0].path.as_path().ends_with("report.html"), "{unattributed:?}");
}
