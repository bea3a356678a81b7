"""Run folders, predictions and audits of lacuna, in Python.

    run = lacuna.load_run("runs/train/…")
    labels = lacuna.predict(array, affine, run.model).labels
    found = lacuna.audit({"original": …, "unlearned": …, "retrained": …})

Training and unlearning are done by the command `lacuna`. Errors are raised as `lacuna.Error`, with the messages of the
command.
"""

import csv
import json
import os
import tomllib
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

import numpy as np

from ._lacuna import Error, Model, __version__, altered_files
from ._lacuna import audit as _audit

__all__ = ["Error", "Model", "Prediction", "Run", "__version__", "audit", "load_run", "predict"]


@dataclass(frozen=True)
class Prediction:
    """The prediction of a model on one scan, on the scan's own grid."""

    labels: np.ndarray
    """Class numbers, `uint8`, shape `(i, j, k)`."""
    classes: list
    """The classes' names, the background first."""
    probabilities: np.ndarray | None
    """The probability of each class, `float32`, shape `(C, i, j, k)`; they sum to 1. `None` unless asked for."""


def predict(
    array,
    affine,
    model,
    *,
    window=None,
    overlap=0.5,
    flips="",
    largest_component=False,
    probabilities=False,
    seed=0,
    name="scan",
):
    """Segment one scan, with the same result as `lacuna predict`.

    `array` has shape `(i, j, k)`, or `(C, i, j, k)` for a model of several channels, as nibabel's `get_fdata` gives it;
    `affine` maps voxel indices to RAS+ millimetres, shape `(4, 4)`. `model` is a file that lacuna wrote, or a
    `Model` that is kept between calls. `window` is `(D, H, W)` in voxels of the network's input, multiples of 8; `flips`
    are letters of `dhw`. `seed` and `name` (the image's file name without its ending) decide the background noise of
    MedicalNet's preprocessing and nothing else.

    Raises `Error` if the array does not fit the model, the file is no model of lacuna, or voxels are not finite.
    """
    model = model if isinstance(model, Model) else Model(os.fspath(model))
    channels = np.asarray(array, dtype=np.float32)
    if channels.ndim == 3:
        channels = channels[np.newaxis]
    if channels.ndim != 4 or 0 in channels.shape:
        raise Error(f"array: expected a shape (i, j, k) or (C, i, j, k), found {np.shape(array)}")
    if not np.isfinite(channels).all():
        count = channels.size - np.count_nonzero(np.isfinite(channels))
        raise Error(f"array: expected finite voxels, found {count} that are none; fix: numpy.nan_to_num")
    affine = np.asarray(affine, dtype=np.float64)
    if affine.shape != (4, 4) or not np.array_equal(affine[3], [0, 0, 0, 1]) or not np.isfinite(affine).all():
        raise Error(f"affine: expected 4 x 4 finite numbers with the last row 0 0 0 1, found {affine.tolist()}")
    if np.linalg.det(affine[:3, :3]) == 0:
        raise Error(f"affine: expected three axes that span space, found {affine.tolist()}")
    options = dict(
        window=window, overlap=overlap, flips=flips, largest_component=largest_component,
        probabilities=probabilities, seed=seed, name=name,
    )
    labels, of_classes = model.segment(channels, affine, options)
    return Prediction(labels, model.classes, of_classes)


def audit(scores, *, protocol=None, seed=0):
    """Judge whether a subject is forgotten, by comparison with models retrained without the subject.

    The unlearned models are those of one strategy, one per seed, or one delivered model.

    `scores` has the keys `original`, `unlearned` and `retrained`. Each is a model per seed: numbers, which are the
    protocol's primary statistic of the forgotten subject in the order of seeds, or mappings with the keys `seed`, `features`
    (statistics by name), `retain_dice`, `held_out_dice`, `rebound`, `relearn_passes`, `relearn_given_up`. A single number or
    mapping as `unlearned` is one delivered model. `protocol` holds keys of an audit file's `[protocol]`.

    Returns the content of `statistics` in `audit.json`, with `verdict` and its `reasons`. It has no controls: only
    `lacuna audit`, which trains them, can show that the comparison itself is void.

    Raises `Error` if scores are not finite or not of the same seeds, or a setting of the protocol is not allowed.
    """
    protocol = dict(protocol or {})
    primary = protocol.get("primary", "band-margin")
    judged = {arm: _arm(models, primary) for arm, models in dict(scores).items()}
    return json.loads(_audit(_json(judged, "scores"), _json(protocol, "protocol"), seed))


def _arm(models, primary):
    if isinstance(models, dict):
        return {"seed": 0, "features": {}, **models}
    if np.ndim(models) == 0:
        return _measured(0, models, primary)
    return [_measured(seed, model, primary) for seed, model in enumerate(models)]


def _measured(seed, model, primary):
    if isinstance(model, dict):
        return {"seed": seed, "features": {}, **model}
    value = float(model)
    if not np.isfinite(value):
        raise Error(f"scores: expected finite numbers, found {value} of model {seed}; fix: a diverged model is no model")
    return {"seed": seed, "features": {primary: value}}


def _json(value, what):
    try:
        return json.dumps(value, allow_nan=False, default=lambda other: other.item())
    except (TypeError, ValueError, AttributeError) as error:
        raise Error(f"{what}: expected finite numbers, texts, lists and mappings: {error}") from None


@dataclass(frozen=True)
class Run:
    """A run folder. Each file is read when its property is first used."""

    path: Path
    """The path of the folder."""
    record: dict
    """`run.json`: verb, version, command, seeds, digests of its inputs."""
    status: dict
    """`status.json`: running, done, failed or interrupted, with the reason."""
    altered: dict | None = field(repr=False)
    """Files that differ from the manifest, by name; `None` while there is no manifest."""

    @property
    def verb(self):
        """The command that made the run: `train`, `unlearn`, `study`, …"""
        return self.record["verb"]

    @property
    def model(self):
        """The path of the model file.

        Raises `Error` if the run has no model file.
        """
        path = self.path / "model.safetensors"
        if not path.is_file():
            raise Error(f"{path}: expected a model, found none; fix: load a run of `lacuna train` or `lacuna unlearn`")
        return path

    @cached_property
    def config(self):
        """The settings of `config.toml`, with all defaults filled in."""
        return tomllib.loads(self._text("config.toml"))

    @cached_property
    def results(self):
        """The rows of `results.csv` as dictionaries, with `None` for blank fields."""
        rows = csv.DictReader(self._text("results.csv").splitlines())
        return [{name: _value(text) for name, text in row.items()} for row in rows]

    @cached_property
    def metrics(self):
        """The lines of `metrics.jsonl` as dictionaries, one per epoch."""
        return [json.loads(line) for line in self._text("metrics.jsonl").splitlines()]

    def _text(self, name):
        try:
            return (self.path / name).read_text(encoding="utf-8")
        except OSError as error:
            raise Error(f"{self.path / name}: {error.strerror}; fix: not every verb leaves this file") from None


def load_run(path):
    """Read a run folder, and compare its files with its manifest.

    Raises `Error` if lacuna did not make the folder.
    """
    path = Path(path)
    read = {}
    for name in ("run.json", "status.json"):
        try:
            read[name] = json.loads((path / name).read_text(encoding="utf-8"))
        except (OSError, ValueError) as error:
            raise Error(f"{path / name}: {error}; fix: is this a folder that lacuna made?") from None
    return Run(path, read["run.json"], read["status.json"], altered_files(path))


def _value(text):
    for kind in (int, float):
        try:
            return kind(text)
        except ValueError:
            pass
    return text or None
