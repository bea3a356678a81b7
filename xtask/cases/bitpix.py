"""A bitpix of 0 or of another type: nibabel and SimpleITK go by the datatype."""

import nibabel as nib

from common import AFFINE, head, with_header

REPORT = "nibabel header oddities"
RIGHT = "read by the datatype, or refused with field, expected and found"


def check(case):
    image, labels = head()
    for bits in (0, 32):
        for voxels, kind in ((image, "images"), (labels, "labels")):
            made = nib.Nifti1Image(voxels, AFFINE)
            made.header.set_xyzt_units("mm")
            path = case.folder / f"{bits}/{kind}/a.nii"
            path.parent.mkdir(parents=True)
            path.write_bytes(with_header(made, bitpix=bits) if kind == "images" else made.to_bytes())
        done = case.data_check(str(bits))
        read = done.code == 0 and done.scans["a"]["image"]["range"] == [float(image.min()), float(image.max())]
        case.expect(f"bitpix {bits}: read, or refused by field", read or (done.code == 4 and done.says("bitpix")), done)
