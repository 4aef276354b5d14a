"""Images from their files: sizes and pixels, refusal of every damaged file, and the images of a plain folder."""

import warnings

import numpy as np
import pytest
from PIL import Image

from rarepix.data.images import hidden_note, image_files, image_size, read_image
from rarepix.data.masks import IdMask
from rarepix.data.source import DataError
from rarepix.labels import LabelSpace


def read_ids(path):
    return IdMask(path).read()


def count_ids(path):
    return IdMask(path).count(LabelSpace(names=("a", "b")))


READERS = {read_image: "JPEGImages", image_size: "JPEGImages", read_ids: "SegmentationClass"}
READERS |= {count_ids: "SegmentationClass"}
"""Function that reads a file → folder of the files that it reads."""

every_reader = pytest.mark.parametrize("read", READERS, ids=lambda read: read.__name__)


@pytest.mark.parametrize("deep", [np.uint16, np.int32, np.float32])
def test_images_of_more_than_eight_bits_are_refused(tmp_path, deep):
    """They would be cut off at 255: all white."""
    Image.fromarray(np.full((4, 5), 3000, deep)).save(tmp_path / "deep.tif")
    with pytest.raises(DataError, match=r"deep\.tif must have 8 bits a channel, or .* values from 3000 to 3000"):
        read_image(tmp_path / "deep.tif")


def test_grey_images_become_three_channels(tmp_path):
    Image.fromarray(np.array([[7, 9]], np.uint8)).save(tmp_path / "grey.png")
    assert read_image(tmp_path / "grey.png").tolist() == [[[7, 7, 7], [9, 9, 9]]]


@pytest.mark.parametrize("options", [{}, {"progressive": True}, {"exif": b"Exif\0\0" + bytes(500)}, {"quality": 5}])
@pytest.mark.parametrize("mode", ["RGB", "L", "CMYK"])
def test_size_of_a_jpeg(tmp_path, mode, options):
    Image.new(mode, (37, 21)).save(tmp_path / "image.jpg", **options)
    assert image_size(tmp_path / "image.jpg") == (37, 21)


@pytest.mark.parametrize("mode", ["RGB", "P", "1", "RGBA", "I;16"])
def test_size_of_a_png(tmp_path, mode):
    Image.new(mode, (37, 21)).save(tmp_path / "image.png")
    assert image_size(tmp_path / "image.png") == (37, 21)


@pytest.mark.parametrize("suffix", ["bmp", "gif", "tif"])
def test_size_of_other_formats(tmp_path, suffix):
    Image.new("RGB", (37, 21)).save(tmp_path / f"image.{suffix}")
    assert image_size(tmp_path / f"image.{suffix}") == (37, 21)


@every_reader
def test_decompression_bombs_are_refused(tiny_voc, monkeypatch, read):
    """Pillow warns of images above its limit and refuses those above twice the limit; those here have 96×64 pixels."""
    file = next((tiny_voc / READERS[read]).glob("img00.*"))
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 96 * 64 // 2 - 1)
    with pytest.raises(DataError, match=rf"{file} must be a readable (image|mask), but: .* decompression bomb"):
        read(file)


@every_reader
def test_a_file_cut_anywhere_is_refused_or_complete(tiny_voc, tmp_path, read):
    complete = next((tiny_voc / READERS[read]).glob("img00.*"))
    data, expected = complete.read_bytes(), read(complete)
    cut = tmp_path / complete.name
    refused = 0
    for length in np.linspace(0, len(data) - 1, 120).astype(int):
        cut.write_bytes(data[:length])
        result = read_or_refuse(read, cut)
        if result is None:
            refused += 1
        else:
            assert np.array_equal(result[0], expected[0]), f"{length} of {len(data)} bytes gave another result"
    assert refused > 100


@every_reader
def test_a_file_with_wrong_bytes_is_read_or_refused(tiny_voc, tmp_path, read):
    data = (tiny_voc / "SegmentationClass" / "img00.png").read_bytes()
    damaged, rng = tmp_path / "damaged.png", np.random.default_rng(0)
    for _ in range(150):
        changed = bytearray(data)
        for position in rng.integers(8, len(data), 3):
            changed[position] = rng.integers(256)
        damaged.write_bytes(changed)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", Image.DecompressionBombWarning)
            read_or_refuse(read, damaged)


def read_or_refuse(read, file):
    """Return what is read, or None if the file is refused by its name; any other error is an error."""
    try:
        return read(file)
    except DataError as error:
        if str(file) not in str(error):
            raise
        return None


def fill(folder, *names: str) -> None:
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).touch()


def image_names(folder) -> list[str]:
    return [str(file.relative_to(folder)) for file in image_files(folder)]


def test_images_of_a_folder_are_sorted(tmp_path):
    fill(tmp_path, "b.JPG", "a.jpeg", "c.Png", "d.bmp", "e.tif", "f.tiff", "notes.txt", "no_suffix", "in/g.png")
    assert image_names(tmp_path) == ["a.jpeg", "b.JPG", "c.Png", "d.bmp", "e.tif", "f.tiff"]


def test_a_folder_named_like_an_image_is_left_out(tmp_path):
    fill(tmp_path, "a.png", "b.png/c.txt")
    assert image_names(tmp_path) == ["a.png"]


def test_names_that_differ_in_the_suffix_only(tmp_path):
    fill(tmp_path, "a.png", "a.jpg", "b.png")
    with pytest.raises(
        DataError, match=r"differ in their names without the suffix, .*: a\.jpg and a\.png: rename them"
    ):
        image_files(tmp_path)


def test_a_folder_without_images(tmp_path):
    fill(tmp_path, "notes.txt", "in/a.png")
    with pytest.raises(DataError, match=r"must hold images \(\.jpg, .*\), but has none itself: give another folder"):
        image_files(tmp_path)


def test_no_folder(tmp_path):
    fill(tmp_path, "a.png")
    for path, what in ((tmp_path / "a.png", "is a file"), (tmp_path / "b", "does not exist")):
        with pytest.raises(FileNotFoundError, match=rf"images must be in a folder, but {path} {what}"):
            image_files(path)


def test_hidden_files_are_left_out_and_told(tmp_path):
    fill(tmp_path, "a.png", "b.webp", "._a.png", "._b.webp", ".DS_Store", ".c.jpg")
    assert image_names(tmp_path) == ["a.png", "b.webp"]
    assert hidden_note(tmp_path) == "3 hidden files are left out: ._a.png, ._b.webp, .c.jpg"


def test_a_folder_of_hidden_files_alone_says_so(tmp_path):
    fill(tmp_path, "._a.png")
    with pytest.raises(DataError, match=r"has none itself \(1 hidden file is left out: \._a\.png\): give another"):
        image_files(tmp_path)


@pytest.mark.parametrize("suffix", ["webp", "WebP", "PNG", "Tif", "TIFF", "BMP"])
def test_lossless_images_are_read_whatever_their_suffix(tmp_path, suffix):
    pixels = np.random.default_rng(0).integers(0, 256, (8, 9, 3)).astype(np.uint8)
    options = {"lossless": True} if suffix.lower() == "webp" else {}
    Image.fromarray(pixels).save(tmp_path / f"image.{suffix}", **options)
    assert np.array_equal(read_image(*image_files(tmp_path)), pixels)
