"""What every reader of a dataset layout must do, whatever it reads. Add a small dataset of it to ``LAYOUTS``."""

import numpy as np
import pytest

from rarepix.data.inventory import read_image, read_mask, take_inventory
from rarepix.data.inventory.objects import find_objects
from rarepix.data.registry import SOURCES
from rarepix.data.source import DataError
from rarepix.data.sources import open_source
from rarepix.data.sources.recognition import recognise
from rarepix.labels import LabelSpace, Task
from rarepix.settings import ConfigError
from tests import layouts

LAYOUTS = {
    "voc": ("voc", None),
    "cityscapes": ("cityscapes", layouts.write_cityscapes),
    "lesions, a folder an image": ("lesions", layouts.write_published_lesions),
    "lesions, a folder a lesion": ("lesions", layouts.write_lesions),
    "lesions, merged": ("lesions", layouts.write_lesions),
    "polyp": ("polyp", layouts.write_polyp),
    "folders": ("folders", layouts.write_folders),
    "colours": ("colours", layouts.write_colours),
    "coco": ("coco", layouts.write_coco),
    "run_lengths": ("run_lengths", layouts.write_run_lengths),
    "via": ("via", layouts.write_via),
    "yolo": ("yolo", layouts.write_yolo),
    "auto": ("auto", layouts.write_folders),
}
"""Name → source, and what writes a folder of its layout with the lists ``train`` and ``val``."""


@pytest.fixture(scope="module", params=LAYOUTS)
def source(request, tiny_voc, tmp_path_factory):
    name, write = LAYOUTS[request.param]
    root = write(tmp_path_factory.mktemp("layout") / name) if write else tiny_voc
    return open_source(name, root, **({"merge": True} if "merged" in request.param else {}))


def test_every_source_has_its_layout():
    assert {name for name, _ in LAYOUTS.values()} == set(SOURCES)


def test_says_what_it_is(source):
    assert source.name
    assert source.root.is_dir()
    assert isinstance(source.labels, LabelSpace)
    assert isinstance(source.assumed, str)


def test_every_list_is_named_and_can_be_had(source):
    names = source.lists()
    assert {"train", "val"} <= set(names)
    assert names == sorted(set(names))
    assert all(source.items(name) for name in names)


def test_items_are_files_with_ids_of_their_own(source):
    items = [*source.items("train"), *source.items("val")]
    assert len({item.id for item in items}) == len(items) > 1
    assert all(file.is_file() for item in items for file in (item.image, *item.mask.files))


def test_ids_can_be_names_of_files(source):
    assert not [item.id for name in source.lists() for item in source.items(name) if {"/", "\\"} & set(item.id)]


def test_reading_twice_gives_the_same(source):
    assert source.items("train") == source.items("train")


def test_masks_fit_their_images_and_hold_what_the_task_says(source):
    labels = source.labels
    layers = (labels.count,) if labels.task is Task.MULTILABEL else ()
    known = {0, 1, labels.ignore} if layers else {*range(labels.count), labels.ignore}
    for item in source.items("val"):
        image, mask = read_image(item.image), read_mask(item)
        assert (image.dtype, mask.dtype) == (np.uint8, np.uint8)
        assert mask.shape == (*image.shape[:2], *layers)
        assert set(np.unique(mask).tolist()) <= known


def test_the_inventory_counts_what_is_read(source):
    """Two ways to the same numbers: masks as arrays, and what counts them from their files."""
    labels = source.labels
    items = [item for name in ("train", "val") for item in source.items(name)]
    counts = take_inventory(items, labels)
    objects = find_objects(items, labels).groupby(["image", "class"])["pixels"].sum()
    for item in items:
        mask = read_mask(item)
        is_layered = mask.ndim == 3
        for number, name in enumerate(labels.names):
            pixels = int(((mask[..., number] == 1) if is_layered else (mask == number)).sum())
            assert counts.loc[item.id, name] == pixels
            if number != labels.background:
                assert objects.get((item.id, name), 0) == pixels
        assert counts.loc[item.id, "border"] == (mask == labels.ignore).sum()
        assert (counts.loc[item.id, "height"], counts.loc[item.id, "width"]) == mask.shape[:2]


def test_an_unknown_list_is_refused_with_what_there_is(source):
    with pytest.raises(DataError, match=r"trian.*must exist.*train"):
        source.items("trian")


@pytest.mark.parametrize("name", SOURCES)
def test_a_folder_of_no_layout_is_refused(name, tmp_path):
    with pytest.raises((FileNotFoundError, DataError), match=str(tmp_path)):
        open_source(name, tmp_path)


@pytest.mark.parametrize("layout", [name for name in LAYOUTS if name != "auto"])
def test_its_folder_is_recognised(layout, tiny_voc, tmp_path):
    name, write = LAYOUTS[layout]
    assert recognise(write(tmp_path / "data") if write else tiny_voc) == (name, ())


def test_a_parameter_of_another_source_is_refused(tiny_voc):
    with pytest.raises(ConfigError, match=r"the source voc takes no parameters, but got merge: leave it out"):
        open_source("voc", tiny_voc, merge=True)
    with pytest.raises(ConfigError, match=r"the source lesions takes merge, but got marge: leave it out"):
        open_source("lesions", tiny_voc, marge=True)
