"""What was left out: a line each, and together for a reader."""

import pandas as pd

from analysis.reading.tables import LeftOut, grouped


def test_a_reason_is_one_line():
    left_out = LeftOut()
    left_out.add("t", "record.json", "it is wrong:\n  very\twrong\n")
    assert left_out.table()["reason"].tolist() == ["it is wrong: very wrong"]


def test_the_same_of_many_trials_is_one_row():
    left_out = LeftOut()
    for i in range(600):
        left_out.add(f"t{i + 1:03d}", "record.json", "no record was written")
    left_out.add("t001", "history.csv", "no record was written")
    left_out.add("", "class 'b'", "no IoU")
    for name in ("a", "b", "c"):
        left_out.add(name, "record.json", "cut off")
    assert grouped(left_out.table()).to_numpy().tolist() == [
        ["t001, t002 and 598 more", "record.json", "no record was written"],
        ["t001", "history.csv", "no record was written"],
        ["", "class 'b'", "no IoU"],
        ["a, b, c", "record.json", "cut off"],
    ]


def test_nothing_left_out_is_no_row():
    pd.testing.assert_frame_equal(grouped(LeftOut().table()), LeftOut().table(), check_index_type=False)
