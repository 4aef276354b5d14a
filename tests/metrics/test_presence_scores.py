"""Presence scores of pixel maps and heads, and their histograms, against softmax, sigmoid and scikit-learn."""

import numpy as np
import pytest
import torch
from sklearn.metrics import roc_auc_score

from rarepix.labels import LabelSpace, Task
from rarepix.metrics.presence_scores import presence_histogram, presence_logits
from rarepix.metrics.sums import any_class, presence_counts
from rarepix.models.outputs import SegOutput
from rarepix.scores import ClassNames, score
from rarepix.scores.presence_bins import BINS, HIGHEST, WIDTH

BINARY = LabelSpace(names=("background", "cell"), background=0, task=Task.BINARY)
THREE = LabelSpace(names=("a", "ground", "b"), background=1)
LAYERS = LabelSpace(names=("a", "b"), task=Task.MULTILABEL)


def outputs(labels: LabelSpace, images: int = 4, seed: int = 0) -> tuple[torch.Tensor, torch.Tensor]:
    """Return logits N C H W and masks, some pixels of which are ignored."""
    random = torch.Generator().manual_seed(seed)
    logits = 3 * torch.randn(images, labels.channels, 5, 6, generator=random)
    layers = (labels.count,) if labels.task is Task.MULTILABEL else ()
    mask = torch.where(torch.rand(images, *layers, 5, 6, generator=random) < 0.3, labels.ignore, 0)
    return logits, mask


@pytest.mark.parametrize("labels", [BINARY, THREE, LAYERS], ids=lambda labels: str(labels.task))
def test_the_score_of_a_pixel_map_is_the_greatest_probability_of_any_pixel_that_counts(labels):
    logits, mask = outputs(labels)
    p = logits.double().softmax(1)[:, [0, 2]] if labels is THREE else logits.double().sigmoid()
    for image, layers in enumerate(presence_logits(SegOutput(logits), mask, labels)):
        for index, actual in enumerate(layers):
            counted = (mask[image, index] if labels is LAYERS else mask[image]) != labels.ignore
            assert float(actual.double().sigmoid()) == pytest.approx(float(p[image, index][counted].max()), rel=1e-5)


def test_the_score_is_that_of_the_head_where_there_is_one():
    logits, mask = outputs(LAYERS)
    head = torch.tensor([[1.0, -2.0]] * 4)
    assert torch.equal(presence_logits(SegOutput(logits, head), mask, LAYERS), head)


@pytest.mark.parametrize("labels", [BINARY, THREE, LAYERS], ids=lambda labels: str(labels.task))
def test_nothing_is_said_of_what_is_wholly_ignored(labels):
    logits, mask = outputs(labels)
    assert (presence_logits(SegOutput(logits), torch.full_like(mask, labels.ignore), labels) == -torch.inf).all()


def histogram_of(scores: list, present: list) -> list[tuple[int, int, int, int]]:
    """Return (row, bin, images without, images with) where there are any, of scores and presence N K."""
    presence = presence_counts(torch.zeros(len(present), len(present[0])) > 0, torch.tensor(present), ignore=255)
    (rows,) = presence_histogram(torch.tensor(scores), presence, any_class(presence)).tolist()
    return [(row, bin_, *images) for row, bins in enumerate(rows) for bin_, images in enumerate(bins) if any(images)]


def test_histograms_by_hand():
    """Image 1 holds only class b, image 2 nothing, and of image 3 class a alone is known, which it holds."""
    scores = [[-1.0, 0.0], [WIDTH, -100.0], [0.99 * WIDTH, 100.0]]
    middle = BINS // 2
    assert histogram_of(scores, [[0, 1], [0, 0], [1, 255]]) == [
        (0, middle - round(1 / WIDTH), 1, 0),
        (0, middle, 0, 1),
        (0, middle + 1, 1, 0),
        (1, 0, 1, 0),  # the outer bins are open
        (1, middle, 0, 1),
        (2, middle, 0, 2),  # the score of b in image 3 has no part in it
        (2, middle + 1, 1, 0),
    ]


def test_the_outer_bins_are_open_and_what_is_no_number_is_in_the_lowest():
    inf, nan = float("inf"), float("nan")
    scores = [[inf], [HIGHEST], [-HIGHEST], [-inf], [nan]]
    assert histogram_of(scores, [[1], [1], [0], [0], [1]]) == [
        (row, *images) for row in (0, 1) for images in ((0, 2, 1), (BINS - 1, 0, 2))
    ]


def test_what_is_wholly_ignored_is_in_no_histogram():
    assert histogram_of([[1.0], [2.0]], [[255], [255]]) == []


@pytest.mark.parametrize("spread", [0.5, 2.0, 6.0])
def test_the_area_under_the_curve_is_near_that_of_the_scores_themselves(spread):
    """It differs by at most half the share of pairs that are in the same bin."""
    random = np.random.default_rng(3)
    for images in (20, 120, 1000):
        present = np.arange(images) % 3 == 0
        logits = random.normal(size=images) * spread + present * spread
        counts = presence_counts(torch.zeros(images, 1) > 0, torch.from_numpy(present[:, None]).long(), ignore=255)
        sums = presence_histogram(torch.from_numpy(logits[:, None]), counts, any_class(counts))[0].numpy()
        negatives, positives = sums[0].T / sums[0].sum(axis=0)[:, None]
        area = score("presence_auroc/a", {"presence_histogram": sums}, ClassNames(("a",)))
        assert abs(area - roc_auc_score(present, logits)) <= (negatives * positives).sum() / 2 + 1e-9
        binned = np.clip(np.floor(logits / WIDTH), -BINS // 2, BINS // 2 - 1)
        assert area == pytest.approx(roc_auc_score(present, binned), abs=1e-9)
