"""EXIF orientation: all eight, in every format that can have one, in pixels, sizes, masks and predictions."""

import cv2
import numpy as np
import pytest
from PIL import Image, ImageOps

from rarepix.data.colour_masks import ColourMask
from rarepix.data.grey_masks import GreyMask
from rarepix.data.images import image_size, read_image
from rarepix.data.inventory import take_inventory
from rarepix.data.masks import IdMask
from rarepix.data.source import Item
from rarepix.labels import LabelSpace

LABELS = LabelSpace(names=("ground", "block"), background=0)
PIXELS = np.arange(2 * 3 * 3, dtype=np.uint8).reshape(2, 3, 3) * 14
"""Two rows and three columns, all pixels different."""
GREY = PIXELS[..., 0]
SEEN = {
    1: GREY,
    2: GREY[:, ::-1],
    3: GREY[::-1, ::-1],
    4: GREY[::-1],
    5: GREY.T,
    6: GREY.T[:, ::-1],
    7: GREY.T[::-1, ::-1],
    8: GREY.T[::-1],
}
"""Orientation → the grey values as they are meant to be seen, by EXIF's table of where row 0 and column 0 are."""

every_orientation = pytest.mark.parametrize("orientation", SEEN)


def exif_of(orientation: int) -> Image.Exif:
    exif = Image.Exif()
    exif[0x0112] = orientation
    return exif


def save(array: np.ndarray, path, orientation: int) -> None:
    options = {"exif": exif_of(orientation)}
    if path.suffix == ".tif":
        options = {"tiffinfo": {0x0112: orientation}}
    elif path.suffix == ".webp":
        options["lossless"] = True
    Image.fromarray(array).save(path, **options)


@every_orientation
@pytest.mark.parametrize("suffix", ["png", "tif", "webp"])
def test_images_are_read_upright(tmp_path, orientation, suffix):
    file = tmp_path / f"image.{suffix}"
    save(PIXELS, file, orientation)
    assert read_image(file)[..., 0].tolist() == SEEN[orientation].tolist()
    assert image_size(file) == SEEN[orientation].shape[::-1]


@every_orientation
def test_a_photograph_is_read_as_pillow_turns_it(tmp_path, orientation):
    file = tmp_path / "photograph.jpg"
    rows, columns = np.mgrid[:24, :40]
    save(np.stack([rows * 8, columns * 5, rows + columns], axis=2).astype(np.uint8), file, orientation)
    expected = np.asarray(ImageOps.exif_transpose(Image.open(file)))
    assert np.array_equal(read_image(file), expected)
    assert image_size(file) == expected.shape[1::-1]


@every_orientation
def test_deep_images_are_read_upright(tmp_path, orientation):
    """OpenCV reads a coloured PNG of 16 bits and tifffile a TIFF: neither turns the pixels by itself."""
    from rarepix.data.bands import Bands

    bands = Bands(range=(0, 65535))
    stored = (PIXELS.astype(np.uint16) << 8) + 3
    cv2.imwrite(str(tmp_path / "plain.png"), stored[..., ::-1])
    save(PIXELS, tmp_path / "donor.png", orientation)
    (tmp_path / "deep.png").write_bytes(with_chunk_of((tmp_path / "donor.png").read_bytes(), tmp_path / "plain.png"))
    import tifffile

    tifffile.imwrite(tmp_path / "deep.tif", stored, photometric="rgb", extratags=[(274, "H", 1, orientation, True)])
    for name in ("deep.png", "deep.tif"):
        read = read_image(tmp_path / name, bands)[..., 0] * 65535
        assert read.round().astype(int).tolist() == ((SEEN[orientation].astype(int) << 8) + 3).tolist()
        assert image_size(tmp_path / name, bands) == SEEN[orientation].shape[::-1]


def with_chunk_of(donor: bytes, file) -> bytes:
    """Return the PNG *file* with the eXIf chunk of *donor* behind its header."""
    at = donor.index(b"eXIf") - 4
    length = int.from_bytes(donor[at : at + 4], "big") + 12
    data = file.read_bytes()
    return data[:33] + donor[at : at + length] + data[33:]


def test_exif_behind_the_pixels_of_a_png_is_found(tmp_path):
    save(PIXELS, tmp_path / "before.png", 6)
    Image.fromarray(PIXELS).save(tmp_path / "plain.png")
    before, plain = (tmp_path / "before.png").read_bytes(), (tmp_path / "plain.png").read_bytes()
    at = before.index(b"eXIf") - 4
    chunk = before[at : at + int.from_bytes(before[at : at + 4], "big") + 12]
    (tmp_path / "behind.png").write_bytes(plain[:-12] + chunk + plain[-12:])  # before the end marker
    assert image_size(tmp_path / "behind.png") == (2, 3)
    assert read_image(tmp_path / "behind.png")[..., 0].tolist() == SEEN[6].tolist()


def test_an_orientation_in_xmp_is_found(tmp_path):
    from PIL import PngImagePlugin

    text = PngImagePlugin.PngInfo()
    text.add_itxt("XML:com.adobe.xmp", '<x:xmpmeta><rdf:Description tiff:Orientation="6"/></x:xmpmeta>')
    Image.fromarray(PIXELS).save(tmp_path / "image.png", pnginfo=text)
    assert read_image(tmp_path / "image.png")[..., 0].tolist() == SEEN[6].tolist()
    assert image_size(tmp_path / "image.png") == (2, 3)


@pytest.mark.parametrize("damage", [b"Exif\0\0MM\0*\0\0", b"Exif\0\0 no TIFF at all", b"Exif\0\0" + bytes(40)])
def test_damaged_exif_is_no_orientation(tmp_path, damage):
    Image.new("RGB", (37, 21)).save(tmp_path / "image.jpg", exif=damage)
    assert image_size(tmp_path / "image.jpg") == (37, 21)
    assert read_image(tmp_path / "image.jpg").shape == (21, 37, 3)


@every_orientation
def test_masks_are_read_and_counted_upright(tmp_path, orientation):
    ids = (GREY > 30).astype(np.uint8)
    save(ids, tmp_path / "mask.png", orientation)
    mask = IdMask(tmp_path / "mask.png")
    assert mask.read().tolist() == (SEEN[orientation] > 30).astype(int).tolist()
    assert mask.count(LABELS).size == SEEN[orientation].shape


@every_orientation
def test_the_inventory_has_the_upright_size_and_accepts_an_upright_mask(tmp_path, orientation):
    save(PIXELS, tmp_path / "image.png", orientation)
    Image.fromarray((SEEN[orientation] > 30).astype(np.uint8)).save(tmp_path / "mask.png")
    table = take_inventory([Item("image", tmp_path / "image.png", IdMask(tmp_path / "mask.png"))], LABELS)
    assert table.loc["image", ["height", "width"]].tolist() == list(SEEN[orientation].shape)


@every_orientation
@pytest.mark.parametrize("bands", [1, 3])
def test_masks_of_colours_and_of_grey_values_are_read_upright(tmp_path, orientation, bands):
    """Values that stand for ids: in a colour mask (v, v, v), in a grey one v itself."""
    file, values = tmp_path / "mask.png", sorted({*GREY.ravel().tolist()})
    save(GREY if bands == 1 else np.repeat(GREY[..., None], 3, axis=2), file, orientation)
    expected = np.searchsorted(values, SEEN[orientation]).tolist()
    colours = ColourMask(file, tuple(((value,) * 3, number) for number, value in enumerate(values)))
    grey = GreyMask(file, tuple(values.index(value) if value in values else -1 for value in range(256)))
    assert (colours.read().tolist(), grey.read().tolist()) == (expected, expected)
