"""A U-Net as nnU-Net keeps it, whose predicted class is the nearest whole number of the intensity.

Kernels are 1 x 1 x 1, each norm is undone by its own scale and bias, and the last layer says 2 c x - c^2 of class c. So
the prediction of an image is any label map one likes.
"""

import json
from pathlib import Path

import numpy as np

from common import torch_file


def unet(folder, voxels=None, classes=2, changed=None, init_args=None):
    """checkpoint_final.pth and plans.json for an image of these voxels; `changed` edits the plans."""
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    arguments = {
        "n_stages": 2, "features_per_stage": [1, 1], "conv_op": "torch.nn.modules.conv.Conv3d",
        "kernel_sizes": [[1, 1, 1]] * 2, "strides": [[1, 1, 1]] * 2, "n_conv_per_stage": [1, 1],
        "n_conv_per_stage_decoder": [1], "conv_bias": True, "norm_op": "torch.nn.modules.instancenorm.InstanceNorm3d",
        "norm_op_kwargs": {"eps": 1e-5, "affine": True}, "dropout_op": None, "dropout_op_kwargs": None,
        "nonlin": "torch.nn.LeakyReLU", "nonlin_kwargs": {"inplace": True},
    }
    network = {
        "network_class_name": "dynamic_network_architectures.architectures.unet.PlainConvUNet",
        "arch_kwargs": arguments, "_kw_requires_import": ["conv_op", "norm_op", "dropout_op", "nonlin"],
    }
    configuration = {"data_identifier": "p_3d_fullres", "patch_size": [16, 16, 16], "spacing": [1.0, 1.0, 1.0], "architecture": network}
    plans = {"dataset_name": "Dataset901_Tiny", "plans_name": "p", "transpose_forward": [0, 1, 2], "transpose_backward": [0, 1, 2],
             "configurations": {"3d_fullres": configuration}}
    if changed:
        changed(plans)
    (folder / "plans.json").write_text(json.dumps(plans))
    mean, deviation = (0.0, 1.0) if voxels is None else (voxels.mean(dtype=float), np.sqrt(voxels.var(dtype=float) + 1e-5))
    one = lambda value, shape=(1,): torch_file.Tensor(np.full(shape, value, np.float32))
    state = {}
    for block, kernel in (("encoder.stages.0.0", [1]), ("encoder.stages.1.0", [1]), ("decoder.stages.0", [0, 1])):
        state[f"{block}.convs.0.conv.weight"] = torch_file.Tensor(np.array(kernel, np.float32).reshape(1, -1, 1, 1, 1))
        state[f"{block}.convs.0.conv.bias"] = one(0)
        state[f"{block}.convs.0.norm.weight"], state[f"{block}.convs.0.norm.bias"] = one(deviation), one(mean)
    state["decoder.transpconvs.0.weight"], state["decoder.transpconvs.0.bias"] = one(1, (1, 1, 1, 1, 1)), one(0)
    numbers = np.arange(classes, dtype=np.float32)
    state["decoder.seg_layers.0.weight"] = torch_file.Tensor((2 * numbers).reshape(classes, 1, 1, 1, 1))
    state["decoder.seg_layers.0.bias"] = torch_file.Tensor(-numbers * numbers)
    checkpoint = {"network_weights": state, "current_epoch": 1, "trainer_name": "nnUNetTrainer",
                  "inference_allowed_mirroring_axes": (0, 1, 2)}
    if init_args is not None:
        checkpoint["init_args"] = {"plans": plans, "configuration": "3d_fullres", "fold": 0} | init_args
    return torch_file.save(checkpoint, folder / "checkpoint_final.pth"), folder / "plans.json"
