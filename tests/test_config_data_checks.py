"""The data must have what a configuration asks for. (Classes, devices and rare objectives: see test_wiring.)"""

import pytest

from rarepix.config import updated
from rarepix.data.source import DataError
from rarepix.wiring import build_data
from tests.layouts import write_lesions


def test_a_validation_part_without_any_class_is_refused(tiny_config, tmp_path):
    """Nothing could be scored on it: every class is absent as long as the network predicts none."""
    lists = {"data.train_list": "train", "data.val_list": "val", "data.test_list": None, "data.split": "listed"}
    source = {"data.source": "lesions", "data.root": str(write_lesions(tmp_path / "eyes"))}
    config = updated(tiny_config, {**source, **lists, "engine.batch_size": 2})
    with pytest.raises(DataError, match=r"validation part must hold at least one class, .* has none in its 1 images"):
        build_data(config, gpu=False)
