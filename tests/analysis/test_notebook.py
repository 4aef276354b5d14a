"""The notebook runs on a made-up study, and is stored without outputs."""

from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient

NOTEBOOK = Path(__file__).parents[2] / "analysis" / "notebooks" / "reading_a_study.ipynb"


@pytest.fixture(scope="module")
def notebook():
    return nbformat.read(NOTEBOOK, as_version=4)


def test_it_is_stored_without_outputs_and_without_logic(notebook):
    code = [cell for cell in notebook.cells if cell.cell_type == "code"]
    assert all(not cell.outputs and cell.execution_count is None for cell in code)
    assert not any(word in cell.source for cell in code for word in ("def ", "for ", "lambda"))


def test_it_runs(notebook, study, monkeypatch):
    monkeypatch.setenv("RAREPIX_STUDY", str(study))
    done = NotebookClient(notebook.copy(), timeout=60, kernel_name="python3").execute()
    shown = [output for cell in done.cells if cell.cell_type == "code" for output in cell.outputs]
    assert not [output for output in shown if output.output_type == "error"]
    assert len([output for output in shown if "text/html" in output.get("data", {})]) == 5
    assert len([output for output in shown if "image/png" in output.get("data", {})]) == 2
