"""nnU-Net's own Decathlon converter and integrity check on what `lacuna data export --to msd` writes.

    python decathlon.py LACUNA FOLDER

Two data sets: one with a label table, one that names no classes. Images and label maps that nnU-Net has then must be the
exported ones, voxel for voxel. Prints one JSON object.
"""

import contextlib
import io
import json
import os
import sys
from pathlib import Path

import nibabel
import numpy as np

from command import lacuna


def voxels(path):
    return np.asarray(nibabel.load(path).dataobj)


def converted(folder, task, checked):
    """Files that are the same before and after, by kind."""
    from nnunetv2.dataset_conversion.convert_MSD_dataset import convert_msd_dataset
    from nnunetv2.experiment_planning.verify_dataset_integrity import verify_dataset_integrity

    with contextlib.redirect_stdout(io.StringIO()):
        convert_msd_dataset(str(folder / task), num_processes=1)
        (place,) = (folder / "raw").glob(f"Dataset{task[4:7]}_*")
        # Without a table the label values have gaps, which nnU-Net refuses in any data set.
        if checked:
            verify_dataset_integrity(str(place), num_processes=1)
    same = {}
    for kind, ending in (("imagesTr", "_0000.nii.gz"), ("labelsTr", ".nii.gz")):
        sources = sorted((folder / task / kind).glob("*.nii.gz"))
        pairs = [(source, place / kind / source.name.replace(".nii.gz", ending)) for source in sources]
        same[kind] = sum(np.array_equal(voxels(one), voxels(other)) for one, other in pairs)
        if same[kind] != len(pairs) or not pairs:
            sys.exit(f"{task}: {same[kind]} of {len(pairs)} files of {kind} are the same")
    return {**same, "labels": json.loads((place / "dataset.json").read_text())["labels"]}


def main():
    program, folder = sys.argv[1], Path(sys.argv[2]).resolve()
    for name in ("raw", "preprocessed", "results"):
        os.environ[f"nnUNet_{name}"] = str(folder / name)
        (folder / name).mkdir()
    lacuna(program, "phantom", "--out", "heads", "--subjects", "3", "--dims", "16x18x12", folder=folder)
    tasks = {"Task098_Named": ["--labels", "tissue"], "Task099_Unnamed": []}
    figures = {}
    for task, words in tasks.items():
        lacuna(program, "data", "export", "heads", *words, "--to", "msd", "--out", task, folder=folder)
        figures[task] = converted(folder, task, checked=bool(words))
    print(json.dumps(figures))


if __name__ == "__main__":
    main()
