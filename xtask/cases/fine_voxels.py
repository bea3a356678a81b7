"""Voxels of 0.3 micrometres, the label map off by three of them."""

import numpy as np

from common import head, save

REPORT = "ANTsPy#514, zarrnii#180"
RIGHT = "another place is reported whatever the size of a voxel, and the spacing is shown in digits that mean something"


def check(case):
    for shift, voxels, kind in zip((0, 9e-4), head(), ("images", "labels")):
        affine = np.diag([3e-4, 3e-4, 3e-4, 1.0])
        affine[0, 3] = shift
        save(voxels, case.folder / f"data/{kind}/s1.nii.gz", affine)
    done = case.data_check("data")
    case.refused("another place", done, "affine")
    text = case.lacuna("data", "check", "data", json=False)
    case.expect("the spacing is not shown as nought", not text.says("0.000 x 0.000"), text)
