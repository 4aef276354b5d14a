"""Images that annotations name: in which folder, and however their suffix is written."""

from pathlib import Path

import pytest

from rarepix.data.source import DataError
from rarepix.data.sources.image_search import ImageSearch


def touch(root: Path, *names: str) -> None:
    for name in names:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).touch()


@pytest.mark.parametrize(
    ("named", "file"),
    [
        ("a.jpg", "a.jpg"),
        ("a.jpg", "a.Jpg"),
        ("A/a.PNG", "A/a.png"),
        ("photos\\a.jpg", "a.jpg"),
        ("/mnt/disk/a.jpg", "a.jpg"),
        ("a", "a.TIFF"),
        ("a.b", "a.b.png"),
    ],
)
def test_a_name_means_the_file_with_its_suffix_in_any_case(tmp_path, named, file):
    touch(tmp_path, "other/x.png", file)
    assert ImageSearch([tmp_path / "other", tmp_path]).find(named) == tmp_path / file


def test_another_format_is_not_taken(tmp_path):
    """Build_items says which files are there instead."""
    touch(tmp_path, "a.png")
    assert ImageSearch([tmp_path]).find("a.jpg") == tmp_path / "a.jpg"


def test_the_very_file_goes_before_one_in_another_case(tmp_path):
    touch(tmp_path, "a.JPG", "a.jpg")
    assert [ImageSearch([tmp_path]).find(name).name for name in ("a.jpg", "a.JPG")] == ["a.jpg", "a.JPG"]


def test_a_name_without_suffix_of_two_images_is_refused(tmp_path):
    touch(tmp_path, "a.png", "a.jpg")
    with pytest.raises(DataError, match=r"for 'a' there are a.jpg and a.png: keep one"):
        ImageSearch([tmp_path]).find("a")
