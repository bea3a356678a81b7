"""A quaternion longer than 1 by 2e-6, which nibabel refuses; what is written from it must be readable."""

import nibabel as nib
import numpy as np

from common import head, with_header

REPORT = "SCT#3703, fmriprep#845"
RIGHT = "results have a quaternion that nibabel reads"


def check(case):
    affine = np.diag([-1.0, -2, 3, 1])
    image, labels = head()
    for voxels, kind in ((image, "images"), (labels, "labels")):
        made = nib.Nifti1Image(voxels, affine)
        made.header.set_xyzt_units("mm")
        made.set_qform(affine, 1)
        path = case.folder / f"data/{kind}/a.nii"
        path.parent.mkdir(parents=True)
        path.write_bytes(with_header(made, sform_code=0, quatern_d=1.000002))
    done = case.data_check("data")
    if done.code != 0:
        case.refused("refused by field", done, "quat")
        return
    predicted = case.lacuna("predict", "data/images/a.nii", "--model", case.model(), "--out", "o")
    exported = case.lacuna("data", "export", "data", "--to", "plain", "--out", "e")
    for what, done in (("o", predicted), ("e", exported)):
        case.expect(f"{what} is written", done.code == 0, done)
        for path in sorted((case.folder / what).rglob("*.nii*")):
            try:
                apart = np.abs(nib.load(path).affine - affine).max()
            except ValueError as error:
                apart = f"nibabel: {error}"
            case.expect(f"nibabel reads {path.name}", isinstance(apart, float) and apart < 1e-3, apart)
