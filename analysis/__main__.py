"""Read a study and write its report.

    python -m analysis                          the newest study under results/
    python -m analysis demo                     results/demo
    python -m analysis some/folder              a study's folder
    python -m analysis demo --results DIR       DIR/demo

Writes <study>/report/index.html and the tables behind it. Exit code 0 if the report has a result in it; 1 if there is
no study, no record, or no complete trial (then the report is written and says so).
"""

import argparse
import shutil
import sys
from pathlib import Path

from rarepix.records import record_files, results_root, studies


class NoStudy(ValueError):
    """There is nothing to read; the message says where it was looked for."""


def find_study(name: str | None, results: Path) -> Path:
    """Return the folder of the study *name* (a folder, or a name under *results*), or the newest one.

    Raises:
        NoStudy: there is none, or no trial in it has left a record.
    """
    found = studies(results)
    known = (
        f"there are {', '.join(sorted(study.name for study in found))}"
        if found
        else "there is none yet: run a study first"
    )
    if name is None:
        if not found:
            raise NoStudy(f"a study must have left records under {results}, but {known}")
        return found[-1]
    # A name means a study under results first: a folder of the same name here would be a surprise.
    candidates = [results / name, Path(name)]
    study = next((folder for folder in candidates if (folder / "trials").is_dir()), None)
    if study is None:
        raise NoStudy(
            f"the study must be a folder with trials/ in it, or a name under {results}, but got {name!r}: {known}"
        )
    if not any(record_files(study)):
        raise NoStudy(
            f"{study} must hold trials/<trial>/record.json, but no trial has left a record: has the study started?"
        )
    return study


def main(arguments: list[str] | None = None) -> int:
    """Run the command and return its exit code."""
    parser = argparse.ArgumentParser(prog="python -m analysis", description="Read a study and write its report.")
    parser.add_argument(
        "study", nargs="?", metavar="STUDY", help="a folder, or a name under results (default: the newest)"
    )
    parser.add_argument("--results", type=Path, help="folder of all studies (default: $RAREPIX_RESULTS, else results)")
    given = parser.parse_args(arguments)
    try:
        study = find_study(given.study, results_root(given.results))
    except NoStudy as error:
        print(f"analysis: {error}", file=sys.stderr)
        return 1
    # Imported late, so that --help and a wrong name answer at once.
    from analysis.reading.collect import load_study
    from analysis.reporting.report import write_report
    from analysis.reporting.summary import summary
    from analysis.study.standings import standings

    tables = load_study(study)
    page = write_report(tables, study / "report")
    width = min(max(shutil.get_terminal_size((100, 24)).columns, 80), 160)
    print(summary(tables, page, width), end="")
    if standings(tables).empty:
        print(f"analysis: no trial of {study} is complete; the report says what became of them", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
