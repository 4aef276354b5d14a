"""Read a study, or several as one, and write the report.

    python -m analysis                          the newest study under results/
    python -m analysis demo                     results/demo
    python -m analysis some/folder              a study's folder
    python -m analysis demo --results DIR       DIR/demo
    python -m analysis demo losses              two studies as one, into results/demo+losses/report
    python -m analysis path/to/nni.sqlite       a running or stopped NNI experiment, by its database or its folder
    python -m analysis runs.csv --configuration loss,sampling --block seed --score miou
                                                any tidy table, a row per run
    python -m analysis demo --out DIR           the report into DIR
    python -m analysis demo --watch             again whenever a trial has something new, until the study ends
    python -m analysis demo --watch 60          looking every 60 seconds

Writes <study>/report/index.html and the tables behind it. Exit code 0 if the report has a result in it; 1 if there is
no study, no record, or no complete trial (then the report is written and says so); 2 for options that do not fit
together.
"""

import argparse
import os
import shlex
import shutil
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

from analysis.reading.changed_files import describe_changes, file_states
from analysis.reading.find_study import StudyNotFound, find_study, is_table
from rarepix.layout import LOOKS, REPORT, RESULTS_VARIABLE, TRIALS, results_root, study_folder

if TYPE_CHECKING:
    from analysis.reading.tables import Tables

COLUMNS = ("configuration", "block", "score", "validation", "classes", "rare")
"""Options that say what the columns of a CSV file are."""
SECONDS, IDLE_CHECKS = 10.0, 6
"""Seconds between two checks of ``--watch``, and how many checks without a running trial and without a change end it:
the next trial may be about to start."""


def main(arguments: list[str] | None = None) -> int:
    """Run the command and return its exit code."""
    parser = _parser()
    options = parser.parse_args(arguments)
    results = results_root(options.results)
    try:
        places = [find_study(name, results, begun=options.watch is None) for name in options.study or [None]]
        _check(parser, options, places)
        if options.watch is not None:
            return _watch(places, results, options)
        tables = _read(options, places, results)
        folder, study = _folder(tables, places, results, options.out), _home(tables, places, results)
        return _report(tables, folder, study, _command(options, places))
    except (StudyNotFound, OSError) as error:
        what = str(error)
        if isinstance(error, OSError) and error.strerror:
            what = f"{error.filename or 'the study'} must be readable, but: {error.strerror}"
        print(f"analysis: {' '.join(what.split())}", file=sys.stderr)
        return 1


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m analysis", description="Read a study and write its report.")
    add = parser.add_argument
    what = "a folder, a name under results, a database or folder of an NNI experiment, or a CSV file; several are"
    add("study", nargs="*", metavar="STUDY", help=f"{what} read as one (default: the newest under results)")
    add("--results", type=Path, help="folder of all studies (default: $RAREPIX_RESULTS, else results)")
    add("--out", type=Path, metavar="DIR", help="folder of the report (default: report in the study's folder)")
    again = f"write the report again on every change, looking every SECONDS (default: {SECONDS:.0f})"
    add("--watch", type=_seconds, nargs="?", const=SECONDS, metavar="SECONDS", help=again)
    table = parser.add_argument_group("of a CSV file", "which columns are what; several with commas between")
    table.add_argument("--configuration", type=_names, metavar="COLUMNS", help="what makes a configuration")
    table.add_argument("--block", type=_names, metavar="COLUMNS", help="what configurations share when compared")
    table.add_argument("--score", metavar="COLUMN", help="the score, higher is better")
    table.add_argument("--validation", metavar="COLUMN", help="the score that runs were chosen by")
    table.add_argument("--classes", type=_names, metavar="COLUMNS", help="IoU of each class")
    table.add_argument("--rare", type=_names, metavar="CLASSES", help="the classes that are called rare")
    return parser


def _command(options: argparse.Namespace, places: list[Path]) -> str:
    """Return the command that writes this report again, without the default study and variables of this shell."""
    words = ["python", "-m", "analysis", *(options.study or [places[0].name])]
    values = {name: getattr(options, name) for name in (*COLUMNS, "results", "out")}
    values["results"] = options.results or os.environ.get(RESULTS_VARIABLE)
    for name, value in values.items():
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


def _check(parser: argparse.ArgumentParser, options: argparse.Namespace, places: list[Path]) -> None:
    """End with exit code 2 where the options contradict each other."""
    tables = [place for place in places if is_table(place)]
    named = [f"--{name}" for name in COLUMNS if getattr(options, name)]
    if tables and len(places) > 1:
        parser.error(f"a CSV file must be read alone, but {tables[0]} came with other studies: join the tables first")
    if tables and not (options.configuration and options.score):
        parser.error(f"{tables[0]} needs --configuration and --score: which of its columns are they?")
    if named and not tables:
        parser.error(f"{', '.join(named)} must come with a CSV file, but the study is {places[0]}")


def _read(options: argparse.Namespace, places: list[Path], results: Path) -> "Tables":
    from analysis.reading.load_study import load_study
    from analysis.reading.load_table import load_table

    try:
        if is_table(places[0]):
            return load_table(places[0], **{name: value for name in COLUMNS if (value := getattr(options, name))})
        tables = load_study(places)
        home = study_folder(results, tables.study)
        # If trials of the experiment left records, the records are used, and the database adds the other trials.
        return load_study([home, *places]) if _is_study(home) and not any(map(_is_study, places)) else tables
    except ValueError as error:
        raise StudyNotFound(str(error)) from error


def _is_study(folder: Path) -> bool:
    return (folder / TRIALS).is_dir()


def _home(tables: "Tables", places: list[Path], results: Path) -> Path:
    """Return the folder of the study; of several read as one, the folder that their report is in."""
    alone = len(places) == 1 and _is_study(places[0])
    return places[0] if alone else study_folder(results, tables.study.replace(" + ", "+"))


def _folder(tables: "Tables", places: list[Path], results: Path, out: Path | None) -> Path:
    """Return the folder of the report. Raises ``StudyNotFound`` where it holds something else than a report."""
    home = _home(tables, places, results)
    if out is None and len(places) == 1 and is_table(places[0]) and _is_study(home):
        raise StudyNotFound(f"{home / 'report'} must stay the report of that study: name another folder with --out")
    folder = out or home / REPORT.parent
    is_report = all((folder / name).is_file() for name in (REPORT.name, "trials.csv"))
    if folder.exists() and not is_report and not (folder.is_dir() and not any(folder.iterdir())):
        why = "must be new, empty or an earlier report, since it is replaced"
        raise StudyNotFound(f"{folder} {why}: name another folder")
    return folder


def _report(tables: "Tables", folder: Path, study: Path, again: str, *, in_short: bool = False) -> int:
    """Write the report into *folder*, print its summary unless *in_short*, and return the exit code.

    That it was written is recorded in the folder of the *study*.
    """
    from analysis.reporting.looks import record_look
    from analysis.reporting.report import write_report
    from analysis.reporting.terminal import summary
    from analysis.study.leaderboard import leaderboard
    from analysis.study.results import compute_results

    results = compute_results(tables)
    try:
        page = write_report(tables, folder, results, again)
    except OSError as error:
        why = f"the report must be written into {folder}, but: {error.strerror or error}"
        raise StudyNotFound(f"{why}: name a folder that can be written with --out") from error
    try:
        record_look(study, tables, results)
    except OSError as error:
        why = f"{study / LOOKS} must be written, but: {error.strerror or error}"
        print(f"analysis: {why}: an extension will not know of this look at the study", file=sys.stderr)
    nothing = leaderboard(tables).empty
    if not in_short:
        width = min(max(shutil.get_terminal_size((100, 24)).columns, 80), 160)
        print(summary(tables, page, width, results), end="", flush=True)
        if nothing:
            why = f"no trial of {tables.study} is complete; the report says what became of them"
            print(f"analysis: {why}", file=sys.stderr)
    return int(nothing)


def _watch(places: list[Path], results: Path, options: argparse.Namespace) -> int:
    """Write the report now and after every change, until the study ends; Ctrl-C ends it with exit code 0."""
    try:
        seen, tables, quiet = file_states(places), _read(options, places, results), 0
        folder, again = _folder(tables, places, results, options.out), _command(options, places)
        study = _home(tables, places, results)
        code = _report(tables, folder, study, again)
        while quiet < IDLE_CHECKS or (tables.trials["status"] == "running").any():
            time.sleep(options.watch)
            now = file_states(places)
            news, quiet = describe_changes(seen, now), quiet + 1
            if news:
                seen, quiet, tables = now, 0, _read(options, places, results)
                code = _report(tables, folder, study, again, in_short=True)
                states = ", ".join(f"{n} {state}" for state, n in tables.trials["status"].value_counts().items())
                print(f"{time.strftime('%X')} {news} changed: {states or 'no trial'}; written again", flush=True)
        return code
    except KeyboardInterrupt:
        return 0


if __name__ == "__main__":
    sys.exit(main())
