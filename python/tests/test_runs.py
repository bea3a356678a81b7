"""Run folders."""

import shutil

import lacuna
import pytest
from conftest import shell


def test_a_run_is_what_its_folder_says(place):
    folder = next(place.glob("runs/train/*-canonical"))
    run = lacuna.load_run(folder)
    assert (run.verb, run.status["status"], run.altered) == ("train", "done", {})
    assert run.model == folder / "model.safetensors"
    assert run.config["train"]["epochs"] == len(run.metrics) == 15
    assert run.metrics[0]["loss"] > 0


def test_a_changed_file_is_named(place, tmp_path):
    folder = tmp_path / "run"
    shutil.copytree(next(place.glob("runs/train/*-canonical")), folder)
    (folder / "config.toml").write_text("epochs = 2\n")
    (folder / "metrics.jsonl").unlink()
    run = lacuna.load_run(folder)
    assert run.altered == {"config.toml": "changed", "metrics.jsonl": "missing"}
    with pytest.raises(lacuna.Error, match="metrics.jsonl"):
        run.metrics


def test_rows_of_results_are_numbers_texts_and_blanks(place):
    model = next(place.glob("runs/train/*-canonical")) / "model.safetensors"
    shell(f"lacuna unlearn --model '{model}' --data heads --forget phantom-001 --strategy noisy-label --epochs 1 --name gone", place)
    run = lacuna.load_run(next(place.glob("runs/unlearn/*-gone")))
    row = run.results[0]
    assert row["forgotten"] == "phantom-001" and isinstance(row["epochs"], int) and row["variant"] is None
    assert any(isinstance(row["dice"], float) for row in run.results)


def test_a_folder_that_is_no_run_is_refused(tmp_path):
    with pytest.raises(lacuna.Error, match="is this a folder that lacuna made"):
        lacuna.load_run(tmp_path)
