"""What nibabel, safetensors and torch make of the damaged files that lacuna reads: who accepts which, and as what.

    cargo xtask mutate --only nifti --count 2000 --keep FOLDER
    python xtask/peers/accepts.py LACUNA FOLDER

where LACUNA is the program, which says why it refuses what a peer accepts. Prints counts and the commonest reasons as JSON
lines. Of what both accept the voxels or tensors are compared too. Torch is asked where it is installed.
"""

import csv
import gzip
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
import safetensors.numpy

warnings.simplefilter("ignore")
nibabel.imageglobals.logger.setLevel("CRITICAL")

# Where a checkpoint has its tensors, in lacuna's order.
STATES = ("state_dict", "model_state_dict", "network_weights", "model", "net", "weights")


def nifti(path):
    """Header and all voxels, finite, as a reader that segments them needs them."""
    voxels = numpy.asanyarray(nibabel.load(path).dataobj)
    if not numpy.isfinite(voxels.astype(numpy.float64)).all():
        raise ValueError("a voxel is not finite")
    return {"voxels": voxels}


def tensors(path):
    """Names, types and bytes; NumPy knows fewer types than the format."""
    safetensors.deserialize(path.read_bytes())
    return None


def torch_file(path):
    """Whatever `torch.load` reads without running anything; what of it are tensors under names."""
    import torch

    read = torch.load(path, map_location="cpu", weights_only=True)
    state = read
    if isinstance(read, dict):
        state = next((read[key] for key in STATES if isinstance(read.get(key), dict)), read)
    if not isinstance(state, dict):
        return {}
    is_plain = lambda value: isinstance(value, torch.Tensor) and value.layout is torch.strided and value.is_cpu
    named = {name: value for name, value in state.items() if is_plain(value) and not value.is_quantized}
    return {str(name): value.detach().to(torch.float32).numpy() for name, value in named.items()}


PEERS = {
    "nifti": ("nibabel", nifti, "copy.nii"),
    "nifti-gz": ("nibabel", nifti, "copy.nii"),
    "nifti-labels": ("nibabel", nifti, "copy.nii.gz"),
    "safetensors": ("safetensors", tensors, None),
    "torch": ("torch", torch_file, "copy.safetensors"),
}


def accepts(read, path):
    """What it reads, whether it does, and the kind of complaint if it does not."""
    try:
        return read(path), True, ""
    except ImportError:
        raise
    except BaseException as error:  # A panic of a peer's own core is no ordinary exception.
        if isinstance(error, (KeyboardInterrupt, SystemExit)):
            raise
        # Torch hides its reason between two screens of advice.
        reason = re.search(r"Unsupported \w+(?: \d+|: GLOBAL \S+)|unsupported GLOBAL \S+", str(error))
        said = reason.group(0) if reason else (str(error).splitlines() or [""])[0].replace(str(path), "FILE")
        return None, False, f"{type(error).__name__}: {said[:80]}"


def differs(theirs, copy):
    """Whether lacuna read something else, by the copy that it wrote of what it read."""
    if theirs is None or not copy.exists():
        return None
    if copy.suffix == ".safetensors":
        ours = safetensors.numpy.load_file(copy)
        same = ours.keys() == theirs.keys() and all(
            ours[name].shape == theirs[name].shape and numpy.array_equal(ours[name], theirs[name], equal_nan=True)
            for name in ours
        )
        return not same
    ours = numpy.asanyarray(nibabel.load(copy).dataobj).astype(numpy.float64)
    voxels = theirs["voxels"].astype(numpy.float64)
    # A fourth axis of one volume is dropped; 32-bit intensities are as near as their last bits.
    voxels = voxels.reshape(voxels.shape[:3]) if voxels.size == ours.size else voxels
    return not (ours.shape == voxels.shape and numpy.allclose(ours, voxels, rtol=1e-6, atol=1e-6 * abs(voxels).max()))


def why(lacuna, path):
    """What lacuna says, without numbers, names and paths."""
    ran = subprocess.run([lacuna, "inspect", path], capture_output=True, text=True, check=False)
    if ran.returncode == 0:
        # `inspect` reads a header; the voxels come after it.
        return "a gzip stream whose end is damaged" if is_damaged_gzip(path) else "read by `inspect`, and not as voxels"
    said = " ".join(line.strip() for line in ran.stderr.splitlines() if not line.strip().startswith("fix:"))
    said = re.sub(r"^.*?" + re.escape(path.name) + r":? *", "", said)
    said = re.sub(r"the checksum [0-9a-f]{8} found: +[0-9a-f]{8}", "a checksum, found another", said)
    return re.sub(r"[-+]?[0-9][0-9.e+-]*|`[^`]*`", "N", said)[:110]


def reads_the_header_as_voxels(path):
    """A single file whose voxels begin at byte 0 by its header: nibabel reads them there, lacuna where they can begin."""
    begun = path.read_bytes()[:176]
    is_version_2 = begun[:4] in (b"\x1c\x02\0\0", b"\0\0\x02\x1c")
    return not any(begun[168:176] if is_version_2 else begun[108:112])


def is_damaged_gzip(path):
    if path.suffix != ".gz":
        return False
    try:
        gzip.decompress(path.read_bytes())
        return False
    except Exception:
        return True


def main():
    lacuna, folder = sys.argv[1], Path(sys.argv[2])
    counts, complaints, more, other = Counter(), Counter(), Counter(), Counter()
    with open(folder / "verdicts.csv", newline="") as table:
        rows = list(csv.DictReader(table))
    parser = rows[0]["parser"]
    peer, read, copy = PEERS[parser]
    for row in rows:
        path, ours = folder / row["file"], row["accepted"] == "true"
        value, theirs, said = accepts(read, path)
        counts[("both" if theirs else "lacuna_alone") if ours else ("peer_alone" if theirs else "neither")] += 1
        if ours and theirs:
            is_other = differs(value, folder / "read" / f"{path.name}.{copy}")
            counts["compared"] += is_other is not None
            other[reads_the_header_as_voxels(path)] += bool(is_other)
        if ours and not theirs:
            complaints[said] += 1
        if theirs and not ours:
            more[why(lacuna, path)] += 1
    found = {"parser": parser, "peer": peer, "files": len(rows), **counts, "read_otherwise": other[False], "header_as_voxels": other[True]}
    found |= {"peer_refuses": dict(complaints.most_common(8)), "lacuna_refuses": dict(more.most_common(12))}
    print(json.dumps(found, indent=2))


if __name__ == "__main__":
    main()
