"""How a study was run: its trials, data, devices, versions, times, and the commands that reproduce it."""

import shlex

import pandas as pd

from analysis.reading.tables import Tables
from analysis.study.leaderboard import block_texts, leaderboard

STARTUP, TOTAL = "timings.startup_", "timings.startup_total"
VERSIONS = "versions."
FROM_PYTHON = """import analysis
from analysis.reporting.report import write_report

tables = analysis.load_study(STUDY)
write_report(tables, FOLDER)"""


def facts(tables: Tables) -> list[tuple[str, str]]:
    """Return (what, value) pairs for the section *How it was run*; what nothing is known of is left out."""
    trials = tables.trials
    states = trials["status"].value_counts()
    first, last = trials["started"].dropna(), trials["finished"].dropna()
    versions = {name.removeprefix("versions."): _distinct(trials[name]) for name in trials if name.startswith(VERSIONS)}
    listed = [
        ("study", tables.study),
        ("trials", ", ".join(f"{count} {status}" for status, count in states.items())),
        ("blocks", f"{block_texts(tables, trials).nunique()} ({', '.join(tables.block) or 'none named'})"),
        ("configurations", str(trials["config_hash"].nunique())),
        *([("confirms", tables.confirmation.study)] if tables.confirmation else []),
        ("started again", f"{int((trials['attempt'] > 1).sum())} trials"),
        *((label, _distinct(trials[name])) for label, name in _COLUMNS),
        ("first start", first.min() if len(first) else ""),
        ("last end", last.max() if len(last) else ""),
        ("versions", " · ".join(f"{name} {value}" for name, value in versions.items() if value)),
    ]
    return [(what, value) for what, value in listed if value or what == "trials"]


_COLUMNS = [
    ("recipe", "recipe"),
    ("data set", "dataset"),
    ("inventory hash", "inventory_hash"),
    ("split", "split"),
    ("split file", "split_file"),
    ("device", "device"),
    ("machine", "machine"),
]


def _distinct(values: pd.Series) -> str:
    texts = [str(value) for value in values.dropna().unique()]
    return ", ".join(texts[:4]) + (f" and {len(texts) - 4} more" if len(texts) > 4 else "")


def timings(tables: Tables) -> pd.DataFrame:
    """Return a row per timing: what, unit, median, lowest, highest, trials. Seconds unless the name says otherwise.

    First comes the time from process start to the first optimiser step: the sum of the phases ``startup_*``.
    """
    trials = tables.trials
    names = [name for name in trials if name.startswith("timings.") and name != TOTAL]
    parts = [name for name in names if name.startswith(STARTUP)]
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
    table of runs tells nothing of how they were made, and has no such pair.

    Args:
        again: the command that wrote the report; None: it was written from Python.
    """
    ranked = leaderboard(tables)
    best = _best_again(ranked.iloc[0]) if len(ranked) else []
    if again is not None:
        return [*best, ("Write this report again", again)]
    what = "Write this report again, from Python: read the study (a table of runs by analysis.load_table) and write it"
    return [*best, (what, FROM_PYTHON)]


def _best_again(best: pd.Series) -> list[tuple[str, str]]:
    trial, settings, recipe = best["trial"], best["settings"], best["recipe"]
    if not isinstance(settings, str):
        return []
    # A database of NNI holds the parameters, but neither the recipe's own settings nor where the data lie.
    lacks = "record" if pd.isna(best["inventory_hash"]) else "" if isinstance(recipe, str) and recipe else "recipe"
    if lacks:
        return [(f"Trial {trial} cannot be run again by a command from here: it left no {lacks} to start from.", "")]
    command = f"python -m trials.segment --recipe {shlex.quote(recipe)} {settings}"
    return [(f"Train and evaluate trial {trial} again", command)]


def failures(tables: Tables) -> pd.DataFrame:
    """Return the trials that are not complete, with what is known of why."""
    trials = tables.trials[tables.trials["status"] != "complete"]
    reasons = {
        "stopped": "ended early by the search",
        "running": "no end was recorded: it still runs, or it was killed",
    }
    why = trials["error_type"].fillna("") + trials["error"].map(
        lambda text: f": {text}" if isinstance(text, str) else ""
    )
    why = why.where(why != "", trials["status"].map(reasons).fillna("no reason was recorded"))
    return pd.DataFrame(
        {"trial": trials["trial"], "status": trials["status"], "why": why, "where": trials["error_where"].fillna("")}
    ).reset_index(drop=True)
