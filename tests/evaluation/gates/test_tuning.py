"""Tuned gates: what they choose on features whose best gate is known, and that their certificate is what they do."""

import math

import numpy as np
import pytest

from rarepix.evaluation.gates.bounds import GateError, false_alarm_bound, rate_interval
from rarepix.evaluation.gates.features import GateFeatures
from rarepix.evaluation.gates.tuning import Goal, tune
from rarepix.gates import probability_of
from rarepix.labels import LabelSpace, Task
from rarepix.scores import ClassNames, score

BINARY = LabelSpace(names=("nothing", "crack"), background=0, task=Task.BINARY)
THREE = LabelSpace(names=("nothing", "crack", "dot"), background=0)
SIDE = 10_000
"""Pixels of an image."""


def features(present: np.ndarray, *, presence=None, greatest=None, areas=None, labels=BINARY) -> GateFeatures:
    """Return features of images whose classes (N K bool) have as many true pixels as are predicted, or 50 that are not.

    Without *areas* the network predicts no masks. Predicted pixels of a class that is not there are background.
    """
    truth = np.zeros((*present.shape, 4), int)
    predicted = np.ones_like(present) if areas is None else areas > 0
    for kind, where in enumerate((predicted & present, predicted & ~present, ~predicted & present)):
        truth[..., kind] = where
    truth[..., 3] = 1 - truth.sum(axis=-1)
    if areas is None:
        return GateFeatures(labels, (None,), truth, presence, None, None, None, None)
    tp, fp, fn = areas * present, areas * ~present, 50 * (present & (areas == 0))
    of_classes = np.stack([tp, fp, fn, SIDE - tp - fp - fn], axis=-1)
    background = np.stack([SIDE - (tp + fp + fn).sum(1), fn.sum(1), fp.sum(1), tp.sum(1)], axis=-1)
    pixels = np.concatenate([background[:, None], of_classes], axis=1)
    spilled = np.concatenate([background[:, :1], fp], axis=1)
    return GateFeatures(labels, (None,), truth, presence, greatest, areas[:, None], pixels[:, None], spilled[:, None])


def column(*values: float) -> np.ndarray:
    return np.array(values, float)[:, None]


def drawn(empty: int, positive: int, seed: int = 0, classes: int = 1) -> GateFeatures:
    """Return features of a network that finds something everywhere: its presence tells more than its areas."""
    generator = np.random.default_rng(seed)
    images = empty + positive
    present = (np.arange(images) >= empty)[:, None] & (generator.random((images, classes)) < 0.8)
    present[empty:, 0] |= ~present[empty:].any(axis=1)
    presence = generator.normal(2.5 * present, 1)
    areas = np.ceil(np.exp(generator.normal(3 + present, 1))).astype(int)
    greatest = generator.normal(present, 1)
    labels = BINARY if classes == 1 else THREE
    return features(present, presence=presence, greatest=greatest, areas=areas, labels=labels)


def tuned(given: GateFeatures, kind: str, target: float = 0.1, **more):
    return tune(given, kind, Goal(target), generator=np.random.default_rng(1), **more)


def test_one_condition_of_one_class_uses_every_image():
    presence = column(*range(20), 17.2, 18.2, 30)  # twenty empty images, three with the class
    given = features(np.arange(23)[:, None] >= 20, presence=presence, areas=np.full((23, 1), 7), greatest=presence)
    gate, certificate = tuned(given, "presence")
    assert gate.presence == pytest.approx([probability_of(17.5)])  # two of twenty alarm: 18 and 19
    assert (certificate.alarms, certificate.rank, certificate.images) == (2, 2, 20)
    assert certificate.bound == false_alarm_bound(2, 20)
    assert (certificate.sensitivity.hits, certificate.sensitivity.images) == (2, 3)
    assert (certificate.sensitivity.low, certificate.sensitivity.high) == rate_interval(2, 3)[1:]
    assert certificate.chosen_on == {"empty": 0, "positive": 0}


def test_an_area_is_asked_for_in_pixels():
    areas = np.array([0, 0, 3, 5, 9, 4, 12])[:, None]
    given = features(np.arange(7)[:, None] >= 5, greatest=column(*[0] * 7), areas=areas)
    gate, certificate = tuned(given, "area", target=0.2)
    assert gate.area == (7,)  # half-way, on a logarithmic scale, between 5 and 9
    assert (certificate.alarms, certificate.sensitivity.hits) == (1, 1)


def test_a_network_that_finds_nothing_on_empty_images_keeps_all_it_finds():
    areas = np.array([0] * 8 + [3, 4])[:, None]
    given = features(np.arange(10)[:, None] >= 8, presence=column(*range(10)), greatest=column(*[0] * 10), areas=areas)
    gate, certificate = tuned(given, "presence")
    assert gate.presence == (0.0,)
    assert (certificate.alarms, certificate.sensitivity.hits) == (0, 2)


@pytest.mark.parametrize("kind", ["presence", "pixels", "area", "presence+area", "pixels+area", "presence+pixels+area"])
@pytest.mark.parametrize("classes", [1, 2])
def test_a_certificate_says_what_the_gate_does_on_images_that_did_not_choose_it(kind, classes):
    given = drawn(100, 40, classes=classes)
    gate, certificate = tuned(given, kind)
    chosen = sum(certificate.chosen_on.values())
    assert chosen == (0 if classes == 1 and kind != "pixels" and "+" not in kind else 40)
    assert certificate.images == (80 if chosen else 100)
    assert certificate.sensitivity.images == (20 if chosen else 40)
    assert certificate.alarms == certificate.rank == certificate.images // 10
    assert certificate.bound == false_alarm_bound(certificate.rank, certificate.images)
    sums = given.sums(gate)
    false_alarms = sums["presence"][given.empty, :, 1].any(axis=1).sum()
    assert certificate.alarms <= false_alarms <= certificate.alarms + certificate.chosen_on["empty"]
    by_class = certificate.alarms_by_class
    assert max(by_class.values()) <= certificate.alarms <= sum(by_class.values())
    assert tuned(given, kind) == (gate, certificate)  # the same images choose again


def test_a_condition_that_helps_is_asked_for_beside_the_other():
    """Half of the false alarms are small and as certain as what is there."""
    generator = np.random.default_rng(0)
    present = (np.arange(400) >= 200)[:, None]
    small = ~present & (np.arange(400) % 2 == 0)[:, None]
    presence = generator.normal(np.where(present | small, 2.0, -2.0), 1)
    areas = np.where(small, generator.integers(1, 20, (400, 1)), generator.integers(100, 300, (400, 1)))
    given = features(present, presence=presence, greatest=presence, areas=areas)
    alone, with_area = (tuned(given, kind)[1].sensitivity for kind in ("presence", "presence+area"))
    assert alone.hits / alone.images < 0.5
    assert with_area.hits / with_area.images > 0.9
    assert 15 <= tuned(given, "presence+area")[0].area[0] < 150


def test_classes_whose_scores_differ_get_thresholds_that_differ():
    """The second class alarms at larger scores; by one threshold nothing of the first would be left."""
    generator = np.random.default_rng(0)
    present = np.zeros((600, 2), bool)
    present[200:400, 0] = present[400:, 1] = True
    presence = generator.normal(np.where(present, 4, 0) + np.array([0, 6]), 1)
    given = features(present, presence=presence, areas=np.full((600, 2), 9), greatest=presence, labels=THREE)
    gate, certificate = tuned(given, "presence")
    first, second = (math.log(p / (1 - p)) for p in gate.presence)
    assert second - first == pytest.approx(6, abs=1)
    assert certificate.sensitivity.hits / certificate.sensitivity.images > 0.95


def test_the_best_gate_of_a_score_is_chosen_on_some_images_and_counted_on_the_others():
    given, classes = drawn(100, 40), ClassNames(BINARY.names, background=("nothing",))

    def dice(sums):
        return score("mean_dice", sums, classes)

    gate, certificate = tune(given, "presence", Goal(score="mean_dice", score_of=dice),
                             generator=np.random.default_rng(1))  # fmt: skip
    assert certificate.target is None
    assert certificate.score == "mean_dice"
    assert certificate.chosen_on == {"empty": 20, "positive": 20}
    assert certificate.rank == certificate.alarms
    pooled = {name: values.sum(axis=0) for name, values in given.sums(gate).items()}
    open_gate = gate.model_copy(update={"presence": (0.0,)})
    assert dice(pooled) > dice({name: values.sum(axis=0) for name, values in given.sums(open_gate).items()})


def test_images_of_a_group_are_not_counted_twice():
    given = drawn(100, 40)
    units = np.concatenate([np.arange(100) // 4, 100 + np.arange(40) // 2])
    _, certificate = tuned(given, "presence", units=units)
    assert (certificate.images, certificate.sensitivity.images, certificate.units) == (25, 20, "groups")
    _, certificate = tuned(given, "presence+area", units=units)
    assert (certificate.images, certificate.sensitivity.images) == (20, 10)
    assert certificate.chosen_on == {"empty": 20, "positive": 20}


def test_a_network_without_masks_is_gated_by_its_presence():
    given = features(np.arange(40)[:, None] >= 30, presence=np.arange(40.0)[:, None])
    gate, certificate = tuned(given, "presence")
    assert certificate.alarms == 3
    assert given.sums(gate)["presence"].sum(axis=(0, 1)).tolist() == [10, 3, 0, 27]


def test_what_is_emptied_becomes_background():
    """Two images with a dot that is missed; of one the crack, right in 30 of 40 pixels, is emptied, too."""
    given = features(np.array([[True, False], [True, True]]), areas=np.array([[30, 10], [60, 0]]),
                     greatest=np.zeros((2, 2)), labels=THREE)  # fmt: skip
    gate = tuned(drawn(100, 40, classes=2), "area")[0].model_copy(update={"area": (40, 20)})
    pixels = given.sums(gate)["pixels"]
    assert pixels[0].tolist() == [
        [SIDE - 30, 30, 0, 0],  # 10 pixels of the background come back to it, and 30 of the crack go there
        [0, 0, 30, SIDE - 30],
        [0, 0, 0, SIDE],
    ]
    assert (pixels[1] == given.pixels[1, 0]).all()


def test_an_image_of_which_little_is_known_is_neither_empty_nor_positive():
    given = drawn(100, 40, classes=2)
    given.truth[0], given.truth[1, 1] = 0, 0
    assert not given.empty[:2].any()
    assert given.empty.sum() == 98
    assert not given.positive[:2].any()


@pytest.mark.parametrize(
    ("given", "kind", "message"),
    [
        (drawn(0, 40), "presence", r"has no empty image \(without any class but the background\) among its 40"),
        (drawn(40, 0), "area", r"has no positive image \(with a class that is not the background\) among its 40"),
        (drawn(40, 40)._replace(presence=None), "presence", "no presence head: train one with model.presence"),
        (drawn(40, 40)._replace(presence=None), "classifier+area", "no classifier is given"),
        (drawn(40, 40)._replace(pixels=None), "area", "predicts no masks: use the kind presence"),
        (drawn(1, 40), "presence+area", "needs two independent empty images"),
        (
            drawn(40, 40)._replace(labels=LabelSpace(names=("a", "b"))),
            "presence",
            "must be a background and a class beside it",
        ),
    ],
)
def test_what_is_missing_is_named(given, kind, message):
    with pytest.raises(GateError, match=message):
        tuned(given, kind)
