"""Masks from their files: ids as Pillow reads them, and class masks as arrays, counts, objects, cache, duplicates."""

import hashlib
import struct
import zlib
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from rarepix.data.inventory import examine, read_mask, take_inventory
from rarepix.data.inventory.cache import content_key
from rarepix.data.inventory.duplicates import find_duplicates
from rarepix.data.inventory.objects import find_objects
from rarepix.data.inventory.problems import ProblemKind
from rarepix.data.inventory.summary import class_table
from rarepix.data.masks import IdMask, LayerMask
from rarepix.data.source import DataError, Item
from rarepix.labels import SOFT_SCALE, LabelSpace, Task

LABELS = LabelSpace(names=("a", "b", "c"), task=Task.MULTILABEL)
BINARY_LABELS = LabelSpace(names=("background", "any"), background=0, task=Task.BINARY)
A = np.array([[9, 0, 0, 200], [0, 0, 0, 0]], np.uint8)
B = np.array([[128, 127, 0, 0], [0, 0, 1, 0]], np.uint8)


@pytest.fixture
def make(tmp_path):
    """Write an image and a mask for each class that has one, and return the item."""

    def write(name: str, *masks: np.ndarray | None, threshold: int = 0, merge: bool = False, mode: str = "L") -> Item:
        image = tmp_path / f"{name}.png"
        Image.new("RGB", (4, 2), (len(name), 0, 0)).save(image)
        files: list[Path | None] = []
        for number, mask in enumerate(masks):
            files.append(None if mask is None else tmp_path / f"{name}_{number}.png")
            if mask is not None:
                Image.fromarray(mask).convert(mode).save(files[-1])
        return Item(name, image, LayerMask(tuple(files), threshold, merge))

    return write


IDS = np.random.default_rng(0).integers(0, 20, (13, 31)).astype(np.uint8)


def palette_image(ids: np.ndarray) -> Image.Image:
    image = Image.fromarray(ids).convert("P")
    image.putdata(ids.ravel().tolist())
    return image


@pytest.mark.parametrize(
    ("image", "options"),
    [
        (palette_image(IDS), {"format": "PNG"}),
        (Image.fromarray(IDS), {"format": "PNG"}),
        (Image.fromarray(IDS), {"format": "BMP"}),
        (palette_image(IDS % 2), {"format": "PNG", "bits": 1}),
        (palette_image(IDS % 16), {"format": "PNG", "bits": 4}),
    ],
    ids=["palette", "grey", "bitmap", "one bit", "four bits"],
)
def test_counts_are_those_of_the_ids(tmp_path, image, options):
    image.save(tmp_path / "mask", **options)
    ids = np.array(image)
    mask = IdMask(tmp_path / "mask")
    assert (mask.read() == ids).all()
    labels = LabelSpace(names=tuple("abcdefghijklmnop"), ignore=19)
    numbers = np.bincount(ids.ravel(), minlength=20).tolist()
    unknown = tuple(number for number in range(16, 19) if numbers[number])
    assert mask.count(labels) == (numbers[:16], numbers[19], (13, 31), unknown)


def test_a_class_is_where_its_mask_is_above_the_threshold(make):
    mask = read_mask(make("x", A, B, None))
    assert (mask.shape, mask.dtype) == ((2, 4, 3), np.uint8)
    assert mask[..., 0].tolist() == [[1, 0, 0, 1], [0, 0, 0, 0]]
    assert mask[..., 1].tolist() == [[1, 1, 0, 0], [0, 0, 1, 0]]
    assert not mask[..., 2].any()
    assert read_mask(make("x", A, B, threshold=127)).sum(axis=(0, 1)).tolist() == [1, 1]


def test_merged_masks_are_the_union(make):
    assert read_mask(make("x", A, B, None, merge=True)).tolist() == [[1, 1, 0, 1], [0, 0, 1, 0]]
    assert read_mask(make("x", B, threshold=127, merge=True)).tolist() == [[1, 0, 0, 0], [0, 0, 0, 0]]


@pytest.mark.parametrize(("merge", "shape"), [(False, (2, 4, 2)), (True, (2, 4))])
def test_without_a_file_the_size_is_that_of_the_image(make, merge, shape):
    mask = read_mask(make("x", None, None, merge=merge))
    assert (mask.shape, mask.any()) == (shape, False)


def test_modes_of_grey(make, tmp_path):
    assert read_mask(make("x", A, mode="1"))[..., 0].tolist() == [[0, 0, 0, 1], [0, 0, 0, 0]]  # Pillow cuts at half
    assert read_mask(make("x", B, mode="RGB", threshold=127))[..., 0].sum() == 1
    item = make("x", A)
    palette = Image.fromarray(A)
    palette.putpalette([9, 9, 9] * 256)
    palette.save(tmp_path / "x_0.png")
    assert read_mask(item)[..., 0].sum() == 2  # the indices, not the colours
    with pytest.raises(DataError, match=r"x_0\.png must be an 8-bit grey image, .* above 9, but has mode 'P': save"):
        read_mask(Item("x", item.image, LayerMask((tmp_path / "x_0.png",), threshold=9)))
    Image.new("RGB", (4, 2), (1, 2, 3)).save(tmp_path / "x_0.png")
    with pytest.raises(DataError, match=r"but has mode 'RGB' with colours: save its grey values"):
        read_mask(item)


def test_counts_by_hand(make):
    items = [make("x", A, B, None), make("yy", None, None, None), make("zzz", None, A, A)]
    table = take_inventory(items, LABELS)
    assert table.columns.tolist() == ["a", "b", "c", "border", "height", "width"]
    assert table.to_numpy().tolist() == [[2, 3, 0, 0, 2, 4], [0, 0, 0, 0, 2, 4], [0, 2, 2, 0, 2, 4]]


def test_merged_counts_by_hand(make):
    items = [make("x", A, B, merge=True), make("yy", None, None, merge=True)]
    assert take_inventory(items, BINARY_LABELS).to_numpy().tolist() == [[4, 4, 0, 2, 4], [8, 0, 0, 2, 4]]


def test_shares_are_of_the_area_and_may_exceed_it_together(make):
    items = [make("x", A, B, None), make("yy", np.full((2, 4), 1, np.uint8), np.full((2, 4), 1, np.uint8), None)]
    table = class_table(take_inventory(items, LABELS), find_objects(items, LABELS), LABELS.names)
    assert table["pixel_share"].to_dict() == {"b": 11 / 16, "a": 10 / 16, "c": 0, "border": 0}


def test_every_class_has_its_own_objects(make):
    items = [make("x", A, B, None), make("yy", None, None, None)]
    rows = sorted(find_objects(items, LABELS).itertuples(index=False, name=None))
    assert rows == [("x", "a", 1), ("x", "a", 1), ("x", "b", 3)]  # the last is joined at a corner
    merged = [make("x", A, B, None, merge=True)]
    assert find_objects(merged, BINARY_LABELS)["pixels"].tolist() == [4]


def test_everything_wrong_with_an_item_is_found(make):
    gone, odd, large, colours = (make(name, A, B, None) for name in ("gone", "odd", "large", "colours"))
    for file in gone.mask.files:
        file.unlink()
    Image.new("L", (5, 5)).save(odd.mask.files[1])
    for file in large.mask.files:
        Image.new("L", (8, 8)).save(file)
    Image.new("RGB", (4, 2), (1, 2, 3)).save(colours.mask.files[0])
    counts, problems = examine([make("good", A, None, None), gone, odd, large, colours], LABELS)
    assert counts.index.tolist() == ["good"]
    assert [(problem.kind, problem.image) for problem in problems] == [
        (ProblemKind.MISSING, "gone"),
        (ProblemKind.MISSING, "gone"),
        (ProblemKind.MASK, "odd"),
        (ProblemKind.SIZE, "large"),
        (ProblemKind.MASK, "colours"),
    ]
    assert "one size, but" in problems[2].message
    assert "large_0.png must have the size of its image, 4×2, but has 8×8" in problems[3].message


def test_an_unreadable_image_without_any_class_mask(make):
    item = make("x", None, None, None)
    item.image.write_bytes(b"no")
    _, problems = examine([item], LABELS)
    assert [problem.kind for problem in problems] == [ProblemKind.IMAGE]


def test_the_cache_key_covers_every_class_mask_and_how_it_is_read(make, tmp_path):
    item = make("x", A, B, None)
    first, second = (take_inventory([item], LABELS, cache=tmp_path / "cache") for _ in range(2))
    pd.testing.assert_frame_equal(first, second)
    files = item.mask.layers
    others = [
        LayerMask((files[1], files[0], None)),
        LayerMask((files[0], None, files[1])),
        LayerMask((files[0], None, None)),
        LayerMask(files, threshold=127),
        LayerMask(files, merge=True),
    ]
    keys = [content_key([Item("x", item.image, mask)], LABELS) for mask in (item.mask, *others)]
    keys.append(content_key([item], LabelSpace(names=LABELS.names)))
    Image.fromarray(A).save(files[1])
    keys.append(content_key([item], LABELS))
    assert len(set(keys)) == len(keys)


def test_duplicates_with_different_class_masks(make):
    items = [make("x", A, None, None), make("y", None, A, None), make("z", A, None, None)]
    (problem,) = find_duplicates(items[::2], {name: ["train"] for name in "xyz"})
    assert "with different masks" not in problem.message
    (problem,) = find_duplicates(items, {name: ["train"] for name in "xyz"})
    assert "with different masks" in problem.message


SOFT = replace(LABELS, scale=SOFT_SCALE)
GREY = np.array([[0, 1, 64, 127], [128, 129, 254, 255]], np.uint8)
SHARES = [[0, 1, 64, 127], [127, 128, 253, 254]]
"""254 / 255 of the grey values, rounded."""


def soft(item: Item, *, merge: bool = False) -> Item:
    return replace(item, mask=LayerMask(item.mask.layers, merge=merge, soft=True))


def test_grey_values_of_a_soft_mask_are_shares(make):
    mask = read_mask(soft(make("x", GREY, None, A)))
    assert (mask.shape, mask.dtype) == ((2, 4, 3), np.uint8)
    assert mask[..., 0].tolist() == SHARES
    assert mask[..., 1].tolist() == [[0] * 4] * 2
    assert mask[..., 2].tolist() == [[9, 0, 0, 199], [0, 0, 0, 0]]


def test_every_grey_value_is_the_nearest_share(make, tmp_path):
    Image.fromarray(np.arange(256, dtype=np.uint8)[None]).save(tmp_path / "all.png")
    shares = LayerMask((tmp_path / "all.png",), merge=True, soft=True).read((1, 256))[0] / SOFT_SCALE
    assert np.abs(shares - np.arange(256) / 255).max() <= 0.5 / SOFT_SCALE
    assert (np.diff(shares) >= 0).all()


def test_merged_soft_masks_are_the_greatest_share(make):
    assert read_mask(soft(make("x", GREY, A, None), merge=True)).tolist() == [[9, 1, 64, 199], [127, 128, 253, 254]]


def test_soft_pixels_count_where_the_share_is_above_one_half(make):
    items = [soft(make("x", GREY, None, A)), soft(make("yy", None, None, None))]
    assert take_inventory(items, SOFT).to_numpy().tolist() == [[3, 0, 1, 0, 2, 4], [0, 0, 0, 0, 2, 4]]
    merged = [soft(item, merge=True) for item in items]
    labels = replace(BINARY_LABELS, scale=SOFT_SCALE)
    assert take_inventory(merged, labels).to_numpy().tolist() == [[4, 4, 0, 2, 4], [8, 0, 0, 2, 4]]
    assert sorted(find_objects(items, SOFT)["pixels"]) == [1, 3]
    assert find_objects(merged, labels)["pixels"].tolist() == [
        4
    ]  # the pixel of A touches those of the other at a corner


def test_soft_masks_have_another_cache_key(make):
    item = make("x", GREY, None, A)
    keys = {content_key([item], LABELS), content_key([soft(item)], LABELS), content_key([soft(item)], SOFT)}
    assert len(keys) == 3


def test_soft_masks_are_grey(make, tmp_path):
    item = soft(make("x", GREY))
    palette = Image.fromarray(GREY)
    palette.putpalette([9, 9, 9] * 256)
    palette.save(tmp_path / "x_0.png")
    with pytest.raises(DataError, match=r"grey image, whose values are shares, 255 the whole pixel, but has mode 'P'"):
        read_mask(item)
    Image.fromarray(GREY.astype(np.uint16) * 257).save(tmp_path / "x_0.png")
    with pytest.raises(DataError, match=r"whose values are shares, 255 the whole pixel, but has mode 'I;16"):
        read_mask(item)


def test_the_cache_key_of_existing_data_stays(make):
    """Of a file of ids it is the hash of its content; of layers it was this text before masks could be soft."""
    item = make("x", A, None)
    digest = hashlib.sha256(item.mask.files[0].read_bytes()).hexdigest()
    assert IdMask(item.mask.files[0]).fingerprint() == digest
    assert item.mask.fingerprint() == f"['{digest}', None] threshold 0"
    assert replace(item.mask, threshold=9, merge=True).fingerprint() == f"['{digest}', None] threshold 9 binarized"


def write_grey_png(file: Path, ids: np.ndarray, bits: int) -> None:
    """Write a grey PNG of *bits* a sample; OpenCV and Pillow write 1 or 8 only."""
    rows = [np.unpackbits(row[:, None], axis=1)[:, 8 - bits :].ravel() for row in ids.astype(np.uint8)]
    data = zlib.compress(b"".join(b"\0" + np.packbits(row).tobytes() for row in rows))
    header = struct.pack(">IIBBBBB", ids.shape[1], ids.shape[0], bits, 0, 0, 0, 0)
    chunks = [(b"IHDR", header), (b"IDAT", data), (b"IEND", b"")]
    parts = [
        struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body)) for kind, body in chunks
    ]
    file.write_bytes(b"\x89PNG\r\n\x1a\n" + b"".join(parts))


@pytest.mark.parametrize("bits", [1, 2, 4, 8])
def test_grey_samples_of_few_bits_are_the_ids(tmp_path, bits):
    ids = np.arange(2 ** min(bits, 4), dtype=np.uint8).repeat(3).reshape(2, -1)
    write_grey_png(tmp_path / "mask.png", ids, bits)
    mask = IdMask(tmp_path / "mask.png")
    assert mask.read().tolist() == ids.tolist()
    labels = LabelSpace(names=tuple("abcdefghijklmnop"))
    assert mask.count(labels).pixels == [3] * (2 ** min(bits, 4)) + [0] * (16 - 2 ** min(bits, 4))


@pytest.mark.parametrize("bits", [2, 4])
def test_grey_samples_of_few_bits_in_a_tiff(tmp_path, bits):
    """Rows of eight samples, written by hand: Pillow writes 1 or 8 bits only."""
    ids = np.array([[0, 1, 2, 3, 3, 2, 1, 0]], np.uint8)
    row = np.packbits(np.unpackbits(ids[0][:, None], axis=1)[:, 8 - bits :].ravel()).tobytes()
    entries = {256: 8, 257: 1, 258: bits, 259: 1, 262: 1, 273: 8, 277: 1, 278: 1, 279: len(row)}
    directory = b"".join(struct.pack("<HHII", tag, 4, 1, value) for tag, value in entries.items())
    row = row.ljust(4, b"\0")
    (tmp_path / "mask.tif").write_bytes(
        b"II*\0" + struct.pack("<I", 8 + len(row)) + row + struct.pack("<H", len(entries)) + directory + b"\0" * 4
    )
    assert IdMask(tmp_path / "mask.tif").read().tolist() == ids.tolist()
    assert IdMask(tmp_path / "mask.tif").count(LabelSpace(names=("a", "b", "c", "d"))).pixels == [2, 2, 2, 2]


def test_a_tiff_in_which_white_is_zero_is_refused(tmp_path):
    Image.fromarray(np.array([[0, 1]], np.uint8)).save(tmp_path / "mask.tif", tiffinfo={262: 0})
    with pytest.raises(
        DataError, match=r"mask\.tif must store ids in which 0 is black, but is a TIFF in which 0 is wh"
    ):
        IdMask(tmp_path / "mask.tif").read()


def test_255_is_class_1_in_a_mask_of_full_scale(tmp_path):
    Image.fromarray(np.array([[0, 255, 1], [0, 0, 0]], np.uint8)).save(tmp_path / "mask.png")
    plain, full = IdMask(tmp_path / "mask.png"), IdMask(tmp_path / "mask.png", full_scale=True)
    assert full.read().tolist() == [[0, 1, 1], [0, 0, 0]]
    assert full.count(BINARY_LABELS) == ([4, 2], 0, (2, 3), ())
    assert plain.count(BINARY_LABELS) == ([4, 1], 1, (2, 3), ())
    assert full.fingerprint() != plain.fingerprint()


def layer_of(file: Path, values: list[int], **how) -> LayerMask:
    Image.fromarray(np.array([values], np.uint8)).save(file)
    return LayerMask((file,), merge=True, **how)


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ([0, 1, 0], [0, 1, 0]),  # saved as ids
        ([0, 100, 0], [0, 1, 0]),
        ([1, 1, 1], [1, 1, 1]),
        ([0, 1, 255], [0, 0, 1]),  # 1 is noise beside 255
        ([0, 0, 0], [0, 0, 0]),
    ],
)
def test_a_customary_threshold_does_not_hide_masks_of_0_and_1(tmp_path, values, expected):
    mask = layer_of(tmp_path / "m.png", values, threshold=127, customary=True)
    assert mask.read((1, 3)).tolist() == [expected]
    assert mask.count(BINARY_LABELS, (1, 3)).pixels == [3 - sum(expected), sum(expected)]


def test_masks_with_nothing_above_the_threshold_are_refused_by_their_values(tmp_path):
    grey = layer_of(tmp_path / "m.png", [0, 3, 9], threshold=127, customary=True)
    with pytest.raises(
        DataError, match=r"m\.png must hold values above 127 .*, but holds only 0, 3, 9: save the class as"
    ):
        grey.read((1, 3))
    stated = layer_of(tmp_path / "n.png", [0, 1, 0], threshold=127)
    with pytest.raises(DataError, match=r'n\.png must hold .* 127 .*, but holds only 0, 1: .*, or correct "above"'):
        stated.read((1, 3))
    with pytest.raises(DataError, match=r"n\.png must hold shares of 255, but holds only 0, 1"):
        layer_of(tmp_path / "n.png", [0, 1, 0], soft=True).read((1, 3))
    below = layer_of(tmp_path / "o.png", [0, 90, 0], threshold=127)  # the dataset says that 90 does not count
    assert below.read((1, 3)).tolist() == [[0, 0, 0]]
