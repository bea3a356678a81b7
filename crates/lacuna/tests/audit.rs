//! `lacuna audit`, end to end, with as few seeds as exercise the machinery: three show that nothing is claimed too
//! soon.

use crate::support::{Ran, Workspace, signal};
use serde_json::Value;
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

/// A planted subject that is audited too, two others, and one never seen.
const AUDIT: &str = r#"
name = "ci"
seeds = [0, 1, 2]
data = { root = "heads", labels = "tissue" }
preprocess = { kind = "canonical", size = [32, 32, 32], crop = "none", foreground = "above-zero" }
network = { depth = 10 }
split = { held_out_subjects = ["phantom-003"], forget = { only = ["phantom-000"] } }

[train]
epochs = 40
learning_rate = 2e-2
head_multiplier = 1.0

[unlearn]
epochs = [4]
strategies = ["noisy-label"]

[probe]
rebound = { epochs = 1, learning_rate = 5e-3 }
relearn = { epochs_max = 2, learning_rate = 5e-3, cross_entropy_max = 0.05 }

[controls]
planted = "phantom-000"
"#;

fn workspace() -> Workspace {
    let workspace = Workspace::new();
    workspace.ok("phantom --out heads --subjects 4 --dims 24x24x16 --memorable phantom-000=1 --progress none");
    std::fs::write(workspace.path("audit.toml"), AUDIT).unwrap();
    workspace
}

/// The file with some text replaced.
fn changed(workspace: &Workspace, name: &str, from: &str, to: &str) {
    assert!(AUDIT.contains(from), "{from}");
    std::fs::write(workspace.path(name), AUDIT.replace(from, to)).unwrap();
}

fn control<'a>(audit: &'a Value, name: &str) -> &'a Value {
    let found = audit["controls"].as_array().unwrap().iter().find(|control| control["name"] == name);
    found.unwrap_or_else(|| panic!("no control {name} in {audit}"))
}

fn only_file(folder: &Path) -> PathBuf {
    let files: Vec<PathBuf> = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    assert_eq!(files.len(), 1, "{files:?}");
    files[0].clone()
}

#[test]
fn an_audit_of_three_seeds_flags_the_planted_subject_and_claims_no_equivalence() {
    let workspace = workspace();
    let audit = workspace.json("audit audit.toml --progress none", "lacuna.audit/1");

    // Every control came out as known; else the audit would be void and end with code 6.
    // The file declares no gate, so none has passed.
    assert_eq!((&audit["void"], &audit["gate"]["passed"]), (&false.into(), &serde_json::Value::Null), "{audit}");
    for name in ["left-out retrains", "sham", "retain-only fine-tuning", "destroyed decoder", "planted subject"] {
        assert_eq!(control(&audit, name)["behaved"], true, "{name}: {}", control(&audit, name));
    }

    let row = &audit["results"][0];
    assert_eq!(
        (&row["strategy"], &row["subject"], &row["object"]),
        (&"noisy-label".into(), &"phantom-000".into(), &"procedure".into())
    );
    let statistics = &row["statistics"];
    assert_eq!(statistics["memory"]["detectable"], true, "the planted subject is remembered: {statistics}");
    // Four epochs leave most of it. Three seeds may find that or not; they cannot show the opposite.
    let verdict = row["verdict"].as_str().unwrap();
    assert!(["residual_influence", "over_forgotten", "utility_lost", "inconclusive"].contains(&verdict), "{verdict}");
    assert_eq!(statistics["models"], 3);
    for statistic in ["primary", "completeness"] {
        assert!(statistics[statistic].is_object(), "{statistic}: {statistics}");
    }
    let interval = &statistics["primary"]["interval"];
    assert!(interval["low"].as_f64().unwrap() < interval["high"].as_f64().unwrap());
    assert!(statistics["secondary"].as_array().unwrap().len() >= 6, "{statistics}");
    assert_eq!(statistics["utility"].as_array().unwrap().len(), 2, "retain and held-out: {statistics}");
    assert!(row["attacks"]["lira"]["auc"].is_number() && row["attacks"]["klom"]["nats"].is_number());
    let kinds: Vec<&str> =
        row["distances"].as_array().unwrap().iter().map(|distance| distance["kind"].as_str().unwrap()).collect();
    let stages = ["stem", "layer1", "layer2", "layer3", "layer4"].map(|stage| format!("features of {stage}"));
    let expected = [&["outputs", "classes"][..], &stages.each_ref().map(String::as_str), &["weights"]].concat();
    assert_eq!(kinds, expected);
    // Four epochs from the original lead less far than another seed does.
    let weights = row["distances"].as_array().unwrap().last().unwrap();
    assert!(weights["mean"].as_f64().unwrap() > 0.0, "{weights}");
    assert!(weights["mean"].as_f64() < weights["retrained_mean"].as_f64(), "{weights}");
    let named: BTreeSet<&str> =
        statistics["secondary"].as_array().unwrap().iter().map(|one| one["statistic"].as_str().unwrap()).collect();
    assert!(named.is_superset(&BTreeSet::from(["hausdorff-95", "gradient-norm"])), "{named:?}");
    // Three models can show no epsilon at all, and the report says so.
    assert_eq!((audit["epsilon_ceiling"].as_f64(), audit["power"]["seeds"].as_u64()), (Some(0.0), Some(3)));

    // The protocol was declared before anything was unlearned, and lies under its digest.
    let protocol = &audit["protocol"];
    assert_eq!(protocol["unlearned_before"], 0);
    let declared = only_file(&workspace.path("runs/store/records/audits"));
    assert_eq!(declared.file_stem().unwrap().to_str(), protocol["digest"].as_str());
    let written: Value = serde_json::from_slice(&std::fs::read(declared).unwrap()).unwrap();
    assert_eq!(written["declaration"]["protocol"]["primary"], "band-margin");

    // Again with a gate: everything is found by content, the gate fails, and the new declaration says that the models
    // were there before it.
    changed(
        &workspace,
        "gate.toml",
        "[controls]",
        "[gate]\nverdicts = ['retrain_equivalent']\nmodels_min = 10\n\n[controls]",
    );
    let ran = workspace.run("audit gate.toml --progress none --json");
    assert_eq!(ran.code, 6, "{}", ran.stderr);
    let gated: Value = serde_json::from_str(&ran.stdout).unwrap();
    assert_eq!(ran.stderr.matches("found its record").count(), 33, "15 runs and 18 probes: {}", ran.stderr);
    assert_eq!(gated["protocol"]["unlearned_before"], 9, "three unlearned, three shams, three fine-tuned");
    assert_eq!(gated["results"][0]["statistics"], audit["results"][0]["statistics"]);
    let failed: Vec<&str> = gated["gate"]["failures"]
        .as_array()
        .unwrap()
        .iter()
        .map(|failure| failure["threshold"].as_str().unwrap())
        .collect();
    assert_eq!(failed, ["verdicts", "models_min"]);

    one_delivered_model(&workspace, &written);
    an_erase_that_is_audited(&workspace, &written);
}

/// A request whose model is audited by the same bank; the protocol is in the ledger before the run.
///
/// Four epochs move 0.5 % of the forget subject's probability, which `erase` ends as `no_effect`; twenty move enough.
fn an_erase_that_is_audited(workspace: &Workspace, declared: &Value) {
    let original = declared["declaration"]["bank"][0].as_str().unwrap();
    let asked = workspace.json("ledger request --subject phantom-000 --ledger l.db", "lacuna.ledger.request/1");
    let request = asked["request"].as_str().unwrap();
    workspace.ok(&format!("ledger accept {request} --ledger l.db"));
    let erase = |file: &str| {
        format!(
            "erase --request {request} --ledger l.db --model runs/store/models/{original}.safetensors --data heads \
             --strategy noisy-label --epochs 20 --audit {file} --accept-unknown --json --progress none -- --held-out \
             phantom-003"
        )
    };
    std::fs::write(
        workspace.path("others.toml"),
        AUDIT.replace("only = [\"phantom-000\"]", "only = [\"phantom-001\"]").replace("planted = \"phantom-000\"", ""),
    )
    .unwrap();
    let refused = workspace.run(&erase("others.toml"));
    assert!(refused.code == 3 && refused.stderr.contains("split.forget"), "{}", refused.stderr);
    let ran = workspace.run(&erase("audit.toml"));
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    let erased: Value = serde_json::from_str(&ran.stdout).unwrap();
    // Three retrained models are too few to call one model consistent with them, so the request is not verified.
    let verdict = erased["verdict"].as_str().unwrap();
    let possible = ["residual_influence", "over_forgotten", "utility_lost", "inconclusive"];
    assert!(possible.contains(&verdict), "the original remembers, so something can be assessed: {erased}");
    assert_eq!(erased["status"], "executed");
    let bundle = erased["evidence_folder"].as_str().unwrap();
    let protocol = std::fs::read(workspace.path(bundle).join("protocol.json")).unwrap();
    assert!(String::from_utf8_lossy(&protocol).contains("band-margin"));
    let checked = workspace.json(&format!("verify {bundle} --key l.db.keys/public.key"), "lacuna.verify/1");
    assert_eq!(checked["statement"]["predicate"]["claim"]["verdict"], verdict);
    let shown = workspace.json(&format!("ledger show {request} --ledger l.db"), "lacuna.ledger.show/1");
    let records = shown["events"].as_array().unwrap().iter().map(|event| &event["record"]);
    let of_kind = |kind: &str| records.clone().position(|record| record["kind"] == kind).unwrap();
    assert!(of_kind("protocol") < of_kind("run"), "{shown}");
    let digest = |index: usize| records.clone().nth(index).unwrap()["protocol"].clone();
    assert_eq!(digest(of_kind("protocol")), digest(of_kind("audit")), "what was settled is what was measured");
}

/// The bank's own models, handed over one at a time.
fn one_delivered_model(workspace: &Workspace, declared: &Value) {
    let key = |index: usize| declared["declaration"]["bank"][index].as_str().unwrap().to_string();
    let verdict = |key: &str, more: &str| {
        let model = workspace.json(&format!("inspect runs/store/models/{key}.safetensors"), "lacuna.inspect/1");
        assert_eq!(model["metadata"]["loss"], "cross-entropy", "a study's models know the loss they were trained with");
        let words = format!("audit audit.toml --model runs/store/models/{key}.safetensors --progress none {more}");
        let audit = workspace.json(&words, "lacuna.audit/1");
        assert_eq!(audit["results"][0]["object"], "delivered_model");
        (audit["results"][0]["verdict"].as_str().unwrap().to_string(), audit)
    };
    let (original, retrained) = (key(0), key(1));
    let (said, audit) = verdict(&original, "");
    assert_eq!(said, "residual_influence", "an original is found out");
    assert!(!audit["results"][0]["statistics"]["probes"].as_array().unwrap().is_empty(), "it is asked what is left");
    assert_eq!(control(&audit, "destroyed decoder")["behaved"], true);
    assert!(control(&audit, "sham")["behaved"].is_null(), "nobody said by what the model was made to forget");
    // A run folder says by what: the shams of that recipe are those that the audit before has trained.
    let unlearned = workspace.json(
        &format!(
            "unlearn --model runs/store/models/{original}.safetensors --data heads --labels tissue --preprocess canonical \
             --size 32x32x32 --crop none --foreground above-zero --forget phantom-000 --held-out phantom-003 \
             --strategy noisy-label --epochs 4 --progress none"
        ),
        "lacuna.unlearn/1",
    );
    let audit_of_run = |more: &str| {
        let words = format!("audit audit.toml --model {} --progress none {more}", unlearned["run"].as_str().unwrap());
        workspace.json(&words, "lacuna.audit/1")
    };
    let audit = audit_of_run("");
    for name in ["sham", "retain-only fine-tuning"] {
        assert_eq!(control(&audit, name)["behaved"], true, "{}", control(&audit, name));
    }
    // Beside three retrained models nothing can be called consistent, not even one of them.
    assert_eq!(verdict(&retrained, "").0, "inconclusive");
    // Without a bank: what strangers say, and what more would cost.
    let (said, audit) = verdict(&original, "--records nothing");
    assert_eq!(said, "not_assessable");
    let reasons = audit["results"][0]["statistics"]["reasons"].to_string();
    for words in ["no bank: 6 of its models are not trained", "held-out subjects", "--build-bank"] {
        assert!(reasons.contains(words), "{words} is not in {reasons}");
    }
    assert!(!workspace.path("nothing").exists(), "nothing is trained unasked");
}

#[test]
fn power_and_cost_are_stated_before_anything_is_trained() {
    let workspace = workspace();
    let plan = workspace.json("audit plan audit.toml --progress none", "lacuna.audit-plan/1");
    assert_eq!((&plan["trainings"], &plan["unlearnings"]), (&6.into(), &9.into()), "{plan}");
    // 6 originals and retrained models of 40 epochs: 3 x 40 x (3 + 2) passes, besides the unlearning.
    assert!(plan["estimate"]["training_passes"].as_u64().unwrap() > 600);
    assert!(plan["power"]["of_equivalence"].as_f64().unwrap() < 0.05, "three seeds show nothing alike");
    assert!(plan["seeds_for_equivalence"].as_u64().unwrap() >= 10);
    let names: BTreeSet<u64> =
        plan["table"].as_array().unwrap().iter().map(|line| line["seeds"].as_u64().unwrap()).collect();
    assert_eq!(names, BTreeSet::from([3, 5, 7, 10, 20, 30]));
    // A dry run says the same, but for the time that it measures.
    let dry = workspace.json("audit audit.toml --dry-run --progress none", "lacuna.audit-plan/1");
    for key in ["power", "table", "tasks", "seeds_for_equivalence", "epsilon_ceiling"] {
        assert_eq!(dry[key], plan[key], "{key}");
    }
    assert!(!workspace.path("runs").exists());
}

#[test]
fn an_audit_that_cannot_be_is_refused_before_any_image_is_read() {
    let workspace = Workspace::new();
    let refuses = |from: &str, to: &str, said: &[&str]| {
        changed(&workspace, "bad.toml", from, to);
        workspace.fails("audit bad.toml", 3, said);
    };
    refuses("seeds = [0, 1, 2]", "seeds = [0]", &["seeds", "at least 2"]);
    refuses("[controls]", "[protocol]\nalpha = 0.7\n[controls]", &["protocol.alpha", "0.7"]);
    refuses("[controls]", "[protocol]\nprimray = 'entropy'\n[controls]", &["protocol", "primray"]);
    refuses("[controls]", "[gate]\nverdicts = ['verified']\n[controls]", &["gate", "verified"]);
    refuses("[controls]", "[references]\nseeds = [3]\n[controls]", &["references"]);
    refuses("name = \"ci\"", "name = \"ci\"\nsede = 1", &["sede"]);
}

/// An audit of two seeds of hardly trained models: its verdicts do not matter here.
const SHORT: [(&str, &str); 3] =
    [("seeds = [0, 1, 2]", "seeds = [0, 1]"), ("epochs = 40", "epochs = 1"), ("epochs = [4]", "epochs = [1]")];

fn short(workspace: &Workspace) {
    let text = SHORT.iter().fold(AUDIT.replace("planted", "subject"), |text, (from, to)| text.replace(from, to));
    std::fs::write(workspace.path("short.toml"), text).unwrap();
}

#[test]
fn a_bank_is_built_for_a_delivered_model_where_that_is_asked_for_and_an_exact_model_needs_none() {
    let workspace = workspace();
    short(&workspace);
    workspace.ok(
        "train --data heads --labels tissue --preprocess canonical --size 32x32x32 --crop none --foreground above-zero \
         --depth 10 --held-out phantom-003 --epochs 1 --progress none --exact --shards 1",
    );
    let run = only_file(&workspace.path("runs/train"));
    let run = run.strip_prefix(workspace.path("")).unwrap().display().to_string();
    // Hardly trained models may leave a control open, and a void audit ends with code 6.
    let ask = |words: &str| -> Value {
        let ran = workspace.run(&format!("audit short.toml {words} --progress none --json"));
        assert!([0, 6].contains(&ran.code), "{}", ran.stderr);
        serde_json::from_str(&ran.stdout).unwrap()
    };
    let audit = ask(&format!("--model {run}"));
    assert_eq!(audit["results"][0]["verdict"], "not_assessable", "it was trained on the subject, and has no bank");
    assert!(!workspace.path("runs/store/records").exists());
    let audit = ask(&format!("--model {run} --build-bank"));
    assert_eq!(audit["results"][0]["statistics"]["models"], 2, "{audit}");
    assert!(control(&audit, "destroyed decoder")["observed"].is_string());

    for (prove, verdict) in [("", "exact_unproved"), ("--prove", "exact")] {
        let erased = workspace.json(
            &format!("unlearn --model {run} --forget phantom-000 --strategy exact {prove} --progress none"),
            "lacuna.unlearn/1",
        );
        // Without a bank: one that was hardly trained has controls that come out otherwise, and a void audit says
        // nothing.
        let erased = erased["run"].as_str().unwrap();
        let audit = ask(&format!("--model {erased} --records none"));
        assert_eq!(audit["results"][0]["verdict"], verdict, "{audit}");
        // The proof of another model shows nothing of this one.
        let proof = workspace.path(erased).join("proof.json");
        if let Ok(text) = std::fs::read_to_string(&proof) {
            let listed =
                serde_json::from_str::<Value>(&text).unwrap()["files"][0]["erased"].as_str().unwrap().to_string();
            std::fs::write(&proof, text.replace(&listed, &listed.chars().rev().collect::<String>())).unwrap();
            let audit = ask(&format!("--model {erased} --records none"));
            assert_eq!(audit["results"][0]["verdict"], "exact_unproved", "{audit}");
        }
    }
}

#[cfg(unix)]
#[test]
fn the_margin_declared_is_that_of_the_power_stated_whatever_is_audited() {
    let workspace = workspace();
    short(&workspace);
    let text = std::fs::read_to_string(workspace.path("short.toml")).unwrap();
    let margin = |name: &str, margin: &str| {
        std::fs::write(workspace.path(name), format!("{text}\n[protocol]\nmargin = {{ {margin} }}\n")).unwrap();
        name.to_string()
    };
    let files = [margin("narrow.toml", "deviations = 0.5"), margin("wide.toml", "deviations = 40.0")];
    let train = "train --data heads --labels tissue --preprocess canonical --size 32x32x32 --crop none --foreground \
                 above-zero --depth 10 --held-out phantom-003 --epochs 1 --progress none";
    let model = workspace.json(train, "lacuna.train/1")["model"].as_str().unwrap().to_string();
    let power_of = |words: &str| -> Value {
        let ran = workspace.run(&format!("audit {words} --progress none --json"));
        // Hardly trained models may leave a control open, and a void audit ends with code 6.
        assert!([0, 6].contains(&ran.code), "{words}: {}", ran.stderr);
        serde_json::from_str::<Value>(&ran.stdout).unwrap()["power"].clone()
    };
    let stated = files.each_ref().map(|file| power_of(&format!("plan {file}")));
    assert!(stated[0]["of_difference"].as_f64() < stated[1]["of_difference"].as_f64(), "{stated:?}");
    for (file, stated) in files.iter().zip(&stated) {
        assert_eq!(&power_of(file), stated, "of a procedure: {file}");
        assert_eq!(&power_of(&format!("{file} --model {model}")), stated, "of one delivered model: {file}");
    }
}

#[test]
fn with_pseudonyms_an_audit_names_nobody_and_an_interrupted_one_goes_on() {
    let workspace = workspace();
    short(&workspace);
    let text = std::fs::read_to_string(workspace.path("short.toml")).unwrap();
    std::fs::write(workspace.path("short.toml"), text.replace("name = \"ci\"", "name = \"but-phantom-000\"")).unwrap();
    let child = workspace.spawn("audit short.toml --pseudonyms");
    let records = workspace.path("runs/store/records");
    while std::fs::read_dir(&records).is_ok_and(|found| found.count() < 3) || !records.exists() {
        std::thread::sleep(std::time::Duration::from_millis(20));
    }
    signal(&child, "-INT");
    let Ran { code, stderr: said, .. } = workspace.wait(child);
    assert!(code == 130 && said.contains("the same command"), "{code}: {said}");
    let ran = workspace.run("audit short.toml --pseudonyms --json");
    assert!([0, 6].contains(&ran.code), "{}", ran.stderr);
    assert!(ran.stderr.contains("found its record"), "{}", ran.stderr);
    let mut folders = vec![workspace.path("runs")];
    while let Some(folder) = folders.pop() {
        for path in std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()) {
            assert!(!path.to_string_lossy().contains("phantom-0"), "{}", path.display());
            if path.is_dir() {
                folders.push(path);
                continue;
            }
            let bytes = std::fs::read(&path).unwrap();
            assert!(!bytes.windows(9).any(|window| window == b"phantom-0"), "{} names somebody", path.display());
        }
    }
    for text in [&ran.stdout, &ran.stderr, &said] {
        assert!(!text.contains("phantom-0"), "{text}");
    }
}
