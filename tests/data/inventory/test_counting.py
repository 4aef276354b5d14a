"""The inventory: counts that can be checked by hand, and every bad file named."""

import re

import numpy as np
import pytest
from PIL import Image

from rarepix.data.inventory import examine, inventory_hash, read_mask, take_inventory
from rarepix.data.inventory.problems import NAMED_AT_MOST, ProblemKind
from rarepix.data.masks import IdMask
from rarepix.data.source import DataError, Item
from rarepix.data.sources import open_source
from rarepix.labels import LabelSpace
from tests.data.inventory.conftest import LABELS, MASK


def test_counts_by_hand(make):
    table = take_inventory([make("x"), make("y", np.full((3, 5), 2, np.uint8))], LABELS)
    assert table.columns.tolist() == ["a", "b", "c", "border", "height", "width"]
    assert table.index.tolist() == ["x", "y"]
    assert table.index.name == "image"
    assert table.loc["x"].tolist() == [2, 3, 1, 2, 2, 4]
    assert table.loc["y"].tolist() == [0, 0, 15, 0, 3, 5]
    assert (table.dtypes == "int64").all()


def test_palette_indices_count_not_colours(make, tmp_path):
    item = make("x")
    indexed = Image.new("P", (4, 2))
    indexed.putpalette([200, 100, 50] * 256)  # every index has the same colour
    indexed.putdata(MASK.ravel().tolist())
    indexed.save(item.mask.path)
    assert read_mask(item).tolist() == MASK.tolist()
    assert take_inventory([item], LABELS).loc["x"].tolist() == [2, 3, 1, 2, 2, 4]


def test_one_bit_masks_are_zero_and_one(tmp_path):
    Image.fromarray(np.array([[True, False]])).save(tmp_path / "m.png")
    Image.new("RGB", (2, 1)).save(tmp_path / "m.jpg")
    item = Item("m", tmp_path / "m.jpg", IdMask(tmp_path / "m.png"))
    assert read_mask(item).tolist() == [[1, 0]]
    assert take_inventory([item], LABELS).loc["m"].tolist() == [1, 1, 0, 0, 1, 2]


def test_another_ignore_id(make):
    labels = LabelSpace(names=("a", "b"), ignore=2)
    mask = np.array([[0, 1, 2, 2]], np.uint8)
    assert take_inventory([make("x", mask)], labels).loc["x"].tolist() == [1, 1, 2, 1, 4]


def test_the_whole_dataset_against_numpy(tiny_voc):
    source = open_source("voc", tiny_voc)
    items = source.items("train")
    table = take_inventory(items, source.labels)
    masks = [np.asarray(Image.open(item.mask.path)) for item in items]
    for index, name in enumerate(source.labels.names):
        assert table[name].tolist() == [(mask == index).sum() for mask in masks]
    assert table["border"].tolist() == [(mask == 255).sum() for mask in masks]
    assert (table.drop(columns=["height", "width"]).sum(axis=1) == 64 * 96).all()


@pytest.mark.parametrize(
    ("mask", "size", "message"),
    [
        (MASK, (5, 2), r"x\.png must have the size of its image, 5×2, but has 4×2: put the right pair together"),
        (
            MASK + np.uint8(1),
            None,
            r"x\.png must hold ids 0 to 2 or 255 \(ignored\), but holds \[3\]: name all classes, .* correct the mask",
        ),
        (
            np.array([[9, 254, 7]], np.uint8),
            None,
            r"x\.png must hold ids 0 to 2 or 255 \(ignored\), but holds \[7, 9, 254\]",
        ),
    ],
)
def test_refuses_masks(make, mask, size, message):
    with pytest.raises(DataError, match=message):
        take_inventory([make("good"), make("x", mask, size)], LABELS)


@pytest.mark.parametrize("mode", ["RGB", "RGBA", "LA"])
def test_refuses_masks_of_colours(make, mode):
    message = rf"x\.png must be an 8-bit palette or grey image of class ids, but has mode '{mode}.*: save the ids"
    with pytest.raises(DataError, match=message):
        take_inventory([make("x", mode=mode)], LABELS)


def test_every_bad_file_is_named(make):
    items = [make("good")] + [make(f"bad{number}", np.full((2, 4), 9, np.uint8)) for number in range(NAMED_AT_MOST + 2)]
    with pytest.raises(DataError) as caught:
        take_inventory(items, LABELS)
    lines = str(caught.value).splitlines()
    assert [f"bad{number}.png" in line for number, line in enumerate(lines[:-1])] == [True] * NAMED_AT_MOST
    assert lines[-1] == "… and 2 more"


def test_everything_wrong_with_an_item_is_found(make):
    both = make("both", np.full((2, 4), 9, np.uint8), (5, 2))
    unread = make("unread")
    unread.image.write_bytes(b"no")
    unread.mask.path.write_bytes(b"no")
    gone = make("gone")
    gone.image.unlink()
    gone.mask.path.unlink()
    counts, problems = examine([make("good"), both, unread, gone], LABELS)
    assert counts.index.tolist() == ["good"]
    assert [(problem.kind, problem.image) for problem in problems] == [
        (ProblemKind.SIZE, "both"),
        (ProblemKind.IDS, "both"),
        (ProblemKind.MASK, "unread"),
        (ProblemKind.IMAGE, "unread"),
        (ProblemKind.MISSING, "gone"),
        (ProblemKind.MISSING, "gone"),
    ]
    assert "gone.png must exist, but does not: add it, or take gone out of the list" in problems[4].message


def test_progress_adds_up_to_the_number_of_items(make):
    steps = []
    take_inventory([make(str(number)) for number in range(19)], LABELS, progress=steps.append)
    assert sum(steps) == 19
    assert len(steps) > 1


@pytest.mark.parametrize("content", [b"", b"not an image", b"\x89PNG\r\n\x1a\n"])
def test_refuses_what_is_no_image(make, content):
    item = make("x")
    item.mask.path.write_bytes(content)
    with pytest.raises(
        DataError, match=r"x\.png must be a readable mask, but: .*: repair it, or take it out of the list"
    ):
        take_inventory([item], LABELS)
    item = make("x")
    item.image.write_bytes(content)
    with pytest.raises(
        DataError, match=r"x\.jpg must be a readable image, but: .*: repair it, or take it out of the list"
    ):
        take_inventory([item], LABELS)


@pytest.mark.parametrize("content", [b"", b"not an image"])
def test_messages_of_pillow_are_not_quoted_for_unknown_formats(make, content):
    item = make("x")
    item.mask.path.write_bytes(content)
    expected = (
        f"{item.mask.path} must be a readable mask, but: cannot identify image file: repair it, or take it out of the"
    )
    for refuse in (lambda: take_inventory([item], LABELS), lambda: read_mask(item)):
        with pytest.raises(DataError, match=re.escape(expected)):
            refuse()


@pytest.mark.parametrize("name", ["border", "height", "width"])
def test_a_class_may_not_be_called_like_a_column(make, name):
    labels = LabelSpace(names=("a", "b", name))
    with pytest.raises(
        DataError, match=re.escape(f"no class may be called border, height or width, but got ['{name}']")
    ):
        take_inventory([make("x")], labels)


def test_hash_is_of_the_counts(make):
    table = take_inventory([make("x"), make("y", np.zeros((2, 2), np.uint8))], LABELS)
    assert inventory_hash(table) == inventory_hash(table.iloc[::-1])
    changed = table.copy()
    changed.iloc[0, 0] += 1
    assert inventory_hash(changed) != inventory_hash(table)
