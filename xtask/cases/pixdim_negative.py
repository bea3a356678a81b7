"""An sform alone, with a negative pixdim[2]: nibabel takes the sform, SimpleITK turns j round."""

import nibabel as nib
import numpy as np

from common import AFFINE, head, with_header

REPORT = "SimpleITK 2.5.7 beside nibabel 5.4.2"
RIGHT = "read by the sform, with a warning that other programs differ; a result has sizes above 0"
NEEDS = ["SimpleITK"]


def written(voxels, path, **fields):
    made = nib.Nifti1Image(voxels, AFFINE)
    made.header.set_xyzt_units("mm")
    made.set_sform(AFFINE, 1)
    made.set_qform(AFFINE, 1)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(with_header(made, **fields))
    return path


def check(case):
    import SimpleITK as sitk

    for both, qform_code in (("sform-alone", 0), ("both", 1)):
        for voxels, kind in zip(head(), ("images", "labels")):
            path = written(voxels, case.folder / both / kind / "a.nii", pixdim=(2, -2), qform_code=qform_code)
        case.expect(f"{both}: nibabel takes the sform", np.allclose(nib.load(path).affine, AFFINE), nib.load(path).affine.tolist())
        done = case.data_check(both)
        case.expect(f"{both}: read", done.code == 0, done)
        case.expect(f"{both}: a negative pixdim is reported", any("pixdim" in str(problem) for problem in done.problems), done)
    mirrored = sitk.ReadImage(str(case.folder / "sform-alone/images/a.nii")).GetDirection()[4] != sitk.ReadImage(str(written(head()[0], case.folder / "sound.nii"))).GetDirection()[4]
    case.expect("SimpleITK still turns j round, which is why", mirrored, mirrored)
    done = case.lacuna("predict", "sform-alone/images/a.nii", "--model", case.model(), "--out", "o")
    sizes = [nib.load(path).header["pixdim"][1:4].tolist() for path in (case.folder / "o").glob("*.nii*")]
    case.expect("a result has sizes above 0", sizes and min(min(size) for size in sizes) > 0, f"{sizes} {done}")
