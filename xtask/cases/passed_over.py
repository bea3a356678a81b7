"""Volumes under endings that other programs know: capitals, a doubled ending, a pair of header and image."""

import shutil

import nibabel as nib
import numpy as np

import json

from common import plain

REPORT = "nibabel#570, nnUNet#637, SCT#4757; BraTS's names of label maps"
RIGHT = "each file is read or reported: no person is passed over silently"


def check(case):
    root = plain(case.folder / "data", ["s1", "s2", "s3", "s4"])
    for kind in ("images", "labels"):
        here = root / kind
        (here / "s2.nii.gz").rename(here / "s2.NII.GZ")
        (here / "s3.nii.gz").rename(here / "s3.nii.gz.gz")
        volume = nib.load(here / "s4.nii.gz")
        nib.save(nib.Nifti1Pair(np.asarray(volume.dataobj), volume.affine), here / "s4.img")
        (here / "s4.nii.gz").unlink()
    done = case.data_check(root)
    for name in ("s2", "s3", "s4"):
        case.expect(f"{name} is read or reported", name in done.scans or done.says(name), f"read {sorted(done.scans)}, {done}")

    root = plain(case.folder / "task", ["t1", "t2", "t3"])
    entry = {"image": "./images/t1.nii.gz", "label": "./labels/t1.nii.gz"}
    index = {"labels": {"0": "background"}, "numTraining": 1, "training": [entry], "test": ["./images/t2.nii.gz"]}
    (root / "dataset.json").write_text(json.dumps(index))
    done = case.data_check(root, "--layout", "msd")
    unnamed = sorted(problem["file"] for problem in done.problems if problem["fault"] == "passed-over")
    expected = ["images/t3.nii.gz", "labels/t2.nii.gz", "labels/t3.nii.gz"]
    case.expect("what the Decathlon's index does not name is reported", unnamed == expected, f"{unnamed} {done}")
    (root / "train.txt").write_text("images/t1.nii.gz labels/t1.nii.gz\n")
    done = case.data_check(root / "train.txt")
    unnamed = [problem["file"] for problem in done.problems if problem["fault"] == "passed-over"]
    case.expect("what a list does not name is reported", len(unnamed) == 4, f"{unnamed} {done}")

    root = plain(case.folder / "brats", ["b1", "b2"])
    for name in ("b1", "b2"):
        (root / f"labels/{name}.nii.gz").rename(root / f"images/{name}_seg.nii.gz")
    (root / "labels").rmdir()
    done = case.data_check(root, "--labels", "tissue")
    case.sound("NAME_seg is the label map of NAME and nobody's image", done, scans=2)

    scans = case.folder / "scans"
    shutil.copytree(plain(case.folder / "one", ["a"]) / "images", scans)
    shutil.copy(scans / "a.nii.gz", scans / "C.NII.GZ")
    done = case.lacuna("predict", scans, "--model", case.model(), "--out", "segmented")
    written = sorted(path.name for path in (case.folder / "segmented").glob("*") if path.name[0] != ".")
    case.expect("predict reads C.NII.GZ or tells of it", done.says("C.NII.GZ") or any(n.startswith("C") for n in written), f"wrote {written}, {done}")
