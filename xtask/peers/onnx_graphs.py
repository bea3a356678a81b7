"""lacuna's ONNX graphs in onnxruntime: are logits those of PyTorch, on grids that the file was not made for?

    python onnx_graphs.py LACUNA FOLDER

Prints one JSON object of figures, and fails if one is out of bounds.
"""

import json
import os
import sys

import onnx
import onnxruntime
import torch
from safetensors.torch import load_file

from command import lacuna
from medicalnet import with_statistics
from weights import CLASSES, TOLERANCE, distance, fixed_input

# One of each kind of block and shortcut.
DEPTHS = (10, 18, 50)
# The second is odd along two axes.
GRIDS = ((32, 32, 32), (40, 27, 19))


def compare(program, folder, depth):
    path = lambda name: os.path.join(folder, f"{depth}-{name}")
    network = with_statistics(depth, CLASSES, seed=depth)
    torch.save(network.state_dict(), path("peer.pth"))
    words = ("--out", path("model.onnx"), "--forward", path("pass.safetensors"))
    lacuna(program, "convert", path("peer.pth"), *words)
    onnx.checker.check_model(path("model.onnx"), full_check=True)
    session = onnxruntime.InferenceSession(path("model.onnx"), providers=["CPUExecutionProvider"])
    run = lambda voxels: torch.from_numpy(session.run(["logits"], {"image": voxels.numpy()})[0])
    apart = []
    for grid in GRIDS:
        voxels = fixed_input((2, 1, *grid))
        with torch.no_grad():
            apart.append(distance(run(voxels), network(voxels)))
    ours = load_file(path("pass.safetensors"))
    return {"depth": depth, "from_pytorch": max(apart), "from_lacuna": distance(run(ours["input"]), ours["logits"])}


def main():
    program, folder = sys.argv[1:]
    figures = [compare(program, folder, depth) for depth in DEPTHS]
    print(json.dumps({"onnxruntime": onnxruntime.__version__, "relative_l2": figures, "grids": GRIDS}))
    for figure in figures:
        assert max(figure["from_pytorch"], figure["from_lacuna"]) <= TOLERANCE, figure


main()
