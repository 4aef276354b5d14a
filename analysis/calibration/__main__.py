"""Check the analysis on synthetic studies whose truth is known, and print what is required and what was seen.

    python -m analysis.calibration                    every check in full, about 30 minutes
    python -m analysis.calibration --quick            a tenth of the simulations and of the trials
    python -m analysis.calibration --out checks.csv   the table as a CSV file, too

Exit code 1 if a check fails.
"""

import argparse
import math
import sys
from collections.abc import Iterator
from pathlib import Path

import pandas as pd
from rich.console import Console
from rich.table import Table

from analysis.calibration.checks import table
from analysis.calibration.coverage import coverage
from analysis.calibration.false_claims import false_claims, planted
from analysis.calibration.family_error import family_errors, opinion_errors, whole_procedure
from analysis.calibration.large_studies import scale
from analysis.calibration.looks import look_errors

FULL, QUICK = 1000, 100


def main(arguments: list[str] | None = None) -> int:
    """Run the command and return its exit code."""
    parser = argparse.ArgumentParser(prog="python -m analysis.calibration", description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="a tenth of the simulations and of the trials")
    parser.add_argument("--out", type=Path, metavar="FILE", help="write the table as a CSV file, too")
    parser.add_argument("--seed", type=int, default=0, help="of the synthetic studies (default: 0)")
    given = parser.parse_args(arguments)
    checks = table(_run_checks(QUICK if given.quick else FULL, given.seed))
    Console(width=None if sys.stdout.isatty() else 160).print(_as_rich_table(checks))
    if given.out:
        given.out.parent.mkdir(parents=True, exist_ok=True)
        beside = given.out.with_name(f".{given.out.name}.tmp")
        checks.to_csv(beside, index=False)
        beside.replace(given.out)
    failed = checks[~checks["passed"].astype(bool)]
    print(f"{len(checks) - len(failed)} of {len(checks)} checks passed")
    return 1 if len(failed) else 0


def _run_checks(simulations: int, seed: int) -> Iterator[dict]:
    """Yield every check, and print its name on stderr when it is done: all of them take minutes."""
    for rows in (
        false_claims(simulations, seed),
        family_errors(simulations, seed),
        whole_procedure(simulations, seed),
        opinion_errors(simulations, seed),
        look_errors(simulations, seed),
        planted(simulations, seed),
        coverage(2 * simulations, seed),
        scale(simulations, 100 * simulations, seed),
    ):
        for row in rows:
            print(f"{'passed' if row['passed'] else 'FAILED'}: {row['check']}", file=sys.stderr, flush=True)
            yield row


def _as_rich_table(checks: pd.DataFrame) -> Table:
    page = Table("check", "asked", "seen", "interval", "of", "", "note")
    for row in checks.to_dict("records"):
        once = math.isnan(row["low"])
        seen = f"{row['seen']:.2f} {row['asked'].split()[-1]}" if once else f"{100 * row['seen']:.1f} %"
        interval = "" if once else f"{100 * row['low']:.1f} to {100 * row['high']:.1f}"
        passed = "[green]passed[/]" if row["passed"] else "[bold red]FAILED[/]"
        page.add_row(row["check"], row["asked"], seen, interval, f"{row['simulations']:,}", passed, row["note"])
    return page


if __name__ == "__main__":
    sys.exit(main())
