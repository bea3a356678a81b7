"""A tensor of a type that no network has, beside a whole network; an archive that was compressed."""

import zipfile

import numpy as np

from common import torch_file

REPORT = "safetensors 0.8.0 (U32), PyTorch 2.15.0 (F8), zip tools"
RIGHT = "what is not needed does not prevent reading the rest; what was passed over is reported"
NEEDS = ["safetensors"]


def check(case):
    from safetensors.numpy import load_file, save_file

    weights = load_file(case.model())
    save_file({**weights, "extra": np.zeros(2, np.uint32)}, case.folder / "extra.safetensors")
    done = case.lacuna("convert", "extra.safetensors")
    case.expect("an extra U32 tensor", done.code == 0 and "extra" in done.output + str(done.json), done)

    tensors = {name: torch_file.Tensor(values) for name, values in weights.items()}
    torch_file.save(tensors, case.folder / "deflated.pth", zipfile.ZIP_DEFLATED)
    done = case.lacuna("inspect", "deflated.pth")
    case.expect("a compressed archive is read, or reported as one", done.code == 0 or (done.code == 4 and done.says("compress")), done)

    try:
        import torch
    except ImportError:
        return
    torch.save({"conv1.weight": torch.zeros(4, 1, 3, 3, 3).to(torch.float8_e4m3fn), "steps": torch.tensor(3)}, case.folder / "fp8.pth")
    for verb in ("inspect", "convert"):
        done = case.lacuna(verb, "fp8.pth")
        case.expect(f"{verb} reports that a tensor was not read", "conv1.weight" in done.output + str(done.json), done)
