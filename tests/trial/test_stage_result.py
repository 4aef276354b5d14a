"""The file of a finished stage: what an older version wrote is read."""

import json

from rarepix.layout import BEST, CHECKPOINTS, STAGE
from rarepix.records import Dataset, Objective
from rarepix.trial.stage_result import StageResult, read_finished, write_finished

NEWER = ("gate", "gated", "curves")
"""Fields that the first version did not write."""


def test_a_stage_that_an_older_version_trained_is_not_trained_again(tiny_config, tmp_path):
    dataset = Dataset(
        name="d", root="r", inventory_hash="h", split="random", split_file="f", classes=("a",), rare=(), images={},
        pixels={}, contents={},
    )  # fmt: skip
    result = StageResult(
        name="coarse", epochs=2, steps=8, objective=Objective(name="miou", value=0.5, epoch=1), device="cpu",
        checkpoint=tmp_path / CHECKPOINTS / BEST, dataset=dataset, counts={}, sums={}, pasting={}, timings={},
    )  # fmt: skip
    write_finished(result, tiny_config, tmp_path)
    document = json.loads((tmp_path / STAGE).read_text())
    for name in NEWER:
        del document["result"][name]
    (tmp_path / STAGE).write_text(json.dumps(document))
    assert read_finished("coarse", tiny_config, tmp_path) == result
