"""The description of a trial's data in its record, and the tables beside it."""

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from rarepix.config import updated
from rarepix.data.splits.clusters import assign
from rarepix.trial.data_artifacts import describe_data, write_data_artifacts
from rarepix.wiring import build_data

CLASSES = ("ground", "block", "stripe", "dot")
EVERYTHING = {
    "data.split": "proportion_cluster",
    "data.scarcity": {"classes": ["stripe"], "keep": 0.7},
    "sampling": {"_name": "rare_class"},
    "paste": {"_name": "copy_paste", "donors": "uniform"},
}


@pytest.fixture
def data(tiny_config):
    return build_data(tiny_config, gpu=False)


def masks(root, ids: list[str]) -> dict[str, np.ndarray]:
    return {name: np.asarray(Image.open(root / "SegmentationClass" / f"{name}.png")) for name in ids}


def test_the_description_counts_the_pixels_of_the_masks(data, tiny_config, tiny_voc):
    dataset = describe_data(data, tiny_config)
    assert (dataset.name, dataset.classes, dataset.rare, dataset.split) == ("tiny", CLASSES, ("dot",), "multilabel")
    assert (dataset.images, dataset.thinned) == ({"train": 12, "val": 6, "test": 6}, 0)
    for name, split in data.splits.by_name.items():
        split_masks = masks(tiny_voc, [item.id for item in split.items]).values()
        assert dataset.pixels[name] == sum(int((mask != 255).sum()) for mask in split_masks)
        for number, label in enumerate(CLASSES):
            contents = dataset.contents[name][label]
            assert contents.pixels == sum(int((mask == number).sum()) for mask in split_masks)
            assert contents.images == sum(bool((mask == number).any()) for mask in split_masks)


def test_a_record_says_which_layout_was_read(tiny_config):
    """Also where the configuration leaves it to the folder."""
    for name in ("voc", "auto"):
        config = updated(tiny_config, {"data.source": name})
        assert describe_data(build_data(config, gpu=False), config).source == "voc"


def test_rare_classes_of_the_configuration_replace_those_of_the_dataset(tiny_config):
    config = updated(tiny_config, {"evaluate.rare": ["stripe", "block"]})
    assert describe_data(build_data(config, gpu=False), config).rare == ("stripe", "block")


def test_the_split_file_has_fold_and_pixels_of_each_image(data, tmp_path):
    write_data_artifacts(data, tmp_path)
    table = pd.read_csv(tmp_path / "split.csv", index_col="image")
    assert table.columns.tolist() == ["fold", *CLASSES]
    assert table["fold"].value_counts().to_dict() == {0: 6, 1: 6, 2: 6}
    assert table.index[table["dot"] > 0].tolist() == ["img02", "img08", "img14"]


def test_a_plain_trial_writes_only_split_and_weights(data, tmp_path):
    write_data_artifacts(data, tmp_path)
    assert sorted(file.name for file in tmp_path.iterdir()) == ["split.csv", "weights.csv"]


def test_weights_say_which_images_have_foreground_where_the_sampling_tells_them_apart(tiny_config, tmp_path):
    data = build_data(updated(tiny_config, {"sampling.kind": "over"}), gpu=False)
    write_data_artifacts(data, tmp_path)
    table = pd.read_csv(tmp_path / "weights.csv", index_col="image")
    assert table.columns.tolist() == ["weight", "foreground"]
    assert table.index[~table["foreground"]].tolist() == ["img07"]
    assert table.groupby("foreground")["weight"].sum().to_dict() == pytest.approx({False: 0.5, True: 0.5})


def test_clusters_and_donors_are_written_if_there_are_any(tiny_config, tmp_path):
    config = updated(tiny_config, EVERYTHING)
    data = build_data(config, gpu=False)
    write_data_artifacts(data, tmp_path)
    tables = {name: pd.read_csv(tmp_path / f"{name}.csv", index_col=0) for name in ("weights", "donors", "clusters")}
    assert tables["weights"]["weight"].to_numpy() == pytest.approx(data.weights.to_numpy())
    assert tables["donors"]["probability"].to_dict() == pytest.approx(dict.fromkeys(CLASSES[1:], 1 / 3))
    pixels = data.splits.inventory.loc[data.splits.folds.index, list(CLASSES)]
    assert assign(pixels, tables["clusters"]).equals(assign(pixels, data.centroids))
    assert describe_data(data, config).thinned == len(data.splits.thinned) > 0
