"""A data set of which some people are left out: a damaged scan, one without labels, one session of a person."""

from common import SMALL, plain

REPORT = "ivadomed/model_seg_sci#9 (exclude.yml), nnUNet#102, nilearn#5741"
RIGHT = "who is left out by name is read by no verb, is on no side, and stays in the run's settings with the reason"


def check(case):
    root = plain(case.folder / "data", ["anna-1", "anna-2", "ben", "carl", "dora"])
    (root / "subjects.tsv").write_text(
        "scan\tsubject\nanna-1\tanna\nanna-2\tanna\nben\tben\ncarl\tcarl\ndora\tdora\n"
    )
    (root / "images/ben.nii.gz").write_bytes(b"no volume")
    (root / "labels/carl.nii.gz").unlink()
    out = ["--exclude", "ben,carl,anna-2"]

    done = case.data_check(root)
    case.expect("all are checked without it", done.code == 4 and done.says("ben.nii.gz") and done.says("carl.nii.gz"), done)
    case.sound("neither the damaged nor the unlabelled scan is checked", case.data_check(root, *out), scans=2)
    done = case.data_check(root, "--exclude", "anna", "--exclude", "ben,carl")
    case.sound("a subject is left out with all scans", done, scans=1)
    case.refused("a name that is nobody's", case.data_check(root, "--exclude", "nobody"), "nobody", "anna")
    case.refused("everybody", case.data_check(root, "--exclude", "anna,ben,carl,dora"), "fix:")

    done = case.lacuna("data", "export", root, "--to", "plain", "--out", "exported", *out)
    names = sorted(path.name for path in (case.folder / "exported").rglob("*.nii.gz"))
    case.expect("an export has the others alone", done.code == 0 and names == ["anna-1.nii.gz"] * 2 + ["dora.nii.gz"] * 2, f"{names} {done}")

    train = ["train", "--data", root, "--labels", "tissue", *SMALL, "--runs", "runs"]
    done = case.lacuna(*train)
    case.expect("a training with them fails and names one", done.code == 4 and done.says_any("ben", "carl"), done)
    done = case.lacuna(*train, *out, "--exclude-reason", "moved during the scan")
    case.expect("a training without them works", done.code == 0, done)
    run = next(run for run in (case.folder / "runs/train").iterdir() if (run / "model.safetensors").exists())
    settings, lineage = (run / "config.toml").read_text(), (run / "lineage.json").read_text()
    case.expect("the settings say who and why", all(word in settings for word in ("ben", "carl", "anna-2", "moved during the scan")), settings)
    case.expect("the lineage says who was trained on", all(f'"{name}"' in lineage for name in ("anna", "dora")) and not any(f'"{name}"' in lineage for name in ("ben", "carl")), lineage)
    done = case.lacuna("eval", "--model", run, "--data", root, *out)
    seen = str(done.json)
    case.expect("an evaluation scores the others alone", done.code == 0 and "dora" in seen and "carl" not in seen, f"{seen[:300]} {done}")
