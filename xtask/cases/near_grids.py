"""An image with a slightly sheared sform, its label map made orthogonal by another program: 0.04 mm apart."""

import numpy as np

from common import SMALL, head, save

REPORT = "seg-sc-ms-lesion-multicontrast#27, SCT#4025, SCT#4744, torchio#592"
RIGHT = "refused with a flag to state the tolerance, which every verb has that says so"

SHEARED = [[0.99956, -0.00004, 0.02977], [0.00232, 0.99707, -0.07652], [-0.02968, 0.07655, 0.99662]]
ORTHOGONAL = [[0.99956, 0.00114, 0.02972], [0.00114, 0.99707, -0.07654], [-0.02972, 0.07654, 0.99662]]


def check(case):
    for number in range(3):
        for voxels, axes, kind in zip(head(number, (24, 24, 24)), (SHEARED, ORTHOGONAL), ("images", "labels")):
            affine = np.eye(4)
            affine[:3, :3] = np.diag([-1.0, -1, 1]) @ np.array(axes)
            affine[:3, 3] = 20, 30, -10
            save(voxels, case.folder / f"data/{kind}/s{number}.nii.gz", affine)
    data = ["--data", "data", "--labels", "tissue"]
    case.refused("data check names the flag", case.data_check("data", "--labels", "tissue"), "--tolerance-mm")
    done = case.data_check("data", "--labels", "tissue", "--tolerance-mm", "0.05")
    case.expect("data check takes the tolerance", done.code == 0, done)
    case.refused("train names the flag", case.lacuna("train", *data, *SMALL), "--tolerance-mm")
    done = case.lacuna("train", *data, *SMALL, "--tolerance-mm", "0.05")
    case.expect("train takes the tolerance", done.code == 0, done)
    if done.code == 0:
        words = ["--forget", "s1", "--strategy", "noisy-label", "--epochs", "1", "--tolerance-mm", "0.05"]
        done = case.lacuna("unlearn", "--model", done.json["model"], *data, *words)
        case.expect("unlearn takes the tolerance", done.code == 0, done)
