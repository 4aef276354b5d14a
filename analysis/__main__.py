"""Read a study, or several as one, and write the report.

    python -m analysis                          the newest study under results/
    python -m analysis demo                     results/demo
    python -m analysis some/folder              a study's folder
    python -m analysis demo --results DIR       DIR/demo
    python -m analysis demo losses              two studies as one, into results/demo+losses/report
    python -m analysis path/to/nni.sqlite       a running or stopped NNI experiment, by its database or its folder
    python -m analysis runs.csv --configuration loss,sampling --block seed --score miou
                                                any tidy table, a row a run
    python -m analysis demo --out DIR           the report into DIR
    python -m analysis demo --watch             again whenever a trial has something new, until the study ends
    python -m analysis demo --watch 60          looking every 60 seconds

Writes <study>/report/index.html and the tables behind it. Exit code 0 if the report has a result in it; 1 if there is
no study, no record, or no complete trial (then the report is written and says so); 2 for a command that makes no sense.
"""

import argparse
import os
import shlex
import shutil
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from analysis.reading.changes import changed, stamps
from analysis.reading.cycles import no_cycles
from analysis.reading.find import NoStudy, find_study, is_table
from rarepix.layout import REPORT, RESULTS_VARIABLE, TRIALS, results_root, study_folder

if TYPE_CHECKING:
    from analysis.reading.collect import Tables

COLUMNS = ("configuration", "block", "score", "validation", "classes", "rare")
"""Options that say what the columns of a CSV file are."""
SECONDS, QUIET = 10.0, 6
"""Between two looks of ``--watch``; and how many looks without running trials and without change end it: the next
trial may be on its way."""


def main(arguments: list[str] | None = None) -> int:
    """Run the command and return its exit code."""
    parser = _parser()
    given = parser.parse_args(arguments)
    results = results_root(given.results)
    try:
        places = [find_study(name, results, begun=given.watch is None) for name in given.study or [None]]
        _check(parser, given, places)
        read = lambda: _read(given, places, results)  # noqa: E731
        follow = _once if given.watch is None else _watch
        return follow(read, places, results, given)
    except (NoStudy, OSError) as error:
        what = str(error)
        if isinstance(error, OSError) and error.strerror:
            what = f"{error.filename or 'the study'} must be readable, but: {error.strerror}"
        print(f"analysis: {' '.join(what.split())}", file=sys.stderr)
        return 1


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m analysis", description="Read a study and write its report.")
    add = parser.add_argument
    add(
        "study",
        nargs="*",
        metavar="STUDY",
        help="a folder, a name under results, a database or folder of an NNI experiment, or a CSV file; several are "
        "read as one (default: the newest under results)",
    )
    add("--results", type=Path, help="folder of all studies (default: $RAREPIX_RESULTS, else results)")
    add("--out", type=Path, metavar="DIR", help="folder of the report (default: report in the study's folder)")
    add(
        "--watch",
        type=_seconds,
        nargs="?",
        const=SECONDS,
        metavar="SECONDS",
        help=f"write the report again on every change, looking every SECONDS (default: {SECONDS:.0f})",
    )
    table = parser.add_argument_group("of a CSV file", "which columns are what; several with commas between")
    table.add_argument("--configuration", type=_names, metavar="COLUMNS", help="what makes a configuration")
    table.add_argument("--block", type=_names, metavar="COLUMNS", help="what configurations share when compared")
    table.add_argument("--score", metavar="COLUMN", help="the score, higher is better")
    table.add_argument("--validation", metavar="COLUMN", help="the score that runs were chosen by")
    table.add_argument("--classes", type=_names, metavar="COLUMNS", help="IoU of each class")
    table.add_argument("--rare", type=_names, metavar="CLASSES", help="the classes that are called rare")
    return parser


def _command(given: argparse.Namespace, places: list[Path]) -> str:
    """Return the command that writes this report again, by whoever runs it: the newest study may be another one then,
    and a variable of this shell unknown."""
    words = ["python", "-m", "analysis", *(given.study or [places[0].name])]
    said = {name: getattr(given, name) for name in (*COLUMNS, "results", "out")}
    said["results"] = given.results or os.environ.get(RESULTS_VARIABLE)
    for name, value in said.items():
        if value is not None:
            words += [f"--{name}", ",".join(value) if isinstance(value, list) else str(value)]
    return shlex.join(words)


def _seconds(text: str) -> float:
    try:
        seconds = float(text)
    except ValueError:
        seconds = 0.0
    if not 0 < seconds < float("inf"):
        raise argparse.ArgumentTypeError(f"must be seconds above 0, but is {text!r}: name studies before it")
    return seconds


def _names(text: str) -> list[str]:
    return [name.strip() for name in text.split(",") if name.strip()]


def _check(parser: argparse.ArgumentParser, given: argparse.Namespace, places: list[Path]) -> None:
    """End with exit code 2 where the words of the command do not fit together."""
    tables = [place for place in places if is_table(place)]
    named = [f"--{name}" for name in COLUMNS if getattr(given, name)]
    if tables and len(places) > 1:
        parser.error(f"a CSV file must be read alone, but {tables[0]} came with other studies: join the tables first")
    if tables and not (given.configuration and given.score):
        parser.error(f"{tables[0]} needs --configuration and --score: which of its columns are they?")
    if named and not tables:
        parser.error(f"{', '.join(named)} must come with a CSV file, but the study is {places[0]}")


def _read(given: argparse.Namespace, places: list[Path], results: Path) -> "Tables":
    from analysis.reading.collect import load_study
    from analysis.reading.tidy import load_table

    try:
        if is_table(places[0]):
            return load_table(places[0], **{name: value for name in COLUMNS if (value := getattr(given, name))})
        tables = load_study(places)
        home = study_folder(results, tables.study)
        # An experiment whose trials left records here: they count, and the database tells of the others.
        return load_study([home, *places]) if _is_study(home) and not any(map(_is_study, places)) else tables
    except ValueError as error:
        raise NoStudy(str(error)) from error


def _is_study(folder: Path) -> bool:
    return (folder / TRIALS).is_dir()


def _folder(tables: "Tables", places: list[Path], results: Path, out: Path | None) -> Path:
    """Return where the report goes.

    Raises:
        NoStudy: something else than a report is there.
    """
    one = len(places) == 1
    home = places[0] if one and _is_study(places[0]) else study_folder(results, tables.study.replace(" + ", "+"))
    if out is None and one and is_table(places[0]) and _is_study(home):
        raise NoStudy(f"{home / 'report'} must stay the report of that study: name another folder with --out")
    folder = out or home / REPORT.parent
    if folder.exists() and not _may_be_replaced(folder):
        raise NoStudy(f"{folder} must be new, empty or an earlier report, since it is replaced: name another folder")
    return folder


def _may_be_replaced(folder: Path) -> bool:
    """Return whether *folder* is an earlier report, or empty: what is there is lost."""
    is_report = all((folder / name).is_file() for name in (REPORT.name, "trials.csv"))
    return is_report or (folder.is_dir() and not any(folder.iterdir()))


def _once(read: Callable[[], "Tables"], places: list[Path], results: Path, given: argparse.Namespace) -> int:
    tables = read()
    return _report(tables, _folder(tables, places, results, given.out), _command(given, places))


@no_cycles()
def _report(tables: "Tables", folder: Path, again: str, *, in_short: bool = False) -> int:
    """Write the report into *folder*, print its summary unless told *in_short*, and return the exit code.

    Raises:
        NoStudy: nothing can be written there.
    """
    from analysis.reporting.report import write_report
    from analysis.reporting.summary import summary
    from analysis.study.leaderboard import standings
    from analysis.study.results import results

    found = results(tables)
    try:
        page = write_report(tables, folder, found, again)
    except OSError as error:
        why = f"the report must be written into {folder}, but: {error.strerror or error}"
        raise NoStudy(f"{why}: name a folder that can be written with --out") from error
    if in_short:
        return 1 if standings(tables).empty else 0
    width = min(max(shutil.get_terminal_size((100, 24)).columns, 80), 160)
    print(summary(tables, page, width, found), end="", flush=True)
    if standings(tables).empty:
        print(f"analysis: no trial of {tables.study} is complete; the report says what became of them", file=sys.stderr)
        return 1
    return 0


def _watch(read: Callable[[], "Tables"], places: list[Path], results: Path, given: argparse.Namespace) -> int:
    """Write the report now and after every change, a line each; end with the study, or with code 0 at Ctrl-C."""
    try:
        seen, tables, quiet = stamps(places), read(), 0
        folder, again = _folder(tables, places, results, given.out), _command(given, places)
        code = _report(tables, folder, again)
        while quiet < QUIET or _running(tables):
            time.sleep(given.watch)
            now = stamps(places)
            news, quiet = changed(seen, now), quiet + 1
            if news:
                seen, quiet, tables = now, 0, read()
                code = _report(tables, folder, again, in_short=True)
                states = ", ".join(f"{n} {state}" for state, n in tables.trials["status"].value_counts().items())
                print(f"{time.strftime('%X')} {news} changed: {states or 'no trial'}; written again", flush=True)
        return code
    except KeyboardInterrupt:
        return 0


def _running(tables: "Tables") -> bool:
    return bool((tables.trials["status"] == "running").any())


if __name__ == "__main__":
    sys.exit(main())
