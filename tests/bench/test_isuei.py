"""``make isuei`` in small: experiments go from their recipes to a row of the table."""

import sys

import pandas as pd
import pytest

from bench import isuei


def run(monkeypatch, tmp_path, *words: str) -> pd.DataFrame:
    monkeypatch.setenv("RAREPIX_RESULTS", str(tmp_path))
    monkeypatch.delenv("ISUEI_DATA", raising=False)
    monkeypatch.setattr(sys, "argv", ["bench.isuei", "--images", "40", "--size", "32", *words])
    isuei.main()
    return pd.read_csv(tmp_path / "isuei" / "table.csv").set_index("experiment")


def test_an_experiment_is_trained_evaluated_and_predicts(monkeypatch, tmp_path, capsys):
    table = run(monkeypatch, tmp_path, "--only", "effdet_d2")
    assert list(table.index) == ["effdet_d2"]
    row = table.loc["effdet_d2"]
    assert row["predicted"] == 8  # a mask for each image of the list test
    assert row["Binary accuracy"] == pytest.approx((row["sensitivity"] + 1 - row["empty_false_alarm_rate"]) / 2)
    assert "effdet_d2" in capsys.readouterr().out


@pytest.mark.full
def test_the_classifier_and_the_second_stage_are_put_together(monkeypatch, tmp_path):
    table = run(monkeypatch, tmp_path, "--only", isuei.CLASSIFIER, "--only", isuei.SECOND_STAGE)
    assert list(table.index) == [isuei.CLASSIFIER, isuei.SECOND_STAGE, "these two, in two stages"]
    classifier, alone, both = (table.loc[name] for name in table.index)
    assert pd.isna(classifier["IoU"])
    assert both["empty_false_alarm_rate"] <= min(classifier["empty_false_alarm_rate"], alone["empty_false_alarm_rate"])
    assert both["sensitivity"] <= min(classifier["sensitivity"], alone["sensitivity"])
