"""Kill everything that can be killed, at random moments, and count what is left.

    make faults
    python -m tests.faults.matrix --tuner Random --moments 2 --kill manager

A study of four trials, two at once, for every kill and moment: real NNI, real attempts, a training of two seconds.
Exit code 0 only if nothing was lost, doubled or left behind.
"""

import argparse
import shutil
import sys
import tempfile
from pathlib import Path

import pytest

from tests.faults.bench import KILLS, TUNERS, Told, endure
from tests.search.lab import Lab
from tests.search.ports import free_port

HEADINGS = ("kill", "at s", "watch said", "complete", "lost", "doubled", "crooked", "orphans", "seconds", "")


def main() -> int:
    """Run the matrix and print it."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--tuner", choices=TUNERS, default="OptunaAdvisor")
    parser.add_argument("--moments", type=int, default=5)
    parser.add_argument("--kill", choices=KILLS, action="append")
    given = parser.parse_args()
    folder = Path(tempfile.mkdtemp(prefix="faults-"))
    print(" | ".join(HEADINGS))
    bad = 0
    with pytest.MonkeyPatch.context() as patch:
        lab = Lab(folder, patch)
        try:
            for kill in given.kill or KILLS:
                for seed in range(given.moments):
                    bad += not _told(lab, given.tuner, kill, seed)
        finally:
            lab.stop_all()
    if bad:
        print(f"{bad} studies are not as they should be; what they left is in {folder}")
    else:
        shutil.rmtree(folder)
    return 1 if bad else 0


def _told(lab: Lab, tuner: str, kill: str, seed: int) -> bool:
    """Do one kill, print what came of it, and return whether all is well."""
    try:
        told = endure(lab, tuner, [[kill]], seed, free_port)
    except (AssertionError, RuntimeError) as error:
        print(f"{kill} | moment {seed} | {type(error).__name__}: {error} | BAD", flush=True)
        return False
    good = told.findings.good and not told.outcome.exit_code
    print(row(told), flush=True)
    if not good:
        print(f"    {told.findings} {told.outcome.wrong} {told.outcome.broken}", flush=True)
    return good


def row(told: Told) -> str:
    """Return one line of the table."""
    found = told.findings
    counts = [str(len(some)) for some in (found.lost, found.doubled, found.crooked, found.orphans)]
    said = "; ".join(told.noticed or ["nothing"]).partition(" (")[0].partition(". ")[0]
    how = "ok" if found.good and not told.outcome.exit_code else "BAD"
    return " | ".join(
        [told.kill, f"{told.moment:.1f}", said, told.outcome.summary(), *counts, f"{told.seconds:.0f}", how]
    )


if __name__ == "__main__":
    sys.exit(main())
