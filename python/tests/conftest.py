"""The command beside the package: pytest runs with LACUNA naming a built one, as `cargo xtask python` does."""

import os
import subprocess

import pytest

COMMAND = os.environ["LACUNA"]


def shell(line, folder):
    """Run a line of shell in a folder, where `lacuna` is the built command; return its output."""
    line = line.replace("lacuna ", f"'{COMMAND}' --quiet ", 1)
    done = subprocess.run(line, shell=True, cwd=folder, capture_output=True, text=True)
    assert done.returncode == 0, f"{line}\n{done.stderr}"
    return done.stdout


@pytest.fixture(scope="session")
def place(tmp_path_factory):
    """A folder with synthetic heads, and a training run on them."""
    folder = tmp_path_factory.mktemp("place")
    shell("lacuna phantom --out heads --subjects 4 --dims 16x18x12", folder)
    # Long enough that more than one class is found.
    how = "--size 16x16x16 --depth 10 --epochs 15 --set train.learning_rate=0.02 --set train.head_multiplier=1"
    for kind in ("canonical", "medicalnet"):
        shell(f"lacuna train --data heads --labels tissue --preprocess {kind} {how} --name {kind}", folder)
    return folder
