"""A checkpoint with the weights and their moving average: `model` and `model_ema`, `state_dict` and `ema`."""

import re

from common import SMALL, plain, torch_file

REPORT = "super-gradients#682, timm's model_ema"
RIGHT = "reported which of the two was taken and that there is another; the average alone is read"
NEEDS = ["safetensors"]

STUDY = """
name = "s"
data = { root = "heads", labels = "tissue" }
preprocess = { kind = "canonical", size = [16, 16, 16], crop = "none", foreground = "above-zero" }
network = { depth = 10, init = "a.pth" }
train = { epochs = 1 }
split = { held_out = 1 }
unlearn = { epochs = [1], strategies = ["noisy-label"] }
"""


def check(case):
    from safetensors.numpy import load_file

    weights = load_file(case.model())
    tensors = {name: torch_file.Tensor(values) for name, values in weights.items()}
    average = {name: torch_file.Tensor(values if values.dtype.kind == "i" else values * 0.5) for name, values in weights.items()}
    for taken, other in (("model", "model_ema"), ("state_dict", "ema"), ("state_dict", "ema_state_dict")):
        torch_file.save({"epoch": 3, taken: tensors, other: average}, case.folder / "a.pth")
        for json in (False, True):
            done = case.lacuna("convert", "a.pth", json=json)
            printed = done.output + str(done.json)
            case.expect(f"{other} is reported beside {taken}, {'JSON' if json else 'text'}", re.search(rf"\b{other}\b", printed), done)
    plain(case.folder / "heads")
    settings = ["--data", "heads", "--labels", "tissue", *SMALL]
    (case.folder / "s.toml").write_text(STUDY)
    foreign = ["--model", "a.pth", "--depth", "10", "--classes", "4"]
    for verb in (
        ["train", *settings, "--init", "a.pth", "--dry-run"],
        ["train", *settings, "--init", "a.pth", "--init-saw", "none", "--exact", "--dry-run"],
        ["study", "s.toml", "--dry-run"],
        ["predict", "heads/images/s1.nii.gz", *foreign, "--preprocess", "none", "--out", "o"],
        ["eval", *settings[:6], "--size", "16x16x16", *foreign],
    ):
        done = case.lacuna(*verb)
        case.expect(f"{verb[0]} says that there is another", done.code == 0 and done.says("`ema_state_dict`", "--state-dict"), done)
    torch_file.save({"epoch": 3, "ema_state_dict": average}, case.folder / "a.pth")
    done = case.lacuna("convert", "a.pth")
    case.expect("ema_state_dict alone is read", done.code == 0, done)
