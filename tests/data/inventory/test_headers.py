"""What is read without an image library agrees with the library, and is nothing where there could be a doubt."""

import io
import struct
import zlib

import numpy as np
import pytest
from PIL import Image

from rarepix.data.inventory.counting import count_ids
from rarepix.data.inventory.headers import plain_rows, quick_size

IDS = np.random.default_rng(0).integers(0, 20, (13, 31)).astype(np.uint8)


def saved(image: Image.Image, kind: str, **options) -> bytes:
    file = io.BytesIO()
    image.save(file, kind, **options)
    return file.getvalue()


def palette_mask(ids: np.ndarray = IDS) -> Image.Image:
    mask = Image.fromarray(ids).convert("P")
    mask.putdata(ids.ravel().tolist())
    return mask


def png(ids: np.ndarray, *, filtered: int = 0, interlace: int = 0) -> bytes:
    """Write a grey PNG file by hand, every row with the same filter byte (the pixels are not filtered)."""
    height, width = ids.shape

    def chunk(kind: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))

    rows = zlib.compress(b"".join(bytes([filtered]) + row.tobytes() for row in ids))
    header = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, interlace))
    parts = chunk(b"IDAT", rows[:20]) + chunk(b"IDAT", rows[20:])
    return b"\x89PNG\r\n\x1a\n" + header + parts + chunk(b"IEND", b"")


@pytest.mark.parametrize("options", [{}, {"progressive": True}, {"exif": b"Exif\0\0" + bytes(500)}, {"quality": 5}])
@pytest.mark.parametrize("mode", ["RGB", "L", "CMYK"])
def test_size_of_a_jpeg(mode, options):
    assert quick_size(saved(Image.new(mode, (37, 21)), "JPEG", **options)[:2048]) == (37, 21)


@pytest.mark.parametrize("mode", ["RGB", "P", "1", "RGBA", "I;16"])
def test_size_of_a_png(mode):
    assert quick_size(saved(Image.new(mode, (37, 21)), "PNG")[:2048]) == (37, 21)


@pytest.mark.parametrize("kind", ["BMP", "GIF", "TIFF"])
def test_no_size_of_other_files(kind):
    assert quick_size(saved(Image.new("RGB", (3, 2)), kind)) is None


def test_no_size_where_the_header_is_cut_wrong_or_huge(monkeypatch):
    jpeg, whole = saved(Image.new("RGB", (37, 21)), "JPEG"), saved(palette_mask(), "PNG")
    assert quick_size(jpeg[:40]) is None
    assert quick_size(whole[:30]) is None
    assert quick_size(whole[:18] + b"\x07" + whole[19:]) is None  # the checksum is wrong
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 300)
    assert quick_size(jpeg) is None  # Pillow has something to say about images as large as that


def test_rows_of_a_palette_mask():
    rows, width, height = plain_rows(saved(palette_mask(), "PNG"))
    assert (width, height) == (31, 13)
    assert (np.frombuffer(rows, np.uint8).reshape(13, 32)[:, 1:] == IDS).all()


def test_rows_in_several_parts():
    rows, _, _ = plain_rows(png(IDS))
    assert (np.frombuffer(rows, np.uint8).reshape(13, 32)[:, 1:] == IDS).all()


@pytest.mark.parametrize(
    "data",
    [
        png(IDS, filtered=1),
        png(IDS, interlace=1),
        png(IDS)[:-1],
        saved(palette_mask(IDS % 2), "PNG", bits=1),
        saved(Image.fromarray(IDS).convert("RGB"), "PNG"),
        saved(Image.new("RGB", (3, 2)), "JPEG"),
        b"",
    ],
    ids=["filtered", "interlaced", "cut", "one bit", "colours", "jpeg", "empty"],
)
def test_no_rows_where_there_is_a_doubt(data):
    assert plain_rows(data) is None


@pytest.mark.parametrize(
    "data",
    [
        saved(palette_mask(), "PNG"),
        png(IDS),
        saved(Image.fromarray(IDS), "PNG"),
        saved(Image.fromarray(IDS), "BMP"),
        saved(palette_mask(IDS % 2), "PNG", bits=1),
        saved(palette_mask(IDS % 16), "PNG", bits=4),
    ],
    ids=["palette", "by hand", "grey", "bitmap", "one bit", "four bits"],
)
def test_both_ways_count_the_same(data, tmp_path):
    (tmp_path / "mask").write_bytes(data)
    ids = np.array(Image.open(io.BytesIO(data)))
    assert count_ids(tmp_path / "mask") == (np.bincount(ids.ravel(), minlength=256).tolist(), (31, 13))


def test_wrong_bytes_are_judged_as_pillow_judges_them(tmp_path):
    whole, rng = saved(palette_mask(), "PNG"), np.random.default_rng(0)
    for _ in range(150):
        data = bytearray(whole)
        data[rng.integers(len(data))] ^= 1 << rng.integers(8)
        rows = plain_rows(bytes(data))
        if rows is not None:
            assert (
                np.array(Image.open(io.BytesIO(data))) == np.frombuffer(rows[0], np.uint8).reshape(13, 32)[:, 1:]
            ).all()
