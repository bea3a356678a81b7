"""Single files whose vox_offset is 0, which the standard has begin at byte 352."""

import nibabel as nib

from common import AFFINE, head, with_header

REPORT = "nibabel 5.4.2 reads from byte 0, SimpleITK 2.5.7 from byte 348"
RIGHT = "the voxels from byte 352 on, with a word that other programs read others"


def check(case):
    image, labels = head()
    for voxels, kind in ((image, "images"), (labels, "labels")):
        made = nib.Nifti1Image(voxels, AFFINE)
        made.header.set_xyzt_units("mm")
        made.set_qform(AFFINE, 1)
        made.set_sform(AFFINE, 1)
        path = case.folder / f"data/{kind}/a.nii"
        path.parent.mkdir(parents=True)
        path.write_bytes(with_header(made, vox_offset=0))
    done = case.data_check("data")
    case.expect("no error", done.code == 0, done)
    right = [float(image.min()), float(image.max())]
    found = done.scans["a"]["image"]["range"] if "a" in done.scans else None
    case.expect("its own voxels", found == right, f"{found} in place of {right}")
    case.expect("it is told", done.says("vox_offset"), done)
