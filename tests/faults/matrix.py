"""Kill each part of a study at random moments, and check what is left.

    make faults
    python -m tests.faults.matrix --tuner Random --moments 2 --kill manager

For every kill and moment it runs a study of four trials, two at once: real NNI, real attempts, and a training of two
seconds. The exit code is 0 only if nothing was lost, doubled or left running.
"""

import argparse
import shutil
import sys
import tempfile
from pathlib import Path

import pytest

from tests.faults.kills import KILLS, TUNERS, Result, run_with_kills
from tests.search.lab import Lab

HEADINGS = ("kill", "at s", "watch said", "complete", "lost", "doubled", "out of order", "orphans", "seconds", "")


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
                    bad += not _one(lab, given.tuner, kill, seed)
        finally:
            lab.stop_all()
    if bad:
        print(f"{bad} studies are not as they should be; their files are in {folder}")
    else:
        shutil.rmtree(folder)
    return 1 if bad else 0


def _one(lab: Lab, tuner: str, kill: str, seed: int) -> bool:
    """Make one kill, print its row, and return whether all is well."""
    try:
        result = run_with_kills(lab, tuner, [[kill]], seed)
    except (AssertionError, RuntimeError) as error:
        print(f"{kill} | moment {seed} | {type(error).__name__}: {error} | BAD", flush=True)
        return False
    good = result.findings.good and not result.outcome.exit_code
    print(row(result), flush=True)
    if not good:
        print(f"    {result.findings} {result.outcome.wrong} {result.outcome.broken}", flush=True)
    return good


def row(result: Result) -> str:
    """Return one line of the table."""
    findings = result.findings
    counts = [str(len(some)) for some in (findings.lost, findings.doubled, findings.out_of_order, findings.orphans)]
    reasons = "; ".join(result.reasons or ["nothing"]).partition(" (")[0].partition(". ")[0]
    verdict = "ok" if findings.good and not result.outcome.exit_code else "BAD"
    return " | ".join(
        [
            result.kill,
            f"{result.moment:.1f}",
            reasons,
            result.outcome.summary(),
            *counts,
            f"{result.seconds:.0f}",
            verdict,
        ]
    )


if __name__ == "__main__":
    sys.exit(main())
