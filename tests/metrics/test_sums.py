"""The sums of a batch, by hand; the counts of pixels themselves: see test_counts."""

import numpy as np
import pytest
import torch

from rarepix.labels import SOFT_SCALE, LabelSpace, Task
from rarepix.metrics.sums import image_sums, sums_taken
from rarepix.models.outputs import Prediction, SegOutput, Target, target_of
from rarepix.scores import ClassNames, pool, score

BINARY = LabelSpace(names=("background", "cell"), background=0, task=Task.BINARY)
THREE = LabelSpace(names=("a", "ground", "b"), background=1)
LAYERS = LabelSpace(names=("a", "b"), task=Task.MULTILABEL)
SOFT = LabelSpace(names=("background", "cell"), background=0, task=Task.BINARY, scale=SOFT_SCALE)


def sums_of(prediction: list, target: list, labels: LabelSpace, logits: torch.Tensor | None = None) -> dict:
    """Sums of predicted and true masks; without *logits* no pixel is any more of a class than another."""
    mask, target = torch.tensor(prediction), torch.tensor(target, dtype=torch.uint8)
    if logits is None:
        logits = torch.zeros(len(mask), labels.channels, *mask.shape[-2:])
    return image_sums(Prediction(SegOutput(logits), mask, None), Target(target), labels)


def as_lists(sums: dict[str, torch.Tensor]) -> dict[str, list]:
    """Sums as lists; of histograms (row, bin, images without, images with) where there are any."""
    lists = {name: values.tolist() for name, values in sums.items()}
    if "presence_histogram" in sums:
        (rows,) = lists["presence_histogram"]
        lists["presence_histogram"] = [
            (row, number, *images) for row, bins in enumerate(rows) for number, images in enumerate(bins) if any(images)
        ]
    return lists


def test_sums_of_a_binary_task_are_of_both_classes():
    assert as_lists(sums_of([[[0, 1, 1, 1]]], [[[0, 0, 1, 255]]], BINARY)) == {
        "pixels": [[[1, 0, 1, 1], [1, 1, 0, 1]]],
        "confusion": [[[1, 1], [0, 1]]],
        "presence": [[[1, 0, 0, 0]]],
        "foreground": [[1, 0, 0, 0]],
        "presence_histogram": [(0, 256, 0, 1), (1, 256, 0, 1)],
        "positive_pixels": [[[1, 1, 0, 1]]],
        "image_dice": [[[2 / 3, 1, 0, 0]]],
    }


def test_sums_of_a_multilabel_task_have_no_confusion():
    assert as_lists(sums_of([[[[1, 0]], [[1, 1]]]], [[[[1, 1]], [[0, 255]]]], LAYERS)) == {
        "pixels": [[[1, 0, 1, 0], [0, 1, 0, 0]]],
        "presence": [[[1, 0, 0, 0], [0, 1, 0, 0]]],
        "foreground": [[1, 0, 0, 0]],
        "presence_histogram": [(0, 256, 0, 1), (1, 256, 1, 0), (2, 256, 0, 1)],
        "positive_pixels": [[[1, 0, 1, 0], [0, 1, 0, 0]]],
        "image_dice": [[[2 / 3, 1, 0, 0], [0, 0, 0, 1]]],
    }


def test_confusion_is_of_all_images_in_one_row_and_presence_leaves_the_background_out():
    """Of class a: found, missed, a false alarm, and an image without any counted pixel."""
    truth = [[[0, 1]], [[0, 1]], [[1, 2]], [[255, 255]]]
    prediction = [[[0, 1]], [[1, 2]], [[0, 2]], [[0, 2]]]
    sums = as_lists(sums_of(prediction, truth, THREE))
    assert sums["confusion"] == [[[1, 1, 0], [1, 1, 1], [0, 0, 1]]]
    of_a, of_b = np.array(sums["presence"])[:, 0].tolist(), np.array(sums["presence"])[:, 1].tolist()
    assert of_a == [[1, 0, 0, 0], [0, 0, 1, 0], [0, 1, 0, 0], [0, 0, 0, 0]]
    assert of_b == [[0, 0, 0, 1], [0, 1, 0, 0], [1, 0, 0, 0], [0, 0, 0, 0]]


def test_empty_images_have_sums_of_their_own():
    """Class b found in part beside a false a; a missed; empty and left so; empty with a false b; all ignored."""
    truth = [[[1, 2, 2, 1]], [[0, 1, 1, 1]], [[1, 1, 1, 1]], [[1, 1, 1, 255]], [[255, 255, 255, 255]]]
    prediction = [[[0, 2, 1, 1]], [[1, 1, 1, 1]], [[1, 1, 1, 1]], [[2, 2, 1, 0]], [[2, 2, 2, 2]]]
    sums = as_lists(sums_of(prediction, truth, THREE))
    assert sums["foreground"] == [[1, 0, 0, 0], [0, 0, 1, 0], [0, 0, 0, 1], [0, 1, 0, 0], [0, 0, 0, 0]]
    nothing = [0, 0, 0, 0]
    assert sums["positive_pixels"] == [
        [[0, 1, 0, 3], [1, 0, 1, 2]],
        [[0, 0, 1, 3], [0, 0, 0, 4]],
        *[[nothing, nothing]] * 3,
    ]
    assert sums["image_dice"] == [
        [[0, 0, 0, 1], [2 / 3, 1, 0, 0]],
        [[0, 1, 0, 0], [0, 0, 1, 1]],
        [[0, 0, 1, 1], [0, 0, 1, 1]],
        [[0, 0, 1, 1], [0, 0, 0, 1]],  # the false a is ignored
        [nothing, nothing],
    ]


def test_a_prediction_on_ignored_pixels_finds_no_class():
    assert sums_of([[[0, 1]]], [[[0, 255]]], BINARY)["presence"].tolist() == [[[0, 0, 0, 1]]]


@pytest.mark.parametrize("labels", [BINARY, THREE, LAYERS], ids=lambda labels: str(labels.task))
def test_presence_of_masks_is_what_a_network_without_masks_is_scored_by(labels):
    """The same question of the same images, once by pixels and once by a network that only says yes or no."""
    random = torch.Generator().manual_seed(0)
    shape = (40, labels.count, 2, 2) if labels.task is Task.MULTILABEL else (40, 2, 2)
    highest = 2 if labels.task is Task.MULTILABEL else labels.count
    mask, truth = (torch.randint(0, highest, shape, generator=random) for _ in range(2))
    truth[::7] = labels.ignore
    counted = torch.where(truth == labels.ignore, 0 if labels.background is None else labels.background, mask)
    present = target_of(counted, labels).presence.bool()
    logits = SegOutput(presence=torch.randn(40, len(labels.presence_names), generator=random))
    by_pixels = image_sums(Prediction(logits, mask, None), Target(truth), labels)
    by_image = image_sums(Prediction(logits, None, present), target_of(truth, labels), labels)
    assert list(by_image) == sums_taken(["presence"], labels) == ["presence", "foreground", "presence_histogram"]
    assert set(by_pixels) == set(sums_taken(["mask"], labels))
    for name, sums in by_image.items():
        assert torch.equal(sums, by_pixels[name])
    assert by_pixels["presence"].sum() == (40 - 6) * len(labels.presence_names)
    assert by_pixels["foreground"].sum() == 40 - 6
    assert by_pixels["presence_histogram"].sum() == (40 - 6) * (len(labels.presence_names) + 1)


def test_soft_masks():
    """Shares 0, 0.25, 0.75 and 1 against the probability 0.5; and one pixel that is ignored."""
    truth = [[[0, 64, 190, 254, 255]]]
    sums = sums_of([[[0, 0, 1, 1, 1]]], truth, SOFT, logits=torch.zeros(1, 1, 1, 5))
    assert sums["confusion"].tolist() == [[[2, 0], [0, 2]]]  # a pixel is of the class where its share is above a half
    assert sums["presence"].tolist() == [[[1, 0, 0, 0]]]
    assert set(sums) == set(sums_taken(["mask", "presence"], SOFT))
    t = np.array([0, 64, 190, 254]) / 254
    cell = [np.minimum(0.5, t).sum(), np.maximum(0.5, t).sum(), t.sum() / 2, t.sum(), (1 - t).sum() / 2, (1 - t).sum()]
    ground = [np.minimum(0.5, 1 - t).sum(), np.maximum(0.5, 1 - t).sum(), cell[4], cell[5], cell[2], cell[3]]
    np.testing.assert_allclose(sums["soft"][0], [ground, cell], rtol=1e-6)


def test_a_soft_mask_of_0_and_1_counts_as_a_hard_one():
    logits = torch.tensor([-50.0, 50, 50]).view(1, 1, 1, 3)
    hard = sums_of([[[0, 1, 1]]], [[[0, 1, 255]]], BINARY, logits=logits)
    soft = sums_of([[[0, 1, 1]]], [[[0, 254, 255]]], SOFT, logits=logits)
    assert as_lists(hard).items() <= as_lists(soft).items()
    classes = ClassNames(SOFT.names, background=SOFT.background_names)
    pooled = pool({name: values.numpy() for name, values in soft.items()})
    assert score("mean_soft_iou", pooled, classes) == pytest.approx(1.0)


def test_without_a_class_beside_the_background_there_is_no_presence():
    only = LabelSpace(names=("ground",), background=0)
    assert set(sums_of([[[0]]], [[[0]]], only)) == set(sums_taken(["mask"], only)) == {"pixels", "confusion"}
