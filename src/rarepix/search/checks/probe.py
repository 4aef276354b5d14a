"""What a machine has: a program that ``machines`` sends there and runs.

It reads a question from standard input and prints the answer, both JSON. The machine's Python may lack every package,
so this file imports only the standard library at first.
"""

import contextlib
import io
import json
import os
import shutil
import sys
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

PACKAGES = ("rarepix", "nni", "torch")


def main() -> None:
    """Answer the question: ``data`` (a path; its variables are expanded here), ``configs`` and ``plan`` (a dry run)."""
    question = json.load(sys.stdin)
    answer = {
        "versions": {name: _version(name) for name in PACKAGES},
        "gpus": gpu_count(),
        "free": shutil.disk_usage(Path.home()).free,
        "problems": [],
    }
    with contextlib.redirect_stdout(io.StringIO()):  # some libraries print
        if question["data"]:
            answer["problems"] += _data_problems(question["data"])
        if question["configs"]:
            answer["problems"] += _dry_run_problems(question["configs"], question["plan"])
    print(json.dumps(answer))


def _version(name: str) -> str:
    try:
        return version(name)
    except PackageNotFoundError:
        return "none"


def gpu_count() -> int:
    """Return how many GPUs NVIDIA's driver shows on this machine."""
    try:
        import pynvml
    except ImportError:
        return 0
    try:
        pynvml.nvmlInit()
        return pynvml.nvmlDeviceGetCount()
    except pynvml.NVMLError:
        return 0


def _data_problems(root: str) -> list[str]:
    from rarepix.paths import expand

    try:
        folder = expand(root)
    except (OSError, ValueError) as error:
        return [f"data.root: {error}"]
    if not folder.is_dir():
        return [f"data.root must be a folder there, but {folder} is not: copy the data, or correct the path"]
    if not os.access(folder, os.R_OK | os.X_OK):
        return [f"data.root must be readable, but {folder} is not: chmod it"]
    return []


def _dry_run_problems(configs: list[dict], plan_name: str) -> list[str]:
    from rarepix.search.checks.dry_run import dry_run_problems
    from rarepix.trial.plans import find_plan

    plan = find_plan(plan_name)
    return dry_run_problems([plan.config(**config) for config in configs], plan=plan)


if __name__ == "__main__":
    main()
