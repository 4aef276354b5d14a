"""Images of a plain folder."""

import pytest

from rarepix.data.folder import image_files
from rarepix.data.source import DataError


def fill(folder, *names: str) -> None:
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).touch()


def names(folder) -> list[str]:
    return [str(file.relative_to(folder)) for file in image_files(folder)]


def test_images_by_their_names_sorted(tmp_path):
    fill(tmp_path, "b.JPG", "a.jpeg", "c.Png", "d.bmp", "e.tif", "f.tiff", "notes.txt", "no_end", "in/g.png")
    assert names(tmp_path) == ["a.jpeg", "b.JPG", "c.Png", "d.bmp", "e.tif", "f.tiff"]


def test_a_folder_called_like_an_image_is_none(tmp_path):
    fill(tmp_path, "a.png", "b.png/c.txt")
    assert names(tmp_path) == ["a.png"]


def test_names_that_would_give_one_result(tmp_path):
    fill(tmp_path, "a.png", "a.jpg", "b.png")
    with pytest.raises(DataError, match=r"differ in their names without the ends, .*: a\.jpg and a\.png: rename them"):
        image_files(tmp_path)


def test_no_image(tmp_path):
    fill(tmp_path, "notes.txt", "in/a.png")
    with pytest.raises(DataError, match=r"must hold images \(\.jpg, .*\), but has none itself: give another folder"):
        image_files(tmp_path)


def test_no_folder(tmp_path):
    fill(tmp_path, "a.png")
    for path, what in ((tmp_path / "a.png", "is a file"), (tmp_path / "b", "does not exist")):
        with pytest.raises(FileNotFoundError, match=rf"images must be in a folder, but {path} {what}"):
            image_files(path)
