"""Voxels that 32-bit floats cannot tell apart, and 64-bit integers beyond 2^53."""

import nibabel as nib
import numpy as np

from common import head, save

REPORT = "export of int32 and int64 images"
RIGHT = "exported with the same values, or the rounding is reported; what rounding makes constant is never called so without it"


def check(case):
    image, labels = head()
    for name, voxels in (("int32", image.astype(np.int32) + 2**24), ("int64", image.astype(np.int64) + 2**60)):
        path = case.folder / f"{name}/images/a.nii.gz"
        path.parent.mkdir(parents=True)
        made = nib.Nifti1Image(voxels, np.diag([2.0, 2, 3, 1]), dtype=voxels.dtype)
        made.header.set_xyzt_units("mm")
        nib.save(made, path)
        save(labels, case.folder / f"{name}/labels/a.nii.gz", np.diag([2.0, 2, 3, 1]))
        done = case.data_check(name)
        faults = {problem["fault"] for problem in done.problems}
        case.expect(f"{name} is not called constant unless rounding is reported", "constant" not in faults or "rounded" in faults, done)
        if done.code == 0:
            exported = case.lacuna("data", "export", name, "--to", "plain", "--out", f"{name}-out")
            found = np.asarray(nib.load(case.folder / f"{name}-out/images/a.nii.gz").dataobj).astype(voxels.dtype)
            same = (found == voxels).mean()
            reported = done.says_any("float32", "precision", "rounded", "2^24", "exact") or exported.says_any("float32", "precision", "rounded")
            case.expect(f"{name} keeps its values, or it is reported", same == 1 or reported, f"{same:.3f} of the voxels are the same, {exported}")
