//! Every verb that writes something about people outside a training's own course enters it into a register, with whom
//! it holds, and no register names a person.

use crate::support::Workspace;
use lacuna_artefacts::{Artefact, Kind, Register, Site};
use std::path::{Path, PathBuf};

/// Scans are called otherwise than people, and one person's id is a number.
const PEOPLE: [(&str, &str); 3] = [("mueller-2021", "101"), ("schmidt-2022", "anna"), ("weber-2023", "ben")];

/// A cohort of renamed scans, and a model that saw two of three people.
fn workspace() -> (Workspace, String) {
    let workspace = Workspace::new();
    workspace.heads("heads", "");
    let mut table = "scan\tsubject\n".to_string();
    for (number, (scan, subject)) in PEOPLE.iter().enumerate() {
        for kind in ["images", "labels"] {
            let folder = workspace.path("heads").join(kind);
            std::fs::rename(folder.join(format!("phantom-00{number}.nii.gz")), folder.join(format!("{scan}.nii.gz")))
                .unwrap();
        }
        table.push_str(&format!("{scan}\t{subject}\n"));
    }
    std::fs::write(workspace.path("heads/subjects.tsv"), table).unwrap();
    workspace.ok(
        "train --data heads --labels tissue --preprocess canonical --size 16x16x16 --depth 10 --epochs 1 --held-out ben \
         --name base --progress none",
    );
    let run = std::fs::read_dir(workspace.path("runs/train")).unwrap().next().unwrap().unwrap().file_name();
    let model = format!("runs/train/{}/model.safetensors", run.to_str().unwrap());
    (workspace, model)
}

fn entry(workspace: &Workspace, file: &str) -> Artefact {
    let path = workspace.path(file);
    // An entry of the whole folder is named by a dot.
    let (folder, name) = match file.strip_suffix("/.") {
        Some(folder) => (workspace.path(folder), std::ffi::OsStr::new(".")),
        None => (path.parent().unwrap().to_path_buf(), path.file_name().unwrap()),
    };
    let entries = Register::of(&folder).entries().unwrap();
    let of_file = |entry: &&lacuna_artefacts::Entered| entry.artefact.file.as_path() == Path::new(name);
    let found = entries.iter().find(of_file).unwrap_or_else(|| panic!("{file} is in no register"));
    assert_eq!(found.site, site(workspace).fingerprint());
    found.artefact.clone()
}

fn site(workspace: &Workspace) -> Site {
    Site::open(&workspace.path("runs")).unwrap().expect("the site has a key")
}

#[track_caller]
fn check_holds(workspace: &Workspace, file: &str, kind: Kind, ids: &[&str]) {
    let (entry, site) = (entry(workspace, file), site(workspace));
    assert_eq!(entry.kind, kind, "{file}");
    for id in ids {
        assert!(entry.holds.contains(&site.subject_key(id)), "{file} holds {id}");
    }
    for (scan, subject) in PEOPLE.iter().filter(|(scan, subject)| !ids.contains(scan) && !ids.contains(subject)) {
        for id in [scan, subject] {
            assert!(!entry.holds.contains(&site.subject_key(id)), "{file} does not hold {id}");
        }
    }
}

fn files_below(folder: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    entries.flat_map(|path| if path.is_dir() { files_below(&path) } else { vec![path] }).collect()
}

/// No register has an id in it but in the name of the file that it speaks of.
fn check_nobody_is_named(workspace: &Workspace) {
    let entries: Vec<PathBuf> = files_below(&workspace.path(""))
        .into_iter()
        .filter(|path| Register::is_part(path) && path.extension().is_some_and(|ending| ending == "json"))
        .collect();
    assert!(entries.len() > 10, "{entries:?}");
    for path in entries {
        let mut entry: serde_json::Value = serde_json::from_str(&std::fs::read_to_string(&path).unwrap()).unwrap();
        if entry["schema"] == "lacuna.place/1" {
            continue;
        }
        entry.as_object_mut().unwrap().remove("file");
        // Keys are hexadecimal digits, in which a number may well stand.
        let text = entry.to_string();
        for word in PEOPLE.iter().flat_map(|(scan, subject)| [*scan, *subject]).filter(|word| *word != "101") {
            assert!(!text.contains(word), "{}: {text}", path.display());
        }
        assert!(!text.contains("\"101\""), "{}: {text}", path.display());
    }
}

#[test]
fn every_verb_that_writes_enters_whom_it_holds_and_names_no_person() {
    let (workspace, model) = workspace();
    let subjects: Vec<&str> = PEOPLE.iter().map(|(_, subject)| *subject).collect();
    let words = format!("predict heads/images --model {model} --out out --probabilities --quiet");
    workspace.ok(&words);
    let digest = |file: &str| lacuna_disk::digest_file(&workspace.path(file)).unwrap();
    for (scan, subject) in PEOPLE {
        for file in [format!("out/{scan}_labels.nii.gz"), format!("out/{scan}_probability-0.nii.gz")] {
            check_holds(&workspace, &file, Kind::Prediction, &[scan, subject]);
            let mark = site(&workspace).file_mark(&digest(&format!("heads/images/{scan}.nii.gz")));
            assert_eq!(entry(&workspace, &file).made_of, [mark].into(), "{file}");
        }
    }
    assert_eq!(site(&workspace).locations().unwrap(), [std::fs::canonicalize(workspace.path("out")).unwrap()]);
    // The register is no scan, no label map and no obstacle.
    std::fs::remove_file(workspace.path("out/mueller-2021_labels.nii.gz")).unwrap();
    let again = workspace.json(&format!("{words} --continue"), "lacuna.predict/1");
    assert_eq!(again["passed_over"], 2);
    workspace.ok(&format!("predict heads/images/weber-2023.nii.gz --model {model} --logits logits.safetensors"));
    check_holds(&workspace, "logits.safetensors", Kind::Prediction, &["weber-2023", "ben"]);

    workspace.ok(&format!("convert {model} --out converted.safetensors --quiet"));
    workspace.ok("convert converted.safetensors --out again.pth --quiet");
    let converted = entry(&workspace, "converted.safetensors");
    assert_eq!((converted.kind, converted.complete), (Kind::Weights, true));
    check_holds(&workspace, "converted.safetensors", Kind::Weights, &["101", "anna"]);
    let again = entry(&workspace, "again.pth");
    assert_eq!(
        (again.complete, again.model, again.holds.len()),
        (false, converted.model, 0),
        "no lineage lies beside it"
    );

    workspace.ok("data export heads --to bids --channels T1w --labels tissue --out bids --quiet");
    let volumes: Vec<PathBuf> = files_below(&workspace.path("bids"));
    let volumes: Vec<&PathBuf> =
        volumes.iter().filter(|path| path.extension().is_some_and(|ending| ending == "gz")).collect();
    assert_eq!(volumes.len(), 6);
    for file in volumes {
        let entry = entry(&workspace, file.strip_prefix(workspace.path("")).unwrap().to_str().unwrap());
        assert_eq!((entry.kind, entry.holds.len(), entry.made_of.len()), (Kind::Volume, 2, 2));
    }
    assert_eq!(workspace.json("data check bids", "lacuna.data.check/1")["layout"], "bids");

    workspace.ok("data show heads --scan mueller-2021 --png slices.png");
    check_holds(&workspace, "slices.png", Kind::Volume, &["mueller-2021", "101"]);

    workspace.ok(&format!("eval --model {model} --data heads --quiet --name scores"));
    let run = std::fs::read_dir(workspace.path("runs/eval")).unwrap().next().unwrap().unwrap().file_name();
    let run = format!("runs/eval/{}", run.to_str().unwrap());
    check_holds(&workspace, &format!("{run}/."), Kind::Run, &subjects);
    workspace.ok(&format!("inspect {run}"));

    workspace.ok(&format!(
        "unlearn --model {model} --data heads --forget anna --strategy noisy-label --epochs 1 --quiet --name u"
    ));
    let run = std::fs::read_dir(workspace.path("runs/unlearn")).unwrap().next().unwrap().unwrap().file_name();
    let run = format!("runs/unlearn/{}", run.to_str().unwrap());
    workspace.ok(&format!("report {run} --out page.html --figures figures"));
    workspace.ok(&format!("compare {run} {run} --out compared.html"));
    let pages = ["page.html", "compared.html"].map(String::from).into_iter();
    let figures = files_below(&workspace.path("figures")).into_iter().filter(|path| !Register::is_part(path));
    let figures: Vec<String> =
        figures.map(|path| path.strip_prefix(workspace.path("")).unwrap().to_str().unwrap().to_string()).collect();
    assert!(!figures.is_empty());
    for file in pages.chain(figures) {
        check_holds(&workspace, &file, Kind::Scores, &subjects);
    }
    workspace.ok(&format!("report {run} --out slices.html --images all"));
    assert_eq!(entry(&workspace, "slices.html").kind, Kind::Prediction);
    check_nobody_is_named(&workspace);
}

#[test]
fn a_model_that_forgot_somebody_says_so_when_it_is_converted() {
    let (workspace, model) = workspace();
    workspace.ok(&format!(
        "unlearn --model {model} --data heads --forget anna --strategy noisy-label --epochs 1 --quiet --name u"
    ));
    let run = std::fs::read_dir(workspace.path("runs/unlearn")).unwrap().next().unwrap().unwrap().path();
    workspace.ok(&format!("convert {} --out u.pth --quiet", run.join("model.safetensors").display()));
    let (entry, site) = (entry(&workspace, "u.pth"), site(&workspace));
    assert_eq!(entry.holds, [site.subject_key("101")].into());
    assert_eq!(entry.forgotten, [site.subject_key("anna")].into());
}
