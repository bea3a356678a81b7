"""A tensor with PyTorch's negative bit: `z.conj().imag`, whose storage holds the numbers of the other sign."""

import numpy as np

from common import torch_file

REPORT = "PyTorch 2.15.0, a view of a conjugated complex tensor"
RIGHT = "refused, or read with the sign that torch.load gives; never with the other"
NEEDS = ["safetensors"]


def check(case):
    from safetensors.numpy import load_file

    tensors = {name: torch_file.Tensor(values) for name, values in load_file(case.model()).items()}
    plain = case.lacuna("convert", torch_file.save(tensors, case.folder / "plain.pth"))
    case.expect("without the bit it is read", plain.code == 0, plain)
    weights = load_file(case.model())["conv1.weight"]
    tensors["conv1.weight"] = torch_file.Tensor(-weights, {"neg": True})
    torch_file.save(tensors, case.folder / "negative.pth")
    done = case.lacuna("convert", "negative.pth")
    same = done.code == 0 and done.json["forward"]["digest"] == plain.json["forward"]["digest"]
    case.expect("with it: refused, or the same network", same or (done.code in (3, 4) and not done.panicked), done)
    try:
        import torch
    except ImportError:
        return
    found = torch.load(case.folder / "negative.pth", weights_only=True)["conv1.weight"]
    case.expect("torch gives the weights", np.array_equal(found.resolve_neg().numpy(), weights), found.shape)
