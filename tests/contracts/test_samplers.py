"""What every way to weigh and draw images must do, whatever it is."""

from functools import cache

import numpy as np
import pandas as pd
import pytest
from scipy.stats import chisquare

from rarepix.data.foreground import foreground_of
from rarepix.data.samplers import EpochSampler, RankShard, SamplingMode, epoch_indices, sampling_plan
from rarepix.data.settings import BY_FOREGROUND, SamplingConfig
from rarepix.data.weights import FREQUENCIES, WEIGHTS, image_weights
from rarepix.labels import LabelSpace
from rarepix.seeding import generator

WAYS = [(kind, {}) for kind in WEIGHTS] + [
    ("inverse_log", {"by": by}) for by in [*FREQUENCIES, "cluster"] if by != "label"
]
each_way = pytest.mark.parametrize(("kind", "given"), WAYS, ids=["-".join([kind, *by.values()]) for kind, by in WAYS])
each_mode = pytest.mark.parametrize("mode", SamplingMode)


def counts(images: int = 60) -> pd.DataFrame:
    """Pixel counts with a class in every image, one in few, one in one, one in none, and some empty images."""
    random = generator(0, "counts")
    table = pd.DataFrame(
        {
            "ground": random.integers(1, 900, images),
            "seldom": (random.random(images) < 0.2) * random.integers(1, 9, images),
            "once": 0,
            "never": 0,
        },
        index=[f"scene-{number}" for number in random.permutation(images)],
    )
    table.iloc[7, 2] = 1
    table.iloc[-5:] = 0
    return table


TABLES = {
    "many": counts(),
    "one image": counts().iloc[:1],
    "two alike": pd.DataFrame({"a": [1, 1]}),
    "nothing in any": pd.DataFrame({"a": [0, 0, 0], "b": [0, 0, 0]}),
    "a class per image": pd.DataFrame(np.eye(5, dtype=int), columns=list("abcde")),
    "never first": pd.DataFrame({"never": [0, 0, 0], "a": [1, 1, 0], "b": [0, 1, 1]}),
    "one pixel in all": pd.DataFrame({"a": [0, 1, 0], "b": [0, 0, 0]}),
    "many pixels": pd.DataFrame({"a": [10**12, 0], "b": [1, 10**12]}),
}


@each_way
@pytest.mark.parametrize("table", TABLES.values(), ids=TABLES.keys())
@pytest.mark.filterwarnings("error")
def test_weights_are_a_distribution_over_the_images(kind, given, table):
    weights = image_weights(table, kind, **given)
    assert weights.index.tolist() == table.index.tolist()
    assert (weights.name, weights.dtype) == ("weight", float)
    assert np.isfinite(weights).all()
    assert (weights > 0).all()
    assert weights.sum() == pytest.approx(1, abs=1e-12)


@each_way
def test_weights_are_a_function_of_the_table_which_is_left_alone(kind, given):
    table = counts()
    assert image_weights(table, kind, **given).equals(image_weights(counts(), kind, **given))
    pd.testing.assert_frame_equal(table, counts())


@each_way
def test_the_order_of_images_does_not_matter(kind, given):
    """Clusters are given: where k-means starts does depend on it."""
    clusters = {"clusters": pd.Series(range(60), counts().index) % 7} if given.get("by") == "cluster" else {}
    shuffled = counts().sample(frac=1, random_state=0)
    result = image_weights(shuffled, kind, **given, **clusters).loc[counts().index]
    assert result.to_numpy() == pytest.approx(image_weights(counts(), kind, **given, **clusters).to_numpy())


@cache
def weights_of(kind: str) -> np.ndarray:
    """At a temperature at which rare_class, too, draws each image sooner or later."""
    return image_weights(counts(), kind, **({"temperature": 1.0} if kind == "rare_class" else {})).to_numpy()


def drawn(kind: str, mode: SamplingMode, seed: int, epoch: int, size: int = 60, share: RankShard | None = None):
    positions = share.of_each_batch(size, 12) if share else None
    sampler = EpochSampler(weights_of(kind), size, mode=mode, seed=seed, positions=positions)
    sampler.set_epoch(epoch)
    assert len(sampler) == (size if positions is None else len(positions))
    return [tuple(draw) for draw in sampler]


def indices(kind: str, mode: SamplingMode, seed: int, epoch: int, size: int = 60) -> tuple[int, ...]:
    return tuple(epoch_indices(weights_of(kind), size, mode=mode, seed=seed, epoch=epoch).tolist())


each_kind = pytest.mark.parametrize("kind", WEIGHTS)


@each_kind
@each_mode
def test_the_same_seed_and_epoch_give_the_same_draws(kind, mode):
    """Whichever epochs came before: what a resumed run relies on."""
    sampler = EpochSampler(weights_of(kind), 60, mode=mode, seed=3)
    for epoch in range(3):
        sampler.set_epoch(epoch)
        went_on = [tuple(draw) for draw in sampler]
    assert drawn(kind, mode, 3, 2) == went_on
    assert tuple(index for index, _ in went_on) == indices(kind, mode, 3, 2)


@each_kind
@each_mode
def test_no_epoch_of_a_seed_is_another(kind, mode):
    """The first differs between seeds, and seed 0, epoch 1 is not seed 1, epoch 0."""
    assert len({indices(kind, mode, seed, epoch) for seed in range(4) for epoch in range(4)}) == 16


@each_kind
@each_mode
@pytest.mark.parametrize("size", [1, 7, 60, 200])
def test_an_epoch_is_as_long_as_asked_and_within_the_images(kind, mode, size):
    result = indices(kind, mode, 0, 0, size)
    assert len(result) == size
    assert set(result) <= set(range(60))


@each_kind
@each_mode
@pytest.mark.parametrize("devices", [2, 3, 4])
def test_the_shares_of_the_processes_are_disjoint_and_cover_the_epoch(kind, mode, devices):
    whole = drawn(kind, mode, 5, 1)
    parts = [drawn(kind, mode, 5, 1, 60, RankShard(rank, devices)) for rank in range(devices)]
    assert sorted(draw for part in parts for draw in part) == sorted(whole)
    assert len({seed for _, seed in whole}) == 60


@each_kind
@each_mode
def test_every_image_is_drawn_sooner_or_later(kind, mode):
    assert set(indices(kind, mode, 0, 0, 4000)) == set(range(60))


@each_kind
def test_draws_follow_the_weights(kind):
    """20 000 draws, against chance: the same seeds always, so that this passes always or never."""
    result = np.bincount(indices(kind, SamplingMode.DRAWN, 1, 0, 20_000), minlength=60)
    assert chisquare(result, weights_of(kind) * 20_000).pvalue > 0.01


@each_kind
def test_what_is_added_follows_the_weights(kind):
    result = np.bincount(indices(kind, SamplingMode.ADDED, 1, 0, 24_000), minlength=60) - 200
    assert result.min() >= 0
    assert chisquare(result, weights_of(kind) * 12_000).pvalue > 0.01


each_by_foreground = pytest.mark.parametrize("kind", BY_FOREGROUND)


def by_foreground(kind: str, seed: int, share: RankShard | None = None, size: int | None = 60) -> EpochSampler:
    """The sampler of 60 images, of which 43 are empty and one is wholly ignored; *size* None: the epoch of the kind."""
    table = counts()[["ground", "seldom"]].assign(border=0, height=30, width=40)
    table.iloc[11] = [0, 0, 1200, 30, 40]
    config = SamplingConfig(kind=kind, **({"images_per_epoch": size} if size else {}))
    labels = LabelSpace(names=("ground", "seldom"), background=0)
    foreground = foreground_of(table, labels, config, epochs=4)
    plan = sampling_plan(config, len(table), 12, foreground)
    positions = share.of_each_batch(plan.size, 12) if share else None
    options = {"mode": plan.mode, "positions": positions, "ratio": foreground.ratio}
    return EpochSampler(foreground.weights().to_numpy(), plan.size, seed=seed, **options)


def draws_of(sampler: EpochSampler, epoch: int) -> list[tuple[int, int]]:
    sampler.set_epoch(epoch)
    return [tuple(draw) for draw in sampler]


@each_by_foreground
def test_by_foreground_the_same_seed_and_epoch_give_the_same_draws(kind):
    sampler = by_foreground(kind, 3)
    went_on = [draws_of(sampler, epoch) for epoch in range(3)]
    assert draws_of(by_foreground(kind, 3), 2) == went_on[2]


@each_by_foreground
def test_by_foreground_no_epoch_of_a_seed_is_another(kind):
    epochs = [tuple(draws_of(by_foreground(kind, seed), epoch)) for seed in range(4) for epoch in range(4)]
    assert len({tuple(index for index, _ in draws) for draws in epochs}) == 16


@each_by_foreground
@pytest.mark.parametrize("devices", [2, 3, 4])
def test_by_foreground_the_shares_of_the_processes_are_disjoint_and_cover_the_epoch(kind, devices):
    whole = draws_of(by_foreground(kind, 5), 1)
    parts = [draws_of(by_foreground(kind, 5, RankShard(rank, devices)), 1) for rank in range(devices)]
    assert sorted(draw for part in parts for draw in part) == sorted(whole)
    assert len({seed for _, seed in whole}) == 60


@each_by_foreground
def test_by_foreground_every_image_that_counts_is_drawn_sooner_or_later(kind):
    weights = by_foreground(kind, 0).weights
    assert weights.sum() == pytest.approx(1, abs=1e-12)
    shown = {index for index, _ in draws_of(by_foreground(kind, 0, size=4000), 0)}
    assert shown == set(np.flatnonzero(weights))
    assert 11 not in shown


@each_by_foreground
def test_by_foreground_draws_follow_the_weights(kind):
    """Over all epochs; the one more than the share, which every epoch draws, is too little to be seen."""
    sampler = by_foreground(kind, 1, size=20_000)
    indices = [index for epoch in range(4) for index, _ in draws_of(sampler, epoch)]
    kept = sampler.weights > 0
    times = np.bincount(indices, minlength=60)[kept]
    assert chisquare(times, sampler.weights[kept] * len(indices)).pvalue > 0.01
