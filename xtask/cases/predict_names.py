"""Two scans of one name in two folders; one image without contrast among many; names of nnU-Net's cases."""

import numpy as np

from common import head, save

REPORT = "TotalSegmentator's ID/ct.nii.gz; nnUNet#2695, MONAI#1846"
RIGHT = "the name that two scans share is reported; an image that cannot be prepared is named, and the others are done; an empty suffix gives the names that nnUNetv2_evaluate_folder reads"


def check(case):
    for number in (1, 2):
        save(head(number)[0], case.folder / f"sub-{number}/T1.nii.gz")
        save(head(number)[0], case.folder / f"many/s{number}.nii.gz")
    save(np.full((16, 18, 12), 7, np.int16), case.folder / "many/s0.nii.gz")
    done = case.lacuna("predict", "sub-1/T1.nii.gz", "sub-2/T1.nii.gz", "--model", case.model(), "--out", "o")
    case.refused("two scans are called T1", done, "T1")
    case.expect("nothing of a file that is there already", not done.says("is there already"), done)
    done = case.lacuna("predict", "many", "--model", case.model(), "--out", "p")
    case.expect("s0 is named", done.says("s0.nii.gz"), done)
    written = sorted(path.name for path in (case.folder / "p").glob("*.nii.gz"))
    case.expect("the others are segmented", written == ["s1_labels.nii.gz", "s2_labels.nii.gz"], f"{written}, {done}")
    case.expect("and the exit code says that one is missing", done.code not in (0, 1), done)
    for name in ("A", "B"):
        save(head(1)[0], case.folder / f"imagesTs/{name}_0000.nii.gz")
    done = case.lacuna("predict", "imagesTs", "--model", case.model(), "--out", "q", "--suffix", "")
    written = sorted(path.name for path in (case.folder / "q").glob("*.nii.gz"))
    case.expect("results are called as the cases", written == ["A.nii.gz", "B.nii.gz"], f"{written}, {done}")
    done = case.lacuna("predict", "imagesTs", "--model", case.model(), "--out", "imagesTs", "--suffix", "")
    case.refused("an empty suffix beside the images", done, "--out")
