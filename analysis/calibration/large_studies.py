"""Costs of large studies: CPU seconds and memory of a process, as a user would start it."""

import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

from analysis.calibration.checks import cost
from analysis.calibration.synthetic import NAMES
from analysis.calibration.synthetic_study import write_synthetic_runs, write_synthetic_study

READ_AND_TABULATE = """
import sys, analysis
table = analysis.load_table(sys.argv[1], configuration=["sampling", "loss"], block=["seed"], score="miou", classes={})
rows = analysis.compare(table.trials, treatment="sampling", block=["seed", "loss"], score="objective")
assert len(table.trials) == int(sys.argv[2]) and len(rows) == 3, (len(table.trials), len(rows))
"""


def scale(trials: int = 1000, runs: int = 100_000, seed: int = 0) -> Iterator[dict]:
    """Yield the checks of speed and memory: the report of a study of *trials* trials, a table of *runs* runs.

    Raises:
        RuntimeError: a process failed; the message is what it wrote.
    """
    with tempfile.TemporaryDirectory() as folder:
        study = write_synthetic_study(Path(folder) / "synthetic", trials, seed)
        seconds, memory = _spent(["-m", "analysis", str(study)])
        what = f"report of {trials:,} trials × 20 classes"
        yield cost(f"{what}: CPU time", seconds, most=10, unit="s", note="python -m analysis")
        yield cost(f"{what}: memory", memory, most=2, unit="GB")
        file = write_synthetic_runs(Path(folder) / "runs.csv", runs, seed)
        seconds, memory = _spent(["-c", READ_AND_TABULATE.format(list(NAMES)), str(file), str(runs)])
        what = f"{runs:,} trial rows read and compared"
        yield cost(f"{what}: CPU time", seconds, most=60, unit="s", note="load_table, compare")
        yield cost(f"{what}: memory", memory, most=2, unit="GB")


def _spent(arguments: list[str]) -> tuple[float, float]:
    """Run python with *arguments* and return its CPU seconds (user and system) and its peak memory in GB."""
    with tempfile.TemporaryFile() as output:
        process = subprocess.Popen([sys.executable, *arguments], stdout=output, stderr=subprocess.STDOUT)
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        if process.returncode:
            output.seek(0)
            raise RuntimeError(
                f"python {' '.join(arguments[:2])} must succeed, but ended with {process.returncode}: "
                f"{output.read().decode(errors='replace')[-2000:]}"
            )
    per_gb = 1e9 if sys.platform == "darwin" else 1e6  # macOS counts bytes, Linux kilobytes
    return usage.ru_utime + usage.ru_stime, usage.ru_maxrss * (1 if sys.platform == "darwin" else 1.024) / per_gb
