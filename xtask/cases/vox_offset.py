"""Single files whose vox_offset is below 352, which nifti1.h says is equivalent to 352."""

import nibabel as nib

from common import AFFINE, head, with_header

REPORT = "nibabel 5.4.2 reads from byte 0, SimpleITK 2.5.7 from byte 348"
RIGHT = "the voxels from byte 352 on (or refused by field), with a word that other programs read others"


def check(case):
    image, labels = head()
    right = [float(image.min()), float(image.max())]
    for offset in (0, 348):
        for voxels, kind in ((image, "images"), (labels, "labels")):
            made = nib.Nifti1Image(voxels, AFFINE)
            made.header.set_xyzt_units("mm")
            made.set_qform(AFFINE, 1)
            made.set_sform(AFFINE, 1)
            path = case.folder / f"{offset}/{kind}/a.nii"
            path.parent.mkdir(parents=True)
            path.write_bytes(with_header(made, vox_offset=offset))
        done = case.data_check(str(offset))
        found = (done.scans.get("a", {}).get("image") or {}).get("range")
        read = done.code == 0 and found == right
        case.expect(f"{offset}: its own voxels", read or (offset and done.code == 4), f"{found} in place of {right}, {done}")
        case.expect(f"{offset}: it is reported", done.says("vox_offset"), done)
