"""A tilted CT as dcm2niix writes it uncorrected: an sform sheared by 15 degrees, a qform that is not."""

import numpy as np

from common import head, save

REPORT = "dcm2niix's uncorrected gantry tilt"
RIGHT = "reported, and no advice to copy one form over the other unseen: here neither is known to be exact"


def check(case):
    affine = np.array([[-1.25, 0, 0, 20], [0, -1.5, 0, 24], [0, 3 * np.tan(np.radians(15)), 3, -13], [0, 0, 0, 1]])
    affine[1:3, 1:3] = [[-1.5 * np.cos(np.radians(15)), 0], [-1.5 * np.sin(np.radians(15)), 3]]
    for voxels, kind in zip(head(0, (16, 18, 10)), ("images", "labels")):
        save(voxels, case.folder / f"data/{kind}/tilted.nii.gz", affine)
    done = case.data_check("data")
    faults = {problem["fault"] for problem in done.problems}
    case.expect("the shear is reported", "sheared-sform" in faults, done)
    advice = " ".join(problem["fix"] for problem in done.problems)
    case.expect("there is no advice to set the sform from the qform", "sform from the qform" not in advice, advice)
    case.expect("there is no advice to copy one over the other", "over the other" not in advice, advice)
