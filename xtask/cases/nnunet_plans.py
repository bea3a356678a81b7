"""nnU-Net plans that need more than one image in order: a cascade's second stage, transposed axes."""

from common import head, save
from common.unet import unet

REPORT = "nnUNet 2.8.1's planner on sagittal slices of 4 mm, and its cascade"
RIGHT = "the second stage is refused by name; transposed axes are followed, refused or reported"


def cascade(plans):
    of = plans["configurations"]
    of["3d_lowres"] = {**of["3d_fullres"], "spacing": [2.0, 2.0, 2.0], "next_stage": "3d_cascade_fullres"}
    of["3d_cascade_fullres"] = {"inherits_from": "3d_fullres", "previous_stage": "3d_lowres"}


def transposed(plans):
    plans["transpose_forward"], plans["transpose_backward"] = [2, 0, 1], [1, 2, 0]


def check(case):
    checkpoint, plans = unet(case.folder / "two", changed=cascade)
    done = case.lacuna("convert", checkpoint, "--plans", plans, "--configuration", "3d_cascade_fullres")
    case.refused("the second stage of a cascade", done, "previous_stage")
    done = case.lacuna("convert", checkpoint, "--plans", plans, "--configuration", "3d_lowres")
    case.expect("its first stage is read", done.code == 0, done)
    checkpoint, plans = unet(case.folder / "turned", changed=transposed)
    save(head()[0], case.folder / "a.nii.gz")
    done = case.lacuna("convert", checkpoint, "--plans", plans)
    case.expect("convert reports transpose_forward too", done.code == 0 and done.says("transpose_forward"), done)
    done = case.lacuna("predict", "a.nii.gz", "--model", checkpoint, "--plans", plans, "--preprocess", "none", "--out", "o")
    case.expect("transpose_forward is reported or refused", done.says("transpose_forward"), done)
