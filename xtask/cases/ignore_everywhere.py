"""nnU-Net's sparse annotation: one slice of each scan is labelled, the rest is `ignore`."""

import json

import numpy as np

from common import SMALL, head, save

REPORT = "nnUNet#1926, #2138"
RIGHT = "trained on what is labelled, or an error with the scan's name; never a panic"


def check(case):
    for number in range(3):
        image, labels = head(number, (32, 36, 24))
        sparse = np.full_like(labels, 6)
        sparse[:, :, 10 + number] = labels[:, :, 10 + number]
        save(image, case.folder / f"data/imagesTr/c{number}_0000.nii.gz")
        save(sparse, case.folder / f"data/labelsTr/c{number}.nii.gz")
    labels = {"background": 0, "gm": 1, "wm": 3, "csf": 5, "ignore": 6}
    index = {"channel_names": {"0": "T1"}, "numTraining": 3, "file_ending": ".nii.gz", "labels": labels}
    (case.folder / "data/dataset.json").write_text(json.dumps(index))
    done = case.data_check("data", "--labels", "as-is")
    case.expect("data check reads it", done.code == 0, done)
    done = case.lacuna("train", "--data", "data", "--labels", "as-is", *SMALL)
    case.expect("trained, or refused by the scan's name", done.code == 0 or (done.code in (3, 4) and done.says_any("c0", "c1", "c2")), done)
    case.expect("no panic", not done.panicked, done)
