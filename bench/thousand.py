"""Run a thousand trials that train nothing through a real NNI, and print what that costs.

    python -m bench.thousand                  # about 20 min on two CPU cores
    python -m bench.thousand --trials 100

A trial asks for parameters and reports six numbers. After a tenth of the trials and at the end it prints the time, the
memory of NNI's manager and of the advisor, and the sizes of NNI's database, NNI's folder and the journal.
"""

import argparse
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import psutil
import yaml

from rarepix.layout import JOURNAL
from rarepix.search.checks.tuner import ADVISOR
from rarepix.search.nni import nnictl, orphans
from rarepix.search.studies import study
from rarepix.search.studies.study import Study

CHECKOUT = Path(__file__).parents[1]
SPACE = {"optim.lr": {"_type": "loguniform", "_value": [1e-4, 1e-1]}}
MIB = 2**20


def main() -> int:
    """Run the study in a home of its own; exit code 1 if a trial did not succeed."""
    given = _parser().parse_args()
    with tempfile.TemporaryDirectory(prefix="thousand-") as folder:
        os.environ |= {"HOME": folder, "STEPS": "5", "PAUSE": "0", "RAREPIX_RESULTS": folder}
        experiment = nnictl.create(_file(Path(folder), given), given.port)
        try:
            return _follow(study.find(experiment), given.trials)
        finally:
            study.stop(experiment)


def _file(folder: Path, given: argparse.Namespace) -> Path:
    tree = {
        "experimentName": "thousand",
        "searchSpace": SPACE,
        "trialCommand": "python -m tests.search.nni.patch.light_trial --recipe bench",
        "trialCodeDirectory": str(CHECKOUT),
        "trialConcurrency": given.concurrency,
        "maxTrialNumber": given.trials,
        "tuner": {"className": ADVISOR, "codeDirectory": str(CHECKOUT), "classArgs": {"sampler": "tpe"}},
        "trainingService": {"platform": "local"},
    }
    file = folder / "study.yml"
    file.write_text(yaml.safe_dump(tree))
    return file


def _follow(running: Study, trials: int) -> int:
    begun, counts = time.monotonic(), [trials // 10, trials]
    manager = nnictl.list_experiments()[running.id].pid
    while counts:
        time.sleep(1)
        ended = running.manager.status()[0] in ("DONE", "ERROR")
        states = [job["status"] for job in running.manager.get("trial-jobs")]
        finished = sum(state not in ("WAITING", "RUNNING") for state in states)
        if finished >= counts[0] or ended:
            counts.pop(0)
            print(_line(running, manager, finished, time.monotonic() - begun), flush=True)
    failed = sum(state != "SUCCEEDED" for state in states)
    print(f"{failed} of {len(states)} trials did not succeed")
    return int(failed > 0 or len(states) < trials)


def _line(running: Study, manager: int, finished: int, seconds: float) -> str:
    memory = [psutil.Process(pid).memory_info().rss / MIB for pid in (manager, orphans.tuner(manager))]
    experiment = running.logs.parent
    folder = int(subprocess.check_output(["du", "-s", "--block-size=1", str(experiment)]).split()[0]) / MIB
    database = (experiment / "db" / "nni.sqlite").stat().st_size / MIB
    journal = (running.folder / JOURNAL).stat().st_size / MIB
    return (
        f"{finished} trials in {seconds:.0f} s: manager {memory[0]:.0f} MiB, advisor {memory[1]:.0f} MiB, "
        f"database {database:.1f} MiB, NNI's folder {folder:.0f} MiB, journal {journal:.2f} MiB"
    )


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m bench.thousand", description=__doc__.splitlines()[0])
    parser.add_argument("--trials", type=int, default=1000)
    parser.add_argument("--concurrency", type=int, default=4)
    parser.add_argument("--port", type=int, default=8099)
    return parser


if __name__ == "__main__":
    sys.exit(main())
