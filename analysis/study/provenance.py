"""How a study was run: its trials, data, devices, versions, times, and the commands that reproduce it."""

import shlex

import pandas as pd

from analysis.reading.tables import Tables
from analysis.statistics.formatting import and_more
from analysis.study.leaderboard import block_texts, leaderboard
from rarepix.records import DEFAULT_PLAN

FROM_PYTHON = """import analysis
from analysis.reporting.report import write_report

tables = analysis.load_study(STUDY)
write_report(tables, FOLDER)"""


def facts(tables: Tables) -> list[tuple[str, str]]:
    """Return (what, value) pairs for the section *How it was run*; what nothing is known of is left out."""
    trials = tables.trials
    first, last = trials["started"].dropna(), trials["finished"].dropna()
    versions = {name: _distinct(trials[name]) for name in trials if name.startswith("versions.")}
    listed = [
        ("study", tables.study),
        ("trials", status_counts(tables)),
        ("blocks", f"{block_texts(tables, trials).nunique()} ({', '.join(tables.block) or 'none named'})"),
        ("configurations", str(trials["config_hash"].nunique())),
        *([("confirms", tables.confirmation.study)] if tables.confirmation else []),
        ("started again", f"{int((trials['attempt'] > 1).sum())} trials"),
        *((name.replace("dataset", "data set").replace("_", " "), _distinct(trials[name])) for name in _COLUMNS),
        ("first start", first.min() if len(first) else ""),
        ("last end", last.max() if len(last) else ""),
        ("versions", " · ".join(f"{name[9:]} {value}" for name, value in versions.items() if value)),
    ]
    return [(what, value) for what, value in listed if value or what == "trials"]


_COLUMNS = ("recipe", "dataset", "inventory_hash", "split", "split_file", "device", "machine")


def status_counts(tables: Tables) -> str:
    """Return ``8 complete, 1 failed``: how many trials have each status, the most frequent first."""
    return ", ".join(f"{count} {status}" for status, count in tables.trials["status"].value_counts().items())


def _distinct(values: pd.Series) -> str:
    return and_more(values.dropna().unique(), 4)


def timings(tables: Tables) -> pd.DataFrame:
    """Return a row per timing: what, unit, median, lowest, highest, trials. Seconds unless the name says otherwise.

    First comes the time from process start to the first optimiser step: the sum of the phases ``startup_*``.
    """
    trials = tables.trials
    names = [name for name in trials if name.startswith("timings.") and name != "timings.startup_total"]
    parts = [name for name in names if name.startswith("timings.startup_")]
    columns = {name.removeprefix("timings.").replace("_", " "): trials[name] for name in names}
    if parts:
        # A trial that ended before its first step lacks a phase: its sum is unknown, not smaller.
        columns = {"process start to first optimiser step": trials[parts].sum(axis=1, skipna=False)} | columns
    rows = [
        {
            "what": name,
            "unit": "1/s" if name.endswith("per second") else "s",
            "median": values.median(),
            "lowest": values.min(),
            "highest": values.max(),
            "trials": int(values.count()),
        }
        for name, values in columns.items()
    ]
    return pd.DataFrame(rows, columns=["what", "unit", "median", "lowest", "highest", "trials"])


def commands(tables: Tables, again: str | None = None) -> list[tuple[str, str]]:
    """Return (what it does, command) pairs: the best trial again, and this report again.

    Where no command can be given for the trial, its first part is a sentence that says so and the command is empty; a
    table of runs tells nothing of how they were made, and has no such pair. *again* is the command that wrote the
    report; None: it was written from Python.
    """
    ranked, what = leaderboard(tables), "Write this report again"
    if again is None:
        what += ", from Python: read the study (a table of runs by analysis.load_table) and write it"
    return [*(_best_again(ranked.iloc[0]) if len(ranked) else []), (what, FROM_PYTHON if again is None else again)]


def _best_again(best: pd.Series) -> list[tuple[str, str]]:
    trial, settings, recipe = best["trial"], best["settings"], best["recipe"]
    if not isinstance(settings, str):
        return []
    # A database of NNI holds the parameters, but neither the recipe's own settings nor where the data lie.
    lacks = "record" if pd.isna(best["inventory_hash"]) else "" if isinstance(recipe, str) and recipe else "recipe"
    if lacks:
        return [(f"Trial {trial} cannot be run again by a command from here: it left no {lacks} to start from.", "")]
    plan = best["plan"] if isinstance(best.get("plan"), str) else DEFAULT_PLAN
    command = f"python -m trials.{plan} --recipe {shlex.quote(recipe)} {settings}"
    return [(f"Train and evaluate trial {trial} again", command)]


def failures(tables: Tables) -> pd.DataFrame:
    """Return the trials that are not complete, with what is known of why."""
    trials = tables.trials[tables.trials["status"] != "complete"]
    running = "no end was recorded: it still runs, or it was killed"
    reasons = trials["status"].map({"stopped": "ended early by the search", "running": running})
    message = trials["error"].map(lambda text: f": {text}" if isinstance(text, str) else "")
    why = trials["error_type"].fillna("") + message
    why = why.where(why != "", reasons.fillna("no reason was recorded"))
    table = trials[["trial", "status"]].assign(why=why, where=trials["error_where"].fillna(""))
    return table.reset_index(drop=True)
