#!/usr/bin/env bash
# Two libraries, one name, and the opposite order of two results. MedPy takes the 95th percentile over the distances of
# both surfaces together; surface-distance takes it per direction, weighed by area, and then the larger of the two. A
# prediction with stray voxels is perfect to one and the worse one to the other, so a ranking by "HD95" depends on the import.
#
# Seen with MedPy 0.5.2 and surface-distance 0.1: moved by 5 voxels 5.0 and 5.0; with 200 stray voxels 0.0 and 7.6.
set -euo pipefail
place=$(mktemp -d)
trap 'rm -rf "$place"' EXIT
python3 -m venv "$place/venv"
"$place/venv/bin/python" -m pip install --quiet --disable-pip-version-check numpy==2.4.6 scipy==1.17.1 MedPy==0.5.2 surface-distance==0.1
cd "$place"
"$place/venv/bin/python" - <<'PYTHON'
import numpy
from medpy.metric.binary import hd95
from surface_distance import compute_robust_hausdorff, compute_surface_distances

truth = numpy.zeros((40, 40, 40), bool)
truth[10:30, 10:30, 10:30] = True
moved = numpy.roll(truth, 5, 0)
stray = truth.copy()
stray[tuple(numpy.random.default_rng(8).integers(0, 40, (3, 200)))] = True

found = {}
for name, prediction in (("moved", moved), ("stray", stray)):
    one = float(hd95(prediction, truth, voxelspacing=(1, 1, 1)))
    other = float(compute_robust_hausdorff(compute_surface_distances(truth, prediction, (1, 1, 1)), 95))
    print(f"{name}: MedPy {one:.2f} mm, surface-distance {other:.2f} mm")
    found[name] = (one, other)

assert found["moved"] == (5.0, 5.0), "a move is seen alike"
assert found["stray"][0] < found["moved"][0], "to MedPy the prediction with stray voxels is the better one"
assert found["stray"][1] > found["moved"][1], "to surface-distance it is the worse one"
PYTHON
