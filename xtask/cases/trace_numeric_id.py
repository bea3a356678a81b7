"""Persons called by numbers, as in MRBrainS18: 1, 4, 5, 7, 14, 070, 148. One of them asks to be removed."""

import json

from common import SMALL, plain

REPORT = "nnUNet#1763, mne-bids#1215, MRBrainS18's own ids"
RIGHT = "only what holds the person changes: settings and figures of runs keep their numbers"


def texts(folder):
    """Files that keep settings and figures."""
    kept = ("config.toml", "metrics.jsonl", "progress.json", "status.json")
    return {str(path.relative_to(folder)): path.read_bytes() for path in sorted(folder.rglob("*")) if path.name in kept}


def check(case):
    plain(case.folder / "scans", ["1", "4", "5", "7", "14", "070", "148"])
    data = ["--data", "scans", "--labels", "tissue", *SMALL]
    done = case.lacuna("train", *data, "--held-out", "1,148", "--name", "without")
    case.expect("a model without the person", done.code == 0, done)
    model, run = case.folder / done.json["model"], case.folder / done.json["run"]
    before = texts(run)
    done = case.lacuna("trace", "1", "--data", "scans")
    deleted = [file["path"] for file in done.json.get("files", []) if file.get("purge") == "delete" and "without" in file["path"]]
    case.expect("its model is not listed for deletion", done.json.get("files") is not None and not any("model" in path for path in deleted), f"{deleted} {done}")
    done = case.lacuna("trace", "1", "--data", "scans", "--purge")
    case.expect("the purge ends with 0 or 6", done.code in (0, 6), done)
    case.expect("the model that never saw 1 stays", model.exists(), model)
    changed = [name for name, data in texts(run).items() if data != before[name]]
    case.expect("settings and figures of its run stay as they were", run.is_dir() and changed in ([], ["config.toml"]), changed)
    config = (run / "config.toml").read_text()
    case.expect("with their numbers", "epochs = 1\n" in config, config[:300])
    record = json.loads((run / "run.json").read_text())
    case.expect("run.json is JSON of its schema", record["schema"] == "lacuna.run/1", record.get("schema"))
