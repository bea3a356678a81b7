"""Predictions of a person whose scan has another name than the person, by subjects.tsv."""

from common import SMALL, plain

REPORT = "several scans of a person, nnUNet#1763"
RIGHT = "what was made of the scan is found by the person's id and goes"


def check(case):
    plain(case.folder / "data", ["mueller-2021", "a", "b"])
    (case.folder / "data/subjects.tsv").write_text("scan\tsubject\nmueller-2021\tp1\na\tp2\nb\tp3\n")
    words = ["--data", "data", "--labels", "tissue", *SMALL]
    done = case.lacuna("train", *words, "--held-out", "p1")
    case.expect("trained on others", done.code == 0, done)
    predicted = case.lacuna("predict", "data/images", "--model", done.json["model"], "--out", "out")
    case.expect("predicted", predicted.code == 0, predicted)
    purged = case.lacuna("trace", "p1", "--data", "data", "--root", "out", "--purge", "--include-sources")
    left = sorted(path.name for path in (case.folder / "out").glob("*mueller*"))
    reported = str(purged.json) + purged.output
    case.expect("its label map goes, or is reported", not left or ("mueller" in reported and purged.code != 0), f"{left} {purged}")
    case.expect("those of others stay", (case.folder / "out/a_labels.nii.gz").exists(), purged)
