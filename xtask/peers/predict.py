"""What `lacuna predict` writes, as nibabel, numpy and scipy have it.

    python predict.py LACUNA FOLDER

On images with an oblique affine, in float, integer and scaled files: affine, sform and qform of labels and
probabilities are the image's; labels are the most probable class; of each class the largest component is the one that
scipy.ndimage finds; and the Gaussian blend of windows is made here once more, from logits that the program gives of
each window as an image of its own. Prints one JSON object of figures, and fails if one is out of bounds.
"""

import json
import os
import sys

import nibabel
import numpy as np
from scipy import ndimage

from command import lacuna

SHAPE = (40, 48, 24)
WINDOW = (16, 24, 16)
CLASSES = 3


def oblique():
    turn = np.deg2rad(12)
    rotation = np.array([[np.cos(turn), -np.sin(turn), 0], [np.sin(turn), np.cos(turn), 0], [0, 0, 1]])
    affine = np.eye(4)
    affine[:3, :3] = rotation @ np.diag([-1.1, 0.9, 2.0])
    affine[:3, 3] = [31.5, -22.25, 7.125]
    return affine


def images(folder):
    """The same blobs as float32, int16 with a slope, and uint8 with a qform alone."""
    noise = np.random.default_rng(5).normal(size=SHAPE)
    smooth = ndimage.gaussian_filter(noise, 2)
    smooth = (smooth - smooth.min()) / (smooth.max() - smooth.min())
    os.makedirs(folder)
    for name, dtype in (("float", np.float32), ("scaled", np.int16), ("qform", np.uint8)):
        image = nibabel.Nifti1Image((smooth * 255).astype(dtype), oblique())
        image.set_sform(oblique(), 0 if name == "qform" else 1)
        image.set_qform(oblique(), 1)
        if name == "scaled":
            image.header.set_slope_inter(0.5, 3)
        nibabel.save(image, os.path.join(folder, f"{name}.nii.gz"))


def loaded(folder, name):
    return nibabel.load(os.path.join(folder, f"{name}.nii.gz"))


def same_place(image, result):
    assert result.shape == image.shape, (result.shape, image.shape)
    codes = [(int(of.header["sform_code"]), int(of.header["qform_code"])) for of in (image, result)]
    assert codes[0] == codes[1], codes
    return float(np.abs(result.affine - image.affine).max())


def softmax(logits):
    powers = np.exp(logits - logits.max(0))
    return powers / powers.sum(0)


def starts(size, window):
    """Overlap 0.5, as nnU-Net spreads windows, on multiples of 8."""
    if size <= window:
        return [0]
    last = -(-(size - window) // 8) * 8
    steps = -(-last // max(window // 2, 8))
    return [n * last // steps // 8 * 8 for n in range(steps + 1)]


def gaussian(length):
    return np.exp(-(((np.arange(length) - (length - 1) / 2) / (length / 8)) ** 2) / 2)


def blended(program, model, image, folder):
    """The blend on the output grid, where (D, H, W) are (i, j, k)."""
    voxels = np.asarray(image.dataobj, dtype=np.float32)
    out = [2 * -(-size // 8) for size in SHAPE]
    sums, weights = np.zeros([CLASSES, *out]), np.zeros(out)
    for i in starts(SHAPE[0], WINDOW[0]):
        for j in starts(SHAPE[1], WINDOW[1]):
            for k in starts(SHAPE[2], WINDOW[2]):
                part = voxels[i : i + WINDOW[0], j : j + WINDOW[1], k : k + WINDOW[2]]
                path = os.path.join(folder, f"window-{i}-{j}-{k}.nii.gz")
                nibabel.save(nibabel.Nifti1Image(part, np.eye(4)), path)
                said = os.path.join(folder, f"window-{i}-{j}-{k}.safetensors")
                lacuna(program, "predict", path, "--model", model, "--preprocess", "none", "--logits", said)
                answer = softmax(tensor(said)[0])
                place = tuple(slice(at // 4, at // 4 + n) for at, n in zip((i, j, k), answer.shape[1:]))
                weight = np.einsum("i,j,k->ijk", *[gaussian(n) for n in answer.shape[1:]])
                sums[(slice(None), *place)] += weight * answer
                weights[place] += weight
    return sums / weights


def tensor(path):
    with open(path, "rb") as file:
        head = json.loads(file.read(int.from_bytes(file.read(8), "little")))["logits"]
        return np.frombuffer(file.read(), dtype="<f4").reshape(head["shape"])


def to_image(lattice):
    """Trilinear, corners on corners, which is how an image without preprocessing meets its output grid."""
    grids = [np.linspace(0, n - 1, size) for n, size in zip(lattice.shape, SHAPE)]
    return ndimage.map_coordinates(lattice, np.meshgrid(*grids, indexing="ij"), order=1)


def largest(labels):
    kept = np.zeros_like(labels)
    for value in range(1, CLASSES):
        parts, count = ndimage.label(labels == value, structure=np.ones((3, 3, 3)))
        if count:
            sizes = ndimage.sum_labels(np.ones_like(parts), parts, range(1, count + 1))
            kept[parts == 1 + int(np.argmax(sizes))] = value
    return kept


def main():
    program, folder = sys.argv[1:]
    scans = os.path.join(folder, "scans")
    images(scans)
    labelled = os.path.join(folder, "cohort")
    lacuna(program, "phantom", "--out", labelled, "--subjects", "2", "--dims", "16x18x12")
    table = os.path.join(folder, "three.toml")
    values = "\n".join(f'{n} = "{("rest", "a", "b")[n % 3]}"' for n in range(11))
    with open(table, "w") as file:
        file.write(f'name = "three"\nclasses = ["rest", "a", "b"]\n[map]\n{values}\n')
    training = ["--depth", "10", "--epochs", "2", "--preprocess", "none", "--set", "train.learning_rate=0.0001"]
    runs = os.path.join(folder, "runs")
    model = lacuna(program, "train", "--data", labelled, "--labels", table, "--runs", runs, *training)["model"]

    out, cut = os.path.join(folder, "plain"), os.path.join(folder, "cut")
    lacuna(program, "predict", scans, "--model", model, "--out", out, "--probabilities")
    parts = os.path.join(folder, "largest")
    lacuna(program, "predict", scans, "--model", model, "--out", parts, "--largest-component")
    window = "x".join(map(str, WINDOW))
    lacuna(program, "predict", scans, "--model", model, "--out", cut, "--probabilities", "--window", window)

    affine_mm, blend, removed = 0.0, 0.0, 0
    for name in ("float", "scaled", "qform"):
        image, labels = loaded(scans, name), loaded(out, f"{name}_labels")
        of_class = [loaded(out, f"{name}_probability-{c}") for c in range(CLASSES)]
        affine_mm = max([affine_mm, same_place(image, labels), *(same_place(image, one) for one in of_class)])
        stack = np.stack([np.asarray(one.dataobj) for one in of_class])
        values = np.asarray(labels.dataobj).astype(int)
        assert np.array_equal(values, stack.argmax(0)), name
        assert np.abs(stack.sum(0) - 1).max() < 1e-5, name
        kept = np.asarray(loaded(parts, f"{name}_labels").dataobj).astype(int)
        assert np.array_equal(kept, largest(values)), name
        removed += int((kept != values).sum())
    image = loaded(scans, "float")
    os.makedirs(os.path.join(folder, "windows"))
    expected = blended(program, model, image, os.path.join(folder, "windows"))
    for c in range(CLASSES):
        found = np.asarray(loaded(cut, f"float_probability-{c}").dataobj)
        blend = max(blend, float(np.abs(found - to_image(expected[c])).max()))
    figures = {"affine_largest_difference": affine_mm, "blend_largest_difference": blend, "voxels_removed": removed}
    print(json.dumps(figures))
    assert affine_mm < 1e-6 and blend < 1e-5 and removed > 0, figures


main()
