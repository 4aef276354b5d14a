"""The power of a study like the one that is there: of the treatment whose levels share the most blocks."""

import numpy as np
import pytest

from analysis import power
from analysis.statistics.spread import power_from
from analysis.study.comparisons import with_configurations
from analysis.study.study_power import power_of_study
from tests.analysis.study.synthetic import tables_of

ASKED = {"gain": 0.01, "blocks": [6, 12], "simulations": 500}


def trials(blocks: int = 6, **fixed) -> list[dict]:
    """Two losses on every seed, which differ by noise around .01; the sampling alternates from block to block."""
    rng = np.random.default_rng(1)
    return [
        {"objective": 0.5 + 0.01 * (loss == "focal") + rng.normal(0, 0.005), "seed": seed, "loss.name": loss}
        | {"sampling.kind": "ab"[seed % 2], **fixed}
        for seed in range(blocks)
        for loss in ("ce", "focal")
    ]


def test_it_is_of_the_treatment_that_is_paired_most():
    """Learning rates share no block, samplings share none either, losses share all six."""
    rows = [row | {"optim.lr": 0.1 + i} for i, row in enumerate(trials())]
    tables = tables_of(rows, ("optim.lr", "sampling.kind", "loss.name"))
    result = power_of_study(tables, **ASKED)
    assert set(result["treatment"]) == {"loss.name"}
    assert set(result["score"]) == {"objective"}
    expected = power_from(with_configurations(tables), treatment="loss.name", block="seed", score="objective", **ASKED)
    assert result["power"].tolist() == expected["power"].tolist()
    assert result["verdict"].tolist() == expected["verdict"].tolist()


def test_against_a_default_there_are_fewer_comparisons():
    rng = np.random.default_rng(2)
    rows = [
        {"objective": rng.normal(0.5, 0.01), "seed": seed, "loss.name": loss} for seed in range(6) for loss in "abcd"
    ]
    tables = tables_of(rows, ("loss.name",))
    assert set(power_of_study(tables, **ASKED)["comparisons"]) == {6}
    assert set(power_of_study(tables._replace(default={"loss.name": "a"}), **ASKED)["comparisons"]) == {3}


@pytest.mark.parametrize(
    "rows",
    [
        [{"objective": 0.5 + 0.01 * i, "seed": i, "loss.name": "ab"[i % 2]} for i in range(6)],
        [{"objective": 0.5, "seed": i // 2, "loss.name": "ab"[i % 2]} for i in range(6)],
        [{"objective": 0.5, "seed": i, "loss.name": "a", "status": "failed"} for i in range(2)],
    ],
    ids=["nothing is shared", "nothing varies", "nothing is complete"],
)
def test_where_nothing_is_paired_a_verdict_says_so(rows):
    result = power_of_study(tables_of(rows, ("loss.name",)), **ASKED)
    assert result.columns.tolist() == [
        "treatment",
        "score",
        *power(sd=1.0, blocks=5, simulations=10).columns,
        "verdict",
    ]
    assert len(result) == 1
    assert result["treatment"].isna().all()
    assert "cannot be measured" in result["verdict"].iloc[0]
