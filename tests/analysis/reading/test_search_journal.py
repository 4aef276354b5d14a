"""A study that confirms another one: its configurations are paired over its blocks, and the test split has a say."""

import json
from pathlib import Path

import pytest

from analysis import load_study
from analysis.reporting.report import write_report
from analysis.reporting.terminal import summary
from analysis.study.comparisons import compare_treatments, comparison_rows, treatments
from rarepix.layout import JOURNAL

DEFAULT = {"optim.lr": 0.001, "loss": {"_name": "focal", "gamma": 2.0}, "sampling.kind": "uniform"}
WINNER = {"optim.lr": 0.01, "loss": {"_name": "focal", "gamma": 2.0}, "sampling.kind": "copy_paste"}
SEEDS = range(7, 15)
NAMES = ["default (optim.lr=0.001 sampling.kind=uniform)", "optim.lr=0.01 sampling.kind=copy_paste"]


@pytest.fixture
def confirmation(tmp_path: Path, make) -> Path:
    study = tmp_path / "search_confirm-abc"
    for seed in SEEDS:
        for number, parameters in enumerate((DEFAULT, WINNER)):
            make.add(study, make.record(f"t{seed}{number}", seed=seed, parameters=parameters))
    return study


def begin_ledger(study: Path, first_line: str) -> None:
    (study / JOURNAL).parent.mkdir()
    (study / JOURNAL).write_text(first_line + "\n")


def confirms(study: Path, name: str | None) -> None:
    begin_ledger(study, json.dumps({"settings": {"confirms": name, "configurations": [DEFAULT, WINNER]}}))


def test_configurations_are_paired_on_test_and_on_validation(confirmation):
    confirms(confirmation, "search-xyz")
    result = compare_treatments(load_study(confirmation))
    scores = ["test_miou", "test_rare_iou", "objective", "val_rare_iou"]
    assert [(question.treatment, question.score) for question in result] == [("configuration", name) for name in scores]
    for question in result:
        (row,) = question.rows.to_dict("records")
        assert [row["a"], row["b"]] == NAMES
        assert row["n"] == len(SEEDS)
        assert row["difference"] > 0
        assert question.design.sentence == "Paired: trials that agree in seed and fold are compared."


def test_the_difference_is_that_of_the_pairs(confirmation):
    confirms(confirmation, "search-xyz")
    tables = load_study(confirmation)
    by_seed = tables.trials.pivot(index="seed", columns="optim.lr", values="test_miou")
    row = compare_treatments(tables)[0].rows.iloc[0]
    low, high = (by_seed[0.01] - by_seed[0.001]).agg(["min", "max"])
    assert low <= row["difference"] <= high
    assert row["p"] == pytest.approx(2 / 2 ** len(SEEDS))  # all eight differences are positive


def test_the_report_says_what_is_confirmed(confirmation, undrawn):
    confirms(confirmation, "search-xyz")
    tables = load_study(confirmation)
    page = write_report(tables, confirmation / "report").read_text(encoding="utf-8")
    assert "This study confirms <b>search-xyz</b>" in page
    assert "configuration: test mIoU" in page
    assert "- configuration, test mIoU: " in summary(tables)


def test_other_studies_say_nothing_of_test(confirmation):
    confirms(confirmation, None)
    tables = load_study(confirmation)
    assert tables.confirmation is None
    rows = comparison_rows(compare_treatments(tables))
    assert not rows["score"].str.startswith("test").any()
    assert set(rows["treatment"]) == {"sampling.kind"}  # which tells the configurations apart as well


def test_one_parameter_is_asked_once(tmp_path, make):
    for seed in SEEDS:
        for kind in ("uniform", "copy_paste"):
            parameters = DEFAULT | {"sampling.kind": kind}
            make.add(tmp_path / "one", make.record(f"t{seed}{kind}", seed=seed, parameters=parameters))
    assert treatments(load_study(tmp_path / "one")) == ["sampling.kind"]


@pytest.mark.parametrize("line", ["", "{", "[]", '{"event": "study"}'])
def test_a_ledger_that_is_none_is_told_and_stops_nothing(confirmation, line):
    begin_ledger(confirmation, line)
    tables = load_study(confirmation)
    assert tables.confirmation is None
    assert tables.left_out["file"].tolist() == [str(JOURNAL)]
    assert len(tables.trials) == 2 * len(SEEDS)
