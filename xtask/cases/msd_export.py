"""nnU-Net's own converter on a Decathlon data set that lacuna exported."""

import contextlib
import io
import json
import os

from common import plain

REPORT = "nnunetv2 2.8.1, nnUNetv2_convert_MSD_dataset"
RIGHT = "converted as it is: imagesTs is there, and labels are named"


def check(case):
    plain(case.folder / "heads")
    for task, words in (("Task098_Named", ["--labels", "tissue"]), ("Task099_Unnamed", [])):
        done = case.lacuna("data", "export", "heads", *words, "--to", "msd", "--out", task)
        case.expect(f"{task} is written", done.code == 0, done)
        index = json.loads((case.folder / task / "dataset.json").read_text())
        case.expect(f"{task} has labels", index.get("labels", {}).get("0") == "background", index.get("labels"))
        case.expect(f"{task} has imagesTs", (case.folder / task / "imagesTs").is_dir(), sorted(os.listdir(case.folder / task)))
        case.expect(f"{task} is read again", case.data_check(task).code == 0, case.data_check(task))
        converted(case, task)


def converted(case, task):
    """What nnU-Net's converter makes of it, where nnU-Net is installed."""
    for name in ("raw", "preprocessed", "results"):
        os.environ[f"nnUNet_{name}"] = str(case.folder / name)
        (case.folder / name).mkdir(exist_ok=True)
    try:
        with contextlib.redirect_stdout(io.StringIO()):
            from nnunetv2.dataset_conversion.convert_MSD_dataset import convert_msd_dataset
    except ImportError:
        return
    try:
        with contextlib.redirect_stdout(io.StringIO()):
            convert_msd_dataset(str(case.folder / task), num_processes=1)
        seen = ""
    except Exception as error:
        seen = f"{type(error).__name__}: {error}"
    images = list((case.folder / "raw").glob(f"Dataset{task[4:7]}_*/imagesTr/*_0000.nii.gz"))
    case.expect(f"nnU-Net converts {task}", not seen and len(images) == 3, f"{seen} {len(images)} images")
