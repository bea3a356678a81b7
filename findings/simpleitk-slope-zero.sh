#!/usr/bin/env bash
# NIfTI says of scl_slope 0 that the stored numbers are not scaled, whatever scl_inter holds. SimpleITK adds scl_inter all
# the same; nibabel does not. Of an image with a leftover intercept the two give other intensities, in silence.
#
# Seen with SimpleITK 2.5.7 and nibabel 5.4.2, scl_slope 0 and scl_inter 5: nibabel 0 1 2, SimpleITK 5 6 7.
set -euo pipefail
place=$(mktemp -d)
trap 'rm -rf "$place"' EXIT
python3 -m venv "$place/venv"
"$place/venv/bin/python" -m pip install --quiet --disable-pip-version-check numpy==2.4.6 nibabel==5.4.2 SimpleITK==2.5.7
cd "$place"
"$place/venv/bin/python" - <<'PYTHON'
import struct

import nibabel
import numpy
import SimpleITK

voxels = numpy.arange(6 * 5 * 4, dtype=numpy.int16).reshape(6, 5, 4, order="F")
data = bytearray(nibabel.Nifti1Image(voxels, numpy.eye(4)).to_bytes())
found = {}
for slope, intercept in ((1, 5), (0, 0), (0, 5)):
    data[112:120] = struct.pack("<ff", slope, intercept)
    with open("head.nii", "wb") as file:
        file.write(data)
    one = numpy.asarray(nibabel.load("head.nii").dataobj).ravel(order="F")[:3]
    other = SimpleITK.GetArrayFromImage(SimpleITK.ReadImage("head.nii")).ravel()[:3]
    print(f"scl_slope {slope}, scl_inter {intercept}: nibabel {one.tolist()}, SimpleITK {other.tolist()}")
    found[slope, intercept] = (one.tolist(), other.tolist())

assert found[1, 5] == ([5, 6, 7], [5, 6, 7]), "a true scaling is read alike"
assert found[0, 0] == ([0, 1, 2], [0, 1, 2]), "so is none"
assert found[0, 5] == ([0, 1, 2], [5, 6, 7]), "a slope of 0 with an intercept was not"
PYTHON
