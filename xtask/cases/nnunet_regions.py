"""An nnU-Net checkpoint trained with regions: one sigmoid per region, and no channel of the background."""

import json

import numpy as np

from common import head, save
from common.unet import unet

REPORT = "nnUNet 2.8.1, regions_class_order"
RIGHT = "refused by name, or its sigmoids thresholded in nnU-Net's order; never channel 0 taken for the background"


def check(case):
    index = {
        "channel_names": {"0": "MRI"}, "numTraining": 2, "file_ending": ".nii.gz", "regions_class_order": [1, 2],
        "labels": {"background": 0, "whole": [1, 2], "Posterior": [2]},
    }
    checkpoint, plans = unet(case.folder / "model", classes=2, init_args={"dataset_json": index})
    # nnU-Net keeps it beside the plans, too.
    (case.folder / "model/dataset.json").write_text(json.dumps(index))
    save((head()[1] > 0).astype(np.int16), case.folder / "a.nii.gz")
    for verb, words in {
        "predict": ["a.nii.gz", "--model", checkpoint, "--plans", plans, "--preprocess", "none", "--out", "o"],
        "convert": [checkpoint, "--plans", plans, "--out", "x.safetensors"],
    }.items():
        done = case.lacuna(verb, *words)
        case.expect(f"{verb}: regions are reported", done.says("region"), done)
        case.expect(f"{verb}: refused, or reported and read", done.code in (0, 3, 4) and not done.panicked, done)
    index = {key: value for key, value in index.items() if key != "regions_class_order"} | {"labels": {"background": 0, "one": 1}}
    plain, plans = unet(case.folder / "plain", classes=2, init_args={"dataset_json": index})
    done = case.lacuna("predict", "a.nii.gz", "--model", plain, "--plans", plans, "--preprocess", "none", "--out", "p")
    case.expect("classes without regions are read", done.code == 0, done)
