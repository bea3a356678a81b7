"""A NIfTI pair named by its header, a file of 348 bytes."""

import nibabel as nib
import numpy as np

from common import head

REPORT = "nibabel#997, MRtrix pairs"
RIGHT = "half of a .hdr/.img pair, not a file that was cut short"


def check(case):
    nib.save(nib.Nifti1Pair(head()[0], np.eye(4)), case.folder / "a.img")
    header = case.folder / "a.hdr"
    plain = header.read_bytes()[:348]
    for data in (plain, plain + bytes(4)):
        header.write_bytes(data)
        done = case.lacuna("predict", "a.hdr", "--model", case.model(), "--out", f"o{len(data)}")
        case.refused(f"{len(data)} bytes", done, "pair")
        case.expect("there is no advice to download it again", not done.says("download"), done)
