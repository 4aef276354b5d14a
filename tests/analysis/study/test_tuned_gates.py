"""What tuned gates do to a study's scores, and their bounds."""

import pytest

from analysis import load_study
from analysis.study.empty_image_sentences import gate_sentences
from analysis.study.empty_images import empty_images
from analysis.study.tuned_gates import gate_means, gates_compared
from tests.analysis.conftest import add_trial
from tests.analysis.empty_records import record, write_study
from tests.analysis.study.synthetic import tables_of

RATE, IOU = "empty_false_alarm_rate", "foreground_iou"
KEYS = {"val": "val_", "test": "test_"}


def gated(rates: list[tuple[float, float]], bounds: list[float]):
    """Return a study of one configuration with the rates without gate and with it, and the bounds of its trials."""
    rows = [
        {"seed": seed, "objective": 0.5, "gate_kind": "presence", "gate_bound": bound, "gate_confidence": 0.95}
        | {f"{split}_{RATE}": without for split in KEYS}
        | {f"{split}_gated_{RATE}": behind for split in KEYS}
        for seed, ((without, behind), bound) in enumerate(zip(rates, bounds, strict=True))
    ]
    return tables_of(rows, ())


def test_means_are_over_the_trials_that_have_a_gate_and_the_bound_is_the_highest():
    tables = gated([(0.3, 0.05), (0.5, 0.15), (0.9, float("nan"))], [0.12, 0.10, float("nan")])
    rows = gate_means(tables, ["val", "test"]).set_index("split")
    row = rows.loc["test"]
    assert (row["trials"], row["kind"], row["bound"], row["confidence"]) == (2, "presence", 0.12, 0.95)
    assert (row[RATE], row[f"gated_{RATE}"]) == pytest.approx((0.4, 0.1))
    assert row["within"] == 1
    assert rows[[IOU, f"gated_{IOU}"]].isna().all(axis=None)


def test_with_gate_is_compared_with_without_within_blocks():
    rates = [(0.3 + 0.01 * i, 0.05 + 0.01 * i) for i in range(6)]
    (row, _) = gates_compared(gated(rates, [0.2] * 6), ["val", "test"]).to_dict("records")
    assert (row["b"], row["a"], row["n"], row["p"]) == ("with", "without", 6, pytest.approx(1 / 32))
    assert row["difference"] == pytest.approx(-0.25)
    assert row["verdict"].startswith("'with' is lower than 'without': −0.250")


def test_trials_of_one_block_are_one_value():
    tables = gated([(0.3, 0.05)] * 6, [0.2] * 6)
    one = tables._replace(trials=tables.trials.assign(seed=0))
    (row, _) = gates_compared(one, ["val", "test"]).to_dict("records")
    assert (row["n"], row["repeats"]) == (1, 10)


def test_the_sentences_are_of_test_where_there_is_one_and_say_how_sure_the_rate_is(tmp_path):
    found = empty_images(load_study(write_study(tmp_path / "s", 2, gate=(0.6, 0.15))))
    first, second, third = gate_sentences(found)
    assert first.startswith("With the gates that were tuned on validation, false alarms on empty images go from 0.")
    assert first.endswith("(mean of 8 trials on test).")
    assert "with a confidence of 95 %" in second
    assert second.endswith("the highest of the bounds is 0.150.")
    assert third.endswith(" of 8 trials.")


def test_where_only_some_trials_have_a_gate_the_others_have_no_part(tmp_path):
    for seed in range(2):
        for kind, gate in (("none", None), ("presence", (0.6, 0.2))):
            made = record(f"{kind}{seed}", {"gate.kind": kind}, seed=seed, gate=gate)
            add_trial(tmp_path / "s", made, images=False)
    found = empty_images(load_study(tmp_path / "s"))
    assert found.gates["configuration"].unique().tolist() == ["gate.kind=presence"]
    assert found.gates["trials"].unique().tolist() == [2]


def test_without_a_gate_nothing_is_said(tmp_path):
    found = empty_images(load_study(write_study(tmp_path / "s", 1, gate=None)))
    assert len(found.means)
    assert found.gates.empty
    assert found.gate_tests.empty
    assert gate_sentences(found) == []
