"""Label spaces: refusals and properties."""

import dataclasses
import json

import numpy as np
import pytest
import torch

from rarepix.labels import IGNORE, SOFT_SCALE, LabelSpace, Task, hard_mask


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"names": ()}, r"class names must be given and differ from each other, but got \[\]"),
        ({"names": ("a", "b", "a")}, r"differ from each other, but got \['a', 'b', 'a'\]"),
        ({"names": ("a", "b"), "ignore": 1}, "must not be a class id, but got 1 with 2 classes"),
        ({"names": ("a", "b"), "ignore": 0}, "must not be a class id, but got 0 with 2 classes"),
        ({"names": ("a", "b"), "ignore": -1}, "from 2 to 255, .*but got -1"),
        ({"names": ("a", "b"), "ignore": 256}, "from 2 to 255, .*but got 256"),
        ({"names": ("a", "b"), "background": 2}, "background must be a class id from 0 to 1, but got 2"),
        ({"names": ("a", "b"), "background": -1}, "background must be a class id from 0 to 1, but got -1"),
        ({"names": ("a", "b"), "rare": ("c", "a")}, r"rare classes must be among \['a', 'b'\], but got \['c'\]"),
    ],
)
def test_refuses(given, message):
    with pytest.raises(ValueError, match=message):
        LabelSpace(**given)


def test_defaults():
    labels = LabelSpace(names=("a", "b", "c"))
    assert (labels.count, labels.ignore, labels.task, labels.background, labels.rare) == (
        3, IGNORE, Task.MULTICLASS, None, (),
    )  # fmt: skip


def test_the_first_id_past_the_classes_may_be_ignored():
    assert LabelSpace(names=("a", "b"), ignore=2).ignore == 2


def test_is_frozen():
    with pytest.raises(dataclasses.FrozenInstanceError):
        LabelSpace(names=("a",)).ignore = 3


def test_a_task_is_its_name():
    assert Task("multiclass") == "multiclass"
    assert [task.value for task in Task] == ["binary", "multiclass", "multilabel"]


def test_the_background_by_name():
    assert LabelSpace(names=("a", "b"), background=1).background_names == ("b",)
    assert LabelSpace(names=("a", "b")).background_names == ()


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"names": ("background", "a", "b"), "background": 0}, "a binary task must have two classes"),
        ({"names": ("a", "b"), "background": 1}, "the first of which is background"),
        ({"names": ("a", "background"), "background": 0}, "class of a binary task is the background, .* swap them"),
        ({"names": ("a", "b"), "background": 0, "task": Task.MULTILABEL}, "must have no background .* but got 'a'"),
    ],
)
def test_refuses_classes_that_the_task_does_not_allow(given, message):
    with pytest.raises(ValueError, match=message):
        LabelSpace(**({"task": Task.BINARY} | given))


@pytest.mark.parametrize(
    ("task", "background", "channels"), [("binary", 0, 1), ("multiclass", 0, 2), ("multilabel", None, 2)]
)
def test_channels(task, background, channels):
    assert LabelSpace(names=("a", "b"), background=background, task=Task(task)).channels == channels


def test_as_dict_and_back():
    labels = LabelSpace(
        names=("background", "b"), background=0, palette=((1, 2, 3), (4, 5, 6)), rare=("b",), task=Task.BINARY
    )
    assert LabelSpace.from_dict(json.loads(json.dumps(labels.as_dict()))) == labels
    with pytest.raises(ValueError, match="a label space must have names, background, ignore"):
        LabelSpace.from_dict({"names": ["a"]})


def test_a_hard_mask_of_a_soft_one_keeps_type_and_ignored_pixels():
    labels = LabelSpace(names=("background", "a"), background=0, task=Task.BINARY, scale=SOFT_SCALE)
    values, expected = [[0, 127, 128, 254, 255]], [[0, 0, 1, 1, 255]]
    hard = hard_mask(np.array(values, np.uint8), labels)
    assert (hard.tolist(), hard.dtype) == (expected, np.uint8)
    for kind in (torch.uint8, torch.int64):
        hard = hard_mask(torch.tensor(values, dtype=kind), labels)
        assert (hard.tolist(), hard.dtype) == (expected, kind)


def test_a_hard_mask_is_its_own():
    mask = np.array([[0, 1, 2, 255]], np.uint8)
    assert hard_mask(mask, LabelSpace(names=("a", "b", "c"))) is mask
