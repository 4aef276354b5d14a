"""Axes: every type of NNI, decoded and encoded, with the values of NNI's definitions."""

import math

import numpy as np
import optuna
import pytest
from scipy import stats

from rarepix.search.nni.space import TYPES, problems
from rarepix.search.optimizer.axes import OutsideSpace, encode, grid, suggest

NUMERIC = {
    "uniform": [2.0, 3.0],
    "loguniform": [1e-4, 0.1],
    "quniform": [1, 10, 4],
    "qloguniform": [1, 1000, 10],
    "randint": [2, 6],
    "normal": [1.0, 2.0],
    "qnormal": [0.0, 2.0, 0.5],
    "lognormal": [0.0, 1.0],
    "qlognormal": [2.0, 1.0, 0.25],
}
NESTED = {
    "head": {
        "_type": "choice",
        "_value": [
            {"_name": "plain"},
            {
                "_name": "deep",
                "inner": {
                    "_type": "choice",
                    "_value": [
                        {"_name": "a", "k": {"_type": "choice", "_value": [None, [1, 2], True, "x"]}},
                        {"_name": "b", "n": {"_type": "randint", "_value": [0, 3]}},
                    ],
                },
            },
        ],
    }
}


def draws(space: dict, count: int = 400) -> list[tuple[dict, dict]]:
    study = optuna.create_study(sampler=optuna.samplers.RandomSampler(seed=3))
    asked = [study.ask() for _ in range(count)]
    return [(suggest(trial, space), trial.params) for trial in asked]


def test_every_numeric_type_is_tested():
    assert set(NUMERIC) == set(TYPES)


@pytest.mark.parametrize("kind", NUMERIC)
def test_encoding_inverts_decoding(kind):
    space = {"x": {"_type": kind, "_value": NUMERIC[kind]}}
    assert problems(space) == []
    for parameters, points in draws(space):
        encoded = encode(space, parameters)
        assert set(encoded) == set(points)
        trial = optuna.trial.FixedTrial({name: point for name, (point, _) in encoded.items()})
        assert suggest(trial, space)["x"] == pytest.approx(parameters["x"], rel=1e-9)


@pytest.mark.parametrize(
    ("kind", "expected"),
    [
        ("uniform", stats.uniform(2, 1)),
        ("loguniform", stats.loguniform(1e-4, 0.1)),
        ("normal", stats.truncnorm(-3, 3, loc=1, scale=2)),
        ("lognormal", None),
    ],
)
def test_random_draws_follow_the_stated_distribution(kind, expected):
    drawn = [parameters["x"] for parameters, _ in draws({"x": {"_type": kind, "_value": NUMERIC[kind]}}, 2000)]
    if expected is None:
        drawn, expected = np.log(drawn), stats.truncnorm(-3, 3)
    assert stats.kstest(drawn, expected.cdf).pvalue > 0.01


def test_quantised_values_are_those_of_nni():
    """NNI: clip(round(x / q) * q, low, high)."""
    values = {parameters["x"] for parameters, _ in draws({"x": {"_type": "quniform", "_value": [1, 10, 4]}})}
    assert values == {1, 4, 8}  # 10 / 4 is nearer to 2 than to 3 (a half goes to the even number)
    assert {type(value) for value in values} == {int}


def test_the_upper_end_of_randint_is_never_drawn():
    values = {parameters["x"] for parameters, _ in draws({"x": {"_type": "randint", "_value": [2, 6]}})}
    assert values == {2, 3, 4, 5}


def test_nested_choices_reach_the_trial_as_nni_nests_them():
    seen = {str(parameters) for parameters, _ in draws(NESTED)}
    expected = [
        {"head": {"_name": "plain"}},
        *({"head": {"_name": "deep", "inner": {"_name": "a", "k": k}}} for k in (None, [1, 2], True, "x")),
        *({"head": {"_name": "deep", "inner": {"_name": "b", "n": n}}} for n in (0, 1, 2)),
    ]
    assert seen == {str(parameters) for parameters in expected}
    assert [str(point) for point in grid(NESTED, 2)] == [str(parameters) for parameters in expected]


@pytest.mark.parametrize(
    "parameters",
    [
        {},
        {"x": 0.5, "y": 1},
        {"x": 1.5},
        {"x": "0.5"},
        {"x": True},
        {"x": math.inf},
    ],
)
def test_parameters_outside_the_space_are_refused(parameters):
    with pytest.raises(OutsideSpace):
        encode({"x": {"_type": "uniform", "_value": [0, 1]}}, parameters)


def test_an_unknown_choice_is_refused_with_the_valid_ones():
    with pytest.raises(OutsideSpace, match="plain, deep"):
        encode(NESTED, {"head": {"_name": "other"}})


def test_a_grid_is_even_on_the_scale_of_its_range():
    space = {"lr": {"_type": "loguniform", "_value": [0.001, 0.1]}, "n": {"_type": "randint", "_value": [0, 2]}}
    points = [(point["lr"], point["n"]) for point in grid(space, 3)]
    assert [n for _, n in points] == [0, 1] * 3
    np.testing.assert_allclose([lr for lr, _ in points], [0.001, 0.001, 0.01, 0.01, 0.1, 0.1])
