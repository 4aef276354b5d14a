"""Samplers: which images an epoch shows is a function of seed and epoch."""

import numpy as np
import pytest

from rarepix.data.samplers import EpochSampler, RankShard, SamplingMode, epoch_indices, sampling_plan
from rarepix.data.settings import SAMPLING_PARAMETERS, SamplingConfig

EVEN = np.full(10, 0.1)


def shown(size: int, mode: SamplingMode, weights: np.ndarray = EVEN, seed: int = 0, epoch: int = 0) -> np.ndarray:
    return epoch_indices(weights, size, mode=mode, seed=seed, epoch=epoch)


@pytest.mark.parametrize("size", [10, 20, 30])
def test_shuffled_each_image_is_shown_equally_often(size):
    assert np.bincount(shown(size, SamplingMode.SHUFFLED), minlength=10).tolist() == [size // 10] * 10


@pytest.mark.parametrize(("size", "fewest", "most"), [(4, 0, 1), (13, 1, 2), (25, 2, 3)])
def test_shuffled_none_is_shown_again_before_all_were(size, fewest, most):
    times = np.bincount(shown(size, SamplingMode.SHUFFLED), minlength=10)
    assert (times.min(), times.max(), times.sum()) == (fewest, most, size)


def test_drawn_by_weight():
    weights = np.array([0.5, 0.3, 0.15, 0.05])
    drawn = np.bincount(shown(20_000, SamplingMode.DRAWN, weights, 1, 2), minlength=4) / 20_000
    assert drawn == pytest.approx(weights, abs=5 * np.sqrt(0.25 / 20_000))


@pytest.mark.parametrize(("size", "once"), [(20, 10), (8, 4), (9, 5), (30, 15), (1, 1)])
def test_added_to_a_shuffled_half_is_a_drawn_one(size, once):
    """All the drawn ones are the first image, so that the others are those of the shuffled half."""
    weights = np.eye(10)[0]
    times = np.bincount(shown(size, SamplingMode.ADDED, weights), minlength=10)
    assert times.sum() == size
    shuffled = times - (size - once) * np.eye(10, dtype=int)[0]
    assert shuffled.sum() == once
    assert shuffled.max() - shuffled.min() <= 1


def test_added_halves_are_mixed():
    """Neither half of the epoch is every image once."""
    order = shown(20, SamplingMode.ADDED)
    assert len(set(order[:10].tolist())) < 10
    assert len(set(order[10:].tolist())) < 10


UNIFORM, DUPLICATE = {"kind": "uniform"}, {"kind": "duplicate"}
ADDED = {"kind": "rare_class", "added": True}


@pytest.mark.parametrize(
    ("config", "mode", "size"),
    [
        (UNIFORM, SamplingMode.SHUFFLED, 30),
        (DUPLICATE, SamplingMode.SHUFFLED, 60),
        (ADDED, SamplingMode.ADDED, 60),
        ({"kind": "rare_class"}, SamplingMode.DRAWN, 30),
        ({"kind": "inverse_log", "added": False}, SamplingMode.DRAWN, 30),
        (UNIFORM | {"images_per_epoch": 7}, SamplingMode.SHUFFLED, 7),
        (DUPLICATE | {"images_per_epoch": 7}, SamplingMode.SHUFFLED, 7),
        (ADDED | {"images_per_epoch": 7}, SamplingMode.ADDED, 7),
        (DUPLICATE | {"steps_per_epoch": 5}, SamplingMode.SHUFFLED, 20),
        (ADDED | {"steps_per_epoch": 5}, SamplingMode.ADDED, 20),
    ],
)
def test_plan(config, mode, size):
    assert sampling_plan(SamplingConfig(**config), 30, 4) == (mode, size)


@pytest.mark.parametrize("kind", SAMPLING_PARAMETERS)
def test_at_a_fixed_number_of_steps_all_kinds_show_equally_many(kind):
    assert sampling_plan(SamplingConfig(kind=kind, steps_per_epoch=11), 30, 4).size == 44


def draws(seed: int, epoch: int) -> list[tuple[int, int]]:
    sampler = EpochSampler(EVEN, 10, mode=SamplingMode.SHUFFLED, seed=seed)
    sampler.set_epoch(epoch)
    return [tuple(draw) for draw in sampler]


def test_length_and_order():
    sampler = EpochSampler(EVEN, 25, mode=SamplingMode.DRAWN, seed=0)
    assert len(sampler) == len(list(sampler)) == 25
    assert [tuple(draw) for draw in sampler] == [tuple(draw) for draw in sampler]
    sampler.set_epoch(3)
    expected = shown(25, SamplingMode.DRAWN, epoch=3)
    assert [draw.index for draw in sampler] == expected.tolist()


def test_each_draw_has_its_own_seed():
    seeds = [seed for run in range(3) for epoch in range(3) for _, seed in draws(run, epoch)]
    assert len(set(seeds)) == len(seeds) == 90
    assert all(0 <= seed < 2**32 for seed in seeds)


def test_epoch_can_be_jumped_to():
    """What a resumed run does."""
    assert draws(0, 5) == draws(0, 5)
    assert draws(0, 5) != draws(0, 0)


def test_shares_of_each_batch_by_hand():
    """Two batches of four; the two images left over fill none."""
    assert RankShard(0, 2).of_each_batch(10, 4).tolist() == [0, 1, 4, 5]
    assert RankShard(1, 2).of_each_batch(10, 4).tolist() == [2, 3, 6, 7]
    assert RankShard(2, 4).of_each_batch(10, 4).tolist() == [2, 6]
    assert RankShard().of_each_batch(10, 4).tolist() == list(range(8))
    assert RankShard(1, 2).of_each_batch(3, 4).tolist() == []


def test_shares_of_all_batches_by_hand():
    assert RankShard(0, 2).of_all_batches(7, 3) == [[0, 1, 2], [6]]
    assert RankShard(1, 2).of_all_batches(7, 3) == [[3, 4, 5]]
    assert RankShard(2, 3).of_all_batches(5, 4) == []


@pytest.mark.parametrize("mode", SamplingMode)
def test_the_shares_of_a_step_are_the_batch_of_one_process(mode):
    """The same images with the same seeds in the same order, epoch after epoch."""
    whole = EpochSampler(EVEN, 26, mode=mode, seed=3)
    shares = [RankShard(rank, 3).of_each_batch(26, 6) for rank in range(3)]
    samplers = [EpochSampler(EVEN, 26, mode=mode, seed=3, positions=positions) for positions in shares]
    assert [len(sampler) for sampler in samplers] == [8, 8, 8]
    for epoch in range(2):
        for sampler in (whole, *samplers):
            sampler.set_epoch(epoch)
        drawn, parts = list(whole), [list(sampler) for sampler in samplers]
        for step in range(4):
            together = [draw for part in parts for draw in part[2 * step : 2 * step + 2]]
            assert together == drawn[6 * step : 6 * step + 6]
