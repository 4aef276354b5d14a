"""Which trials a parameter is judged by."""

import numpy as np
import pandas as pd

from analysis.study.parameter_branches import branches, fill_not_sampled
from analysis.study.parameter_scales import better_in_logs, is_numeric

NAN = float("nan")


def result(parameters: tuple[str, ...], **columns) -> dict[str, tuple[tuple[str, ...], list[bool]]]:
    table = pd.DataFrame({name.replace("__", "."): values for name, values in columns.items()})
    return {branch.name: (branch.parameters, branch.trials.tolist()) for branch in branches(table, parameters)}


def test_a_parameter_of_one_level_is_judged_within_it():
    rows = result(
        ("lr", "loss.name", "loss.gamma"),
        lr=[0.1, 0.2, 0.3, 0.4],
        loss__name=["ce", "focal", "focal", "dice"],
        loss__gamma=[NAN, 1.0, 2.0, NAN],
    )
    assert rows == {
        "": (("lr", "loss.name"), [True] * 4),
        "loss.name=focal": (("lr", "loss.gamma"), [False, True, True, False]),
    }


def test_the_branch_may_span_levels_and_hold_branches():
    rows = result(
        ("a", "a.b", "a.b.c"),
        a=["x", "x", "y", "y", "z"],
        a__b=["p", "q", "p", "q", None],
        a__b__c=[1.0, NAN, 2.0, NAN, NAN],
    )
    assert list(rows) == ["", "a=x or y", "a.b=p"]
    assert rows["a=x or y"] == (("a", "a.b"), [True] * 4 + [False])
    assert rows["a.b=p"] == (("a", "a.b.c"), [True, False, True, False, False])


def test_of_two_that_decide_the_one_named_alike_gives_the_name():
    same = ["on", "on", "off", "off"]
    rows = result(("other", "paste.kind", "paste.rate"), other=same, paste__kind=same, paste__rate=[0.1, 0.2, NAN, NAN])
    assert list(rows) == ["", "paste.kind=on"]


def test_a_number_that_nothing_decides_has_a_branch_of_its_own():
    rows = result(("kind", "keep"), kind=["a", "b", "a", "b"], keep=[0.5, 0.2, NAN, NAN])
    assert rows["keep sampled"] == (("kind", "keep"), [True, True, False, False])


def test_a_text_that_nothing_decides_has_its_absence_as_a_level():
    table = pd.DataFrame({"kind": ["a", "b", "a", "b"], "crop": ["mixed", "mixed", None, None]})
    assert fill_not_sampled(table, ("kind", "crop"))["crop"].tolist() == [
        "mixed",
        "mixed",
        "not sampled",
        "not sampled",
    ]
    assert list(result(("kind", "crop"), kind=["a", "b", "a", "b"], crop=["mixed", "mixed", None, None])) == [""]


def test_a_constant_parameter_is_none():
    assert result(("a", "b"), a=[1, 2], b=["x", "x"])[""][0] == ("a",)


def test_scales():
    assert is_numeric(pd.Series([1, 2.5, NAN], dtype=object))
    assert not is_numeric(pd.Series([True, False], dtype=object))
    assert not is_numeric(pd.Series([np.True_, np.False_]))
    assert not is_numeric(pd.Series([1, "auto"], dtype=object))
    assert better_in_logs(pd.Series(np.geomspace(1e-4, 1e-1, 9)))
    assert not better_in_logs(pd.Series(np.linspace(1e-4, 1e-1, 9)))
    assert not better_in_logs(pd.Series([1.0, 2.0, 9.0]))
    assert not better_in_logs(pd.Series([0.0, 0.001, 10.0]))
