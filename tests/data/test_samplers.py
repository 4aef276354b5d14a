"""Samplers: which images an epoch shows is a function of seed and epoch."""

import numpy as np
import pytest

from rarepix.data.samplers import EpochSampler, Share, epoch_indices

EVEN = np.full(10, 0.1)


@pytest.mark.parametrize("size", [10, 20, 30])
def test_without_replacement_each_image_is_shown_equally_often(size):
    shown = epoch_indices(EVEN, size, replace=False, seed=0, epoch=0)
    assert np.bincount(shown, minlength=10).tolist() == [size // 10] * 10


@pytest.mark.parametrize(("size", "fewest", "most"), [(4, 0, 1), (13, 1, 2), (25, 2, 3)])
def test_without_replacement_none_is_shown_again_before_all_were(size, fewest, most):
    times = np.bincount(epoch_indices(EVEN, size, replace=False, seed=0, epoch=0), minlength=10)
    assert (times.min(), times.max(), times.sum()) == (fewest, most, size)


def test_with_replacement_draws_follow_the_weights():
    weights = np.array([0.5, 0.3, 0.15, 0.05])
    drawn = np.bincount(epoch_indices(weights, 20_000, replace=True, seed=1, epoch=2), minlength=4) / 20_000
    assert drawn == pytest.approx(weights, abs=5 * np.sqrt(0.25 / 20_000))


def draws(seed: int, epoch: int) -> list[tuple[int, int]]:
    sampler = EpochSampler(EVEN, 10, replace=False, seed=seed)
    sampler.set_epoch(epoch)
    return [tuple(draw) for draw in sampler]


def test_length_and_order():
    sampler = EpochSampler(EVEN, 25, replace=True, seed=0)
    assert len(sampler) == len(list(sampler)) == 25
    assert [tuple(draw) for draw in sampler] == [tuple(draw) for draw in sampler]
    sampler.set_epoch(3)
    expected = epoch_indices(EVEN, 25, replace=True, seed=0, epoch=3)
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
    assert Share(0, 2).of_each_batch(10, 4).tolist() == [0, 1, 4, 5]
    assert Share(1, 2).of_each_batch(10, 4).tolist() == [2, 3, 6, 7]
    assert Share(2, 4).of_each_batch(10, 4).tolist() == [2, 6]
    assert Share().of_each_batch(10, 4).tolist() == list(range(8))
    assert Share(1, 2).of_each_batch(3, 4).tolist() == []


def test_shares_of_all_batches_by_hand():
    assert Share(0, 2).of_all_batches(7, 3) == [[0, 1, 2], [6]]
    assert Share(1, 2).of_all_batches(7, 3) == [[3, 4, 5]]
    assert Share(2, 3).of_all_batches(5, 4) == []


@pytest.mark.parametrize("replace", [True, False])
def test_the_shares_of_a_step_are_the_batch_of_one_process(replace):
    """The same images with the same seeds in the same order, epoch after epoch."""
    whole = EpochSampler(EVEN, 26, replace=replace, seed=3)
    shares = [Share(rank, 3).of_each_batch(26, 6) for rank in range(3)]
    samplers = [EpochSampler(EVEN, 26, replace=replace, seed=3, positions=positions) for positions in shares]
    assert [len(sampler) for sampler in samplers] == [8, 8, 8]
    for epoch in range(2):
        for sampler in (whole, *samplers):
            sampler.set_epoch(epoch)
        drawn, parts = list(whole), [list(sampler) for sampler in samplers]
        for step in range(4):
            together = [draw for part in parts for draw in part[2 * step : 2 * step + 2]]
            assert together == drawn[6 * step : 6 * step + 6]
