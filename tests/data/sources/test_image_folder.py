"""Which file belongs to an id: suffixes in any case, lines of lists with suffixes and folders, files of macOS."""

from pathlib import Path

import pytest

from rarepix.data.source import DataError
from rarepix.data.sources.image_folder import LOSSLESS, ImageFolder, other_files_note


@pytest.fixture
def folder(tmp_path):
    """A folder of empty files: here only their names are looked at."""

    def write(*names: str, **options) -> ImageFolder:
        for name in names:
            file = tmp_path / "images" / name
            file.parent.mkdir(parents=True, exist_ok=True)
            file.touch()
        return ImageFolder(tmp_path / "images", **options)

    return write


@pytest.mark.parametrize("suffix", [".jpg", ".JPG", ".Jpeg", ".png", ".PNG", ".bmp", ".tif", ".TIFF"])
def test_a_suffix_in_any_case(folder, suffix):
    images = folder(f"im.0{suffix}", "im.0.txt", "im.0.json")
    assert images.find("im.0").name == f"im.0{suffix}"
    assert images.names() == ["im.0"]


def test_a_file_that_is_not_there_has_the_usual_suffix(folder):
    assert folder("b.png", usual=".tif").find("a").name == "a.tif"
    assert not folder().has("a")


def test_two_files_of_one_name_are_refused(folder):
    with pytest.raises(DataError, match=r"images must hold one file for each id, but for 'a' there are a\.JPG"):
        folder("a.JPG", "a.png").find("a")
    assert folder("a.JPG", "a.png", suffixes=LOSSLESS).find("a").name == "a.png"


def test_companions_of_macos_are_no_images(folder):
    images = folder("a.jpg", "._a.jpg", ".hidden.jpg")
    assert images.names() == ["a"]
    assert not images.has("._a")


@pytest.mark.parametrize(
    ("line", "name"),
    [
        ("a", "a"),
        ("a.jpg", "a"),
        ("a.PNG", "a"),  # the suffix that the mask has
        ("images/a.jpg", "a"),
        ("./a", "a"),
        ("/home/somebody/images/a.jpg", "a"),
        (r"D:\data\images\a.jpg", "a"),
        ("my image", "my image"),
        ("my image.jpg", "my image"),
        ("v1.2", "v1.2"),
        ("a.jpg.jpg", "a.jpg.jpg"),  # there is none
        ("city/b", "city/b"),
        ("city/b.jpg", "city/b"),
        ("elsewhere/a.jpg", "elsewhere/a.jpg"),  # perhaps another image
    ],
)
def test_a_line_of_a_list(folder, line, name):
    assert folder("a.jpg", "my image.jpg", "v1.2.jpg", "city/b.jpg").resolve(line) == name


def test_a_name_that_ends_like_a_file(folder):
    assert folder("a.png.jpg").resolve("a.png") == "a.png"


def test_what_is_there_instead_of_a_missing_file(folder):
    path = folder("im1_mask.png", "IM1.npy", "im10.png", "im.png").path
    assert other_files_note(path / "im1.png") == " (there is IM1.npy, im1_mask.png: rename or convert it)"
    assert other_files_note(path / "im2.png") == ""
    assert other_files_note(Path("nowhere") / "im2.png") == ""
