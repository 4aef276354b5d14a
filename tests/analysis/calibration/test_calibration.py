"""The checks of the analysis in small, seeded: what holds must pass, and what is wrong must fail."""

import numpy as np
import pandas as pd
import pytest

from analysis import load_study
from analysis.calibration import __main__ as command
from analysis.calibration.checks import cost, mean_of, rate, table
from analysis.calibration.coverage import correlations, covered, dataset_iou, exact_paired, exact_unpaired, true_iou
from analysis.calibration.false_claims import (
    PAIRED,
    claimed,
    correlation_nulls,
    false_claims,
    false_discoveries,
    friedman_null,
    null,
    planted,
    unpaired_null,
)
from analysis.calibration.synthetic import CLASS_SPREADS, CLASSES, RARE, SPREAD, class_scores, synthetic_scores
from analysis.calibration.synthetic_study import write_synthetic_runs, write_synthetic_study
from analysis.statistics.compare import compare
from analysis.statistics.image_bootstrap import MEAN


def test_a_rate_has_its_binomial_interval_and_its_bounds():
    row = rate("false claims", [True] * 3 + [False] * 97, most=0.05)
    assert (row["seen"], row["simulations"], row["passed"]) == (0.03, 100, True)
    assert (row["low"], row["high"]) == (
        pytest.approx(0.0062, abs=1e-4),
        pytest.approx(0.0852, abs=1e-4),
    )  # R: binom.test
    assert row["asked"] == "at most 5 %"


def test_few_simulations_fail_only_what_is_clearly_wrong():
    assert rate("few", [True] * 9 + [False] * 91, most=0.05)["passed"]
    assert not rate("few", [True] * 30 + [False] * 70, most=0.05)["passed"]
    assert not rate("many", [True] * 70 + [False] * 930, most=0.05)["passed"]
    assert not rate("power", [True] * 50 + [False] * 50, least=0.8)["passed"]
    assert rate("power", [True] * 79 + [False] * 21, least=0.8)["passed"]
    assert not rate("power", [True] * 790 + [False] * 210, least=0.8)["passed"]
    assert not mean_of("share", np.linspace(0.2, 0.4, 50), most=0.05)["passed"]
    assert not cost("time", 11, most=10, unit="s")["passed"]


def test_synthetic_scores_have_the_spread_that_they_promise():
    scores = class_scores(np.random.default_rng(0), 400, 10, {})
    within = scores - scores.mean(axis=0)
    assert within.mean(axis=2).std() == pytest.approx(SPREAD, rel=0.03)
    own = within - within.mean(axis=2, keepdims=True)
    assert own[..., -1].std() == pytest.approx(CLASS_SPREADS[-1], rel=0.1)
    assert len(np.unique(scores.mean(axis=(0, 2)).round(3))) > 5  # blocks differ


def test_a_planted_gain_is_in_the_mean_and_in_the_rare_classes():
    with_gain, without = (class_scores(np.random.default_rng(0), 3, 4, gains) for gains in ({1: 0.013}, {}))
    gained = with_gain - without
    np.testing.assert_allclose(gained.mean(axis=2)[1], 0.013)
    assert (gained[1, 0] > 1e-9).tolist() == [False] * (CLASSES - RARE) + [True] * RARE
    assert np.abs(gained[[0, 2]]).max() == 0


def test_synthetic_studies_repeat():
    pd.testing.assert_frame_equal(
        synthetic_scores(3, configurations=2, blocks=4), synthetic_scores(3, configurations=2, blocks=4)
    )
    assert not synthetic_scores(3, configurations=2, blocks=4).equals(synthetic_scores(4, configurations=2, blocks=4))


def test_false_claims_are_rare():
    hits = lambda study: claimed(compare(study, **PAIRED))  # noqa: E731
    assert null("4 identical configurations", hits, 60, 0, "", configurations=4, blocks=8)["passed"]
    assert unpaired_null(120, 0)["passed"]


def test_every_false_claim_is_looked_for():
    rows = table(false_claims(1))
    assert len(rows) == 10
    assert rows["check"].is_unique
    assert rows["simulations"].tolist() == [1, 4, 4, 4, 4, 4, 2, 2, 2, 2]


def test_uncorrected_tests_would_not_pass():
    """The null is no formality: without a correction most studies of 10 identical configurations claim something."""
    studies = (synthetic_scores(i, configurations=10, blocks=12) for i in range(15))
    hits = [claimed(compare(study, **PAIRED, against="c0", correction=None)) for study in studies]
    assert not rate("uncorrected", hits, most=0.05)["passed"]


def test_exact_tests_keep_their_level():
    assert friedman_null(80, 1)["passed"]
    assert all(row["passed"] for row in correlation_nulls(40, 1))
    assert false_discoveries(60, 1)["passed"]


def test_a_planted_gain_is_found():
    rows = table(planted(8))
    assert rows["passed"].all(), rows[~rows["passed"]]


def test_exact_coverage_by_hand():
    """Six pairs: all but 2 of 64 sign patterns. Four against four: all but 2 of 70 splits."""
    assert exact_paired(6) == pytest.approx(1 - 2 / 64)
    assert exact_unpaired(4) == pytest.approx(1 - 2 / 70)
    assert covered(np.array([0.01, 0.01, 0.48, 0.5])) == pytest.approx(0.96)


def test_intervals_of_correlations_and_of_pooled_iou_hold_the_truth():
    assert all(row["passed"] for row in correlations(20, 40, 2))
    rows = table(dataset_iou(150, 40, 2))
    assert rows["passed"].all(), rows[~rows["passed"]]
    assert rows["simulations"].min() > 30


def test_true_iou_is_the_mean_of_its_classes():
    truth = true_iou(0)
    assert truth[MEAN] == pytest.approx(truth.drop(MEAN).mean())
    assert truth.between(0.4, 0.9).all()


def test_a_synthetic_study_reads_as_a_study(tmp_path):
    tables = load_study(write_synthetic_study(tmp_path / "synthetic", 30))
    assert len(tables.trials) == 30
    assert tables.left_out.empty
    assert tables.classes["class"].nunique() == CLASSES
    assert set(tables.parameters) == {"sampling.kind", "loss.name", "optim.lr"}
    assert not list((tmp_path / "synthetic").rglob("*.tmp"))


def test_synthetic_runs_are_a_row_a_run(tmp_path):
    runs = pd.read_csv(write_synthetic_runs(tmp_path / "runs.csv", 100))
    assert len(runs) == 100
    assert not runs.duplicated(["sampling", "loss", "seed"]).any()


@pytest.mark.parametrize(("passed", "code"), [(True, 0), (False, 1)])
def test_the_command_prints_writes_and_fails(passed, code, tmp_path, monkeypatch, capsys):
    rows = [rate("false claims", [False] * 50, most=0.05), cost("time", 3.0 if passed else 30.0, most=10, unit="s")]
    monkeypatch.setattr(command, "_run_checks", lambda simulations, seed: iter(rows))
    assert command.main(["--quick", "--out", str(tmp_path / "new" / "checks.csv")]) == code
    printed = capsys.readouterr().out
    assert "false claims" in printed
    assert f"{2 if passed else 1} of 2 checks passed" in printed
    assert pd.read_csv(tmp_path / "new" / "checks.csv")["passed"].tolist() == [True, passed]
    assert [file.name for file in (tmp_path / "new").iterdir()] == ["checks.csv"]
