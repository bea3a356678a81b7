#!/usr/bin/env bash
# A label map that was computed as floats and is saved under the header of an int16 image, a common way to keep its grid.
# nibabel then scales: it spreads 0 to 4 over the range of int16 and keeps a slope of 6.1e-5. Read back, label 3 is
# 2.99998, and the usual cast to integers makes it 2.
#
# Seen with nibabel 5.4.2: of five labels 3 becomes 2 and 4 becomes 3; of two, 1 becomes 0, so the whole mask is gone.
set -euo pipefail
place=$(mktemp -d)
trap 'rm -rf "$place"' EXIT
python3 -m venv "$place/venv"
"$place/venv/bin/python" -m pip install --quiet --disable-pip-version-check numpy==2.4.6 nibabel==5.4.2
cd "$place"
"$place/venv/bin/python" - <<'PYTHON'
import nibabel
import numpy

header = nibabel.Nifti1Image(numpy.zeros((20, 20, 20), numpy.int16), numpy.eye(4)).header
became = {}
for count in (2, 4, 5):
    labels = numpy.repeat(numpy.arange(20) // (20 // count), 400).reshape(20, 20, 20).astype(float)
    nibabel.save(nibabel.Nifti1Image(labels, numpy.eye(4), header), "labels.nii.gz")
    read = nibabel.load("labels.nii.gz")
    cast = numpy.asarray(read.dataobj).astype(numpy.uint8)
    became[count] = {n: int(cast[labels == n].max()) for n in range(count)}
    print(f"{count} labels, stored as {read.get_data_dtype()} with a slope of {read.dataobj.slope:.3g}; read and cast: {became[count]}")

assert became[2] == {0: 0, 1: 0}, "a mask of 0 and 1 was lost"
assert became[4] != {n: n for n in range(4)} and became[5] != {n: n for n in range(5)}, "labels came back one lower"
assert set(numpy.unique(numpy.rint(read.get_fdata()))) == {0, 1, 2, 3, 4}, "rounding gives them back"
PYTHON
