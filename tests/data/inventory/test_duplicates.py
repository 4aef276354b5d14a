"""The same image under two ids."""

from PIL import Image

from rarepix.data.inventory.duplicates import NAMED_AT_MOST, find_duplicates
from rarepix.data.inventory.problems import ProblemKind
from rarepix.data.masks import IdMask
from rarepix.data.source import Item


def write(folder, name: str, colour: int = 0, mask: int = 0) -> Item:
    item = Item(name, folder / f"{name}.bmp", IdMask(folder / f"{name}.png"))
    Image.new("L", (4, 4), colour).save(item.image)  # bitmaps of one size have one length
    Image.new("L", (4, 4), mask).save(item.mask.path)
    return item


def test_files_of_one_length_are_no_duplicates(tmp_path):
    items = [write(tmp_path, name, colour) for name, colour in (("a", 1), ("b", 2), ("c", 3))]
    assert len({item.image.stat().st_size for item in items}) == 1
    assert find_duplicates(items, {item.id: ["train"] for item in items}) == []


def test_within_a_list_and_across_lists(tmp_path):
    items = [write(tmp_path, name, colour) for name, colour in (("a", 1), ("b", 1), ("c", 2), ("d", 2), ("e", 3))]
    lists = {"a": ["train"], "b": ["train"], "c": ["train"], "d": ["val"], "e": ["val"]}
    across, within = find_duplicates(items, lists)
    assert (across.kind, within.kind) == (ProblemKind.LEAK, ProblemKind.TWIN)
    assert "the same file: c (train), d (val): what is tested was trained on" in across.message
    assert "the same file: a (train), b (train): a split may put them into different folds" in within.message


def test_a_list_of_all_separates_nothing(tmp_path):
    items = [write(tmp_path, name) for name in "ab"]
    (problem,) = find_duplicates(items, {"a": ["all", "train"], "b": ["all"]})
    assert problem.kind is ProblemKind.TWIN
    (problem,) = find_duplicates(items, {"a": ["all", "train"], "b": ["all", "val"]})
    assert problem.kind is ProblemKind.LEAK


def test_different_masks_are_told(tmp_path):
    items = [write(tmp_path, "a", mask=0), write(tmp_path, "b", mask=1)]
    (problem,) = find_duplicates(items, {"a": ["train"], "b": ["train"]})
    assert "a (train), b (train), with different masks" in problem.message


def test_many_of_one_are_one_problem(tmp_path):
    items = [write(tmp_path, f"i{number}") for number in range(NAMED_AT_MOST + 2)]
    (problem,) = find_duplicates(items, {item.id: ["train"] for item in items})
    assert problem.message.count("(train)") == NAMED_AT_MOST
    assert " and 2 more" in problem.message


def test_files_that_are_not_there_are_left_to_the_counting(tmp_path):
    items = [write(tmp_path, name) for name in "abc"]
    items[2].image.unlink()
    (problem,) = find_duplicates(items, {item.id: ["train"] for item in items})
    assert problem.image == "a"
