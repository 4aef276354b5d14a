"""The benchmarks of the advisor and of a whole study run, on a small scale."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from bench.advisor import main
from tests.house.source import CHECKOUT
from tests.search.ports import free_port


def test_every_sampler_is_timed(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture) -> None:
    monkeypatch.setattr(
        sys, "argv", ["advisor", "--samplers", "tpe", "random", "--finished", "2", "4", "--requests", "2"]
    )
    main()
    rows = [line for line in capsys.readouterr().out.splitlines() if line.startswith(("| tpe", "| random"))]
    assert len(rows) == 2
    assert all(row.count("(") == 2 for row in rows)


def test_a_study_of_trivial_trials_runs_through(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "bench.thousand", "--trials", "10", "--port", str(free_port())]
    bench = subprocess.run(
        command, cwd=CHECKOUT, env=dict(os.environ), capture_output=True, text=True, timeout=600, check=False
    )
    assert bench.returncode == 0, bench.stdout + bench.stderr
    first, last, failed = bench.stdout.splitlines()
    assert "manager" in first
    assert last.startswith("10 trials in ")
    assert failed == "0 of 10 trials did not succeed"
