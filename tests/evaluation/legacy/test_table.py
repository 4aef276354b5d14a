"""The contract of every published evaluator."""

import dataclasses

import numpy as np
import pytest

from rarepix.choices import ChoiceError
from rarepix.evaluation.legacy import LEGACY, build_legacy
from rarepix.labels import SOFT_SCALE, LabelSpace, Task
from tests.evaluation.legacy.conftest import LESION, LESIONS, VOID, several, square

SPACES = [LESION, LESIONS, several(3)]
TASKS = {
    "cityscapes": {Task.BINARY, Task.MULTICLASS},
    "full_background": set(Task),
    "polyp": {Task.BINARY, Task.MULTICLASS},
    "retinal": {Task.BINARY, Task.MULTILABEL},
    "siim": {Task.BINARY, Task.MULTILABEL},
    "voc_imbalance": {Task.BINARY, Task.MULTICLASS},
}
CASES = [(name, labels) for name, tasks in TASKS.items() for labels in SPACES if labels.task in tasks]
every_case = pytest.mark.parametrize(("name", "labels"), CASES, ids=lambda given: getattr(given, "task", given))


def masks(labels: LabelSpace, seed: int, images: int = 4) -> list[tuple[np.ndarray, np.ndarray]]:
    """Return predictions and targets: squares in different positions."""
    actual = []
    for top, left in np.random.default_rng(seed).integers(0, 5, (images, 2)):
        pair = [square(top, left), square((top + 1) % 5, left)]
        if labels.task is Task.MULTILABEL:
            pair = [np.stack([mask, mask.T], axis=-1) for mask in pair]
        elif labels.count > 2:
            pair = [mask + 2 * square(0, 0, 2) * (mask == 0) for mask in pair]
        actual.append(tuple(pair))
    return actual


def result(name: str, labels: LabelSpace, images: list[tuple[np.ndarray, np.ndarray]]) -> dict[str, float]:
    scorer = build_legacy(name, labels)
    for number, pair in enumerate(images):
        scorer.update(f"image {number}", *pair)
    return scorer.result()


def test_every_evaluator_is_tested():
    assert set(TASKS) == set(LEGACY)
    assert {name: scorer.name for name, scorer in LEGACY.items()} == {name: name for name in LEGACY}


@every_case
def test_results_are_numbers_by_name(name, labels):
    actual = result(name, labels, masks(labels, 0))
    assert actual
    assert all(isinstance(value, float) for value in actual.values())
    assert all(0 <= value <= 1 for key, value in actual.items() if not key.startswith("hd95") and not np.isnan(value))


@pytest.mark.parametrize(("name", "labels"), [case for case in CASES if case[1].task is not Task.MULTICLASS])
def test_of_a_soft_truth_counts_where_the_share_is_above_one_half(name, labels):
    pairs = masks(labels, 0)
    pairs[0][1][5] = VOID
    soft = [(prediction, np.array([100, 200, *[0] * 253, VOID], np.uint8)[target]) for prediction, target in pairs]
    actual = result(name, dataclasses.replace(labels, scale=SOFT_SCALE), soft)
    assert actual == pytest.approx(result(name, labels, pairs), abs=0, rel=0, nan_ok=True)


@every_case
def test_a_perfect_prediction_has_the_best_score(name, labels):
    actual = result(name, labels, [(target, target) for _, target in masks(labels, 0)])
    ideal = {key: 0.0 if key.startswith("hd95") else 1.0 for key in actual}
    assert {key: value for key, value in actual.items() if not np.isnan(value)} == pytest.approx(
        {key: ideal[key] for key, value in actual.items() if not np.isnan(value)}, abs=1e-6
    )


@every_case
def test_the_order_of_images_does_not_matter(name, labels):
    images = masks(labels, 1)
    assert result(name, labels, images[::-1]) == pytest.approx(result(name, labels, images), nan_ok=True)


@every_case
def test_predictions_on_ignored_pixels_count_only_in_the_voc_study(name, labels):
    first, second = [], []
    for prediction, target in masks(labels, 2):
        target = target.copy()
        target[4:] = VOID
        other = prediction.copy()
        other[4:] = 1 - np.minimum(prediction[4:], 1)
        first.append((prediction, target))
        second.append((other, target))
    same = result(name, labels, first) == pytest.approx(result(name, labels, second), nan_ok=True)
    assert same == (name != "voc_imbalance")


@every_case
def test_masks_of_another_shape_are_refused_with_the_name_of_the_image(name, labels):
    prediction, target = masks(labels, 0)[0]
    with pytest.raises(ValueError, match=r"^image 7: prediction and target of a \w+ task .* must both be \(8, 8"):
        build_legacy(name, labels).update("image 7", prediction[:4], target)


@every_case
def test_refuses_to_score_without_images(name, labels):
    with pytest.raises(ValueError, match=f"'{name}' needs at least one image to score"):
        build_legacy(name, labels).result()


@pytest.mark.parametrize("name", LEGACY)
def test_refuses_other_tasks(name):
    for labels in SPACES:
        if labels.task not in TASKS[name]:
            with pytest.raises(ValueError, match=f"'{name}' scores tasks that are .*, but this one is {labels.task}"):
                build_legacy(name, labels)


def test_refuses_an_unknown_name():
    with pytest.raises(ChoiceError, match="unknown published evaluator 'polyps': did you mean 'polyp'"):
        build_legacy("polyps", LESION)
