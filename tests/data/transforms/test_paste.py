"""When something is pasted, from which image, and where; and what is said when nothing is."""

import dataclasses

import numpy as np
import pandas as pd
import pytest

from rarepix.data.source import DataError
from rarepix.data.transforms.paste import PasteOutcome, build_paste
from rarepix.data.transforms.settings import PasteConfig
from rarepix.labels import SOFT_SCALE, LabelSpace, Task

LABELS = LabelSpace(names=("ground", "house", "kite", "beacon"), background=0)
STILL = {"scale": (1.0, 1.0), "rotate": 0.0}


def picture(mask: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """An image whose colours tell its ids."""
    mask = mask.astype(np.uint8)
    return np.repeat(mask[..., None], 3, 2) * 10, mask


def with_square(number: int, row: int, column: int, side: int = 4, shape=(20, 30)) -> tuple[np.ndarray, np.ndarray]:
    mask = np.zeros(shape)
    mask[row : row + side, column : column + side] = number
    return picture(mask)


DONORS = [with_square(2, 3, 4), with_square(2, 10, 20), with_square(3, 14, 2), with_square(1, 0, 0, 8)]
COUNTS = pd.DataFrame([np.bincount(mask.ravel(), minlength=4) for _, mask in DONORS], columns=LABELS.names)


def build(kind: str = "copy_paste", labels: LabelSpace = LABELS, counts: pd.DataFrame = COUNTS, **parameters):
    given = {"probability": 1.0} | (STILL if kind == "copy_paste" else {}) | parameters
    return build_paste(PasteConfig(kind=kind, **given), counts, labels=labels)


def run(paste, target, count: int = 200):
    return [paste(*target, DONORS.__getitem__, seed) for seed in range(count)]


def outcomes(paste, target, count: int = 60) -> set[PasteOutcome]:
    found = run(paste, target, count)
    for image, mask, outcome in found:
        assert (outcome == PasteOutcome.PASTED) == bool((mask != target[1]).any())
        assert outcome == PasteOutcome.PASTED or (image is target[0] and mask is target[1])
    return {outcome for _, _, outcome in found}


EMPTY = picture(np.zeros((20, 30)))


def test_none_is_none():
    assert build_paste(PasteConfig(), COUNTS, labels=LABELS) is None


@pytest.mark.parametrize("kind", ["copy_paste", "classmix", "cutmix"])
@pytest.mark.parametrize("probability", [0.0, 0.3, 1.0])
def test_pasted_as_often_as_is_said(kind, probability):
    found = run(build(kind, probability=probability), EMPTY)
    assert {outcome for _, _, outcome in found} <= {PasteOutcome.NOT_DRAWN, PasteOutcome.PASTED}
    assert sum(outcome == PasteOutcome.PASTED for _, _, outcome in found) / 200 == pytest.approx(probability, abs=0.13)


def test_nothing_is_read_where_nothing_is_pasted():
    def read(index):
        raise AssertionError("a donor was read")

    for kind in ("copy_paste", "classmix", "cutmix"):
        assert build(kind, probability=0.0)(*EMPTY, read, 0).outcome == PasteOutcome.NOT_DRAWN
    assert build()(*picture(np.ones((20, 30))), read, 0).outcome == PasteOutcome.NO_BACKGROUND


def test_classes_come_as_often_as_the_donors_say():
    paste = build(donors="listed", classes=("kite", "kite", "beacon"))
    assert paste.donors.to_dict() == pytest.approx({"kite": 2 / 3, "beacon": 1 / 3})
    kites = sum((mask == 2).any() for _, mask, _ in run(paste, EMPTY, 300))
    assert kites / 300 == pytest.approx(2 / 3, abs=0.11)


def test_donors_of_a_class_come_alike_and_are_cut_out_once():
    read = []
    paste = build(donors="listed", classes=("kite",))
    for seed in range(60):
        paste(*EMPTY, lambda index: read.append(index) or DONORS[index], seed)
    assert sorted(read) == [0, 1]


def test_mixing_draws_from_all_images():
    for kind in ("classmix", "cutmix"):
        read = []
        for seed in range(60):
            build(kind)(*EMPTY, lambda index, read=read: read.append(index) or DONORS[index], seed)
        assert set(read) == {0, 1, 2, 3}


def test_a_region_of_one_size_is_pasted_whole_with_its_ring():
    for _, mask, _ in run(build(donors="listed", classes=("kite",), ring=2), EMPTY, 30):
        rows, columns = np.nonzero(mask == 2)
        assert len(rows) >= 8  # at least half of it
        if len(rows) == 16:
            top, left = rows.min(), columns.min()
            ring = np.zeros((20, 30), bool)
            ring[max(top - 2, 0) : top + 6, max(left - 2, 0) : left + 6] = True
            assert ((mask == 255) == (ring & (mask != 2))).all()


def test_free_goes_everywhere_on_the_background_and_to_every_pixel_of_the_region():
    target = with_square(1, 0, 0, 20)  # the left of the image is a house
    middles = []
    for _, mask, _ in run(build(donors="listed", classes=("kite",), ring=0), target):
        rows, columns = np.nonzero(mask == 2)
        assert columns.max() >= 20
        middles.append((rows.mean(), columns.mean()))
    middles = np.array(middles)
    assert middles[:, 0].min() < 3
    assert middles[:, 0].max() > 16
    assert middles[:, 1].min() < 21  # reaching over the house
    assert middles[:, 1].max() > 27


def test_same_is_where_it_was():
    paste = build(donors="listed", classes=("beacon",), place="same", ring=0)
    places = {tuple(np.argwhere(mask == 3)[0].tolist()) for _, mask, _ in run(paste, EMPTY, 20)}
    assert places == {(14, 2), (14, 24)}  # as it was, and mirrored with its image
    small = picture(np.zeros((10, 15)))
    places = {tuple(np.argwhere(mask == 3)[0].tolist()) for _, mask, _ in run(paste, small, 20)}
    assert places == {(6, 0), (6, 11)}  # the same share of the sides: its middle at 8 rows and 2 columns


@pytest.mark.parametrize(
    ("rare", "classes", "kept"),
    [((), ("kite",), False), (("beacon",), ("kite",), True), ((), ("kite", "beacon"), True)],
)
def test_pixels_of_rare_and_of_donor_classes_are_left_out_of_a_paste(rare, classes, kept):
    target = with_square(3, 3, 4, 2)  # a beacon in the corner of where the kite of the first donor was
    labels = dataclasses.replace(LABELS, rare=rare)
    paste = build(labels=labels, donors="listed", classes=classes, place="same", ring=1, counts=COUNTS.iloc[:3])
    kites = [mask for _, mask, _ in run(paste, target, 60) if mask[6, 7] == 2]
    assert kites
    for mask in kites:
        assert (mask[3:5, 4:6] == (3 if kept else 2)).all()
        assert (mask == 2).sum() == (12 if kept else 16)


def test_without_protection_everything_may_be_covered():
    target = picture(np.full((20, 30), 3))
    target[1][0, 0] = 0
    paste = build(donors="listed", classes=("kite", "beacon"), place="same", protect=False)
    assert (sum((mask == 2).any() for _, mask, _ in run(paste, target, 20))) > 3


def test_without_a_background_class_a_paste_goes_anywhere_but_on_what_is_ignored_or_protected():
    labels = dataclasses.replace(LABELS, background=None, rare=("house",))
    paste = build(labels=labels, donors="listed", classes=("kite",))
    assert outcomes(paste, EMPTY) == {PasteOutcome.PASTED}
    for number in (255, 1, 2):
        assert outcomes(paste, picture(np.full((20, 30), number))) == {PasteOutcome.NO_BACKGROUND}


def test_an_image_without_background_is_left_alone():
    assert outcomes(build(), picture(np.ones((20, 30)))) == {PasteOutcome.NO_BACKGROUND}
    assert outcomes(build(), picture(np.full((20, 30), 255))) == {PasteOutcome.NO_BACKGROUND}


def test_a_region_that_would_hardly_be_seen_is_not_pasted():
    tiny = picture(np.zeros((2, 3)))
    assert outcomes(build(donors="listed", classes=("kite",)), tiny) == {PasteOutcome.NO_ROOM}
    assert outcomes(build(donors="listed", classes=("kite",), scale=(0.25, 0.25)), tiny) == {PasteOutcome.PASTED}


def test_a_donor_in_which_nothing_is_labelled():
    blank = [picture(np.full((20, 30), 255))] * 4
    for kind in ("classmix", "copy_paste"):
        result = build(kind)(*EMPTY, blank.__getitem__, 0)
        assert result.outcome == PasteOutcome.EMPTY_DONOR
        assert result.mask is EMPTY[1]


def test_a_region_that_vanishes_when_it_is_made_smaller():
    """A frame of one pixel, at a fiftieth of its size the pixel in its middle, which is not of the class."""
    mask = np.zeros((50, 50))
    mask[[0, -1]], mask[:, [0, -1]] = 2, 2
    paste = build(donors="listed", classes=("kite",), scale=(0.02, 0.02))
    assert paste(*EMPTY, lambda index: picture(mask), 0).outcome == PasteOutcome.EMPTY_DONOR


def test_scale_and_rotation_stay_in_their_range():
    for scale, area in (((0.5, 0.5), 4), ((2.0, 2.0), 64)):
        paste = build(donors="listed", classes=("kite",), scale=scale, ring=0)
        assert max((mask == 2).sum() for _, mask, _ in run(paste, EMPTY, 30)) == area
    paste = build(donors="listed", classes=("kite",), scale=(0.5, 2.0), rotate=180)
    areas = {int((mask == 2).sum()) for _, mask, _ in run(paste, EMPTY, 60)}
    assert len(areas) > 15
    assert max(areas) <= 70


def test_errors_of_the_donors_come_when_a_paste_is_built():
    with pytest.raises(DataError, match="holds kite"):
        build(donors="listed", classes=("kite",), counts=COUNTS.iloc[2:])


def test_where_every_class_is_protected_nothing_could_be_pasted():
    counts = pd.DataFrame({"road": [9, 9], "sign": [0, 4]})
    labels = LabelSpace(names=("road", "sign"))
    config = PasteConfig(kind="copy_paste", donors="uniform")
    with pytest.raises(DataError, match=r"protect keeps every class from it.*use paste\.protect=false, or fewer"):
        build_paste(config, counts, labels=labels)
    assert build_paste(config.model_copy(update={"protect": False}), counts, labels=labels) is not None


def test_a_class_that_was_left_out_is_told_and_neither_drawn_nor_protected():
    counts = pd.DataFrame({"ground": [9, 9, 9], "house": [5, 0, 0], "kite": [0, 4, 4], "beacon": [0, 0, 0]})
    config = PasteConfig(kind="copy_paste", probability=1.0, donors="uniform", place="same", scale=(1.0, 1.0), ring=0)
    with pytest.warns(UserWarning, match="no training image holds them: beacon"):
        paste = build_paste(config, counts, labels=LABELS)
    assert paste.donors.to_dict() == {"house": 0.5, "kite": 0.5, "beacon": 0.0}
    donors = [with_square(number, 4, 4) for number in (1, 2, 2)]
    target = picture(np.full((20, 30), 3))  # all beacon
    outcomes = {paste(*target, donors.__getitem__, seed).outcome for seed in range(30)}
    assert outcomes == {PasteOutcome.PASTED}


@pytest.mark.parametrize("kind", ["copy_paste", "classmix"])
def test_one_class_a_pixel_is_needed(kind):
    labels = LabelSpace(names=LABELS.names, task=Task.MULTILABEL)
    message = (
        rf"paste\.kind={kind} needs one class a pixel, but the dataset is multilabel: use paste\.kind=cutmix or none"
    )
    with pytest.raises(DataError, match=message):
        build(kind, labels=labels)


@pytest.mark.parametrize("layers", [1, 5])
def test_a_rectangle_comes_with_all_its_layers(layers):
    labels = LabelSpace(names=tuple("abcde"[:layers]), task=Task.MULTILABEL)
    counts = pd.DataFrame(np.zeros((1, layers), int), columns=labels.names)
    target, donor = (
        (np.full((20, 30, 3), value, np.uint8), np.full((20, 30, layers), value, np.uint8)) for value in (0, 1)
    )
    image, mask, outcome = build("cutmix", labels=labels, counts=counts)(*target, lambda row: donor, 0)
    assert outcome == PasteOutcome.PASTED
    assert mask.shape == (20, 30, layers)
    assert (mask == image[..., :1]).all()
    assert 0.05 < mask.mean() < 0.5


def test_a_binary_task_is_pasted_as_two_classes():
    labels = LabelSpace(names=("ground", "kite"), background=0, task=Task.BINARY)
    counts = pd.DataFrame({"ground": [500], "kite": [16]})
    paste = build(labels=labels, counts=counts)
    assert paste.donors.to_dict() == {"kite": 1.0}
    donor = with_square(1, 3, 4)
    assert (paste(*EMPTY, lambda row: donor, 0).mask == 1).sum() == 16


SOFT = LabelSpace(names=("background", "a"), background=0, task=Task.BINARY, scale=SOFT_SCALE)
SOFT_COUNTS = pd.DataFrame({"background": [9], "a": [3]})


def test_copy_paste_of_soft_masks_is_refused():
    with pytest.raises(DataError, match=r"copy_paste pastes pixels that are a class or not, but .* soft: use .*cutmix"):
        build_paste(PasteConfig(kind="copy_paste"), SOFT_COUNTS, labels=SOFT)


@pytest.mark.parametrize("kind", ["classmix", "cutmix"])
def test_mixing_soft_masks_copies_shares(kind):
    paste = build_paste(PasteConfig(kind=kind, probability=1.0), SOFT_COUNTS, labels=SOFT)
    image, mask = np.zeros((4, 6, 3), np.uint8), np.full((4, 6), 7, np.uint8)
    theirs = np.array([[0, 60, 127, 128, 200, 254]] * 4, np.uint8)
    theirs[0] = SOFT.ignore
    donor = np.repeat((theirs + 1)[..., None], 3, axis=2), theirs
    pasted = set()
    for seed in range(20):
        result = paste(image, mask, lambda row: donor, seed)
        assert result.outcome is PasteOutcome.PASTED
        changed = result.mask != 7
        assert (result.mask[changed] == theirs[changed]).all()
        assert (result.image[changed] == donor[0][changed]).all()
        pasted.add(tuple(result.mask[1]))
    if kind == "classmix":  # one of two classes: where the share is above one half, or where it is not
        assert pasted == {(7, 7, 7, 128, 200, 254), (0, 60, 127, 7, 7, 7)}
        assert (result.mask[0] == 7).all()  # ignored pixels are of no class
