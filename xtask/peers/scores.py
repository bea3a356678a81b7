"""HD95, volume similarity, surface Dice and Dice of `lacuna eval` against scipy and SimpleITK on real labels.

    python scores.py LACUNA DATA FOLDER

DATA holds `ixi7` and `hippocampus60`. A network of a few epochs predicts, right here and wrong there; its
predictions are read back with nibabel, so that both sides score the same files. Also compared: grid and affine of
predictions with those of their images. Prints one JSON object of figures, and fails if one is out of bounds.
"""

import csv
import json
import os
import sys

import nibabel
import numpy as np
import SimpleITK as sitk
import scipy.spatial
import torch
from scipy import ndimage

from command import lacuna
from medicalnet import with_statistics

TOLERANCE_MM = 1.0
SCANS_MAX = 7
EPOCHS = 12
SETTINGS = ["--set", "train.learning_rate=0.01", "--set", "train.head_multiplier=1", "--set", "train.loss=\"both\""]
FACES = ndimage.generate_binary_structure(3, 1)
METRICS = ("dice", "hd95_mm", "hd95_mrbrains_mm", "volume_similarity", "surface_dice")


def mrbrains(masks, spacing):
    points = []
    for mask in masks:
        image = sitk.GetImageFromArray(mask.transpose(2, 1, 0).astype(np.uint8))
        edge = sitk.GetArrayFromImage(sitk.Subtract(image, sitk.BinaryErode(image, (1, 1, 0))))
        points.append(np.argwhere(edge.transpose(2, 1, 0)) * spacing)
    if min(map(len, points)) == 0:
        return None
    nearest = [scipy.spatial.KDTree(b).query(a)[0] for a, b in (points, points[::-1])]
    return max(np.percentile(distances, 95) for distances in nearest)


def reference(prediction, truth, spacing):
    sizes = [int(prediction.sum()), int(truth.sum())]
    if sum(sizes) == 0:
        return dict.fromkeys(METRICS)
    scores = {
        "dice": 2 * int((prediction & truth).sum()) / sum(sizes),
        "volume_similarity": 1 - abs(sizes[0] - sizes[1]) / sum(sizes),
    }
    if 0 in sizes:
        diagonal = float(np.linalg.norm((np.array(truth.shape) - 1) * spacing))
        return {**scores, "hd95_mm": diagonal, "hd95_mrbrains_mm": None, "surface_dice": 0.0}
    edges = [mask & ~ndimage.binary_erosion(mask, FACES) for mask in (prediction, truth)]
    maps = [ndimage.distance_transform_edt(~edge, sampling=spacing) for edge in edges]
    both = np.concatenate([maps[1][edges[0]], maps[0][edges[1]]])
    # Headers keep spacings in 32 bits: a distance that equals the tolerance may come out a little longer.
    near = both <= TOLERANCE_MM * (1 + 1e-5)
    scores |= {"hd95_mm": float(np.percentile(both, 95)), "surface_dice": float(np.mean(near))}
    return scores | {"hd95_mrbrains_mm": mrbrains((prediction, truth), spacing)}


def held_out(root, images, files):
    """All but the chosen, so that training takes seconds."""
    others = [file for file in os.listdir(os.path.join(root, images)) if file.endswith(".nii.gz") and file not in files]
    return ["--held-out", ",".join(sorted(file.split(".")[0] for file in others))] if others else []


def number(text):
    return float(text) if text else None


def compare(program, data, folder, name, images, labels, classes, table, ignored):
    """One data set: a model of `classes` classes, its predictions, and both programs' scores of them."""
    source = os.path.join(folder, f"{name}.pth")
    torch.save(with_statistics(10, classes, seed=2).state_dict(), source)
    how = ["--preprocess", "canonical", "--size", "48x64x48"]
    root = os.path.join(data, name)
    runs = os.path.join(folder, f"runs-{name}")
    files = sorted(file for file in os.listdir(os.path.join(root, images)) if file.endswith(".nii.gz"))[:SCANS_MAX]
    chosen = ["--subjects", ",".join(file.split(".")[0] for file in files)]
    training = ["--depth", "10", "--init", source, "--epochs", str(EPOCHS), *SETTINGS, "--runs", runs, *how]
    trained = lacuna(program, "train", "--data", root, "--labels", table, *training, *held_out(root, images, files))
    model = trained["model"]
    words = ["--model", model, "--data", root, "--labels", table, "--runs", runs, *how, *chosen]
    record = lacuna(program, "eval", *words)
    out = os.path.join(folder, f"out-{name}")
    with open(os.path.join(record["run"], "subjects.csv")) as file:
        rows = [row for row in csv.DictReader(file) if row["grid"] == "volume"]
    apart = dict.fromkeys(METRICS, 0.0)
    pairs, empty, affine_mm, hd95s = 0, 0, 0.0, []
    for file in files:
        path = os.path.join(root, images, file)
        written = lacuna(program, "predict", path, "--model", model, "--out", out, *how)["predictions"][0]["output"]
        predicted, image = nibabel.load(written), nibabel.load(path)
        truth_image = nibabel.load(os.path.join(root, labels, file))
        assert predicted.shape == image.shape[:3], (file, predicted.shape)
        affine_mm = max(affine_mm, float(np.abs(predicted.affine - image.affine).max()))
        prediction, truth = np.asarray(predicted.dataobj).astype(int), np.asarray(truth_image.dataobj).astype(int)
        masked = np.isin(truth, ignored)
        prediction[masked] = truth[masked] = 0
        spacing = np.sqrt((image.affine[:3, :3] ** 2).sum(0))
        named = [row for row in rows if row["subject"] in file.split(".")[0]]
        # Rows stand in class order; in both data sets a class is its label's number.
        for value, row in enumerate((row for row in named if row["class"] not in ("mean", "background")), 1):
            expected = reference(prediction == value, truth == value, spacing)
            pairs += 1
            empty += expected["hd95_mrbrains_mm"] is None
            hd95s += [expected["hd95_mm"]] if expected["hd95_mrbrains_mm"] else []
            for metric in METRICS:
                found, wanted = number(row[metric]), expected[metric]
                assert (found is None) == (wanted is None), (file, value, metric, found, wanted)
                if found is not None:
                    apart[metric] = max(apart[metric], abs(found - wanted))
    return {"data": name, "scans": len(files), "class_pairs": pairs, "with_an_empty_mask": empty, "hd95_mm_range": [min(hd95s), max(hd95s)],
            "largest_difference": apart, "affine_largest_difference": affine_mm}


def main():
    program, data, folder = sys.argv[1:]
    torch.set_num_threads(2)
    figures = [
        compare(program, data, folder, "ixi7", "images", "labels", 9, "mrbrains", [9, 10]),
        compare(program, data, folder, "hippocampus60", "imagesTr", "labelsTr", 3, "as-is", []),
    ]
    print(json.dumps({"tolerance_mm": TOLERANCE_MM, "scores": figures}))
    for figure in figures:
        assert figure["class_pairs"] > 0 and max(figure["largest_difference"].values()) < 1e-6, figure
        assert figure["affine_largest_difference"] < 1e-5, figure


main()
