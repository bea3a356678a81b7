from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from os import PathLike
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

__version__: str

class Error(ValueError): ...

class Model:
    def __init__(self, path: str | PathLike[str]) -> None: ...
    @property
    def classes(self) -> list[str]: ...
    @property
    def channels(self) -> int: ...
    @property
    def network(self) -> str: ...
    @property
    def digest(self) -> str: ...
    def segment(
        self, channels: NDArray[np.float32], affine: NDArray[np.float64], options: Mapping[str, Any]
    ) -> tuple[NDArray[np.uint8], NDArray[np.float32] | None]: ...

@dataclass(frozen=True)
class Prediction:
    labels: NDArray[np.uint8]
    classes: list[str]
    probabilities: NDArray[np.float32] | None

@dataclass(frozen=True)
class Run:
    path: Path
    record: dict[str, Any]
    status: dict[str, Any]
    altered: dict[str, str] | None
    @property
    def verb(self) -> str: ...
    @property
    def model(self) -> Path: ...
    @property
    def config(self) -> dict[str, Any]: ...
    @property
    def results(self) -> list[dict[str, Any]]: ...
    @property
    def metrics(self) -> list[dict[str, Any]]: ...

_Models = Sequence[float | Mapping[str, Any]] | NDArray[np.floating[Any]]

def load_run(path: str | PathLike[str]) -> Run: ...
def predict(
    array: ArrayLike,
    affine: ArrayLike,
    model: Model | str | PathLike[str],
    *,
    window: tuple[int, int, int] | None = None,
    overlap: float = 0.5,
    flips: str = "",
    largest_component: bool = False,
    probabilities: bool = False,
    seed: int = 0,
    name: str = "scan",
) -> Prediction: ...
def audit(
    scores: Mapping[str, _Models | float | Mapping[str, Any]],
    *,
    protocol: Mapping[str, Any] | None = None,
    seed: int = 0,
) -> dict[str, Any]: ...
