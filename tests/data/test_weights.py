"""Image weights: by hand, with classes that no image or one image holds, and the published rule to the digit."""

import inspect

import numpy as np
import pandas as pd
import pytest

from rarepix.data.settings import BY_FOREGROUND, SAMPLING_PARAMETERS
from rarepix.data.weights import WEIGHTS, image_weights

COUNTS = pd.DataFrame(
    {
        "ground": [9, 9, 9, 9, 0, 0],
        "common": [1, 1, 1, 0, 0, 0],
        "rare": [0, 0, 1, 0, 0, 2],
        "never": [0, 0, 0, 0, 0, 0],
    },
    index=list("abcdef"),
)


def normalised(raw) -> np.ndarray:
    return np.array(raw, float) / np.sum(raw)


def damped(amount: float) -> float:
    return float(np.log(amount + np.e - 1))


def weights(kind: str, counts: pd.DataFrame = COUNTS, **given) -> list[float]:
    return image_weights(counts, kind, **given).tolist()


def test_the_defaults_are_those_of_the_configuration():
    assert {*WEIGHTS, *BY_FOREGROUND} == set(SAMPLING_PARAMETERS)
    signature = inspect.signature(image_weights).parameters
    for kind in WEIGHTS:
        for name, field in SAMPLING_PARAMETERS[kind].model_fields.items():
            assert name == "added" or signature[name].default == field.default


@pytest.mark.parametrize("kind", ["uniform", "duplicate"])
def test_all_alike(kind):
    assert weights(kind) == pytest.approx([1 / 6] * 6)


def test_inverse_log_by_hand():
    """common is in 3 images, rare in 2, ground in 4; e holds nothing, which is as common as all 6."""
    images = np.array([3, 3, 2, 4, 6, 2])
    assert weights("inverse_log") == pytest.approx(normalised([1 / (n * damped(n)) for n in images]))


def test_inverse_log_by_pixels_by_hand():
    """36 pixels of ground in 4 images, 3 of common in 3, 3 of rare in 2; common is the first of the two in c."""
    common, rare, ground, all_of_it = (
        1 / (3 * damped(3)),
        1 / (2 * damped(3)),
        1 / (4 * damped(36)),
        1 / (6 * damped(42)),
    )
    expected = normalised([common, common, common, ground, all_of_it, rare])
    assert weights("inverse_log", by="pixels") == pytest.approx(expected)


def test_inverse_log_by_proportion_by_hand():
    """Shares: a, b 0.9 and 0.1; c 9/11, 1/11, 1/11; d 1 of ground; f 1 of rare; e none."""
    ground, common, rare = 0.9 + 0.9 + 9 / 11 + 1, 0.1 + 0.1 + 1 / 11, 1 / 11 + 1
    first = 1 / (3 * damped(common))
    expected = [first, first, first, 1 / (4 * damped(ground)), 1 / (6 * damped(5)), 1 / (2 * damped(rare))]
    assert weights("inverse_log", by="proportion") == pytest.approx(normalised(expected))


def test_inverse_log_by_cluster_by_hand():
    clusters = pd.Series([7, 7, 7, 2, 2, 5], index=list("abcdef"))
    expected = normalised([1 / (n * damped(n)) for n in (3, 3, 3, 2, 2, 1)])
    assert weights("inverse_log", by="cluster", clusters=clusters) == pytest.approx(expected)
    assert weights("inverse_log", by="cluster", clusters=clusters[::-1]) == pytest.approx(expected)


def test_clusters_are_found_where_none_are_given():
    """Twelve images of one kind and three of another; the background is not what tells them apart."""
    two = pd.DataFrame({"a": [50, 51, 52] * 4 + [0] * 3, "b": [0] * 12 + [40, 41, 42], "background": range(15)})
    expected = normalised([1 / (12 * damped(12))] * 12 + [1 / (3 * damped(3))] * 3)
    assert weights("inverse_log", two, by="cluster") == pytest.approx(expected)


@pytest.mark.parametrize("by", ["label", "pixels", "proportion"])
def test_inverse_log_shifts_draws_to_rare_groups_but_not_all_of_them(by):
    many = pd.DataFrame({"g": [9] * 100, "rare": [1] * 5 + [0] * 95})
    result = np.array(weights("inverse_log", many, by=by))
    assert 0.05 < result[:5].sum() < 1
    assert result[0] > 10 * result[-1]


def test_a_lone_image_of_background_only_is_not_taken_for_rare():
    lone = pd.DataFrame({"background": [9] * 20, "tree": [1] * 19 + [0], "beacon": [0] * 17 + [1, 1, 0]})
    result = np.array(weights("inverse_log", lone))
    assert result[-1] == result.min()
    assert result[17] == result[18] == result.max()


def test_published_by_label_by_hand():
    """The major classes are cat 4 times, dog twice; a group is drawn by 1 / ln N, then one of its images."""
    pets = pd.DataFrame({"background": [99] * 6, "cat": [5, 5, 5, 5, 4, 0], "dog": [4, 4, 4, 0, 5, 1], "border": 9})
    by_cat, by_dog = normalised([1 / np.log(4), 1 / np.log(2)])
    expected = [by_cat / 4] * 4 + [by_dog / 2] * 2
    assert weights("inverse_log", pets, published=True) == pytest.approx(expected, rel=1e-15)
    renamed = pets.rename(columns={"background": "ground"})
    assert weights("inverse_log", renamed, published=True, ignoring=["ground", "border"]) == weights(
        "inverse_log", pets, published=True
    )


def test_published_by_cluster_by_hand():
    clusters = pd.Series([0, 0, 0, 1, 1, 1], index=list("abcdef"))
    result = weights("inverse_log", by="cluster", published=True, clusters=clusters)
    assert result == pytest.approx([1 / 6] * 6, rel=1e-15)


def test_repeat_factor_by_hand():
    """Shares of the images: ground 4/6, common 3/6, rare 2/6; below a threshold of 0.5 is rare alone."""
    repeated = np.sqrt(0.5 / (2 / 6))
    assert weights("repeat_factor", threshold=0.5) == pytest.approx(normalised([1, 1, repeated, 1, 1, repeated]))
    assert weights("repeat_factor", threshold=1 / 3) == pytest.approx([1 / 6] * 6)


def test_rare_class_by_hand():
    """Shares of the pixels: ground 36/42, common and rare 3/42 each."""
    scores = np.exp((1 - np.array([36, 3, 3]) / 42) / 0.1)
    ground, common, rare = normalised(scores) / [4, 3, 2]
    raw = [ground + common, ground + common, ground + common + rare, ground, ground, rare]  # e as little as any other
    assert weights("rare_class") == pytest.approx(normalised(raw))


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("temperature", [1e-3, 1e-9, 1e-300, 5e-324])
def test_rare_class_at_no_temperature_draws_the_rarest_class_alone(temperature):
    two = pd.DataFrame({"g": [90, 90, 90, 0], "rare": [0, 1, 2, 0]})
    assert weights("rare_class", two, temperature=temperature) == pytest.approx([0, 0.5, 0.5, 0])


def test_rare_class_at_a_high_temperature_is_class_uniform():
    without = COUNTS.drop(columns="never")
    assert weights("rare_class", without, temperature=1e9) == pytest.approx(weights("class_uniform", without))


def test_class_uniform_by_hand():
    """A third each for ground (4 images), common (3), rare (2); e as little as d."""
    ground, common, rare = 1 / 12, 1 / 9, 1 / 6
    raw = [ground + common, ground + common, ground + common + rare, ground, ground, rare]
    assert weights("class_uniform") == pytest.approx(normalised(raw))


@pytest.mark.parametrize("kind", WEIGHTS)
def test_a_class_that_no_image_holds_changes_nothing(kind):
    assert weights(kind) == pytest.approx(weights(kind, COUNTS.drop(columns="never")), rel=1e-12)


@pytest.mark.parametrize("kind", WEIGHTS)
def test_columns_say_which_are_classes(kind):
    """A file of counts with the sizes of its images."""
    wide = COUNTS.assign(path="x.png", height=8, width=9, area=72, border=[50, 0, 0, 0, 0, 1])
    assert weights(kind, wide, columns=list(COUNTS)) == weights(kind)
    assert weights(kind, COUNTS.assign(area=5), columns=[*COUNTS, "area"]) == weights(kind, COUNTS.assign(land=5))
    with pytest.raises(ValueError, match="there is height, width, area: leave it out, or name the classes with"):
        weights(kind, wide)


@pytest.mark.parametrize("by", ["label", "pixels", "proportion", "cluster"])
def test_the_border_is_no_class_for_the_inverse_logarithm(by):
    assert weights("inverse_log", COUNTS.assign(border=[50, 0, 0, 0, 0, 1]), by=by) == weights("inverse_log", by=by)


@pytest.mark.parametrize("kind", WEIGHTS)
def test_the_border_is_no_class(kind):
    bordered = COUNTS.assign(border=[50, 0, 0, 0, 0, 1])
    assert weights(kind, bordered) == weights(kind)
    assert weights(kind, bordered, columns=list(bordered)) == weights(kind)
    with pytest.raises(ValueError, match="must be a class to weigh by, but border is the only column"):
        weights(kind, bordered[["border"]])


LONE = pd.Series([0, 0, 0, 0, 0, 1], index=list("abcdef"))


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"kind": "inverselog"}, r"unknown sampling.kind 'inverselog': did you mean 'inverse_log'\? valid: class_un"),
        ({"by": "labels"}, "unknown sampling.by 'labels': did you mean 'label'"),
        ({"kind": "uniform", "by": "pixels"}, "sampling 'uniform' has no parameter 'by', but got 'pixels'"),
        ({"kind": "rare_class", "published": True}, "sampling 'rare_class' has no parameter 'published'"),
        ({"kind": "uniform", "threshold": 0.5}, "sampling 'uniform' has no parameter 'threshold'"),
        ({"kind": "rare_class", "temperature": 0}, "temperature must be above 0, but got 0"),
        ({"kind": "rare_class", "temperature": float("nan")}, "temperature must be above 0, but got nan"),
        ({"kind": "repeat_factor", "threshold": float("nan")}, "above 0 and at most 1, but got nan"),
        ({"columns": "rare"}, r"columns must be a list of names, but got 'rare': write \['rare'\]"),
        ({"columns": []}, "columns must name at least one class"),
        ({"counts": COUNTS.assign(rare=-1)}, "must be finite and not negative, but 'rare' of the image 'a' is -1"),
        ({"kind": "repeat_factor", "threshold": 1.5}, "threshold must be above 0 and at most 1, but got 1.5"),
        ({"clusters": LONE}, "clusters go with by='cluster' only, but got by='label'"),
        ({"by": "cluster", "clusters": LONE[:4]}, r"must have a cluster, but these have none: \['e', 'f'\]"),
        ({"by": "pixels", "published": True}, "go by label or cluster, but got by='pixels'"),
        (
            {"by": "cluster", "published": True, "clusters": LONE},
            r"1 / ln N, needs N > 1 images, but 1 has one: use published=False",
        ),
        ({"published": True}, "needs N > 1 images, but , rare has one"),
    ],
)
def test_refuses(given, message):
    with pytest.raises(ValueError, match=message):
        image_weights(**({"counts": COUNTS, "kind": "inverse_log"} | given))
