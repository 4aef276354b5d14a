"""The notebooks run on a synthetic study, and are stored without outputs."""

from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient

from tests.analysis.conftest import GAINS, add_trial, make_record

pytestmark = pytest.mark.full

FOLDER = Path(__file__).parents[2] / "analysis" / "notebooks"
SHOWN = {
    "reading_a_study": (5, 4),
    "class_imbalance": (3, 1),
    "comparing_configurations": (8, 1),
    "power_for_the_next_study": (4, 0),
}
"""Notebook → tables and pictures that it shows."""


@pytest.fixture(scope="module")
def paired_study(tmp_path_factory) -> Path:
    """Three samplers on four blocks, so that there is something to pair."""
    study = tmp_path_factory.mktemp("results") / "paired"
    for seed in range(4):
        for kind in GAINS:
            add_trial(study, make_record(f"{kind}{seed}", seed=seed, parameters={"sampling.kind": kind}))
    return study


def test_every_notebook_is_known():
    assert {path.stem for path in FOLDER.glob("*.ipynb")} == set(SHOWN)


@pytest.mark.parametrize("name", SHOWN)
def test_it_is_stored_without_outputs_and_without_logic(name):
    notebook = nbformat.read(FOLDER / f"{name}.ipynb", as_version=4)
    code = [cell for cell in notebook.cells if cell.cell_type == "code"]
    assert all(not cell.outputs and cell.execution_count is None for cell in code)
    assert not any(word in cell.source for cell in code for word in ("def ", "for ", "lambda", " if "))


@pytest.fixture(scope="module")
def random_study(tmp_path_factory) -> Path:
    """Every trial has a learning rate and a block of its own: nothing is paired."""
    study = tmp_path_factory.mktemp("results") / "random"
    for seed in range(3):
        add_trial(study, make_record(f"t{seed}", seed=seed, parameters={"optim.lr": 0.1 / (1 + seed)}))
    return study


@pytest.mark.parametrize(
    ("name", "study"), [*((name, "paired_study") for name in SHOWN), ("power_for_the_next_study", "random_study")]
)
def test_it_runs(name, study, request, monkeypatch):
    monkeypatch.setenv("RAREPIX_STUDY", str(request.getfixturevalue(study)))
    notebook = nbformat.read(FOLDER / f"{name}.ipynb", as_version=4)
    done = NotebookClient(notebook, timeout=60, kernel_name="python3").execute()
    shown = [output for cell in done.cells if cell.cell_type == "code" for output in cell.outputs]
    assert not [output for output in shown if output.output_type == "error"]
    tables, pictures = SHOWN[name]
    assert len([output for output in shown if "text/html" in output.get("data", {})]) == tables
    assert len([output for output in shown if "image/png" in output.get("data", {})]) == pictures
