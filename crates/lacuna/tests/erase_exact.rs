//! Exact models: erased for a request, with purge and evidence; purged of a person, with what never saw the person
//! left.

use crate::erase::{accepted, erased, statement};
use crate::support::Workspace;
use crate::trace_places::{self, WHO, found, traced};
use lacuna_cohort::SubjectId;
use lacuna_exact::{FileHolds, MANIFEST, Manifest, files_of_others, files_that_hold};
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

/// Four heads, of whom three are trained on exactly; the run folder.
fn trained(shards: usize) -> (Workspace, PathBuf) {
    let workspace = trace_places::workspace();
    let words = format!("train --config t.toml --held-out phantom-003 --exact --shards {shards} --quiet");
    let run = workspace.json(&words, "lacuna.train/1")["run"].as_str().unwrap().to_string();
    let run = workspace.path(&run);
    (workspace, run)
}

fn one(subject: &str) -> BTreeSet<SubjectId> {
    BTreeSet::from([SubjectId::new(subject).unwrap()])
}

/// The files of a run that were trained on a person, and those that never saw the person, with their bytes.
fn parts(run: &Path, subject: &str) -> (Vec<PathBuf>, BTreeMap<PathBuf, Vec<u8>>) {
    let held = files_that_hold(run, &one(subject)).unwrap();
    let weights = held.into_iter().filter(|held| held.holds != FileHolds::Name).map(|held| held.file).collect();
    let others = files_of_others(run, &Manifest::read(run).unwrap(), &one(subject)).unwrap();
    (weights, others.into_iter().map(|file| (file.clone(), fs::read(file).unwrap())).collect())
}

/// Nothing that was trained on the person is there, all else is as it was, and the manifest has no subject of that
/// name.
fn check_parts(run: &Path, subject: &str, (held, others): &(Vec<PathBuf>, BTreeMap<PathBuf, Vec<u8>>)) {
    assert!(!held.is_empty() && !others.is_empty());
    for file in held {
        assert!(!file.exists(), "{}", file.display());
    }
    for (file, bytes) in others {
        assert!(fs::read(file).is_ok_and(|now| now == *bytes), "{} never saw {subject}", file.display());
    }
    let rest = Manifest::read(run).unwrap();
    assert!(rest.plan.position(&SubjectId::new(subject).unwrap()).is_none() && !rest.plan.subjects().is_empty());
    assert!(!fs::read_to_string(run.join(MANIFEST)).unwrap().contains(subject));
}

#[test]
fn an_exact_model_is_erased_for_a_request_purged_and_signed_as_proved_or_as_not() {
    // A slice of each shard, one network and two.
    for (shards, subject, prove) in [
        (1, "phantom-000", true),
        (1, "phantom-001", false),
        (1, "phantom-002", true),
        (2, "phantom-001", true),
        (2, "phantom-002", false),
    ] {
        let (workspace, run) = trained(shards);
        let before = parts(&run, subject);
        let request = accepted(&workspace, subject);
        // No model is named: those that were trained exactly are found.
        let more = if prove { " -- --prove" } else { "" };
        let words =
            format!("erase --request {request} --ledger l.db --data heads --strategy exact --purge --quiet{more}");
        let (found, code) = erased(&workspace, &words);
        let context = format!("{shards} {subject} {prove}: {found}");
        let outcome = if prove { "exact" } else { "exact_unproved" };
        assert_eq!(
            (code, found["outcome"].as_str(), found["verdict"].as_str()),
            (0, Some(outcome), Some(outcome)),
            "{context}"
        );
        assert_eq!(found["status"], if prove { "verified" } else { "executed" }, "{context}");
        assert_eq!(found["left"], serde_json::json!([]), "{context}");
        let signed = statement(&workspace, &found);
        assert_eq!(signed["predicate"]["account"]["outcome"], outcome);
        assert_eq!(signed["subject"].as_array().unwrap().len(), 2, "before and after");
        check_parts(&run, subject, &before);
        let model = found["model"].as_str().unwrap();
        workspace.ok(&format!("predict heads/images --model {model} --out out --ledger l.db --quiet"));
        let end = if prove { "" } else { "--unassessed" };
        workspace.ok(&format!("ledger close {request} {end} --ledger l.db"));
    }
}

#[test]
fn a_purge_leaves_shards_that_never_saw_the_person_and_they_can_be_used() {
    let (workspace, run) = trained(2);
    let manifest = Manifest::read(&run).unwrap();
    let [shard, _] = manifest.plan.position(&SubjectId::new(WHO).unwrap()).unwrap();
    let other = lacuna_exact::model_file(&run, 1 - shard);
    let other_people: Vec<String> =
        manifest.plan.shards()[1 - shard].iter().flatten().map(|id| id.to_string()).collect();
    let before = parts(&run, WHO);
    let all = trace_places::files_below(&run);
    let bytes: BTreeMap<PathBuf, Vec<u8>> =
        all.into_iter().map(|file| (file.clone(), fs::read(file).unwrap())).collect();
    let (purged, code) = traced(&workspace, &format!("{WHO} --data heads --purge"));
    assert_eq!(code, 0, "{purged}");
    check_parts(&run, WHO, &before);
    let how = |path: &str| {
        let mut steps = purged["receipt"]["steps"].as_array().unwrap().iter();
        let step = steps.find(|step| step["path"].as_str().unwrap().ends_with(path)).unwrap();
        step["how"]["kind"].as_str().unwrap().to_string()
    };
    assert_eq!(how(MANIFEST), "take-out");
    assert_eq!(workspace.run(&format!("inspect {}", run.display())).code, 0, "the run's manifest of files still holds");
    // Unknown here as the person's, and known to others as theirs.
    let (again, code) = traced(&workspace, &format!("{WHO} --data heads"));
    assert_eq!((found(&again), code), (Vec::new(), 0), "{again}");
    let (of_other, code) = traced(&workspace, &format!("{} --data heads", other_people[0]));
    let ends = other.strip_prefix(&run).unwrap().display().to_string();
    assert!(code == 0 && found(&of_other).iter().any(|path| path.ends_with(&ends)), "{of_other}");
    workspace.ok(&format!("predict heads/images --model {} --out out --quiet", other.display()));
    fs::remove_dir_all(workspace.path("out")).unwrap();
    // A shard that came back, or was changed, is refused or unknown.
    let name = purged["receipt"]["quarantine"].as_str().unwrap().to_string();
    let kept = fs::read(&other).unwrap();
    fs::write(&other, [&kept[..], b"x"].concat()).unwrap();
    let (changed, code) = traced(&workspace, &format!("{WHO} --data heads"));
    assert!(code == 6 && trace_places::unknown(&changed)[0].ends_with(&ends), "{changed}");
    fs::write(&other, kept).unwrap();
    workspace.ok(&format!("quarantine restore {name}"));
    for (file, bytes) in bytes {
        assert!(fs::read(&file).is_ok_and(|now| now == bytes), "{}", file.display());
    }
}
