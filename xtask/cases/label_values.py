"""Label maps that are refused rightly, each of which needs another fix."""

import nibabel as nib
import numpy as np

from common import AFFINE, head, save

REPORT = "nibabel#1001, SCT#3232, torchio#220; nnUNet#2868, #1007"
RIGHT = "refused or read, with a fix that fits each; no advice that is another fault's"

# By what is stored: a word that a fitting fix has.
WORDS = {"scaled": ("slope", "round", "integer"), "minus": ("negative", "-1", "ignore"), "atlas": ("65535",), "onehot": ("one-hot", "argmax", "largest")}


def check(case):
    image, labels = head()
    steps = np.searchsorted([0, 1, 3, 5], labels)
    kinds = {
        "minus": np.where(labels == 5, -1, labels.astype(np.int16)).astype(np.int16),
        "atlas": np.where(labels == 5, 614454277, labels.astype(np.int64)).astype(np.uint32),
        "onehot": np.stack([labels == value for value in (0, 1, 3, 5)], -1).astype(np.uint8),
    }
    for name in WORDS:
        save(image, case.folder / name / "images/a.nii.gz")
        if name in kinds:
            save(kinds[name], case.folder / name / "labels/a.nii.gz")
    # nibabel stores 0, 1, 2 as int16 with a slope of 3e-5, which gives 1.0000153 and 2.
    header = nib.Nifti1Image(np.zeros(steps.shape, np.int16), AFFINE).header
    (case.folder / "scaled/labels").mkdir(parents=True)
    scaled = nib.Nifti1Image(np.minimum(steps, 2).astype(float), AFFINE, header)
    scaled.set_qform(AFFINE, 1)
    nib.save(scaled, case.folder / "scaled/labels/a.nii.gz")
    advice = {}
    for name, words in WORDS.items():
        done = case.data_check(name)
        fixes = [problem["fix"] for problem in done.of("error")]
        advice[name] = " ".join(fixes).lower()
        read = name == "scaled" and done.code == 0 and set(done.scans["a"]["label_counts"]) == {"0", "1", "2"}
        case.expect(f"{name}: refused with a fix that fits, or read", read or (done.code == 4 and any(word in advice[name] for word in words)), done)
    case.expect("each has a fix of its own", len(set(advice.values())) == len(advice), advice)
    for name in ("minus", "atlas", "onehot"):
        case.expect(f"{name} has nothing to do with interpolation", "nearest" not in advice[name], advice[name])
