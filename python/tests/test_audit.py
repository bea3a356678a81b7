"""Verdicts on scores whose truth is known."""

import lacuna
import numpy as np
import pytest

SEEDS = 20


def arms(shift, seed=3):
    draws = np.random.default_rng(seed)
    return {
        "original": draws.normal(6, 1, SEEDS),
        "unlearned": draws.normal(shift, 1, SEEDS),
        "retrained": draws.normal(0, 1, SEEDS),
    }


@pytest.mark.parametrize(
    "shift, verdict", [(0, "retrain_equivalent"), (4, "residual_influence"), (-4, "over_forgotten")]
)
def test_pools_are_judged(shift, verdict):
    found = lacuna.audit(arms(shift))
    assert found["verdict"] == verdict and found["object"] == "procedure"
    assert found["reasons"] and found["models"] == SEEDS and found["memory"]["detectable"]


def test_a_subject_that_nobody_remembered_cannot_be_assessed():
    scores = arms(0)
    scores["original"] = scores["retrained"] + 0.1
    assert lacuna.audit(scores)["verdict"] == "not_assessable"


def test_one_model_is_judged_beside_retrained_ones():
    scores = arms(0)
    assert lacuna.audit({**scores, "unlearned": 0.2})["verdict"] == "consistent_with_retrain"
    assert lacuna.audit({**scores, "unlearned": np.float64(6.0)})["verdict"] == "residual_influence"


def test_other_statistics_and_the_dice_of_the_others_are_heard():
    scores = {
        arm: [{"seed": seed, "features": {"band-margin": value}, "retain_dice": 0.9 + 0.001 * seed} for seed, value in enumerate(values)]
        for arm, values in arms(0).items()
    }
    assert lacuna.audit(scores)["verdict"] == "retrain_equivalent"
    for model in scores["unlearned"]:
        model["retain_dice"] -= 0.3
    assert lacuna.audit(scores)["verdict"] == "utility_lost"


def test_the_seed_decides_every_draw():
    assert lacuna.audit(arms(1), seed=5) == lacuna.audit(arms(1), seed=5)


@pytest.mark.parametrize(
    "scores, protocol, said",
    [
        ({"original": [1, 2]}, {}, "missing field `unlearned`"),
        ({**arms(0), "others": [1]}, {}, "unknown field `others`"),
        ({**arms(0), "unlearned": [1, np.nan]}, {}, "expected finite numbers, found nan of model 1"),
        (arms(0), {"alpha": 0.7}, "protocol.alpha: expected above 0 and below 0.5, found 0.7"),
        (arms(0), {"alhpa": 0.05}, "unknown field `alhpa`"),
    ],
)
def test_scores_that_are_none_are_refused(scores, protocol, said):
    with pytest.raises(lacuna.Error) as refused:
        lacuna.audit(scores, protocol=protocol)
    assert said in str(refused.value)
