"""scl_slope 0, the standard's "not scaled"; with an intercept of 5 SimpleITK adds it and nibabel does not."""

import nibabel as nib

from common import AFFINE, head, with_header

REPORT = "nibabel#45"
RIGHT = "no warning where nothing is scaled; one where programs differ"


def check(case):
    image, labels = head()
    for intercept in (0, 5):
        for voxels, kind in ((image, "images"), (labels, "labels")):
            made = nib.Nifti1Image(voxels, AFFINE)
            made.header.set_xyzt_units("mm")
            made.set_qform(AFFINE, 1)
            made.set_sform(AFFINE, 1)
            path = case.folder / f"{intercept}/{kind}/a.nii"
            path.parent.mkdir(parents=True)
            fields = {"scl_slope": 0, "scl_inter": intercept} if kind == "images" else {}
            path.write_bytes(with_header(made, **fields))
    case.sound("slope 0, intercept 0", case.data_check("0"), 1)
    done = case.data_check("5")
    case.expect("slope 0, intercept 5 is reported", done.code == 0 and done.says("scl_"), done)
    case.expect("and not added", done.scans["a"]["image"]["range"] == [float(image.min()), float(image.max())], done.scans)
