"""What nibabel, safetensors and torch make of the damaged files that lacuna reads: who accepts which.

    cargo xtask mutate --only nifti --count 2000 --keep FOLDER
    python xtask/peers/accepts.py LACUNA FOLDER

where LACUNA is the program, which says why it refuses what a peer accepts. Prints counts and the commonest reasons as JSON
lines. Torch is asked where it is installed.
"""

import csv
import json
import re
import subprocess
import sys
import warnings
from collections import Counter
from pathlib import Path

import nibabel
import numpy
import safetensors

warnings.simplefilter("ignore")


def nifti(path):
    """Header and all voxels, finite, as a reader that segments them needs them."""
    voxels = numpy.asanyarray(nibabel.load(path).dataobj)
    if not numpy.isfinite(voxels.astype(numpy.float64)).all():
        raise ValueError("a voxel is not finite")


def tensors(path):
    """Names, types and bytes; NumPy knows fewer types than the format."""
    safetensors.deserialize(path.read_bytes())


def torch_file(path):
    import torch

    torch.load(path, map_location="cpu", weights_only=True)


PEERS = {
    "nifti": ("nibabel", nifti),
    "nifti-gz": ("nibabel", nifti),
    "nifti-labels": ("nibabel", nifti),
    "safetensors": ("safetensors", tensors),
    "torch": ("torch", torch_file),
}


def accepts(read, path):
    """Whether it reads, and the kind of complaint if it does not."""
    try:
        read(path)
        return True, ""
    except ImportError:
        raise
    except BaseException as error:  # A panic of a peer's own core is no ordinary exception.
        if isinstance(error, (KeyboardInterrupt, SystemExit)):
            raise
        said = (str(error).splitlines() or [""])[0].replace(str(path), "FILE")
        return False, f"{type(error).__name__}: {said[:80]}"


def why(lacuna, path):
    """What lacuna says, without numbers, names and paths."""
    ran = subprocess.run([lacuna, "inspect", path], capture_output=True, text=True, check=False)
    if ran.returncode == 0:
        return "read by `inspect`, and refused as what it is used for"
    said = " ".join(line.strip() for line in ran.stderr.splitlines() if not line.strip().startswith("fix:"))
    said = re.sub(r"^.*?" + re.escape(path.name) + r":? *", "", said)
    return re.sub(r"[-+]?[0-9][0-9.e+-]*|`[^`]*`", "N", said)[:110]


def main():
    lacuna, folder = sys.argv[1], Path(sys.argv[2])
    counts, complaints, more = Counter(), Counter(), Counter()
    with open(folder / "verdicts.csv", newline="") as table:
        rows = list(csv.DictReader(table))
    parser = rows[0]["parser"]
    peer, read = PEERS[parser]
    for row in rows:
        path, ours = folder / row["file"], row["accepted"] == "true"
        theirs, said = accepts(read, path)
        counts[("both" if theirs else "lacuna_alone") if ours else ("peer_alone" if theirs else "neither")] += 1
        if ours and not theirs:
            complaints[said] += 1
        if theirs and not ours:
            more[why(lacuna, path)] += 1
    found = {"parser": parser, "peer": peer, "files": len(rows), **counts}
    found |= {"peer_refuses": dict(complaints.most_common(5)), "lacuna_refuses": dict(more.most_common(10))}
    print(json.dumps(found, indent=2))


if __name__ == "__main__":
    main()
