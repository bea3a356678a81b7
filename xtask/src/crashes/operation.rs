//! The operations of crash tests: how a folder is prepared, the command, and how a user finishes it afterwards.

use super::Runner;
use crate::Failure;
use serde_json::Value;
use std::path::Path;

/// One operation that is tested.
pub struct Operation {
    pub name: &'static str,
    /// Prepares the folder.
    pub prepare: fn(&Runner) -> Result<(), Failure>,
    /// The command whose boundaries fail.
    pub command: fn(&Runner) -> Result<String, Failure>,
    /// Continues from whatever a failure left, as a user would; returns a description of the end state.
    pub go: fn(&Runner) -> Result<String, Failure>,
}

/// The operations that are tested, one line each.
pub const OPERATIONS: [Operation; 8] = [
    Operation { name: "train", prepare: heads, command: |_| Ok(TRAIN.to_string()), go: trained },
    Operation { name: "unlearn", prepare: original, command: unlearn_words, go: unlearned },
    Operation { name: "study", prepare: study_file, command: |_| Ok("study tiny.toml".to_string()), go: studied },
    Operation { name: "ledger", prepare: heads, command: |_| Ok(REQUEST.to_string()), go: requested },
    Operation { name: "link", prepare: refused, command: close_words, go: unlinked },
    Operation { name: "erase", prepare: accepted, command: erase_words, go: erased },
    Operation { name: "purge", prepare: small_accepted, command: |_| Ok(PURGE.to_string()), go: purged },
    Operation { name: "restore", prepare: in_quarantine, command: restore_words, go: restored },
];

const TRAIN: &str = "train --data heads --labels tissue --preprocess canonical --size 16x16x16 --depth 10 --held-out \
                     phantom-002 --epochs 2 --set train.learning_rate=0.01 --set train.head_multiplier=1 --set \
                     train.checkpoint_epochs=1";
const TRAIN_SMALL: &str = "train --config small.toml --held-out phantom-002";
/// A network of four and eight features, since it is copied at every trial.
const SETTINGS: &str = r#"
data = { root = "heads", labels = "tissue" }
preprocess = { kind = "canonical", size = [16, 8, 8], crop = "none", foreground = "above-zero" }
train = { epochs = 2, learning_rate = 1e-2, head_multiplier = 1.0, checkpoint_epochs = 1 }
[network.unet]
features_per_stage = [4, 8]
kernel_sizes = [[3, 3, 3], [3, 3, 3]]
strides = [[1, 1, 1], [2, 2, 2]]
n_conv_per_stage = [1, 1]
n_conv_per_stage_decoder = [1]
"#;
const PURGE: &str = "trace phantom-000 --data heads --ledger l.db --purge --include-sources --yes";
const UNLEARN: &str = "--data heads --forget phantom-000 --strategy noisy-label --epochs 2";
const REQUEST: &str = "ledger request --subject phantom-000 --ledger l.db";
const STUDY: &str = r#"
name = "tiny"
seeds = [0]
data = { root = "heads", labels = "tissue" }
preprocess = { kind = "canonical", size = [16, 16, 16], crop = "none", foreground = "above-zero" }
network = { depth = 10 }
split = { held_out_subjects = ["phantom-002"], forget = { only = ["phantom-000"] } }
train = { epochs = 1, learning_rate = 1e-2, head_multiplier = 1.0 }
unlearn = { epochs = [1, 2], strategies = ["noisy-label"] }
probe = { rebound = { epochs = 1, learning_rate = 5e-3 } }
"#;

fn heads(runner: &Runner) -> Result<(), Failure> {
    done(runner, "phantom --out heads --subjects 3 --dims 16x18x12")
}

fn original(runner: &Runner) -> Result<(), Failure> {
    heads(runner)?;
    done(runner, TRAIN)
}

fn study_file(runner: &Runner) -> Result<(), Failure> {
    heads(runner)?;
    Ok(std::fs::write(runner.folder.join("tiny.toml"), STUDY)?)
}

/// Prepares a request that is ready to be carried out.
fn accepted(runner: &Runner) -> Result<(), Failure> {
    original(runner)?;
    accept(runner)
}

fn accept(runner: &Runner) -> Result<(), Failure> {
    let asked = runner.json(REQUEST)?;
    done(runner, &format!("ledger accept {} --ledger l.db", text(&asked, "request")?))
}

fn done(runner: &Runner, words: &str) -> Result<(), Failure> {
    if runner.succeeds(words)? { Ok(()) } else { Err(format!("lacuna {words} failed").into()) }
}

fn text(value: &Value, key: &str) -> Result<String, Failure> {
    value[key].as_str().map(str::to_string).ok_or_else(|| format!("{key} is missing in {value}").into())
}

/// Resumes the last run of a verb if possible, else starts it again.
fn resumed_or_anew(runner: &Runner, verb: &str, words: &str) -> Result<String, Failure> {
    let resumed = match runner.last_run(verb) {
        Some(run) => runner.json(&format!("{verb} --resume {run}")),
        None => Err("there is none".into()),
    };
    text(&resumed.or_else(|_| runner.json(words))?, "digest")
}

fn trained(runner: &Runner) -> Result<String, Failure> {
    resumed_or_anew(runner, "train", TRAIN)
}

fn model(runner: &Runner) -> Result<String, Failure> {
    Ok(format!("{}/model.safetensors", runner.last_run("train").ok_or("no model was trained")?))
}

fn unlearn_words(runner: &Runner) -> Result<String, Failure> {
    Ok(format!("unlearn --model {} {UNLEARN}", model(runner)?))
}

fn unlearned(runner: &Runner) -> Result<String, Failure> {
    resumed_or_anew(runner, "unlearn", &unlearn_words(runner)?)
}

/// The digests of all models, by task.
fn studied(runner: &Runner) -> Result<String, Failure> {
    done(runner, "study tiny.toml")?;
    let mut found = Vec::new();
    for entry in std::fs::read_dir(runner.folder.join("runs/store/records"))? {
        let path = entry?.path();
        if path.extension().is_some_and(|ending| ending == "json") {
            let record: Value = serde_json::from_slice(&std::fs::read(&path)?)?;
            found.push(format!("{} {}", path.file_name().unwrap_or_default().to_string_lossy(), record["model"]));
        }
    }
    found.sort();
    Ok(found.join("\n"))
}

/// Repeats the request; there must be one, whether it was written before the failure or after.
fn requested(runner: &Runner) -> Result<String, Failure> {
    verified(runner)?;
    // A second request of the same subject is refused, so this does nothing where the first was written.
    runner.succeeds(REQUEST)?;
    verified(runner)?;
    let listed = runner.json("ledger list --ledger l.db")?;
    Ok(format!("{} request", listed["requests"].as_array().map_or(0, Vec::len)))
}

fn verified(runner: &Runner) -> Result<(), Failure> {
    if !runner.folder.join("l.db").exists() {
        return Ok(());
    }
    let output = runner.output("ledger verify --ledger l.db".to_string())?;
    // A ledger whose creation was interrupted before its first event is reported as such, and the next request begins
    // it.
    let never_begun = String::from_utf8_lossy(&output.stderr).contains("never begun");
    if output.status.success() || never_begun { Ok(()) } else { Err("the ledger does not verify".into()) }
}

/// Prepares a refused request that is ready to be closed.
fn refused(runner: &Runner) -> Result<(), Failure> {
    let asked = runner.json(REQUEST)?;
    done(runner, &format!("ledger refuse {} --ground not-held --ledger l.db", text(&asked, "request")?))
}

fn close_words(runner: &Runner) -> Result<String, Failure> {
    let listed = runner.json("ledger list --all --ledger l.db")?;
    Ok(format!("ledger close {} --destroy-link --ledger l.db", text(&listed["requests"][0], "request")?))
}

/// Repeats the closing; no file of the keys may link the request to its subject.
fn unlinked(runner: &Runner) -> Result<String, Failure> {
    done(runner, &close_words(runner)?)?;
    verified(runner)?;
    let listed = runner.json("ledger list --all --ledger l.db")?;
    let subject = text(&listed["requests"][0], "subject")?;
    let mut folders = vec![runner.folder.join("l.db.keys")];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder)? {
            let path = entry?.path();
            if path.is_dir() {
                folders.push(path);
            } else if String::from_utf8_lossy(&std::fs::read(&path)?).contains(&subject) {
                return Err(format!("{} still holds the link", path.display()).into());
            }
        }
    }
    text(&listed["requests"][0], "status")
}

fn request(runner: &Runner) -> Result<String, Failure> {
    text(&runner.json("ledger list --ledger l.db")?["requests"][0], "request")
}

fn erase_words(runner: &Runner) -> Result<String, Failure> {
    let (request, model) = (request(runner)?, model(runner)?);
    Ok(format!(
        "erase --request {request} --ledger l.db --model {model} --data heads --strategy noisy-label --epochs 1 --purge"
    ))
}

/// Repeats the erasure: the digest of the remaining model, whose evidence must verify, without a file of its parent.
fn erased(runner: &Runner) -> Result<String, Failure> {
    verified(runner)?;
    let evidence = format!("runs/evidence/{}", request(runner)?);
    // If the last step failed, nothing is left to do, and a second erasure is refused.
    if !runner.folder.join(&evidence).join("evidence.dsse.json").exists() {
        runner.json(&erase_words(runner)?)?;
    }
    verified(runner)?;
    done(runner, &format!("verify {evidence} --key l.db.keys/public.key"))?;
    if runner.folder.join(model(runner)?).exists() {
        return Err("the model that saw the subject is still there".into());
    }
    let kept = runner.last_run("unlearn").ok_or("nothing was unlearned")?;
    text(&runner.json(&format!("inspect {kept}/model.safetensors"))?, "digest")
}

/// An accepted request of a small model.
fn small_accepted(runner: &Runner) -> Result<(), Failure> {
    heads(runner)?;
    std::fs::write(runner.folder.join("small.toml"), SETTINGS)?;
    done(runner, TRAIN_SMALL)?;
    accept(runner)
}

/// Prepares a finished purge, with its files in quarantine.
fn in_quarantine(runner: &Runner) -> Result<(), Failure> {
    small_accepted(runner)?;
    done(runner, PURGE)
}

fn restore_words(runner: &Runner) -> Result<String, Failure> {
    Ok(format!("quarantine restore {} --ledger l.db", request(runner)?))
}

/// Finishes the purge and checks every file; then restores it and checks that every file is as it was before the purge.
fn purged(runner: &Runner) -> Result<String, Failure> {
    verified(runner)?;
    done(runner, PURGE)?;
    verified(runner)?;
    let after = digests(&runner.folder)?;
    done(runner, &restore_words(runner)?)?;
    verified(runner)?;
    Ok(format!("{after}\nput back\n{}", digests(&runner.folder)?))
}

/// Every file as it was before the purge.
fn restored(runner: &Runner) -> Result<String, Failure> {
    verified(runner)?;
    // If the last step failed, nothing is left to restore.
    let kept = runner.json("quarantine list")?;
    if kept["quarantines"].as_array().is_some_and(|kept| !kept.is_empty()) {
        done(runner, &restore_words(runner)?)?;
    }
    verified(runner)?;
    digests(&runner.folder)
}

/// A digest of every file that is neither the ledger's nor in quarantine, by path.
fn digests(folder: &Path) -> Result<String, Failure> {
    let (mut lines, mut open) = (Vec::new(), vec![folder.to_path_buf()]);
    while let Some(here) = open.pop() {
        for entry in std::fs::read_dir(here)? {
            let path = entry?.path();
            let name = path.strip_prefix(folder)?.display().to_string();
            if name.starts_with("l.db") || name.contains(".lacuna/quarantine") {
                continue;
            }
            if path.is_dir() {
                open.push(path);
            } else {
                lines.push(format!("{name} {}", lacuna_disk::digest_file(&path)?));
            }
        }
    }
    lines.sort();
    Ok(lines.join("\n"))
}
