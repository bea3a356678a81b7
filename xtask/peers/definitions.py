"""One name, several measures: HD95 and surface Dice of four shapes by `lacuna eval`, MedPy, surface-distance, seg-metrics
and SimpleITK.

    python definitions.py LACUNA FOLDER

The network is a U-Net of two stages with kernels of one voxel, whose weights make the predicted class the nearest whole
number of the intensity: the image is the prediction. Prints one JSON object of figures, which docs/metrics.md shows, and
fails where two programs that have one definition differ.
"""

import json
import os
import sys
import warnings
from importlib.metadata import version

import nibabel
import numpy as np

from command import lacuna

sys.path.append(os.path.join(os.path.dirname(__file__), "../cases"))
from common.unet import unet

warnings.simplefilter("ignore")
if not hasattr(np, "Inf"):
    np.Inf = np.inf  # surface-distance 0.1 asks for it where a mask is empty
import SimpleITK as sitk
import surface_distance
from medpy.metric.binary import hd95
from seg_metrics import seg_metrics

# Spacings of headers are of 32 bits.
BOUND = 1e-6


def shapes():
    """Name, truth, prediction, spacing in mm, tolerance in mm."""
    size = (40, 40, 16)
    place = np.stack(np.meshgrid(*map(np.arange, size), indexing="ij"), -1) - np.array(size) // 2
    radius = lambda spacing: np.linalg.norm(place * spacing, axis=-1)
    ball = radius([1, 1, 1]) < 6.5
    shell = (radius([1, 1, 3]) > 13) & (radius([1, 1, 3]) < 16)
    cube = np.zeros(size, bool)
    cube[10:18, 10:18, 4:12] = True
    stray = ball | (np.random.default_rng(0).random(size) < 0.002)
    yield "ball, one voxel astray in two axes", ball, np.roll(ball, (1, 1), (0, 1)), (1.0, 1.0, 1.0), 1.0
    yield "shell, two voxels astray, thick slices", shell, np.roll(shell, 2, 0), (0.958, 0.958, 3.0), 1.0
    yield "cube, one voxel astray, tolerance of one voxel", cube, np.roll(cube, 1, 0), (0.958, 0.958, 0.958), 0.958
    yield "ball, 0.2 % of stray voxels", ball, stray, (1.0, 1.0, 2.0), 1.0


def ours(program, folder, truth, prediction, spacing, tolerance):
    path = lambda *names: os.path.join(folder, *names)
    for part in ("images", "labels"):
        os.makedirs(path("data", part), exist_ok=True)
    affine = np.diag([*spacing, 1.0])
    voxels = (prediction + 0.2 * np.random.default_rng(0).random(prediction.shape)).astype(np.float32)
    nibabel.save(nibabel.Nifti1Image(voxels, affine), path("data", "images", "a.nii.gz"))
    nibabel.save(nibabel.Nifti1Image(truth.astype(np.uint8), affine), path("data", "labels", "a.nii.gz"))
    model, plans = unet(folder, voxels)
    with open(path("table.toml"), "w") as file:
        file.write('name = "t"\nclasses = ["background", "mask"]\n\n[map]\n0 = "background"\n1 = "mask"\n')
    model = ["--model", str(model), "--plans", str(plans)]
    data = ["--data", path("data"), "--labels", path("table.toml"), "--preprocess", "none", "--runs", path("runs")]
    record = lacuna(program, "eval", *model, *data, "--tolerance", str(tolerance))
    surface = record["scores"][0]["volume"]["classes"][1]["surface"]
    return {key: surface[key] for key in ("hd95_mm", "hd95_mrbrains_mm", "surface_dice", "surface_dice_area")}


def others(truth, prediction, spacing, tolerance):
    distances = surface_distance.compute_surface_distances(truth, prediction, spacing)
    measures = lambda full: seg_metrics.write_metrics(
        labels=[1], gdth_img=truth.astype(np.uint8), pred_img=prediction.astype(np.uint8), spacing=list(spacing),
        metrics=["hd95"], fully_connected=full)[0]["hd95"][0]
    images = []
    for mask in (truth, prediction):
        images.append(sitk.GetImageFromArray(mask.astype(np.uint8).transpose(2, 1, 0)))
        images[-1].SetSpacing(spacing)
    hausdorff = sitk.HausdorffDistanceImageFilter()
    hausdorff.Execute(*images)
    return {
        "MedPy hd95": float(hd95(prediction, truth, voxelspacing=spacing, connectivity=1)),
        "surface-distance robust Hausdorff 95": float(surface_distance.compute_robust_hausdorff(distances, 95)),
        "seg-metrics hd95": float(measures(True)),
        "seg-metrics hd95, fully_connected=False": float(measures(False)),
        "SimpleITK Hausdorff (maximum)": hausdorff.GetHausdorffDistance(),
        "surface-distance surface Dice": float(surface_distance.compute_surface_dice_at_tolerance(distances, tolerance)),
    }


def main():
    program, folder = sys.argv[1:]
    figures = []
    for number, (name, truth, prediction, spacing, tolerance) in enumerate(shapes()):
        found = ours(program, os.path.join(folder, str(number)), truth, prediction, spacing, tolerance)
        figures.append({"shape": name, "spacing_mm": spacing, "tolerance_mm": tolerance, "lacuna": found,
                        "others": others(truth, prediction, spacing, tolerance)})
    versions = {name: version(name) for name in ("MedPy", "surface-distance", "seg-metrics", "SimpleITK")}
    print(json.dumps({"versions": versions, "shapes": figures}))
    for figure in figures:
        here, there = figure["lacuna"], figure["others"]
        assert abs(here["hd95_mm"] - there["MedPy hd95"]) < BOUND, figure
        assert abs(here["hd95_mm"] - there["seg-metrics hd95, fully_connected=False"]) < BOUND, figure
        # The tool itself falls on either side of a tolerance that is a whole number of voxels.
        assert abs(here["surface_dice_area"] - there["surface-distance surface Dice"]) < BOUND, figure


main()
