#!/usr/bin/env bash
# A structure that the prediction misses altogether has no surface to measure a distance to. seg-metrics answers 0 mm, its
# best value, for hd, hd95 and msd: averaged over cases, a network that finds nothing has the best distances.
#
# Seen with seg-metrics 1.2.8: missed: Dice 0, HD95 0; moved by 3 voxels: Dice 0.85, HD95 3.0.
set -euo pipefail
place=$(mktemp -d)
trap 'rm -rf "$place"' EXIT
python3 -m venv "$place/venv"
"$place/venv/bin/python" -m pip install --quiet --disable-pip-version-check numpy==2.4.6 seg-metrics==1.2.8
cd "$place"
"$place/venv/bin/python" - <<'PYTHON'
import numpy
from seg_metrics.seg_metrics import write_metrics

truth = numpy.zeros((40, 40, 40), numpy.uint8)
truth[10:30, 10:30, 10:30] = 1
found = {}
for name, prediction in (("missed", numpy.zeros_like(truth)), ("moved by 3", numpy.roll(truth, 3, 0))):
    measures = write_metrics(labels=[1], gdth_img=truth, pred_img=prediction, spacing=(1, 1, 1), metrics=["dice", "hd", "hd95", "msd"])[0]
    found[name] = {key: round(float(values[0]), 2) for key, values in measures.items() if key != "label"}
    print(f"{name}: {found[name]}")

assert found["missed"] == {"dice": 0, "hd": 0, "hd95": 0, "msd": 0}, "a missed structure has distances of 0"
assert found["moved by 3"]["hd95"] == 3, "worse than a prediction that is three voxels off"
PYTHON
