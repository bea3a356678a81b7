"""What the cases share: heads to work on, the command, and the checks."""

import fcntl
import json
import os
import subprocess
from pathlib import Path

import nibabel as nib
import numpy as np

# LAS, voxels of 2 x 2 x 3 mm.
AFFINE = np.array([[-2.0, 0, 0, 15], [0, 2, 0, -17], [0, 0, 3, -16], [0, 0, 0, 1]])
SMALL = ["--preprocess", "canonical", "--size", "16x16x16", "--depth", "10", "--epochs", "1"]


def head(seed=0, dims=(16, 18, 12)):
    """An image and its label map: three shells of 0, 5, 1, 3, numbers of the table `tissue`."""
    draw = np.random.default_rng(seed)
    axes = np.meshgrid(*[np.linspace(-1, 1, n) for n in dims], indexing="ij")
    centre = draw.uniform(-0.1, 0.1, 3)
    radius = np.sqrt(sum((axis - middle) ** 2 for axis, middle in zip(axes, centre)))
    labels = np.select([radius < 0.45, radius < 0.7, radius < 0.9], [3, 1, 5], 0).astype(np.uint8)
    intensities = np.array([5, 350, 0, 650, 0, 150])[labels] + draw.normal(0, 12, dims)
    return intensities.astype(np.int16), labels


def save(voxels, path, affine=AFFINE, kind=nib.Nifti1Image):
    """A NIfTI file with both forms set, in millimetres."""
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    made = kind(voxels, affine)
    made.set_sform(affine, 1)
    # A sheared sform has no qform of its own; nibabel takes the nearest rotation.
    made.set_qform(affine, 1, strip_shears=True)
    made.header.set_xyzt_units("mm", "sec")
    nib.save(made, path)
    return path


def plain(folder, names=("s1", "s2", "s3"), dims=(16, 18, 12), ending=".nii.gz"):
    """A data set of the layout `plain`."""
    for seed, name in enumerate(names):
        image, labels = head(seed, dims)
        save(image, Path(folder) / "images" / (name + ending))
        save(labels, Path(folder) / "labels" / (name + ending))
    return Path(folder)


def bids(folder):
    """The root of a BIDS data set, without files."""
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "dataset_description.json").write_text('{"Name": "heads", "BIDSVersion": "1.9.0"}')
    return folder


def nnunet(folder, index=None, cases=2, channels=1, names="c{}"):
    """An nnU-Net raw data set; `index` changes or adds keys of dataset.json."""
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    for number in range(cases):
        image, labels = head(number)
        case = names.format(number)
        for channel in range(channels):
            save(image, folder / "imagesTr" / f"{case}_{channel:04d}.nii.gz")
        save(labels, folder / "labelsTr" / f"{case}.nii.gz")
    whole = {
        "channel_names": {str(channel): f"T{channel + 1}" for channel in range(channels)},
        "labels": {"background": 0, "gm": 1, "wm": 3, "csf": 5},
        "numTraining": cases,
        "file_ending": ".nii.gz",
    }
    whole |= index or {}
    whole = {key: value for key, value in whole.items() if value is not None}
    (folder / "dataset.json").write_text(json.dumps(whole))
    return folder


def with_header(image, **fields):
    """The bytes of a single-file NIfTI-1 with header fields as given; `(place, value)` sets one of several."""
    data = bytearray(image.to_bytes())
    header = np.frombuffer(bytes(data[:348]), dtype=nib.nifti1.header_dtype).copy()
    for name, value in fields.items():
        if isinstance(value, tuple):
            header[name][0][value[0]] = value[1]
        else:
            header[name][0] = value
    data[:348] = header.tobytes()
    return bytes(data)


class Done:
    """What a command printed, and its exit code."""

    def __init__(self, process, folder):
        self.code = process.returncode
        try:
            self.json = json.loads(process.stdout)
        except ValueError:
            self.json = {}
        reported = [" ".join(str(problem[key]) for key in sorted(problem)) for problem in self.problems]
        reported += [process.stderr, self.json.get("error", "") if self.json else process.stdout]
        # Problems, errors and notices, without the listing and the case's own folder, whose name has its words.
        self.output = "\n".join(reported).replace(f"{folder}/", "").strip()

    @property
    def problems(self):
        return self.json.get("problems", [])

    def of(self, severity):
        return [problem for problem in self.problems if problem["severity"] == severity]

    @property
    def scans(self):
        return {scan["scan"]: scan for scan in self.json.get("scans", [])}

    def says(self, *words):
        """Whether it says all of these, in any case of letters."""
        return all(word.lower() in self.output.lower() for word in words)

    def says_any(self, *words):
        return any(self.says(word) for word in words)

    @property
    def panicked(self):
        return self.code in (1, 101) or self.says_any("internal:", "panicked")

    def __str__(self):
        return f"exit {self.code}: {self.output[:900] or 'nothing is printed'}".replace("\n", " ")


class Skipped(Exception):
    """What a case needs and cannot have here."""


class Case:
    """One case: a folder of its own, a folder that all share, the command, and what was checked."""

    def __init__(self, program, folder, shared):
        self.program, self.folder, self.shared, self.checks = program, folder, shared, []

    def lacuna(self, *words, folder=None, json=True, env=()):
        words = [str(word) for word in words]
        around = {key: value for key, value in os.environ.items() if not key.startswith("LACUNA_")}
        around |= {"LACUNA_PROGRESS": "none", **dict(env)}
        process = subprocess.run(
            [self.program, *words, *(["--json"] if json else [])],
            cwd=folder or self.folder, env=around, capture_output=True, text=True, errors="replace", timeout=300,
        )
        return Done(process, self.folder)

    def data_check(self, data, *words):
        return self.lacuna("data", "check", data, *words)

    def model(self):
        """A ResNet-10 of the table `tissue`, trained once for all cases."""
        place = self.shared / "trained"
        with open(self.shared / "lock", "w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            if not place.exists():
                plain(self.shared / "heads")
                words = ["train", "--data", "heads", "--labels", "tissue", *SMALL]
                done = self.lacuna(*words, "--runs", "trained", folder=self.shared)
                assert done.code == 0, done
        return next(place.glob("train/*/model.safetensors"))

    def skip(self, need):
        raise Skipped(need)

    def expect(self, what, holds, seen=""):
        self.checks.append({"what": what, "holds": bool(holds), "seen": str(seen)})

    def sound(self, what, done, scans=None):
        """Expect a data check without a problem, of so many scans."""
        right = done.code == 0 and not done.problems and (scans is None or len(done.scans) == scans)
        self.expect(what, right, f"{len(done.scans)} scans, {done}")

    def refused(self, what, done, *words):
        """Expect an error, exit code 3 or 4, that says these words."""
        self.expect(what, done.code in (3, 4) and not done.panicked and done.says(*words), done)
