"""Read a tidy table of runs (one row per run) as a study: a CSV file, or a table in memory."""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from analysis.reading.class_scores import scores_by_split
from analysis.reading.csv_file import read_table
from analysis.reading.study_folder import with_scores
from analysis.reading.table_columns import Names, Roles, check, names_of
from analysis.reading.tables import LeftOut, Tables, empty, hash_of, notes_on, scores_only, trials_table

SUMMARY = (
    r"(mean|average|avg|median|std|stdev|std\.? ?dev|sd|sem|total|sum|overall|summary|mittelwert|durchschnitt|moyenne|"
    r"media|promedio|ø)\b?\.?( *[(±+/].*)?"
)
"""Names, in any case, of rows that sum up others: ``mean``, ``Avg.``, ``mean ± std``."""


def load_table(
    path: str | Path | pd.DataFrame,
    *,
    configuration: Names,
    block: Names | None = (),
    score: str,
    validation: str | None = None,
    classes: Names | None = (),
    rare: Names | None = (),
    trial: str | None = None,
    default: dict[str, Any] | None = None,
    study: str | None = None,
) -> Tables:
    """Return a tidy table of runs as a study, ready for every analysis of a study.

    A run without a score is a failed trial. Runs of one configuration on one block are repeats: they stay, and are
    averaged where configurations are compared. A row that equals an earlier one in every column is a copy and
    is left out; so is a run without a value in a block column. A run with an empty column of the configuration stays,
    without a level there; how many there are is noted in ``left_out``. Columns without a role are not read.

    Args:
        path: a CSV file (a row per run, a header), or a table.
        configuration: the columns that make a configuration. In a file, ``None``, ``null`` and ``NA`` are levels.
        block: the columns that make a block: what configurations share when they are compared (a seed, a fold, a data
            set). None: no two runs are paired.
        score: the column of the score, higher is better.
        validation: the column of the score that runs were chosen by. With it, *score* is a score of the test split and
            the trials' ``objective`` is the one of validation; without it, *score* is the objective itself.
        classes: the columns of the IoU of each class (0 to 1, on the split of *score*), named as the class.
        rare: the classes among them that are called rare.
        trial: the column of the runs' names; their row numbers, from 1, if there is none.
        default: configuration column → value of the configuration that the others are compared with.
        study: the name of the study; None: the name of the file.

    Raises:
        FileNotFoundError: there is no file at *path*.
        ValueError: it is empty or no CSV, lacks a column, has no score at all, an IoU that is none, or a name twice.
    """
    table, file = read_table(path, [*names_of(configuration), *names_of(block)])
    named = (names_of(configuration), names_of(block), score, validation, names_of(classes), trial, names_of(rare))
    roles, name = Roles(*named), study or Path(file).stem
    check(table, roles, default or {}, file)
    left_out = LeftOut()
    table = _without_summaries(_by_name(table, trial, file), roles, file, left_out)
    table = _placed(_without_copies(table, file, left_out), roles, file, left_out)
    trials = _trials(table, roles, name, file, left_out)
    class_table = _classes(table[(trials["status"] == "complete").to_numpy()], roles, file)
    scores = scores_by_split(class_table).reindex(table.index)
    scores[f"{roles.split}_{roles.score_name}"] = _numbers(table[score])
    trials = with_scores(trials, scores)
    notes_on(trials, class_table, left_out)
    return Tables(
        trials=trials,
        classes=class_table,
        images=empty("images"),
        curves=empty("curves"),
        left_out=left_out.table(),
        parameters=tuple(roles.configuration),
        study=name,
        confirmation=None,
        block=tuple(roles.block),
        default=default,
        score_on_test=validation is not None,
    )


def _by_name(table: pd.DataFrame, trial: str | None, file: str) -> pd.DataFrame:
    """Return *table* with the names of the trials as its index."""
    names = pd.Series(range(1, len(table) + 1)) if trial is None else table[trial]
    unnamed = names.isna().sum()
    if unnamed:
        raise ValueError(f"every run must have a name in column {trial!r} of {file}, but {unnamed} have none")
    return table.set_axis(pd.Index(names.astype(str), dtype="str", name=None))


def _without_summaries(table: pd.DataFrame, roles: Roles, file: str, left_out: LeftOut) -> pd.DataFrame:
    """Leave out the rows that people write below their runs: those whose block or name is a word such as ``mean``."""
    named = table[roles.block].astype(str)
    if roles.trial is not None:
        named = named.assign(**{roles.trial: table[roles.trial].astype(str)})
    is_summary = named.apply(lambda column: column.str.fullmatch(SUMMARY, case=False))
    if is_summary.any(axis=1).all():  # then it is the name of something else
        return table
    for name, row in is_summary[is_summary.any(axis=1)].iterrows():
        column = row.index[row][0]
        word = named.loc[name, column]
        word = word if isinstance(word, str) else word.iloc[0]
        left_out.add(name, file, f"its {column} is {word!r}: it sums up other runs, and is none")
    runs = table[~is_summary.any(axis=1)]
    if len(runs) < len(table):  # beside a word the numbers of seeds and folds are read as texts
        for column in roles.block:
            numbers = pd.to_numeric(runs[column], errors="coerce")
            runs = runs if (numbers.isna() & runs[column].notna()).any() else runs.assign(**{column: numbers})
    return runs


def _without_copies(table: pd.DataFrame, file: str, left_out: LeftOut) -> pd.DataFrame:
    copies = table.duplicated().to_numpy()
    if copies.any():
        columns = table.set_axis(range(table.shape[1]), axis=1)  # two that nobody reads may have one name
        same = columns.groupby(list(columns), dropna=False, sort=False).ngroup().to_numpy()
        origin = dict(zip(same[~copies], table.index[~copies], strict=True))
        for name, group in zip(table.index[copies], same[copies], strict=True):
            left_out.add(name, file, f"it says what run {origin[group]} says in every column: a copy, not a repeat")
    kept = table[~copies]
    twice = kept.index[kept.index.duplicated()]
    if len(twice):
        raise ValueError(f"every run of {file} must have a name of its own, but {twice[0]!r} comes again: rename it")
    return kept


def _placed(table: pd.DataFrame, roles: Roles, file: str, left_out: LeftOut) -> pd.DataFrame:
    """Leave out the runs without a value in a block column, and record how many have no level of the configuration."""
    lacking = table[roles.block].isna()
    for name, row in lacking[lacking.any(axis=1)].iterrows():
        left_out.add(name, file, f"it has no value in {', '.join(row.index[row])}: it belongs to no block")
    table = table[~lacking.any(axis=1)]
    for name, count in table[roles.configuration].isna().sum().items():
        if count:
            left_out.add("", file, f"{name} is empty in {count} of {len(table)} runs: they are no level of it")
    return table


def _shown(value: Any) -> str:
    return repr(value.item() if isinstance(value, np.generic) else value)


def _numbers(values: pd.Series) -> pd.Series:
    numbers = pd.to_numeric(values, errors="coerce").astype(float)
    return numbers.where(np.isfinite(numbers))


def _trials(table: pd.DataFrame, roles: Roles, study: str, file: str, left_out: LeftOut) -> pd.DataFrame:
    score = _numbers(table[roles.score])
    has = score.notna()
    if not has.any():
        texts = table[roles.score].dropna()
        example = f"{_shown(texts.iloc[0])} for run {texts.index[0]}" if len(texts) else "nothing"
        raise ValueError(
            f"column {roles.score!r} of {file} must hold numbers, but holds {example}: write numbers with a decimal "
            f"point, or name another score"
        )
    for name, value in table.loc[~has, roles.score].items():
        why = "no score" if pd.isna(value) else f"no score: it must be a finite number, but is {_shown(value)}"
        left_out.add(name, file, why)
    objective = score if roles.validation is None else _numbers(table[roles.validation])
    derived = {
        "trial": table.index,
        "study": study,
        "attempt": 1,
        "attempts": 0,
        "status": np.where(has, "complete", "failed"),
        "objective_name": roles.score_name,
        "objective": objective.where(has),
        "error": pd.Series(np.where(has, None, "no score"), table.index, dtype=object),
        "config_hash": _hashes(table[roles.configuration]),
    }
    own = {name: table[name] for name in (*roles.configuration, *roles.block)}
    nothing = pd.array([pd.NA], dtype="Int64").take([0] * len(table))
    absent = dict.fromkeys(trials_table([]))
    absent |= dict.fromkeys(("seed", "fold", "epoch", "resumed_from_epoch"), nothing)
    return pd.DataFrame(absent | derived | own, index=table.index).reset_index(drop=True)


def _hashes(configurations: pd.DataFrame) -> pd.Series:
    """Return the hash of each row, computed once per configuration."""
    groups = configurations.groupby(list(configurations), dropna=False, sort=False).ngroup()
    firsts = configurations[~groups.duplicated()].astype(object)
    return groups.map(dict(enumerate(hash_of(row.dropna().to_dict()) for _, row in firsts.iterrows())))


def _classes(table: pd.DataFrame, roles: Roles, file: str) -> pd.DataFrame:
    """Return the class table of the runs in *table*."""
    if not roles.classes:
        return empty("classes")
    columns = []
    for name in roles.classes:
        values = pd.to_numeric(table[name], errors="coerce").astype(float)
        wrong = table[name].notna() & ~values.between(0, 1)
        if wrong.any():
            run, value = table.index[wrong][0], table.loc[wrong, name].iloc[0]
            raise ValueError(
                f"column {name!r} of {file} must hold an IoU, 0 to 1, but holds {_shown(value)} for run {run}: "
                "divide per cent by 100, or leave the column out"
            )
        columns.append(values.to_numpy())
    iou = np.column_stack(columns)
    return scores_only(pd.Series(table.index, dtype="str"), roles.classes, iou, roles.split, roles.rare)
