"""What the documents show as Python can be run as it stands."""

import re
from pathlib import Path

import pandas as pd
import pytest

from tests.analysis.conftest import GAINS, add_trial, make_record

DOCS = Path(__file__).parents[2] / "docs" / "reference"
PAGES = ("analysis.md", "statistics.md")


def blocks(page: str) -> list[str]:
    return re.findall(r"```python\n(.*?)```", (DOCS / page).read_text(encoding="utf-8"), re.DOTALL)


@pytest.fixture
def as_documented(tmp_path, monkeypatch):
    """A study ``results/demo`` and a table ``runs.csv`` where the documents read them."""
    rows = []
    for seed in range(6):
        for kind, gain in GAINS.items():
            add_trial(
                tmp_path / "results" / "demo",
                make_record(f"{kind}{seed}", seed=seed, parameters={"sampling.kind": kind}),
                images=False,
            )
            rows.append({"loss": kind, "seed": seed, "miou": 0.5 + gain + 0.001 * seed, "bottle": 0.2 + gain})
    pd.DataFrame(rows).to_csv(tmp_path / "runs.csv", index=False)
    monkeypatch.chdir(tmp_path)


@pytest.mark.parametrize("page", PAGES)
def test_python_in_the_documents_runs(page, as_documented):
    shown = blocks(page)
    names: dict = {}
    for block in shown:
        exec(compile(block, page, "exec"), names)
    assert shown
    assert "analysis" in names
