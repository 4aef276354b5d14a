"""What every way to weigh and draw images must do, whatever it is."""

import numpy as np
import pandas as pd
import pytest

from rarepix.data.samplers import EpochSampler
from rarepix.data.weights import WEIGHTS, image_weights
from rarepix.seeding import generator

pytestmark = pytest.mark.parametrize("kind", WEIGHTS)


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
}


@pytest.mark.parametrize("table", TABLES.values(), ids=TABLES.keys())
@pytest.mark.filterwarnings("error")
def test_weights_are_a_distribution_over_the_images(kind, table):
    weights = image_weights(table, kind)
    assert weights.index.tolist() == table.index.tolist()
    assert (weights.name, weights.dtype) == ("weight", float)
    assert np.isfinite(weights).all()
    assert (weights > 0).all()
    assert weights.sum() == pytest.approx(1, abs=1e-12)


def test_weights_are_a_function_of_the_table(kind):
    assert image_weights(counts(), kind).equals(image_weights(counts(), kind))


def test_the_order_of_images_does_not_matter(kind):
    shuffled = counts().sample(frac=1, random_state=0)
    found = image_weights(shuffled, kind).loc[counts().index]
    assert found.to_numpy() == pytest.approx(image_weights(counts(), kind).to_numpy())


def test_the_table_is_left_alone(kind):
    table = counts()
    image_weights(table, kind)
    pd.testing.assert_frame_equal(table, counts())


def drawn(kind: str, seed: int, epoch: int, size: int = 60) -> list[tuple[int, int]]:
    weights = image_weights(counts(), kind).to_numpy()
    sampler = EpochSampler(weights, size, replace=kind != "uniform", seed=seed)
    sampler.set_epoch(epoch)
    return [tuple(draw) for draw in sampler]


def indices(*given) -> tuple[int, ...]:
    return tuple(index for index, _ in drawn(*given))


def test_the_same_seed_and_epoch_give_the_same_draws(kind):
    assert drawn(kind, 3, 2) == drawn(kind, 3, 2)


def test_the_first_epoch_differs_between_seeds(kind):
    assert len({indices(kind, seed, 0) for seed in range(8)}) == 8


def test_epochs_differ(kind):
    assert len({indices(kind, 0, epoch) for epoch in range(8)}) == 8


def test_no_epoch_of_a_seed_is_one_of_its_neighbour(kind):
    """Seed 0, epoch 1 must not be seed 1, epoch 0."""
    found = {indices(kind, seed, epoch) for seed in range(4) for epoch in range(4)}
    assert len(found) == 16


@pytest.mark.parametrize("size", [1, 7, 60, 200])
def test_an_epoch_is_as_long_as_asked_and_within_the_images(kind, size):
    found = indices(kind, 0, 0, size)
    assert len(found) == size
    assert set(found) <= set(range(60))


def test_every_image_is_drawn_sooner_or_later(kind):
    assert set(indices(kind, 0, 0, 4000)) == set(range(60))
