#!/usr/bin/env bash
# nifti1.h says of a single .nii file that a vox_offset below 352 is equivalent to 352, so that a writer may leave it at 0.
# Neither reader does that: nibabel begins at byte 0 and takes the header for voxels, SimpleITK begins at byte 348 and is
# four bytes early everywhere. Both are silent, and an image looks almost right in ITK.
#
# Seen with nibabel 5.4.2 and SimpleITK 2.5.7 on int16 voxels 0 1 2 3: nibabel 348 0 0 0, SimpleITK 0 0 0 1.
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
for offset in (352, 0):
    data[108:112] = struct.pack("<f", offset)
    with open("head.nii", "wb") as file:
        file.write(data)
    one = numpy.asarray(nibabel.load("head.nii").dataobj).ravel(order="F")[:4].tolist()
    other = SimpleITK.GetArrayFromImage(SimpleITK.ReadImage("head.nii")).ravel()[:4].tolist()
    print(f"vox_offset {offset}, stored 0 1 2 3: nibabel {one}, SimpleITK {other}")
    found[offset] = (one, other)

assert found[352] == ([0, 1, 2, 3], [0, 1, 2, 3]), "352 is read alike"
assert found[0] == ([348, 0, 0, 0], [0, 0, 0, 1]), "0 was read from byte 0 and from byte 348"
PYTHON
