"""Predictions of arrays are those that the command writes of files."""

import threading

import lacuna
import nibabel
import numpy as np
import pytest
from conftest import shell


def opened(place, subject="phantom-003"):
    image = nibabel.load(place / f"heads/images/{subject}.nii.gz")
    return image.get_fdata(), image.affine


def model_of(place, name):
    return next(place.glob(f"runs/train/*-{name}")) / "model.safetensors"


@pytest.mark.parametrize(
    "model, flags, options",
    [
        ("canonical", "", {}),
        ("medicalnet", "", {"name": "phantom-003"}),
        ("medicalnet", "--seed 7", {"name": "phantom-003", "seed": 7}),
        ("canonical", "--flips d,w --largest-component", {"flips": "dw", "largest_component": True}),
        ("canonical", "--window 8x8x8 --overlap 0.25", {"window": (8, 8, 8), "overlap": 0.25}),
    ],
)
def test_an_array_is_segmented_as_the_command_segments_its_file(place, tmp_path, model, flags, options):
    path = model_of(place, model)
    shell(f"lacuna predict heads/images/phantom-003.nii.gz --model '{path}' --out '{tmp_path}' --probabilities {flags}", place)
    found = lacuna.predict(*opened(place), path, probabilities=True, **options)
    written = lambda name: nibabel.load(tmp_path / f"phantom-003_{name}.nii.gz").get_fdata()
    # A network that was trained on whole heads predicts background in a small window.
    assert found.labels.dtype == np.uint8 and (len(np.unique(found.labels)) > 1 or "window" in options)
    np.testing.assert_array_equal(found.labels, written("labels"))
    for number in range(len(found.classes)):
        np.testing.assert_array_equal(found.probabilities[number], written(f"probability-{number}").astype(np.float32))
    np.testing.assert_allclose(found.probabilities.sum(0), 1, atol=1e-6)


def test_the_layout_of_an_array_in_memory_changes_nothing(place):
    array, affine = opened(place)
    model = lacuna.Model(model_of(place, "canonical"))
    expected = lacuna.predict(array, affine, model).labels
    for same in (np.ascontiguousarray(array), np.asfortranarray(array), array[np.newaxis], array.astype(np.float32)):
        np.testing.assert_array_equal(lacuna.predict(same, affine, model).labels, expected)


def test_the_affine_says_how_an_array_lies(place):
    """The same head stored from right to left, its affine saying so, is labelled alike."""
    array, affine = opened(place)
    model = lacuna.Model(model_of(place, "canonical"))
    backwards = affine @ np.array([[-1, 0, 0, array.shape[0] - 1], [0, 1, 0, 0], [0, 0, 1, 0], [0, 0, 0, 1]])
    expected = lacuna.predict(array, affine, model)
    found = lacuna.predict(array[::-1], backwards, model)
    np.testing.assert_array_equal(found.labels[::-1], expected.labels)
    assert expected.probabilities is None


def test_threads_of_python_go_on_while_a_network_computes(place):
    array, affine = opened(place)
    model = lacuna.Model(model_of(place, "canonical"))
    large = np.tile(array, (2, 2, 2))
    turns, stop = [0], threading.Event()

    def count():
        while not stop.is_set():
            turns[0] += 1

    counting = threading.Thread(target=count)
    counting.start()
    # A lock that is held gives the other thread no turn between two checks; a few may pass before and after.
    before = turns[0]
    model.segment(large[np.newaxis].astype(np.float32), affine, {
        "window": None, "overlap": 0.5, "flips": "dhw", "largest_component": False, "probabilities": False, "seed": 0, "name": "x",
    })
    during = turns[0] - before
    stop.set()
    counting.join()
    assert during > 1000


def test_a_model_says_what_it_is(place):
    model = lacuna.Model(model_of(place, "canonical"))
    assert model.classes[0] == "background" and model.channels == 1
    assert "ResNet-10" in model.network and "ResNet-10" in repr(model)
    assert len(model.digest) == 64


@pytest.mark.parametrize(
    "change, said",
    [
        ({"array": np.zeros((4, 4))}, "expected a shape (i, j, k)"),
        ({"array": np.zeros((0, 4, 4))}, "expected a shape (i, j, k)"),
        ({"array": np.zeros((2, 4, 4, 4))}, "expected 1 channels, found 2"),
        ({"array": np.full((16, 18, 12), np.nan)}, "expected finite voxels, found 3456"),
        ({"affine": np.eye(3)}, "affine: expected 4 x 4"),
        ({"affine": np.zeros((4, 4))}, "affine: expected 4 x 4"),
        ({"affine": np.diag([1, 1, 0, 1])}, "axes that span space"),
        ({"window": (12, 8, 8)}, "window: expected multiples of 8"),
        ({"overlap": 1.0}, "overlap: expected 0 or more and below 1"),
        ({"flips": "x"}, "flips: expected letters of d, h and w, found `x`"),
        ({"model": "nowhere.safetensors"}, "nowhere.safetensors: cannot read"),
    ],
)
def test_what_does_not_fit_is_refused_in_lacunas_words(place, change, said):
    array, affine = opened(place)
    arguments = {"array": array, "affine": affine, "model": model_of(place, "canonical"), **change}
    with pytest.raises(lacuna.Error) as refused:
        lacuna.predict(**arguments)
    assert said in str(refused.value)
    assert isinstance(refused.value, ValueError)
