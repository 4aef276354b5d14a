"""What every paste must do, whatever it is. Images tell by their colours the id and whose pixel it is."""

import cv2
import numpy as np
import pandas as pd
import pytest

from rarepix.data.transforms.paste import PASTES, PasteOutcome, build_paste
from rarepix.data.transforms.settings import PASTE_PARAMETERS, PasteConfig
from rarepix.labels import LabelSpace
from rarepix.seeding import generator

IGNORE = 255
NAMES = ("ground", "a", "b", "c", "d")
WITH, WITHOUT = LabelSpace(names=NAMES, background=0, rare=("d",)), LabelSpace(names=NAMES, rare=("d",))
OURS, THEIRS = 50, 200
SHAPES = [(48, 64), (1, 1), (1, 60), (60, 1), (7, 5), (3, 90)]
RING = 2
PASTED = {
    "copy_paste": {"below": 9},
    "copy_paste same": {"below": 9, "place": "same"},
    "copy_paste uniform": {"donors": "uniform", "scale": (0.2, 3.0), "rotate": 180.0},
    "copy_paste unprotected": {"donors": "listed", "classes": ("a", "d"), "protect": False},
    "classmix": {},
    "cutmix": {},
}

every_paste = pytest.mark.parametrize("name", PASTED)


def coded(mask: np.ndarray, whose: int) -> tuple[np.ndarray, np.ndarray]:
    mask = mask.astype(np.uint8)
    return np.stack([mask, np.full_like(mask, whose), np.full_like(mask, whose)], axis=-1), mask


def drawn(shape: tuple[int, int], whose: int, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Ground, with rectangles of the other classes and of ignored pixels."""
    random, mask = generator(seed, "contract", whose, *shape), np.zeros(shape)
    for number in (1, 2, 3, 4, IGNORE):
        top, left = (random.integers(side) for side in shape)
        mask[top : top + random.integers(1, 14), left : left + random.integers(1, 14)] = number
    return coded(mask, whose)


DONORS = [drawn((40 + 8 * seed, 70 - 8 * seed), THEIRS, seed) for seed in range(4)]
COUNTS = pd.DataFrame([np.bincount(mask.ravel(), minlength=256)[:5] for _, mask in DONORS], columns=NAMES)


def build(name: str, labels: LabelSpace = WITH):
    kind = name.partition(" ")[0]
    given = {"probability": 1.0, **({"ring": RING} if kind == "copy_paste" else {}), **PASTED[name]}
    if kind == "copy_paste" and labels.background is None:  # with all classes as donors nothing could be covered
        given = {key: value for key, value in given.items() if key != "below"} | {
            "donors": "listed",
            "classes": ("a", "d"),
        }
    return build_paste(PasteConfig(kind=kind, **given), COUNTS, labels=labels)


def run(name: str, target: tuple[np.ndarray, np.ndarray], count: int = 25, labels: LabelSpace = WITH, donors=DONORS):
    paste = build(name, labels)
    return [paste(*target, donors.__getitem__, seed) for seed in range(count)]


def test_every_kind_is_here():
    assert set(PASTES) == set(PASTE_PARAMETERS) == {"none"} | {name.partition(" ")[0] for name in PASTED}


def check(name: str, target: tuple[np.ndarray, np.ndarray], result, labels: LabelSpace = WITH) -> None:
    """Every pixel is the target's as it was, the donor's with its id, or the target's in a ring around the donor's."""
    (before_image, before), (image, mask, outcome) = target, result
    assert (image.shape, mask.shape) == (before_image.shape, before.shape)
    assert (image.dtype, mask.dtype) == (np.uint8, np.uint8)
    assert set(np.unique(mask)) <= {0, 1, 2, 3, 4, IGNORE}
    theirs = image[..., 1] != OURS
    if outcome != PasteOutcome.PASTED:
        assert (image == before_image).all()
        assert (mask == before).all()
        return
    assert theirs.any()
    assert (image[~theirs] == before_image[~theirs]).all()
    changed = ~theirs & (mask != before)
    if not name.startswith("copy_paste"):
        assert (image[theirs][:, 0] == mask[theirs]).all()
        assert (image[theirs][:, 1] == THEIRS).all()
        assert not changed.any()
        return
    assert len(np.unique(mask[theirs])) == 1
    near = cv2.dilate(theirs.astype(np.uint8), np.ones((2 * RING + 1, 2 * RING + 1), np.uint8)) > 0
    assert not changed[~near].any()
    assert (mask[changed] == IGNORE).all()
    if "unprotected" in name:
        assert (mask[near & ~theirs] == IGNORE).all()
    else:
        assert (mask[before == 4] == 4).all()
        assert not theirs[before == 4].any()
        if labels.background is not None:  # otherwise the ground may be a donor's class, which is protected
            assert (mask[near & ~theirs & (before == 0)] == IGNORE).all()


@every_paste
@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("labels", [WITH, WITHOUT], ids=["background", "no background"])
def test_nothing_changes_but_what_is_pasted_and_its_ring(name, shape, labels):
    target = drawn(shape, OURS)
    donors = [coded(mask, THEIRS) for _, mask in DONORS]
    for result in run(name, target, labels=labels, donors=donors):
        check(name, target, result, labels)


@every_paste
@pytest.mark.parametrize("fill", [0, 2, 4, IGNORE])
def test_targets_of_one_class_and_of_none(name, fill):
    target = coded(np.full((30, 40), fill), OURS)
    result = run(name, target)
    for one in result:
        check(name, target, one)
    if fill == 0 and "same" not in name:
        assert sum(one.outcome == PasteOutcome.PASTED for one in result) > 12


@every_paste
@pytest.mark.parametrize("fill", [0, 1, IGNORE])
def test_donors_of_one_class_and_of_none(name, fill):
    target = drawn((30, 40), OURS)
    for result in run(name, target, donors=[coded(np.full((25, 50), fill), THEIRS)] * 4):
        check(name, target, result)


@every_paste
def test_donors_far_larger_and_far_smaller_than_the_target(name):
    target = drawn((20, 24), OURS)
    for shape in ((300, 400), (2, 3), (1, 1)):
        for result in run(name, target, count=10, donors=[coded(np.ones(shape), THEIRS)] * 4):
            check(name, target, result)


@every_paste
def test_only_ids_of_the_target_and_the_donor_come_out(name):
    target = coded(np.zeros((30, 40)), OURS)
    donors = [coded(np.where(mask == 3, 3, IGNORE), THEIRS) for _, mask in DONORS]
    for _, mask, _ in run(name, target, donors=donors):
        assert set(np.unique(mask)) <= {0, 3, IGNORE}


@every_paste
def test_a_paste_in_the_middle_leaves_the_far_border_as_it_was(name):
    """What reaches beyond one side of the image does not come in again on the other, nor is it smeared along it."""
    target = coded(np.zeros((60, 80)), OURS)
    for image, mask, _ in run(name, target, count=60):
        theirs = image[..., 1] != OURS
        touched = [theirs[0].any(), theirs[-1].any(), theirs[:, 0].any(), theirs[:, -1].any()]
        if name.startswith("copy_paste") and "uniform" not in name:  # of small regions: 14 rows or columns, 1.5 times
            assert not (touched[0] and touched[1])
            assert not (touched[2] and touched[3])
            rows, columns = np.flatnonzero(theirs.any(1)), np.flatnonzero(theirs.any(0))
            assert np.ptp(rows) < 40
            assert np.ptp(columns) < 40
        assert (mask[~theirs] != 0).sum() == (mask[~theirs] == IGNORE).sum()


@every_paste
def test_the_seed_decides_alone_and_seeds_differ(name):
    target = coded(np.zeros((60, 80)), OURS)
    result = run(name, target)
    again = build(name)
    for seed in reversed(range(25)):
        one = again(*target, DONORS.__getitem__, seed)
        assert (one.image == result[seed].image).all()
        assert (one.mask == result[seed].mask).all()
        assert one.outcome == result[seed].outcome
    assert len({one.image.tobytes() for one in result}) > 10


@every_paste
def test_what_comes_in_is_left_alone(name):
    target = drawn((48, 64), OURS)
    copies = [(image.copy(), mask.copy()) for image, mask in (target, *DONORS)]
    for image, mask, outcome in run(name, target):
        if outcome == PasteOutcome.PASTED:
            image[:], mask[:] = 7, 7
    for (image, mask), (image_before, mask_before) in zip((target, *DONORS), copies, strict=True):
        assert (image == image_before).all()
        assert (mask == mask_before).all()


@every_paste
def test_an_image_may_be_pasted_into_itself(name):
    for _, mask, outcome in run(name, DONORS[0], donors=[DONORS[0]] * 4):
        assert set(np.unique(mask)) <= {0, 1, 2, 3, 4, IGNORE}
        assert outcome in (PasteOutcome.PASTED, PasteOutcome.NO_ROOM, PasteOutcome.EMPTY_DONOR)
