#!/usr/bin/env bash
# `bids-validator --recursive` is to look into derivatives/. It does so only in folders that hold a dataset_description.json;
# a derivative that lacks it, which is an error of its own, is passed over: exit code 0, no issue, not in the summary.
#
# Seen with bids-validator 3.0.2 on one derivative with a file that no BIDS name has: described, exit code 16 and
# NOT_INCLUDED; without its description, exit code 0 and nothing.
set -euo pipefail
place=$(mktemp -d)
trap 'rm -rf "$place"' EXIT
python3 -m venv "$place/venv"
"$place/venv/bin/python" -m pip install --quiet --disable-pip-version-check numpy==2.4.6 nibabel==5.4.2 bids-validator-deno==3.0.2
cd "$place"
"$place/venv/bin/python" - <<'PYTHON'
import json
import os
import subprocess

import nibabel
import numpy

image = nibabel.Nifti1Image(numpy.arange(512, dtype=numpy.int16).reshape(8, 8, 8), numpy.eye(4))
image.header.set_xyzt_units("mm", "sec")


def write(folder, kind, **more):
    os.makedirs(folder, exist_ok=True)
    with open(f"{folder}/dataset_description.json", "w") as file:
        json.dump({"Name": "heads", "BIDSVersion": "1.10.0", "DatasetType": kind, "License": "CC0"} | more, file)


def save(folder, name):
    os.makedirs(folder, exist_ok=True)
    nibabel.save(image, f"{folder}/{name}.nii.gz")


found = {}
for described in (True, False):
    root = f"described-{described}"
    write(root, "raw", Authors=["A", "B"])
    save(f"{root}/sub-1/anat", "sub-1_T1w")
    with open(f"{root}/README.md", "w") as file:
        file.write("One head, made by a formula.\n" * 10)
    save(f"{root}/derivatives/seg/sub-1/anat", "sub-1_dseg")
    save(f"{root}/derivatives/seg/sub-1/anat", "sub-1_notaname")
    if described:
        write(f"{root}/derivatives/seg", "derivative", GeneratedBy=[{"Name": "none"}])
    done = subprocess.run(["venv/bin/bids-validator-deno", root, "--recursive", "--format", "json"], capture_output=True, text=True)
    result = json.loads(done.stdout)
    errors = [issue["code"] for issue in result["issues"]["issues"] if issue["severity"] == "error"]
    for part in result.get("derivativesSummary", {}).values():
        errors += [issue["code"] for issue in part["issues"]["issues"] if issue["severity"] == "error"]
    print(f"derivative described: {described}; exit code {done.returncode}, errors {errors}, derivatives looked at {list(result.get('derivativesSummary', {}))}")
    found[described] = (done.returncode, errors)

assert found[True][0] != 0 and "NOT_INCLUDED" in found[True][1], "a described derivative is looked at"
assert found[False] == (0, []), "one without its description was passed over"
PYTHON
