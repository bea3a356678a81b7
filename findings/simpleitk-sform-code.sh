#!/usr/bin/env bash
# SimpleITK takes the sform of a NIfTI file only where its code is 1 (scanner). An image that SPM or FSL aligned to another
# image or to MNI space keeps that matrix in the sform under the code 2, 3 or 4: SimpleITK goes by the qform and says
# nothing, nibabel goes by the sform. Two programs then show one file at two places, centimetres apart.
#
# Seen with SimpleITK 2.5.7 and nibabel 5.4.2: code 1: 0.00 mm; 2, 3, 4: 10.87 mm apart at the far corner.
set -euo pipefail
place=$(mktemp -d)
trap 'rm -rf "$place"' EXIT
python3 -m venv "$place/venv"
"$place/venv/bin/python" -m pip install --quiet --disable-pip-version-check numpy==2.4.6 nibabel==5.4.2 SimpleITK==2.5.7
cd "$place"
"$place/venv/bin/python" - <<'PYTHON'
import math

import nibabel
import numpy
import SimpleITK

voxels = numpy.arange(10 * 12 * 8, dtype=numpy.int16).reshape(10, 12, 8)
scanner = numpy.eye(4)
scanner[:3, 3] = -4, -5, -3
turn = math.radians(12)
aligned = numpy.eye(4)
aligned[:2, :2] = [[math.cos(turn), -math.sin(turn)], [math.sin(turn), math.cos(turn)]]
aligned = aligned @ scanner
aligned[:3, 3] += 3, 8, -6
corner = numpy.array([9, 11, 7])


def by_itk(path):
    """Where SimpleITK puts the far corner; it counts left and posterior as positive."""
    place = SimpleITK.ReadImage(path).TransformIndexToPhysicalPoint([int(n) for n in corner])
    return numpy.array(place) * [-1, -1, 1]


apart = {}
for code in (1, 2, 3, 4):
    image = nibabel.Nifti1Image(voxels, aligned)
    image.set_sform(aligned, code)
    image.set_qform(scanner, 1)
    nibabel.save(image, "head.nii.gz")
    by_nibabel = nibabel.affines.apply_affine(nibabel.load("head.nii.gz").affine, corner)
    apart[code] = float(numpy.linalg.norm(by_nibabel - by_itk("head.nii.gz")))
    print(f"sform code {code}, qform code 1: the far corner is {apart[code]:.2f} mm apart")

assert apart[1] < 1e-3, "a code of 1 was read by both as one place"
assert all(apart[code] > 10 for code in (2, 3, 4)), "codes 2 to 4 were left for the qform"
PYTHON
