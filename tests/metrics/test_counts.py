"""Confusion counts against scikit-learn, image by image."""

import numpy as np
import pytest
import torch
from sklearn.metrics import confusion_matrix, multilabel_confusion_matrix

from rarepix.metrics.counts import confusion, per_class

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
    found = confusion(prediction, target, classes=classes, ignore=IGNORE)
    assert (found.shape, found.dtype) == ((3, classes, classes), torch.int64)
    for image in range(3):
        counted = target[image] != IGNORE
        expected = np.zeros((classes, classes), int)
        if counted.any():
            expected = confusion_matrix(target[image][counted], prediction[image][counted], labels=range(classes))
        assert found[image].tolist() == expected.tolist()


@pytest.mark.parametrize("dtype", [torch.uint8, torch.int32, torch.int64])
def test_masks_of_any_integer_type(dtype):
    """With ids and images enough for an 8-bit product to run over."""
    prediction, target = batch(21, (16, 9, 9))
    expected = confusion(prediction, target, classes=21, ignore=IGNORE)
    assert torch.equal(confusion(prediction, target.to(dtype), classes=21, ignore=IGNORE), expected)


def test_another_ignore_id():
    prediction, target = batch(3)
    other = torch.where(target == IGNORE, 3, target)
    assert torch.equal(
        confusion(prediction, other, classes=3, ignore=3), confusion(prediction, target, classes=3, ignore=IGNORE)
    )


def test_per_class_by_hand():
    counts = np.array([[50, 3], [7, 40]])  # rows: truth
    found = {kind: values.tolist() for kind, values in per_class(counts).items()}
    assert found == {"tp": [50, 40], "fp": [7, 3], "fn": [3, 7], "tn": [40, 50]}


def test_per_class_against_scikit_learn():
    prediction, target = batch(4, ignored=0.0)
    found = per_class(confusion(prediction, target, classes=4, ignore=IGNORE).sum(0).numpy())
    expected = multilabel_confusion_matrix(target.ravel(), prediction.ravel(), labels=range(4))
    assert (
        np.stack([found["tn"], found["fp"], found["fn"], found["tp"]], 1).reshape(4, 2, 2).tolist() == expected.tolist()
    )


def test_per_class_of_images_is_that_of_each_image():
    prediction, target = batch(4)
    counts = confusion(prediction, target, classes=4, ignore=IGNORE).numpy()
    together = per_class(counts)
    for image in range(3):
        for kind, values in per_class(counts[image]).items():
            assert together[kind][image].tolist() == values.tolist()


def test_large_counts_stay_exact():
    big = 2**53 + 1  # a float would lose the last pixel
    found = per_class(np.array([[big, 1], [0, big]]))
    assert found["tp"].tolist() == [big, big]
    assert found["tn"].tolist() == [big, big]
