"""What a machine has, told by itself: sent there and run by ``machines``.

Reads a question and answers, both JSON. It must run with a Python that lacks everything, so it imports nothing but
Python's own library before it knows better.
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
    """Answer the question on standard input: ``data`` (a path to be expanded here) and ``configs`` to be rehearsed."""
    question = json.load(sys.stdin)
    answer = {
        "python": ".".join(map(str, sys.version_info[:2])),
        "versions": {name: _version(name) for name in PACKAGES},
        "gpus": _gpus(),
        "free": shutil.disk_usage(Path.home()).free,
        "complaints": [],
    }
    with contextlib.redirect_stdout(io.StringIO()):  # libraries talk
        if question["data"]:
            answer["complaints"] += _data(question["data"])
        if question["configs"]:
            answer["complaints"] += _rehearsal(question["configs"])
    print(json.dumps(answer))


def _version(name: str) -> str:
    try:
        return version(name)
    except PackageNotFoundError:
        return "none"


def _gpus() -> int | None:
    try:
        import pynvml
    except ImportError:
        return None
    try:
        pynvml.nvmlInit()
        return pynvml.nvmlDeviceGetCount()
    except pynvml.NVMLError:
        return 0


def _data(root: str) -> list[str]:
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


def _rehearsal(configs: list[dict]) -> list[str]:
    from rarepix.config import TrialConfig
    from rarepix.search.checks.dry_run import dry_run_problems

    return list(dry_run_problems(TrialConfig(**config) for config in configs))


if __name__ == "__main__":
    main()
