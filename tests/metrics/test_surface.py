"""Outlines: by hand, against the definitions written out, and the published golden values."""

from math import hypot, sqrt

import cv2
import numpy as np
import pytest
from scipy.spatial.distance import cdist

from rarepix.labels import Task
from rarepix.metrics.surface import band_counts, class_masks, hausdorff95, surface_lengths
from rarepix.scores import per_image, pooled
from rarepix.scores.class_scores import boundary_iou, surface_dice

NAN = float("nan")


def box(top: int, bottom: int, left: int, right: int, shape=(8, 8)) -> np.ndarray:
    mask = np.zeros(shape, bool)
    mask[top : bottom + 1, left : right + 1] = True
    return mask


def blobs(seed: int, shape=(23, 31)) -> np.ndarray:
    noise = np.random.default_rng(seed).random(shape)
    return cv2.GaussianBlur(noise, (7, 7), 2) > 0.52


TRUTH, PREDICTION = box(2, 4, 3, 5), box(2, 4, 2, 4)


def test_published_golden():
    lengths = surface_lengths(PREDICTION, TRUTH, tolerance=1, spacing=(2, 1))
    assert surface_dice(lengths) == 1.0
    assert hausdorff95(PREDICTION, TRUTH) == 1.0
    assert hausdorff95(PREDICTION, TRUTH, spacing=(2, 1)) == 1.0
    assert lengths["within"] == lengths["total"] == pytest.approx(2 * (4 * hypot(2, 1) / 2 + 4 * 2 + 4 * 1))


def test_lengths_of_a_square_by_hand():
    """Four corners cut off, two whole elements between them on each side."""
    lengths = surface_lengths(PREDICTION, TRUTH, tolerance=0)
    around = 4 * sqrt(0.5) + 8
    assert lengths["total"] == pytest.approx(2 * around)
    # in common: of the upper and the lower side of each, two elements at the middle and a corner
    assert lengths["within"] == pytest.approx(4 * (2 + sqrt(0.5)))


@pytest.mark.parametrize(
    ("pixels", "slants", "straight"),
    [
        ([(2, 2)], 4, 0),  # one pixel: its corners alone
        ([(2, 2), (2, 3)], 4, 2 * 1),
        ([(2, 2), (3, 2)], 4, 2 * 3),
        ([(2, 2), (3, 3)], 8, 0),  # they touch at a corner: two slants there
        ([(0, 0)], 4, 0),  # the image's edge is an outline, too
    ],
)
def test_length_of_few_pixels_by_hand(pixels, slants, straight):
    mask = np.zeros((6, 6), bool)
    mask[tuple(np.transpose(pixels))] = True
    actual = surface_lengths(mask, np.zeros_like(mask), tolerance=1, spacing=(3, 1))
    assert actual == {"within": 0.0, "total": pytest.approx(slants * hypot(3, 1) / 2 + straight)}


def outline(mask: np.ndarray, spacing: tuple[float, float]) -> tuple[np.ndarray, np.ndarray]:
    """Corners on the outline and their lengths, pixel by pixel."""
    height, width = spacing
    padded = np.pad(mask, 1)
    points, lengths = [], []
    for row in range(padded.shape[0] - 1):
        for column in range(padded.shape[1] - 1):
            (a, b), (c, d) = padded[row : row + 2, column : column + 2]
            inside = int(a) + int(b) + int(c) + int(d)
            if inside in (0, 4):
                continue
            points.append((row * height, column * width))
            if inside == 2 and a == b:
                lengths.append(width)
            elif inside == 2 and a == c:
                lengths.append(height)
            else:
                lengths.append(hypot(height, width) / 2 * (2 if inside == 2 else 1))
    return np.array(points), np.array(lengths)


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize(("tolerance", "spacing"), [(0, (1, 1)), (1, (1, 1)), (2.5, (2, 1)), (1.5, (0.5, 3))])
def test_against_the_definition(seed, tolerance, spacing):
    prediction, truth = blobs(seed), blobs(seed + 10)
    (p, p_lengths), (t, t_lengths) = outline(prediction, spacing), outline(truth, spacing)
    apart = cdist(p, t)
    within = p_lengths[apart.min(axis=1) <= tolerance].sum() + t_lengths[apart.min(axis=0) <= tolerance].sum()
    actual = surface_lengths(prediction, truth, tolerance=tolerance, spacing=spacing)
    assert actual["total"] == pytest.approx(p_lengths.sum() + t_lengths.sum())
    assert actual["within"] == pytest.approx(within)
    assert 0 < actual["within"] < actual["total"]


@pytest.mark.parametrize("seed", range(2))
def test_hausdorff_against_the_definition(seed):
    prediction, truth = blobs(seed), blobs(seed + 10)
    points = []
    for mask in (prediction, truth):
        padded = np.pad(mask, 1)
        inner = padded[:-2, 1:-1] & padded[2:, 1:-1] & padded[1:-1, :-2] & padded[1:-1, 2:]
        points.append(np.argwhere(mask & ~inner) * (2, 1))
    apart = cdist(*points)
    expected = np.percentile([*apart.min(axis=1), *apart.min(axis=0)], 95)
    assert hausdorff95(prediction, truth, spacing=(2, 1)) == pytest.approx(expected)


@pytest.mark.parametrize(("prediction", "truth"), [(TRUTH, TRUTH & False), (TRUTH & False, TRUTH)])
def test_no_distance_to_an_empty_mask(prediction, truth):
    assert np.isnan(hausdorff95(prediction, truth))


def test_bands_by_hand():
    """A diagonal of 70.7 makes d = 1: the band of a 3 × 3 square is all of it but the middle."""
    whole = (50, 50)
    truth, prediction = box(2, 4, 3, 5, whole), box(2, 4, 2, 4, whole)
    assert band_counts(prediction, truth) == {"intersection": 4, "union": 12}
    assert band_counts(truth, truth) == {"intersection": 8, "union": 8}
    corner = box(0, 3, 0, 3, whole)
    assert band_counts(corner, corner)["union"] == 12  # the image's edge is an outline, too


@pytest.mark.parametrize("share", [0.0, 0.05, 0.1, 0.9])
def test_bands_against_the_published_steps(share):
    """As published: a frame of zeros, and d erosions by 3 × 3."""
    prediction, truth = blobs(3), blobs(4)
    width = max(1, round(share * hypot(*truth.shape)))
    bands = []
    for mask in (prediction, truth):
        framed = cv2.copyMakeBorder(mask.astype(np.uint8), 1, 1, 1, 1, cv2.BORDER_CONSTANT, value=0)
        eroded = cv2.erode(framed, np.ones((3, 3), np.uint8), iterations=width)[1:-1, 1:-1]
        bands.append(mask & (eroded == 0))
    expected = {"intersection": (bands[0] & bands[1]).sum(), "union": (bands[0] | bands[1]).sum()}
    assert band_counts(prediction, truth, share=share) == expected


@pytest.mark.parametrize(
    ("count", "score", "of_all"), [(band_counts, boundary_iou, 1 / 3), (surface_lengths, surface_dice, 1 / 2)]
)
def test_absent_missed_and_right_classes(count, score, of_all):
    nothing = np.zeros((8, 8), bool)
    how = {"tolerance": 1} if count is surface_lengths else {}
    pairs = [(nothing, nothing), (nothing, TRUTH), (TRUTH, nothing), (TRUTH, TRUTH)]
    images = [count(*pair, **how) for pair in pairs]
    counts = {kind: np.array([[image[kind]] for image in images]) for kind in images[0]}
    assert score(counts)[:, 0].tolist() == pytest.approx([NAN, 0, 0, 1], nan_ok=True)
    assert score(counts, absent="one")[0, 0] == 1
    assert pooled(score, counts) == pytest.approx([of_all])
    assert per_image(score, counts) == pytest.approx([1 / 3])


@pytest.mark.parametrize("wrong", [{"tolerance": -1}, {"tolerance": 1, "spacing": (1, 0)}])
def test_refuses(wrong):
    with pytest.raises(ValueError, match="tolerance must be at least 0 and spacing positive, but got"):
        surface_lengths(TRUTH, TRUTH, **wrong)


def test_class_masks_of_ids_by_hand():
    prediction, target = np.array([[0, 1, 1]], np.uint8), np.array([[0, 255, 0]], np.uint8)
    actual = list(class_masks(prediction, target, task=Task.MULTICLASS, classes=2, ignore=255))
    assert [[mask.tolist() for mask in pair] for pair in actual] == [
        [[[True, False, False]], [[True, False, True]]],
        [[[False, False, True]], [[False, False, False]]],
    ]


def test_class_masks_of_a_multilabel_task_by_hand():
    prediction, target = np.array([[[1, 1], [0, 1]]], np.uint8), np.array([[[1, 255], [1, 1]]], np.uint8)
    actual = list(class_masks(prediction, target, task=Task.MULTILABEL, classes=2, ignore=255))
    assert [[mask.tolist() for mask in pair] for pair in actual] == [
        [[[True, False]], [[True, True]]],
        [[[False, True]], [[False, True]]],
    ]


@pytest.mark.parametrize(
    ("task", "prediction", "target"),
    [("multiclass", (4, 4), (4, 5)), ("multilabel", (4, 4, 3), (4, 4, 3)), ("binary", (4, 4, 1), (4, 4, 1))],
)
def test_class_masks_refuse_other_shapes(task, prediction, target):
    with pytest.raises(ValueError, match=rf"of a {task} task with 2 classes must both be \(4, [45](, 2)?\), but got"):
        list(class_masks(np.zeros(prediction), np.zeros(target), task=Task(task), classes=2, ignore=255))
