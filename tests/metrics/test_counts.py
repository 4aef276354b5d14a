"""Counts against scikit-learn, image by image and class by class."""

import numpy as np
import pytest
import torch
from sklearn.metrics import confusion_matrix, multilabel_confusion_matrix

from rarepix.labels import Task
from rarepix.metrics.counts import confusion, count_pixels, one_against_rest
from rarepix.scores import by_kind

IGNORE = 255


def batch(classes: int, shape=(3, 17, 13), ignored: float = 0.2, seed: int = 0) -> tuple[torch.Tensor, torch.Tensor]:
    random = torch.Generator().manual_seed(seed)
    prediction = torch.randint(0, classes, shape, generator=random)
    target = torch.randint(0, classes, shape, generator=random)
    target[torch.rand(shape, generator=random) < ignored] = IGNORE
    return prediction, target


@pytest.mark.parametrize("classes", [1, 2, 5, 21])
@pytest.mark.parametrize("ignored", [0.0, 0.3, 1.0])
@pytest.mark.filterwarnings("ignore:A single label was found")
def test_against_scikit_learn(classes, ignored):
    prediction, target = batch(classes, ignored=ignored)
    actual = confusion(prediction, target, classes=classes, ignore=IGNORE)
    assert (actual.shape, actual.dtype) == ((3, classes, classes), torch.int64)
    for image in range(3):
        counted = target[image] != IGNORE
        expected = np.zeros((classes, classes), int)
        if counted.any():
            expected = confusion_matrix(target[image][counted], prediction[image][counted], labels=range(classes))
        assert actual[image].tolist() == expected.tolist()


@pytest.mark.parametrize("dtype", [torch.uint8, torch.int32, torch.int64])
def test_masks_of_any_integer_type(dtype):
    """With so many ids and images that an 8-bit product would overflow."""
    prediction, target = batch(21, (16, 9, 9))
    expected = confusion(prediction, target, classes=21, ignore=IGNORE)
    assert torch.equal(confusion(prediction, target.to(dtype), classes=21, ignore=IGNORE), expected)


def test_another_ignore_id():
    prediction, target = batch(3)
    other = torch.where(target == IGNORE, 3, target)
    assert torch.equal(
        confusion(prediction, other, classes=3, ignore=3), confusion(prediction, target, classes=3, ignore=IGNORE)
    )


def test_one_against_the_rest_by_hand():
    counts = torch.tensor([[50, 3], [7, 40]])  # rows: truth
    actual = {kind: values.tolist() for kind, values in by_kind(one_against_rest(counts).numpy()).items()}
    assert actual == {"tp": [50, 40], "fp": [7, 3], "fn": [3, 7], "tn": [40, 50]}


def expected(prediction: torch.Tensor, target: torch.Tensor, classes: int) -> list:
    """tp, fp, fn, tn of every class of one image, by scikit-learn."""
    counted = target != IGNORE
    tables = multilabel_confusion_matrix(target[counted], prediction[counted], labels=range(classes))
    return [[int(table[1, 1]), int(table[0, 1]), int(table[1, 0]), int(table[0, 0])] for table in tables]


@pytest.mark.parametrize(("task", "classes"), [(Task.BINARY, 2), (Task.MULTICLASS, 4)])
def test_ids_against_scikit_learn(task, classes):
    prediction, target = batch(classes)
    actual = count_pixels(prediction, target, task=task, classes=classes, ignore=IGNORE)
    assert (actual.shape, actual.dtype) == ((3, classes, 4), torch.int64)
    assert actual.tolist() == [expected(*pair, classes) for pair in zip(prediction, target, strict=True)]


def test_multilabel_against_scikit_learn():
    """Each class of a multilabel task by itself, with its own ignored pixels."""
    prediction, target = batch(2, (3, 5, 9, 7))
    actual = count_pixels(prediction, target, task=Task.MULTILABEL, classes=5, ignore=IGNORE)
    assert actual.shape == (3, 5, 4)
    for image in range(3):
        for layer in range(5):
            assert actual[image, layer].tolist() == expected(prediction[image, layer], target[image, layer], 2)[1]


def test_large_counts_stay_exact():
    big = 2**53 + 1  # a float would lose the last pixel
    actual = by_kind(one_against_rest(torch.tensor([[big, 1], [0, big]])).numpy())
    assert actual["tp"].tolist() == [big, big]
    assert actual["tn"].tolist() == [big, big]
