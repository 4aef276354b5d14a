"""What the blocks that are missing cost, from the times of a study made by hand."""

import pandas as pd
import pytest

from analysis.study.missing_blocks import cost_sentence, duration, extensible, missing_pairs, trial_times
from tests.analysis.study.synthetic import tables_of


def clock(minutes: float) -> str:
    return f"2024-05-01T{10 + int(minutes) // 60:02d}:{int(minutes) % 60:02d}:00+00:00"


def study(blocks: int, side_by_side: int, minutes: int = 4, folds: int = 1, **changes):
    """Three losses on each block; every trial takes *minutes*, and so many run at the same time."""
    runs = [(loss, block) for block in range(blocks) for loss in ("ce", "dice", "focal")]
    rows = [
        {"loss": loss, "seed": block // folds, "fold": block % folds, "objective": 0.5, "attempt": 1, "study": "made"}
        | {"started": clock(i // side_by_side * minutes), "finished": clock((i // side_by_side + 1) * minutes)}
        | {"inventory_hash": "ab12"}
        | changes
        for i, (loss, block) in enumerate(runs)
    ]
    return tables_of(rows, ("loss",))


def test_one_block_of_three_configurations():
    alone = "1 more block of 3 configurations: 3 trials, about 12 min of training"
    command = ": `rarepix study extend made --blocks 1`"
    assert cost_sentence(study(5, side_by_side=1), 1, 5) == alone + command
    assert cost_sentence(study(4, side_by_side=2), 1, 4) == f"{alone} (at 2 side by side, 6 min){command}"


def test_pairs_that_share_a_block_need_fewer_blocks():
    """Two settings are paired within each seed: five more pairs need three more seeds."""
    assert cost_sentence(study(4, 1), 5, 8).startswith("3 more blocks of 3 configurations: 9 trials, about 36 min")


def test_every_fold_is_run_with_a_new_seed():
    text = cost_sentence(study(4, 1, folds=2), 1, 4)
    assert text.startswith("2 more blocks of 3 configurations: 6 trials")
    assert text.endswith("--blocks 2`")


@pytest.mark.parametrize("changes", [{"inventory_hash": None}, {"study": None}])
def test_what_is_no_study_of_ours_has_no_command(changes):
    text = cost_sentence(study(5, 1, **changes), 1, 5)
    assert text.startswith("1 more block")
    assert "rarepix" not in text


def test_a_running_study_cannot_be_extended():
    tables = study(5, 1)
    trials = tables.trials.assign(status=["running", *["complete"] * 14])
    assert "rarepix" not in cost_sentence(tables._replace(trials=trials), 1, 5)


@pytest.mark.parametrize(
    "tables",
    [study(2, 1), study(5, 1, finished=None), study(5, 1, started=None, finished=None)],
    ids=["two blocks", "no end", "no times"],
)
def test_nothing_is_said_where_nothing_is_known(tables):
    assert cost_sentence(tables, 1, 5) == ""


def test_configurations_that_ran_on_few_blocks_are_not_counted():
    tables = study(5, 1)
    kept = (tables.trials["loss"] != "focal") | (tables.trials["seed"] < 2)
    assert "1 more block of 2 configurations" in cost_sentence(tables._replace(trials=tables.trials[kept]), 1, 5)


def test_pauses_and_interrupted_trials_do_not_count():
    trials = study(2, side_by_side=3).trials
    late = trials.assign(
        started=[clock(0)] * 3 + [clock(300)] * 3, finished=[clock(4)] * 3 + [clock(304)] * 3,
    )  # fmt: skip
    assert trial_times(late) == (240, pytest.approx(3))
    resumed = late.assign(attempt=[1, 1, 1, 1, 1, 2], finished=[clock(4)] * 3 + [clock(304)] * 2 + [clock(330)])
    assert trial_times(resumed).seconds == 240


@pytest.mark.parametrize(
    ("seconds", "text"), [(40, "40 s"), (720, "12 min"), (5399, "90 min"), (12600, "3.5 h"), (200_000, "2.3 days")]
)
def test_durations_are_rounded_to_what_matters(seconds, text):
    assert duration(seconds) == text


def test_missing_pairs_are_those_of_the_largest_need():
    rows = pd.DataFrame({"needed_n": [6.0, 7.0, float("nan")], "n": [5, 4, 0]})
    assert missing_pairs(rows.head(2)) == 3
    assert missing_pairs(rows.tail(1)) == 0


def test_a_level_that_a_race_has_dropped_gets_no_further_blocks():
    rows = pd.DataFrame({"needed_n": [6.0, 6.0, 6.0], "n": [5, 5, 2]})
    assert list(extensible(rows, 5).index) == [0, 1]
    assert missing_pairs(extensible(rows, 5)) == 1
