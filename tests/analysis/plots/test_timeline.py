import json

import pandas as pd
import pytest

from analysis.plots.interactive import timeline_json
from analysis.plots.timeline import UNKNOWN, draw_timeline, timeline_table, unit_of


def at(minute: int | None) -> str | None:
    return None if minute is None else f"2024-05-01T10:{minute:02d}:00+00:00"


def trials(*rows: tuple) -> pd.DataFrame:
    """Rows of trial, machine, status, started and finished in minutes."""
    timed = [(*row[:3], at(row[3]), at(row[4])) for row in rows]
    return pd.DataFrame(timed, columns=["trial", "machine", "status", "started", "finished"])


def test_a_lane_is_taken_again_once_it_is_free(tables):
    table = timeline_table(
        tables._replace(
            trials=trials(
                ("a", "x", "complete", 0, 30), ("b", "x", "failed", 10, 20), ("c", "x", "complete", 20, 59),
                ("d", "x", "complete", 25, 40), ("e", None, "complete", 5, 30),
            )
        )
    ).set_index("trial")  # fmt: skip
    assert table["slot"].to_dict() == {"a": 1, "b": 2, "c": 2, "d": 3, "e": 1}
    assert table.loc["e", "machine"] == UNKNOWN
    assert table.loc["c", ["start", "end"]].tolist() == [1200, 3540]


def test_a_running_trial_ends_with_the_last_time_known_and_a_lost_one_where_it_began(tables):
    rows = trials(("a", "x", "complete", 0, 30), ("b", "x", "running", 10, None), ("c", "x", "failed", 15, None))
    table = timeline_table(tables._replace(trials=rows)).set_index("trial")
    assert table.loc["b", "end"] == 1800
    assert table.loc["c", "end"] == 900


def test_lanes_are_slots_of_a_machine(tables):
    rows = trials(("a", "x", "complete", 0, 30), ("b", "x", "complete", 10, 20), ("c", None, "complete", 0, 20))
    told = tables._replace(trials=rows, parameters=())
    expected = ["machine not recorded · slot 1", "x · slot 1", "x · slot 2"]
    assert [text.get_text() for text in draw_timeline(told).axes[0].texts] == expected
    live = json.loads(timeline_json(told))
    assert live["layout"]["yaxis"]["categoryarray"] == expected[::-1]
    assert live["layout"]["showlegend"]  # of one status, too
    assert [trace["name"] for trace in live["data"]] == ["complete"]


def test_without_times_there_is_no_timeline(tables):
    assert draw_timeline(tables._replace(trials=trials(("a", None, "complete", None, None)))) is None
    assert draw_timeline(tables._replace(trials=trials(("a", None, "running", 0, None)))) is None
    assert draw_timeline(tables) is not None


@pytest.mark.parametrize(
    ("seconds", "unit"), [(30, "seconds"), (600, "minutes"), (10_000, "hours"), (400_000, "days"), (0, "seconds")]
)
def test_the_unit_fits_the_span(seconds, unit):
    assert unit_of(seconds)[0] == unit
