"""PyTorch -> lacuna -> PyTorch: are weights and logits the same at the end?

    python weights.py LACUNA FOLDER

Prints one JSON object of figures, and fails if one is out of bounds.
"""

import json
import os
import sys

import numpy as np
import torch
from safetensors.torch import load_file

from command import lacuna
from medicalnet import MedicalNet, with_statistics

TOLERANCE = 1e-4
CLASSES = 4


def fixed_input(shape):
    number = np.arange(np.prod(shape), dtype=np.uint64)
    values = ((number * 2654435761 % 2**32) / 2**31 - 1).astype(np.float32)
    return torch.from_numpy(values.reshape(shape))


def distance(found, expected):
    return float((found - expected).norm() / expected.norm())


def exact(state, original):
    named = {name: value for name, value in original.items() if "num_batches" not in name}
    return set(state) == set(named) and all(torch.equal(state[name], value) for name, value in named.items())


def round_trip(program, folder, depth, legacy):
    path = lambda name: os.path.join(folder, f"{depth}-{name}")
    network = with_statistics(depth, CLASSES, seed=depth)
    wrapped = {"ecpoch": 1, "state_dict": torch.nn.DataParallel(network).state_dict()}
    torch.save(wrapped, path("peer.pth"), _use_new_zipfile_serialization=not legacy)
    there = lacuna(program, "convert", path("peer.pth"), "--out", path("ours.safetensors"), "--forward", path("pass.safetensors"))
    lacuna(program, "convert", path("ours.safetensors"), "--out", path("back.pth"))
    lacuna(program, "convert", path("ours.safetensors"), "--out", path("parallel.pth"), "--names", "data-parallel")

    voxels = fixed_input(there["forward"]["input_shape"])
    with torch.no_grad():
        expected = network(voxels)
    ours = load_file(path("pass.safetensors"))
    back = torch.load(path("back.pth"), weights_only=True)
    parallel = torch.load(path("parallel.pth"), weights_only=True)["state_dict"]
    again = MedicalNet(depth, CLASSES).eval()
    again.load_state_dict(back, strict=True)
    torch.nn.DataParallel(MedicalNet(depth, CLASSES)).load_state_dict(parallel, strict=True)
    with torch.no_grad():
        returned = again(voxels)
    return {
        "depth": depth,
        "layout": "legacy" if legacy else "zip",
        "matched": len(there["matched"]),
        "missing": len(there["missing"]) + len(there["unexpected"]) + len(there["wrong_shape"]),
        "input_equal": bool(torch.equal(ours["input"], voxels)),
        "logits_relative_l2": distance(ours["logits"], expected),
        "logits_max_difference": float((ours["logits"] - expected).abs().max()),
        "returned_logits_equal": bool(torch.equal(returned, expected)),
        "pth_tensors_equal": exact(back, network.state_dict()),
        "safetensors_equal": exact(load_file(path("ours.safetensors")), network.state_dict()),
    }


def narrow(program, folder, dtype, word):
    """Weights saved in another float type come back as PyTorch's own conversion of them."""
    network = with_statistics(10, CLASSES, seed=3).to(dtype)
    source, target = (os.path.join(folder, f"{word}.{kind}") for kind in ("pth", "safetensors"))
    torch.save(network.state_dict(), source)
    lacuna(program, "convert", source, "--out", target)
    return {"element": word, "equal": exact(load_file(target), network.float().state_dict())}


def monai(program, folder):
    """MONAI's own loader takes the encoder, and lacuna takes MONAI's network, biases of shortcuts included."""
    try:
        from monai.networks.nets import resnet10
    except ImportError:
        return None
    network = with_statistics(10, CLASSES, seed=5)
    source, target = os.path.join(folder, "for-monai-source.pth"), os.path.join(folder, "resnet_10.pth")
    torch.save(network.state_dict(), source)
    lacuna(program, "convert", source, "--out", target, "--names", "monai")
    options = dict(spatial_dims=3, n_input_channels=1, feed_forward=False, shortcut_type="B")
    loaded = resnet10(pretrained=False, bias_downsample=False, **options)
    loaded.load_state_dict(torch.load(target, weights_only=True), strict=True)
    by_its_loader = resnet10(pretrained=target, bias_downsample=False, **options)
    same = all(torch.equal(a, b) for a, b in zip(loaded.state_dict().values(), by_its_loader.state_dict().values()))

    biased = resnet10(pretrained=False, bias_downsample=True, spatial_dims=3, n_input_channels=1, num_classes=3, shortcut_type="B")
    torch.manual_seed(1)
    for name, value in biased.state_dict().items():
        if name.endswith(("running_mean", "downsample.0.bias")):
            value.copy_(0.1 * torch.randn_like(value))
    source, target = os.path.join(folder, "monai.pth"), os.path.join(folder, "monai-encoder.safetensors")
    torch.save(biased.state_dict(), source)
    record = lacuna(program, "convert", source, "--out", target)
    # MedicalNet's encoder has no such biases: with them folded, MONAI's network without them must say the same.
    plain = resnet10(pretrained=False, bias_downsample=False, **options).eval()
    plain.load_state_dict(load_file(target), strict=True)
    biased.fc = None
    voxels = fixed_input((1, 1, 32, 32, 32))
    with torch.no_grad():
        apart = distance(plain(voxels), biased.eval()(voxels))
    return {"strict_load": True, "pretrained_equal": same, "folded": record["folded"], "unexpected": record["unexpected"],
            "folded_relative_l2": apart}


def main():
    program, folder = sys.argv[1:]
    torch.set_num_threads(2)
    figures = {
        "torch": torch.__version__,
        "tolerance_relative_l2": TOLERANCE,
        "round_trips": [round_trip(program, folder, depth, legacy) for depth, legacy in ((10, False), (10, True), (50, False))],
        "elements": [
            narrow(program, folder, dtype, word)
            for dtype, word in ((torch.float16, "f16"), (torch.bfloat16, "bf16"), (torch.float64, "f64"))
        ],
        "monai": monai(program, folder),
    }
    print(json.dumps(figures))
    for trip in figures["round_trips"]:
        assert trip["missing"] == 0 and trip["logits_relative_l2"] <= TOLERANCE, trip
        assert all(trip[key] for key in ("input_equal", "returned_logits_equal", "pth_tensors_equal", "safetensors_equal")), trip
    assert all(element["equal"] for element in figures["elements"]), figures["elements"]
    if figures["monai"]:
        assert figures["monai"]["pretrained_equal"] and figures["monai"]["folded_relative_l2"] <= TOLERANCE, figures["monai"]


if __name__ == "__main__":
    main()
