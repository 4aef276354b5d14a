"""Label spaces: what they refuse, and what they say."""

import dataclasses

import pytest

from rarepix.labels import IGNORE, LabelSpace, Task


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


def test_task_is_its_name():
    assert Task("multiclass") == "multiclass"
    assert [task.value for task in Task] == ["binary", "multiclass", "multilabel"]


def test_the_background_by_name():
    assert LabelSpace(names=("a", "b"), background=1).background_names == ("b",)
    assert LabelSpace(names=("a", "b")).background_names == ()
