"""Volumes under endings that other programs know: capitals, a doubled ending, a pair of header and image."""

import shutil

import nibabel as nib
import numpy as np

from common import plain

REPORT = "nibabel#570, nnUNet#637, SCT#4757"
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

    scans = case.folder / "scans"
    shutil.copytree(plain(case.folder / "one", ["a"]) / "images", scans)
    shutil.copy(scans / "a.nii.gz", scans / "C.NII.GZ")
    done = case.lacuna("predict", scans, "--model", case.model(), "--out", "segmented")
    written = sorted(path.name for path in (case.folder / "segmented").glob("*") if path.name[0] != ".")
    case.expect("predict reads C.NII.GZ or tells of it", done.says("C.NII.GZ") or any(n.startswith("C") for n in written), f"wrote {written}, {done}")
