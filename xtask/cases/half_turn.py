"""A qform of an exact half turn: b, c, d in 32 bits are a little too short, and a is 0."""

import nibabel as nib
import numpy as np

from common import head, with_header

REPORT = "nibabel#1181, #1182, SCT#3703"
RIGHT = "sform and qform are one grid, as nibabel has it, in all orders of the axes that are half turns"


def check(case):
    apart = 0.0
    for seed, codes in enumerate(("LIA", "ARS", "LPS", "RPI", "SAR", "IRP")):
        affine = np.eye(4)
        affine[:3, :3] = nib.orientations.inv_ornt_aff(nib.orientations.axcodes2ornt(codes), (1, 1, 1))[:3, :3]
        affine[:3, 3] = -100, 80, -60
        for voxels, kind in zip(head(seed, (250, 6, 6)), ("images", "labels")):
            made = nib.Nifti1Image(voxels, affine)
            made.header.set_xyzt_units("mm")
            made.set_sform(affine, 1)
            made.set_qform(affine, 1)
            path = case.folder / f"data/{kind}/{codes}.nii"
            path.parent.mkdir(parents=True, exist_ok=True)
            # Of the label map the qform alone is left.
            path.write_bytes(with_header(made, sform_code=0) if kind == "labels" else made.to_bytes())
            apart = max(apart, np.abs(nib.load(path).affine - affine).max())
    case.expect("nibabel sees one grid", apart < 1e-4, apart)
    case.sound("so does data check", case.data_check("data"), 6)
