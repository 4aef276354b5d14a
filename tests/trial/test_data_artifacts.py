"""What a trial says of its data, and leaves beside its record."""

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


def test_the_description_is_what_the_masks_hold(data, tiny_config, tiny_voc):
    found = describe_data(data, tiny_config)
    assert (found.name, found.classes, found.rare, found.split) == ("tiny", CLASSES, ("dot",), "multilabel")
    assert (found.images, found.thinned) == ({"train": 12, "val": 6, "test": 6}, 0)
    for split, part in data.parts.by_name.items():
        held = masks(tiny_voc, [item.id for item in part.items]).values()
        assert found.pixels[split] == sum(int((mask != 255).sum()) for mask in held)
        for index, name in enumerate(CLASSES):
            assert found.contents[split][name].pixels == sum(int((mask == index).sum()) for mask in held)
            assert found.contents[split][name].images == sum(bool((mask == index).any()) for mask in held)


def test_given_rare_classes_beat_those_of_the_dataset(tiny_config):
    config = updated(tiny_config, {"evaluate.rare": ["stripe", "block"]})
    assert describe_data(build_data(config, gpu=False), config).rare == ("stripe", "block")


def test_the_split_file_says_fold_and_contents(data, tmp_path):
    write_data_artifacts(data, tmp_path)
    table = pd.read_csv(tmp_path / "split.csv", index_col="image")
    assert table.columns.tolist() == ["fold", *CLASSES]
    assert table["fold"].value_counts().to_dict() == {0: 6, 1: 6, 2: 6}
    assert table.index[table["dot"] > 0].tolist() == ["img02", "img08", "img14"]


def test_a_plain_trial_leaves_split_and_weights_alone(data, tmp_path):
    write_data_artifacts(data, tmp_path)
    assert sorted(file.name for file in tmp_path.iterdir()) == ["split.csv", "weights.csv"]


def test_clusters_and_donors_are_left_where_there_are_any(tiny_config, tmp_path):
    config = updated(tiny_config, EVERYTHING)
    data = build_data(config, gpu=False)
    write_data_artifacts(data, tmp_path)
    left = {name: pd.read_csv(tmp_path / f"{name}.csv", index_col=0) for name in ("weights", "donors", "clusters")}
    assert left["weights"]["weight"].to_numpy() == pytest.approx(data.weights.to_numpy())
    assert left["donors"]["probability"].to_dict() == pytest.approx(dict.fromkeys(CLASSES[1:], 1 / 3))
    held = data.parts.inventory.loc[data.parts.folds.index, list(CLASSES)]
    assert assign(held, left["clusters"]).equals(assign(held, data.centroids))  # the file says all that is needed
    assert describe_data(data, config).thinned == len(data.parts.thinned) > 0
