"""Images of other than three bands of 8 bits: what is read, in which order, what is refused, and what is told."""

import re
import sys

import cv2
import numpy as np
import pytest
import tifffile
from PIL import Image

from rarepix.data.bands import RGB, Bands
from rarepix.data.images import image_size, read_image
from rarepix.data.inventory import examine
from rarepix.data.inventory.unused_bands import describe_unused_bands
from rarepix.data.masks import IdMask
from rarepix.data.source import DataError, Item
from rarepix.labels import LabelSpace

RNG = np.random.default_rng(0)
SIZE = (5, 7)
PLAIN = {"photometric": "minisblack", "planarconfig": "contig"}
PLANES = {"photometric": "minisblack", "planarconfig": "separate"}


def random_image(bands: int, dtype=np.uint8, high: int = 256) -> np.ndarray:
    return RNG.integers(0, high, (*SIZE, bands)).astype(dtype)


def written(path, array: np.ndarray, **options):
    tifffile.imwrite(path, array, **options)
    return path


LAYOUTS = {
    "band last": lambda path, pixels: written(path, pixels, **PLAIN),
    "band first": lambda path, pixels: written(path, pixels.transpose(2, 0, 1), **PLANES),
    "a page a band": lambda path, pixels: written(path, pixels.transpose(2, 0, 1), metadata=None),
    "rows as pages": lambda path, pixels: written(path, pixels),  # what imwrite does of an array H W C
    "deflate": lambda path, pixels: written(path, pixels, **PLAIN, compression="zlib", predictor=True),
    "big endian": lambda path, pixels: written(path, pixels, **PLAIN, byteorder=">"),
    "tiles": lambda path, pixels: written(path, pixels, **PLAIN, tile=(16, 16)),
}


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("bands", [2, 4, 13])
def test_a_tiff_of_any_bands_is_read_whatever_its_layout(tmp_path, layout, bands):
    pixels = random_image(bands)
    file = LAYOUTS[layout](tmp_path / "image.tif", pixels)
    read = read_image(file, Bands(channels=bands))
    assert read.dtype == np.uint8
    assert np.array_equal(read, pixels)
    assert image_size(file, Bands(channels=bands)) == SIZE[::-1]


@pytest.mark.parametrize("dtype", [np.uint16, np.int16, np.float32, np.float64, np.uint32])
def test_values_of_the_stated_range_become_0_to_1(tmp_path, dtype):
    pixels = np.zeros((*SIZE, 4), dtype)
    pixels[0, 0] = (100, 600, 1100, 350)
    pixels[0, 1] = (0, 2000, 1101, 99)
    file = written(tmp_path / "image.tif", pixels, **PLAIN)
    read = read_image(file, Bands(channels=4, range=(100, 1100)))
    assert read.dtype == np.float32
    assert read[0, 0].tolist() == [0, 0.5, 1, 0.25]
    assert read[0, 1].tolist() == [0, 1, 1, 0]


@pytest.mark.parametrize("name", ["rgb.png", "grey.png", "rgb.tif", "grey.tif", "rgba.png"])
def test_sixteen_bits_are_read_by_their_range_and_refused_without(tmp_path, name):
    bands = {"rgb": 3, "grey": 1, "rgba": 4}[name.partition(".")[0]]
    pixels = random_image(bands, np.uint16, 4096)
    pixels[0, 0] = 4000
    file = tmp_path / name
    if name.endswith("png"):
        cv2.imwrite(str(file), cv2.cvtColor(pixels, cv2.COLOR_RGBA2BGRA) if bands == 4 else pixels[..., ::-1])
    else:
        tifffile.imwrite(file, pixels.squeeze(), photometric="rgb" if bands == 3 else "minisblack")
    wanted = Bands(channels=bands, range=(0, 4095))
    assert read_image(file, wanted) == pytest.approx(pixels / 4095, abs=1e-6)
    low, high = pixels.min(), pixels.max()
    message = rf"{file} must have 8 bits .* uint16 with values from {low} to {high}: give data\.range, .*\[0, 4095\]"
    for read in (read_image, image_size):
        with pytest.raises(DataError, match=message):
            read(file, Bands(channels=bands))


def test_twelve_bits_in_three_bands_are_refused_by_the_inventory(tmp_path):
    labels = LabelSpace(names=("ground", "block"), background=0)
    cv2.imwrite(str(tmp_path / "image.png"), random_image(3, np.uint16, 4096))
    Image.fromarray(np.zeros(SIZE, np.uint8)).save(tmp_path / "mask.png")
    item = Item("image", tmp_path / "image.png", IdMask(tmp_path / "mask.png"))
    (problem,) = examine([item], labels).problems
    assert "must have 8 bits a channel, or the recipe must say the range" in problem.message
    deep = Item("image", item.image, item.mask, Bands(range=(0, 4095)))
    assert examine([deep], labels).problems == []


@pytest.mark.parametrize(("stored", "wanted"), [(4, 3), (13, 4), (13, 3), (4, 13), (2, 1), (3, 4), (5, 3)])
def test_another_number_of_bands_than_the_recipe_says_is_refused(tmp_path, stored, wanted):
    file = written(tmp_path / "image.tif", random_image(stored), **PLAIN)
    for read in (read_image, image_size):
        with pytest.raises(DataError, match=rf"{file} must have {wanted} bands?, as data.channels says, but has"):
            read(file, Bands(channels=wanted))


def test_colours_are_refused_where_grey_is_wanted_unless_all_bands_are_equal(tmp_path):
    pixels = random_image(3)
    Image.fromarray(pixels).save(tmp_path / "colours.png")
    Image.fromarray(np.repeat(pixels[..., :1], 3, axis=2)).save(tmp_path / "grey.png")
    grey = Bands(channels=1)
    assert np.array_equal(read_image(tmp_path / "grey.png", grey), pixels[..., :1])
    assert image_size(tmp_path / "grey.png", grey) == SIZE[::-1]
    with pytest.raises(DataError, match="must have 1 band, as data.channels says, but has 3 bands"):
        image_size(tmp_path / "colours.png", grey)


@pytest.mark.parametrize("mode", ["L", "1", "P", "LA", "RGBA", "CMYK"])
def test_eight_bits_become_three_bands_as_pillow_converts_them(tmp_path, mode):
    image = Image.fromarray(random_image(3)).convert(mode)
    file = tmp_path / ("image.tif" if mode == "CMYK" else "image.png")
    image.save(file)
    assert np.array_equal(read_image(file), np.asarray(Image.open(file).convert("RGB")))
    assert image_size(file, RGB) == SIZE[::-1]


def test_the_fourth_band_of_a_png_is_read_when_the_recipe_says_four(tmp_path):
    pixels = random_image(4)
    Image.fromarray(pixels).save(tmp_path / "nir.png")
    assert np.array_equal(read_image(tmp_path / "nir.png", Bands(channels=4)), pixels)


def test_a_fourth_band_that_is_left_out_is_told_once_with_its_number_of_images(tmp_path):
    items = []
    for number in range(5):
        pixels = random_image(4)
        pixels[..., 3] = 255 if number < 2 else 20 + number * np.eye(*SIZE)
        Image.fromarray(pixels).save(tmp_path / f"{number}.png")
        items.append(Item(str(number), tmp_path / f"{number}.png", IdMask(tmp_path / "mask.png")))
    told = describe_unused_bands(items)
    assert re.search(r"in 3 of 5 images, such as .*2\.png, where they go from 20 to 22", told)
    assert "data.channels=4" in told
    assert describe_unused_bands(items[:2]) == ""
    assert describe_unused_bands([Item(i.id, i.image, i.mask, Bands(channels=4)) for i in items]) == ""


def test_values_that_are_not_finite_are_refused(tmp_path):
    pixels = np.zeros((*SIZE, 4), np.float32)
    pixels[1, 1, 1] = np.nan
    file = written(tmp_path / "image.tif", pixels, **PLAIN)
    with pytest.raises(DataError, match="must hold finite numbers"):
        read_image(file, Bands(channels=4, range=(0, 1)))
    with pytest.raises(DataError, match="must hold finite numbers"):  # as the inventory and a check look at it
        image_size(file, Bands(channels=4, range=(0, 1)))
    with pytest.raises(DataError, match=r"float32 with values from .* data.range, for instance \[0, 1\]"):
        image_size(file, Bands(channels=4))


@pytest.mark.parametrize("compression", ["none", "zlib"])
@pytest.mark.parametrize("bands", [3, 13])
def test_a_tiff_cut_anywhere_is_refused_or_complete(tmp_path, bands, compression):
    pixels = random_image(bands)
    options = {"photometric": "rgb"} if bands == 3 else PLAIN
    complete = written(tmp_path / "complete.tif", pixels, **options, compression=compression).read_bytes()
    file, bands, refused = tmp_path / "cut.tif", Bands(channels=bands), 0
    for length in np.linspace(0, len(complete) - 1, 60).astype(int):
        file.write_bytes(complete[:length])
        try:
            complete_or_refused = np.array_equal(read_image(file, bands), pixels)
        except DataError as error:
            complete_or_refused, refused = str(file) in str(error), refused + 1
        assert complete_or_refused
    assert refused > 40


def test_several_images_in_a_tiff_are_refused(tmp_path):
    file = written(tmp_path / "stack.tif", RNG.integers(0, 255, (6, *SIZE, 3)).astype(np.uint8), photometric="rgb")
    with pytest.raises(DataError, match="must hold one image of rows, columns and bands, but holds 6×5×7×3"):
        read_image(file, Bands(channels=3))


@pytest.mark.parametrize("bands", [1, 3])
def test_images_that_were_written_into_a_tiff_one_after_the_other_are_refused(tmp_path, bands):
    """Levels of a pyramid are none: the first one is the image."""
    pixels = random_image(bands).squeeze()
    options = {"photometric": "rgb" if bands == 3 else "minisblack"}
    for name, others in (("images.tif", [pixels] * 2), ("pyramid.tif", [pixels[::2, ::2]])):
        with tifffile.TiffWriter(tmp_path / name) as file:
            for page in (pixels, *others):
                file.write(page, **options)
    for read in (read_image, image_size):
        with pytest.raises(DataError, match=r"images.tif must hold one image, but holds 3 of .*: save every image in"):
            read(tmp_path / "images.tif", RGB)
    assert (read_image(tmp_path / "pyramid.tif", Bands(channels=bands)).squeeze() == pixels).all()


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_a_tiff_in_which_0_is_white_is_inverted_whatever_its_bits(tmp_path, dtype):
    high = np.iinfo(dtype).max
    tifffile.imwrite(tmp_path / "a.tif", np.array([[0, high], [high // 5, 0]], dtype), photometric="miniswhite")
    read = read_image(tmp_path / "a.tif", Bands(channels=1, range=(0, high)))
    assert read.squeeze() == pytest.approx(np.array([[1, 0], [0.8, 1]]))


@pytest.fixture
def dicom(tmp_path):
    """Write a grey image as DICOM, with a slope of 2 and an intercept of -1000."""
    pydicom = pytest.importorskip("pydicom")
    from pydicom.dataset import FileMetaDataset
    from pydicom.uid import CTImageStorage, ExplicitVRLittleEndian, generate_uid

    def write(pixels: np.ndarray, photometric: str = "MONOCHROME2", frames: int = 1):
        dataset = pydicom.Dataset()
        dataset.file_meta = FileMetaDataset()
        dataset.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
        dataset.file_meta.MediaStorageSOPClassUID = dataset.SOPClassUID = CTImageStorage
        dataset.file_meta.MediaStorageSOPInstanceUID = dataset.SOPInstanceUID = generate_uid()
        dataset.Rows, dataset.Columns = pixels.shape
        dataset.SamplesPerPixel, dataset.PhotometricInterpretation = 1, photometric
        dataset.BitsAllocated, dataset.BitsStored, dataset.HighBit, dataset.PixelRepresentation = 16, 16, 15, 0
        dataset.RescaleSlope, dataset.RescaleIntercept = 2, -1000
        if frames > 1:
            dataset.NumberOfFrames = frames
        dataset.PixelData = pixels.astype(np.uint16).tobytes() * frames
        file = tmp_path / "slice.dcm"
        dataset.save_as(file, enforce_file_format=True)
        return file

    return write


def test_dicom_is_read_in_its_units_by_the_stated_window(dicom):
    file = dicom(np.array([[500, 600, 0], [550, 2000, 525]]))
    window = Bands(channels=1, range=(0, 200))
    assert read_image(file, window)[..., 0].tolist() == [[0, 1, 0], [0.5, 1, 0.25]]
    assert image_size(file, window) == (3, 2)
    with pytest.raises(DataError, match=r"float32 with values from -1000 to 3000: give data\.range"):
        image_size(file, Bands(channels=1))


def test_dicom_in_which_the_smallest_value_is_white_is_inverted(dicom):
    file = dicom(np.array([[500, 600, 525]]), photometric="MONOCHROME1")
    assert read_image(file, Bands(channels=1, range=(0, 200)))[..., 0].tolist() == [[1, 0, 0.75]]


def test_dicom_of_several_frames_is_refused(dicom):
    with pytest.raises(DataError, match="must hold one frame, but holds 3"):
        image_size(dicom(np.zeros((2, 3)), frames=3), Bands(channels=1, range=(0, 1)))


def test_dicom_without_its_package_says_how_to_get_it(tmp_path, monkeypatch):
    (tmp_path / "slice.dcm").touch()
    monkeypatch.setitem(sys.modules, "pydicom", None)
    with pytest.raises(DataError, match=r"read by the package pydicom, .* pip install pydicom"):
        read_image(tmp_path / "slice.dcm")
