"""Samplings that draw images with foreground and empty images apart: numbers worked out by hand, and what they need."""

import numpy as np
import pandas as pd
import pytest
from pydantic import ValidationError

from rarepix.data.foreground import Foreground, PositiveRatio, foreground_of
from rarepix.data.samplers import EpochSampler, SamplingMode, epoch_indices, sampling_plan
from rarepix.data.settings import BY_FOREGROUND, SamplingConfig
from rarepix.data.source import DataError
from rarepix.labels import LabelSpace, Task

LABELS = LabelSpace(names=("background", "crack", "hole"), background=0)
ROWS = {
    "crack": [90, 10, 0, 0, 10, 10],
    "both": [80, 10, 5, 5, 10, 10],
    "empty a": [100, 0, 0, 0, 10, 10],
    "empty b": [60, 0, 0, 40, 10, 10],
    "empty c": [50, 0, 0, 0, 5, 10],
    "empty d": [100, 0, 0, 0, 10, 10],
    "ignored": [0, 0, 0, 100, 10, 10],
}
INVENTORY = pd.DataFrame.from_dict(ROWS, "index", columns=[*LABELS.names, "border", "height", "width"])
"""Two images with foreground, four empty ones, and one of ignored pixels only."""


def drawn_by(epochs: int = 4, inventory: pd.DataFrame = INVENTORY, labels: LabelSpace = LABELS, **given) -> Foreground:
    return foreground_of(inventory, labels, SamplingConfig(**given), epochs=epochs)


def test_which_images_have_foreground_and_which_are_empty():
    kinds = drawn_by(kind="under")
    assert kinds.positive.tolist() == [True, True, False, False, False, False, False]
    assert kinds.empty.tolist() == [False, False, True, True, True, True, False]


def test_multilabel_images_are_empty_without_any_class():
    """There is no background to count; ignored is where every layer is."""
    labels = LabelSpace(names=("crack", "hole"), background=None, task=Task.MULTILABEL)
    kinds = drawn_by(kind="under", labels=labels)
    assert kinds.positive.tolist() == [True, True, False, False, False, False, False]
    assert kinds.empty.tolist() == [False, False, True, True, True, True, False]


@pytest.mark.parametrize(("kind", "size"), [("under", 4), ("over", 8), ("mixed", 6), ("foreground_only", 2)])
def test_the_length_of_an_epoch(kind, size):
    """P = 2 and N = 4: 2 min, 2 max, their sum, P."""
    config = SamplingConfig(kind=kind)
    assert sampling_plan(config, 7, 2, drawn_by(kind=kind)).size == size
    fixed = SamplingConfig(kind=kind, steps_per_epoch=5)
    assert sampling_plan(fixed, 7, 2, drawn_by(kind=kind)).size == 10
    assert sampling_plan(SamplingConfig(kind=kind, images_per_epoch=3), 7, 2, drawn_by(kind=kind)).size == 3


def test_the_ratio_falls_on_a_line_and_never_arrives():
    """r(e) = .8 - .6 e / 4, and ⌊10 r⌋ + 1 of 10 draws."""
    ratio = PositiveRatio(np.array([True, False]), 0.8, 0.2, 4)
    assert [ratio.at(epoch) for epoch in range(4)] == pytest.approx([0.8, 0.65, 0.5, 0.35])
    assert [ratio.draws(10, epoch) for epoch in range(4)] == [9, 7, 6, 4]
    assert ratio.mean() == pytest.approx(0.575)
    assert PositiveRatio(np.array([True]), 0.29, 0.29, 1).draws(100, 0) == 30  # 100 · 0.29 is 28.999… in binary
    assert PositiveRatio(np.array([True]), 0.99, 0.99, 1).draws(1, 0) == 1


@pytest.mark.parametrize(
    ("kind", "given", "positives"),
    [
        ("under", {}, [3, 3, 3, 3]),
        ("over", {}, [5, 5, 5, 5]),
        ("mixed", {}, [5, 4, 4, 3]),  # ⌊6 · (.8, .65, .5, .35)⌋ + 1
        ("mixed", {"positive_ratio": [0.2, 0.8]}, [2, 3, 4, 4]),  # ⌊6 · (.2, .35, .5, .65)⌋ + 1
        ("under", {"positive_ratio": [0.25, 0.25]}, [2, 2, 2, 2]),
    ],
)
def test_how_many_images_with_foreground_each_epoch_draws(kind, given, positives):
    kinds = drawn_by(kind=kind, **given)
    plan = sampling_plan(SamplingConfig(kind=kind), 7, 2, kinds)
    sampler = EpochSampler(kinds.weights().to_numpy(), plan.size, mode=plan.mode, seed=3, ratio=kinds.ratio)
    for epoch, wanted in enumerate(positives):
        sampler.set_epoch(epoch)
        indices = [draw.index for draw in sampler]
        assert len(indices) == plan.size
        assert sum(index < 2 for index in indices) == wanted
        assert 6 not in indices  # ignored


def test_each_kind_is_drawn_evenly_and_with_replacement():
    kinds = drawn_by(kind="mixed", positive_ratio=[0.5, 0.5])
    given = {"mode": SamplingMode.DRAWN, "seed": 0, "epoch": 1, "ratio": kinds.ratio}
    times = np.bincount(epoch_indices(kinds.weights().to_numpy(), 20_000, **given), minlength=7)
    assert times[:2].sum() == 10_001
    assert times[:2] == pytest.approx([5000] * 2, abs=5 * 50)
    assert times[2:6] == pytest.approx([2500] * 4, abs=5 * 43)


def test_kinds_are_mixed_within_an_epoch():
    kinds = drawn_by(kind="over")
    given = {"mode": SamplingMode.DRAWN, "seed": 0, "epoch": 0, "ratio": kinds.ratio}
    first, second = np.split(epoch_indices(kinds.weights().to_numpy(), 100, **given) < 2, 2)
    assert first.any()
    assert second.any()
    assert not first.all()
    assert not second.all()


def test_foreground_only_shows_each_image_with_foreground_once():
    kinds = drawn_by(kind="foreground_only")
    plan = sampling_plan(SamplingConfig(kind="foreground_only"), 7, 2, kinds)
    assert plan.mode is SamplingMode.SHUFFLED
    orders = set()
    for epoch in range(8):
        given = {"mode": plan.mode, "seed": 0, "epoch": epoch}
        orders.add(tuple(epoch_indices(kinds.weights().to_numpy(), plan.size, **given).tolist()))
        assert sorted(epoch_indices(kinds.weights().to_numpy(), 6, **given).tolist()) == [0, 0, 0, 1, 1, 1]
    assert orders == {(0, 1), (1, 0)}  # permuted


@pytest.mark.parametrize(
    ("kind", "weights"),
    [
        ("under", [1 / 4] * 2 + [1 / 8] * 4),
        ("mixed", [0.575 / 2] * 2 + [0.425 / 4] * 4),  # the mean share of four epochs
        ("foreground_only", [1 / 2] * 2 + [0] * 4),
    ],
)
def test_weights_are_the_expected_shares_of_the_draws(kind, weights):
    table = drawn_by(kind=kind).weights()
    assert table.index.tolist() == [*ROWS]
    assert (table.name, table.dtype) == ("weight", float)
    assert table.tolist() == pytest.approx([*weights, 0])


@pytest.mark.parametrize("kind", BY_FOREGROUND)
@pytest.mark.parametrize(
    ("kept", "missing"),
    [
        (["crack", "both", "ignored"], "no empty image among its 3"),
        (["empty a", "empty b"], "no image with foreground among its 2"),
        (["ignored"], "no image with foreground and no empty image among its 1"),
    ],
)
def test_a_training_part_without_one_of_the_kinds_is_refused(kind, kept, missing):
    with pytest.raises(DataError, match=f"sampling.kind={kind} tells images .* needs both, but .* has {missing}: use"):
        drawn_by(kind=kind, inventory=INVENTORY.loc[kept])


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"kind": "under", "positive_ratio": [0.0, 0.5]}, "Input should be greater than 0"),
        ({"kind": "mixed", "positive_ratio": [0.5, 1.0]}, "Input should be less than 1"),
        ({"kind": "over", "positive_ratio": 0.5}, "Input should be a valid tuple"),
        ({"kind": "uniform", "positive_ratio": [0.5, 0.5]}, "sampling 'uniform' has no parameter 'positive_ratio'"),
        ({"kind": "foreground_only", "positive_ratio": [0.5, 0.5]}, "'foreground_only' has no parameter 'positive_r"),
        ({"kind": "under", "added": True}, "sampling 'under' has no parameter 'added'"),
    ],
)
def test_settings_are_refused(given, message):
    with pytest.raises(ValidationError, match=message):
        SamplingConfig(**given)
