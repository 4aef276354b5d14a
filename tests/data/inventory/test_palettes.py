"""Masks whose palettes give an id the colour of another class."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from rarepix.data.grey_masks import GreyMask
from rarepix.data.inventory import examine, take_inventory
from rarepix.data.inventory.palettes import check_palettes
from rarepix.data.inventory.problems import ProblemKind
from rarepix.data.masks import IdMask
from rarepix.data.source import DataError, Item
from rarepix.labels import LabelSpace

BLACK, RED, GREEN, BLUE = (0, 0, 0), (128, 0, 0), (0, 128, 0), (0, 0, 128)
CLASSES = ("background", "road", "sign")
DESCRIBED = LabelSpace(names=CLASSES, palette=(BLACK, RED, GREEN))
PLAIN = LabelSpace(names=CLASSES)


@pytest.fixture
def make(tmp_path):
    """Write a palette mask with the given ids and colours, and its image."""

    def write(name: str, *colours: tuple[int, int, int], ids: tuple[int, ...] = (0, 1, 2)) -> Item:
        item = Item(name, tmp_path / f"{name}.jpg", IdMask(tmp_path / f"{name}.png"))
        Image.new("RGB", (len(ids), 1)).save(item.image)
        mask = Image.fromarray(np.array([ids], np.uint8))
        if colours:
            mask.putpalette([part for colour in colours for part in colour])
        mask.save(item.mask.path)
        return item

    return write


@pytest.mark.parametrize(("labels", "origin"), [(DESCRIBED, "dataset.json"), (PLAIN, "most of the masks")])
def test_swapped_colours_are_refused(make, labels, origin):
    items = [make("a", BLACK, RED, GREEN), make("b", BLACK, GREEN, RED), make("c", BLACK, RED, GREEN)]
    (problem,) = examine(items, labels).problems
    assert (problem.kind, problem.image) == (ProblemKind.PALETTE, "b")
    assert "b.png must have the palette of the other masks and of dataset.json, but its id 1, 'road'" in problem.message
    assert f"has the colour (0, 128, 0), which in {origin} is 'sign': give the pixels the ids" in problem.message
    with pytest.raises(DataError, match=r"b\.png must have the palette"):
        take_inventory(items, labels)


def test_a_stored_table_does_not_hide_them(make, tmp_path):
    items = [make("a", BLACK, RED, GREEN), make("b", BLACK, GREEN, RED)]
    grey = [make("c"), make("d")]
    for _ in range(2):
        assert len(examine(items, DESCRIBED, cache=tmp_path / "cache").problems) == 1
        assert examine(grey, DESCRIBED, cache=tmp_path / "cache").problems == []


def test_unused_indices_that_a_program_left_out(make):
    """Optimised palettes number the colours that occur: background and sign become 0 and 1."""
    items = [make("a", BLACK, RED, GREEN), make("b", BLACK, GREEN, ids=(0, 1, 1))]
    assert [problem.image for problem in examine(items, PLAIN).problems] == ["b"]


def test_only_colours_of_ids_that_occur_count(make):
    items = [make("a", BLACK, RED, GREEN), make("b", BLACK, GREEN, RED, ids=(0, 0, 0))]
    assert check_palettes(items, take_inventory(items, DESCRIBED), DESCRIBED) == ([], [])


def test_other_colours_are_told_once(make):
    items = [make("a", BLACK, RED, GREEN), make("b", BLACK, RED, BLUE), make("c", BLACK, BLUE, GREEN)]
    contradicting, different = check_palettes(items, take_inventory(items, DESCRIBED), DESCRIBED)
    assert contradicting == []
    (problem,) = different
    assert problem.kind is ProblemKind.COLOURS
    assert "2 give ids other colours than dataset.json: b, c: look whether their ids mean the same" in problem.message


def test_grey_masks_and_palettes_of_one_colour_say_nothing(make):
    items = [make("a"), make("b", BLACK, BLACK, BLACK), make("c", BLACK, BLACK, BLACK)]
    assert check_palettes(items, take_inventory(items, PLAIN), PLAIN) == ([], [])


def test_a_mask_that_cannot_be_read_is_left_to_the_counting(make, tmp_path):
    items = [make("a", BLACK, RED, GREEN), make("b", BLACK, GREEN, RED)]
    Path(tmp_path / "b.png").write_bytes(b"no image")
    assert [problem.kind for problem in examine(items, DESCRIBED).problems] == [ProblemKind.MASK]


def test_the_colour_of_an_id_is_that_of_the_value_that_stands_for_it(make):
    """Value 0 is ignored and 1 is the first class; or 255 is class 1, as is 1."""
    path = make("a", BLACK, RED, GREEN).mask.path
    shifted = GreyMask(path, (255, *range(254), 255))
    assert [shifted.palette()[number] for number in (0, 1)] == [RED, GREEN]
    assert 255 not in shifted.palette()
    colours = [BLACK] * 255 + [BLUE]
    path = make("b", *colours, ids=(0, 255, 0)).mask.path
    assert IdMask(path, full_scale=True).palette()[1] == BLUE
    assert 1 not in GreyMask(path, (0, 1, *[-1] * 253, 1)).palette()
