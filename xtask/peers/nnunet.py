"""nnU-Net's checkpoints -> lacuna -> PyTorch: are plans read, weights and logits the same?

    python nnunet.py LACUNA FOLDER

Checkpoints are made as the fixtures of crates/nn are, with other weights. Prints one JSON object of figures, and fails
if one is out of bounds.
"""

import json
import os
import sys

import torch
from safetensors.torch import load_file

from weights import TOLERANCE, distance, fixed_input, lacuna

sys.path.append(os.path.join(os.path.dirname(__file__), "../../crates/nn/fixtures/nnunet"))
import make


def plain(state):
    """A state dict with each tensor once, under its first name."""
    return {name: value for name, value in state.items() if "all_modules" not in name and "decoder.encoder" not in name}


def round_trip(program, folder, name, case, seed):
    place = os.path.join(folder, name)
    os.makedirs(place)
    path = lambda file: os.path.join(place, file)
    with open(path("plans.json"), "w") as file:
        json.dump(make.plans(case), file)
    network = make.network(case, seed).eval()
    make.save_checkpoint(path("checkpoint_final.pth"), network.state_dict(), case)
    plans = ["--plans", path("plans.json")]
    there = lacuna(program, "convert", path("checkpoint_final.pth"), *plans, "--out", path("ours.safetensors"), "--forward", path("pass.safetensors"))
    lacuna(program, "convert", path("ours.safetensors"), "--out", path("back.pth"))
    network.decoder.deep_supervision = False
    with torch.no_grad():
        expected = network(fixed_input(there["forward"]["input_shape"]))
    back = torch.load(path("back.pth"), weights_only=True)
    apart = distance(load_file(path("pass.safetensors"))["logits"], expected)
    state = plain(network.state_dict())
    same = set(back) == set(state) and all(torch.equal(back[key], value) for key, value in state.items())
    # Another network of the kind takes the file; what the file lacks are second names of tensors that it has.
    again = make.network(case, seed + 100).eval()
    taken = again.load_state_dict(back, strict=False)
    aliases = all("all_modules" in key or "decoder.encoder" in key for key in taken.missing_keys)
    again.decoder.deep_supervision = False
    with torch.no_grad():
        returned = distance(again(fixed_input(there["forward"]["input_shape"])), expected)
    if returned > TOLERANCE or taken.unexpected_keys or not aliases:
        sys.exit(f"{name}: after load_state_dict logits {returned} apart, {taken}")
    if apart > TOLERANCE or not same or there["missing"] or there["unexpected"]:
        sys.exit(f"{name}: logits {apart} apart, weights the same: {same}, {there['missing']}, {there['unexpected']}")
    return {"logits": apart, "tensors": len(there["matched"]), "weights": "the same", "logits_after_load_state_dict": returned}


if __name__ == "__main__":
    program, folder = sys.argv[1:]
    # As nnU-Net plans for the crops of its hippocampus.
    hippocampus = dict(
        features=[32, 64, 128, 256], kernels=[[3, 3, 3]] * 4, strides=[[1, 1, 1]] + [[2, 2, 2]] * 3, encoder=[2] * 4,
        decoder=[2] * 3, channels=1, classes=3, size=[40, 56, 40], batch=9, older=False,
    )
    cases = {**make.CASES, "hippocampus": hippocampus}
    print(json.dumps({name: round_trip(program, folder, name, case, 20 + number) for number, (name, case) in enumerate(cases.items())}))
