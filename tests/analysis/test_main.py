"""The command: which study it takes, what it prints, how it ends; and what it leaves alone."""

import os
import subprocess
import sys

import pytest

from analysis.__main__ import main


def test_a_name_under_results(study, capsys):
    assert main(["made-up", "--results", str(study.parent)]) == 0
    printed = capsys.readouterr().out
    assert "Best by validation is trial" in printed
    assert "Best 5 of 8 complete trials" in printed
    assert "cannot be decided" in printed
    assert f"Report: {study}/report/index.html" in printed.splitlines()
    assert (study / "report" / "index.html").is_file()


def test_the_newest_study_is_the_default(make, tmp_path, capsys, undrawn):
    for age, name in ((100, "newer"), (200, "older")):
        make.study(tmp_path / name, 1, broken=False)
        record = tmp_path / name / "trials" / "t000" / "record.json"
        when = record.stat().st_mtime - age
        os.utime(record, (when, when))
    assert main(["--results", str(tmp_path)]) == 0
    assert "newer: 1 complete" in capsys.readouterr().out


def test_a_folder(study, tmp_path, capsys, undrawn):
    assert main([str(study), "--results", str(tmp_path)]) == 0


@pytest.mark.parametrize(("name", "message"), [(None, "there is none yet"), ("x", "got 'x'")])
def test_no_study_is_one_message(tmp_path, capsys, name, message):
    assert main([*([name] if name else []), "--results", str(tmp_path)]) == 1
    error = capsys.readouterr().err
    assert message in error
    assert len(error.splitlines()) == 1


def test_a_study_without_records_is_one_message(tmp_path, capsys):
    (tmp_path / "s" / "trials" / "t0").mkdir(parents=True)
    assert main(["s", "--results", str(tmp_path)]) == 1
    assert "no trial has left a record" in capsys.readouterr().err


def test_only_failed_trials_write_a_report_and_exit_with_one(new_study, capsys, undrawn):
    study = new_study(trials=0)
    assert main([str(study)]) == 1
    shown = capsys.readouterr()
    assert "no trial of" in shown.err
    assert "No trial of this study is complete" in shown.out
    assert (study / "report" / "index.html").is_file()


def run(code: str, *arguments: str) -> subprocess.CompletedProcess:
    """Run *code* in a fresh process; it ends by ``sys.exit`` with what was loaded and should not be, if anything."""
    return subprocess.run([sys.executable, "-c", code, *arguments], capture_output=True, text=True, check=False)


def test_neither_torch_nor_nni_is_imported(new_study):
    """Through the whole command."""
    code = """
import sys
from analysis.__main__ import main
code = main(sys.argv[1:])
loaded = {"torch", "nni", "lightning", "optuna", "matplotlib.pyplot"} & set(sys.modules)
sys.exit(str(loaded) if loaded else code)
"""
    done = run(code, str(new_study(trials=2, broken=False)))
    assert (done.returncode, done.stderr) == (0, "")


def test_importing_loads_nothing_that_draws():
    code = """
import sys, analysis
loaded = {"matplotlib", "plotly", "jinja2", "torch", "nni"} & set(sys.modules)
sys.exit(str(loaded) if loaded else 0)
"""
    done = run(code)
    assert (done.returncode, done.stderr) == (0, "")
