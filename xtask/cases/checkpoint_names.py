"""nnU-Net's checkpoint_final.pth without its plans, a checkpoint called .ckpt, predictions of `A_0000.nii.gz`."""

import numpy as np

from common import head, save, torch_file
from common.unet import unet

REPORT = "nnUNet 2.8.1's users, Lightning's endings"
RIGHT = "--plans is the fix; a file is what its first bytes say, whatever it is called"


def check(case):
    checkpoint, plans = unet(case.folder / "model")
    save(head()[0], case.folder / "A_0000.nii.gz")
    words = ["predict", "A_0000.nii.gz", "--model", checkpoint, "--preprocess", "none"]
    case.refused("without plans", case.lacuna(*words, "--out", "o"), "--plans")
    done = case.lacuna(*words, "--plans", plans, "--out", "p")
    case.expect("with plans", done.code == 0, done)
    torch_file.save({"state_dict": {"conv1.weight": torch_file.Tensor(np.zeros((4, 1, 3, 3, 3), np.float32))}}, case.folder / "x.ckpt")
    done = case.lacuna("inspect", "x.ckpt")
    case.expect("inspect x.ckpt", done.code == 0, done)
