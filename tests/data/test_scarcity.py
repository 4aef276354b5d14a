"""Thinning: how many images go, which ones, and what is refused."""

import numpy as np
import pandas as pd
import pytest

from rarepix.data.scarcity import thin
from rarepix.seeding import generator


def table(images: int = 200, **holders: int) -> pd.DataFrame:
    """Counts in which each class is held by so many images, drawn at random."""
    random = generator(0, "scarcity", images)
    counts = pd.DataFrame(0, index=[f"i{number}" for number in range(images)], columns=[*holders])
    for name, number in holders.items():
        counts.loc[random.choice(counts.index, number, replace=False), name] = random.integers(1, 900, number)
    return counts


def left(counts: pd.DataFrame, kept: list[str], name: str) -> int:
    return int((counts.loc[kept, name] > 0).sum())


@pytest.mark.parametrize(
    ("images", "removed"), [(105, 84), (131, 104), (88, 70), (65, 52), (77, 61), (126, 100), (1, 0), (5, 4)]
)
@pytest.mark.parametrize("published", [False, True])
def test_a_fifth_stays(images, removed, published):
    """The numbers of the VOC imbalance study."""
    counts = table(bird=images)
    kept = thin(counts, ["bird"], keep=1 / 5, seed=0, published=published)
    assert left(counts, kept, "bird") == images - removed
    assert len(kept) == 200 - removed


@pytest.mark.parametrize(
    ("images", "keep", "removed"), [(10, 0.9, 1), (3, 1 / 3, 2), (10, 0.3, 7), (100, 0.07, 93), (7, 1, 0), (3, 0.1, 2)]
)
def test_fractions_that_floats_cannot_hold(images, keep, removed):
    assert len(thin(table(a=images), ["a"], keep=keep, seed=0)) == 200 - removed


@pytest.mark.parametrize("published", [False, True])
def test_a_class_is_thinned_from_what_the_ones_before_it_left(published):
    counts = table(a=80, b=80, c=50)
    kept = thin(counts, ["a", "b"], keep=0.5, seed=3, published=published)
    after_a = thin(counts, ["a"], keep=0.5, seed=3, published=published)
    assert set(kept) < set(after_a)
    held = left(counts, after_a, "b")
    assert held < 80, "the removed images of a hold some b"
    assert left(counts, kept, "b") == held - held // 2
    assert left(counts, after_a, "a") == 40


def test_images_without_the_class_stay():
    counts = table(a=80, b=40)
    assert set(counts.index[counts["a"] == 0]) <= set(thin(counts, ["a"], keep=0.1, seed=0))


@pytest.mark.parametrize("published", [False, True])
def test_the_order_of_the_table_is_kept_and_the_table_too(published):
    counts = table(a=80, b=40)
    before = counts.copy()
    kept = thin(counts, ["b", "a"], keep=0.3, seed=1, published=published)
    assert kept == [name for name in counts.index if name in set(kept)]
    pd.testing.assert_frame_equal(counts, before)


@pytest.mark.parametrize("published", [False, True])
def test_the_seed_says_which(published):
    counts = table(a=80)
    result = [tuple(thin(counts, ["a"], keep=0.5, seed=seed, published=published)) for seed in (0, 0, 1, 2)]
    assert result[0] == result[1]
    assert len(set(result)) == 3


def test_global_randomness_is_neither_used_nor_changed():
    counts = table(a=80)
    result = []
    for state in (1, 2):
        np.random.seed(state)  # noqa: NPY002 - what a careless caller may do
        before = np.random.get_state()[1].tolist()  # noqa: NPY002
        result.append(thin(counts, ["a"], keep=0.5, seed=0, published=True))
        assert np.random.get_state()[1].tolist() == before  # noqa: NPY002
    assert result[0] == result[1]


def test_published_is_one_legacy_stream_over_the_classes():
    """As the study's script: seeded once, a choice without replacement a class."""
    counts = table(a=80, b=60, c=90)
    np.random.seed(2022)  # noqa: NPY002 - the study's own way
    use = pd.Series(True, index=counts.index)
    for name in ("b", "a", "c"):
        candidates = counts.index[use & (counts[name] > 0)].to_numpy()
        use[np.random.choice(candidates, int(len(candidates) * (1 - 1 / 5)), replace=False)] = False  # noqa: NPY002
    assert thin(counts, ["b", "a", "c"], keep=1 / 5, seed=2022, published=True) == use.index[use].tolist()


def test_keeping_all_removes_nothing():
    counts = table(a=80, b=40)
    assert thin(counts, ["a", "b"], keep=1, seed=0) == counts.index.tolist()


PAIR = pd.DataFrame({"bird": [1, 1, 1, 1], "nest": [0, 0, 3, 3], "dodo": 0}, index=list("wxyz"))


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"classes": ["brid"]}, r"'brid' is not: did you mean 'bird'\? valid: bird, nest, dodo"),
        ({"classes": "bird"}, r"must be a list of names, but got 'bird': write \['bird'\]"),
        ({"classes": ["bird", "nest", "bird"]}, r"name each class once, but \['bird'\] come more than once"),
        ({"classes": []}, "the classes to thin must name at least one class"),
        ({"counts": PAIR.assign(nest=[0, 0, 3, -3])}, "not negative, but 'nest' of the image 'z' is -3"),
        ({"counts": pd.concat([PAIR, PAIR[:1]])}, r"must be in the table once, but these come again: \['w'\]"),
        ({"allow_absent": "nest"}, r"allow_absent must be a list of names, but got 'nest'"),
        ({"keep": 0}, "above 0 and at most 1, but got 0"),
        ({"keep": 1.2}, "above 0 and at most 1, but got 1.2"),
        ({"keep": float("nan")}, "above 0 and at most 1, but got nan"),
        ({"classes": ["dodo"]}, "no image holds dodo: leave it out"),
    ],
)
def test_refuses(given, message):
    with pytest.raises(ValueError, match=message):
        thin(**({"counts": PAIR, "classes": ["bird"], "keep": 0.5, "seed": 0} | given))


def test_refuses_to_leave_no_image_of_a_class():
    """Of w, x, y, z one stays, so that for some seeds no nest is left."""
    gone = {seed: generator(seed, "scarcity", "bird").choice(4, 3, replace=False) for seed in range(10)}
    for seed, removed in gone.items():
        stays = "wxyz"[6 - removed.sum()]
        if stays in "yz":
            assert thin(PAIR, ["bird"], keep=0.25, seed=seed) == [stays]
        else:
            with pytest.raises(ValueError, match=f"none is left of nest after bird with keep=0.25 and seed={seed}"):
                thin(PAIR, ["bird"], keep=0.25, seed=seed)
            assert thin(PAIR, ["bird"], keep=0.25, seed=seed, allow_absent=["nest"]) == [stays]
