"""The scores of two levels, taken from a table of trials: matched by block or as independent groups.

A block is what levels share: seed and fold, and whatever else is held equal. Several scores of a level within a block
are averaged and counted; a block that lacks one of the two levels is named, never filled. A row without a value in a
block column lies in no block that anyone knows: it is left out and counted. Only a ``Parameter`` may be missing.
"""

from collections import Counter
from collections.abc import Iterator, Sequence
from itertools import combinations
from typing import Any, NamedTuple

import numpy as np
import pandas as pd


class Parameter(str):
    """The name of a block column in which a missing value is a value: a parameter that was not sampled.

    Two trials without the gamma of a focal loss agree in it; two trials without a seed need not agree in theirs.
    """


class Sample(NamedTuple):
    """The scores of two levels: position i of both is block i if they are paired."""

    a: np.ndarray
    b: np.ndarray
    incomplete: list[str]
    """Blocks that hold only one of the two, and how many rows are in no known block."""
    repeats: int
    """Scores beyond the first of a level in its block; they are averaged."""

    def described(self) -> dict:
        """Return how many scores there are and what was left out, as columns of a table."""
        n_a, n_b, incomplete = len(self.a), len(self.b), "; ".join(self.incomplete)
        return {"n": min(n_a, n_b), "n_a": n_a, "n_b": n_b, "repeats": self.repeats, "incomplete": incomplete}


def as_list(block: str | Sequence[str] | None) -> list[str]:
    """Return the block columns as a list: one name, several, or none."""
    return [block] if isinstance(block, str) else list(block or [])


def usable_rows(
    table: pd.DataFrame, treatment: str, blocks: Sequence[str], score: str, against: Any = None
) -> pd.DataFrame:
    """Return the rows of *table* that have a level and a score, of the columns that are named, the score as float.

    Raises:
        ValueError: *table* is none, a column is missing, the score is no number or infinite, a level cannot be
            compared, or *against* is no level of the table, with or without a score.
    """
    if not isinstance(table, pd.DataFrame):
        hint = "give its .trials" if hasattr(table, "trials") else "give a table with a row per trial"
        raise ValueError(f"the table must be a pandas DataFrame, but got {type(table).__name__}: {hint}")
    needed = [treatment, score, *blocks]
    missing = [name for name in needed if name not in table]
    if missing:
        raise ValueError(f"the table must have the columns {needed}, but lacks {missing}: it has {list(table)}")
    table = table[list(dict.fromkeys(needed))]
    scores = floats(table[score], f"the score {score!r}", "choose another column")
    if np.isinf(scores).any():
        count = int(np.isinf(scores).sum())
        raise ValueError(f"the score {score!r} must be finite or NaN, but {count} rows are infinite: leave them out")
    known = table[treatment].notna()
    if against is not None:
        level_pairs(sorted_levels(table[known], treatment), against)
    return table.assign(**{score: scores})[known & scores.notna()]


def floats(values: pd.Series, what: str, advice: str) -> pd.Series:
    """Return *values* as floats; raise ValueError, with *what* they are and *advice*, where one is no number."""
    if values.dtype == float:
        return values
    try:
        # pandas' own NA is no float to it; NaN is.
        return values.astype(object).where(values.notna(), np.nan).astype(float)
    except (TypeError, ValueError) as error:
        raise ValueError(f"{what} must be numbers or NaN, but {error}: {advice}") from error


def sorted_levels(used: pd.DataFrame, treatment: str) -> list:
    """Return the levels of *treatment*: numbers in order, then text in order.

    Raises ValueError where levels cannot be distinguished: lists or the like, or True and 1.
    """
    if used[treatment].dtype == object:
        _refuse_merged(used[treatment])
    try:
        return sorted(used[treatment].unique(), key=lambda level: (isinstance(level, str), level))
    except TypeError as error:
        raise ValueError(
            f"the levels of {treatment!r} must be numbers, booleans or text, but {error}: turn them into text"
        ) from error


def _refuse_merged(values: pd.Series) -> None:
    """Raise ValueError where a boolean and a number are equal, and would count as one level."""
    flags, numbers = (bool, np.bool_), (bool, int, float, np.generic)
    kinds = {
        (value == 1, isinstance(value, flags)) for value in values if isinstance(value, numbers) and value in (0, 1)
    }
    merged = [f"{bool(value)} and {value}" for value in (0, 1) if {(value, True), (value, False)} <= kinds]
    if merged:
        raise ValueError(
            f"the levels of {values.name!r} must differ, but {' and '.join(merged)} are equal: turn them into text"
        )


def level_pairs(levels: Sequence, against: Any = None) -> list[tuple]:
    """Return every pair (a, b) of *levels* in their order, or only those of *against* (then a) with each other one.

    Raises ValueError where *against* is not among them.
    """
    if against is None:
        return list(combinations(levels, 2))
    if against not in levels:
        raise ValueError(f"against must be one of the levels {list(levels)}, but got {against!r}")
    return [(against, level) for level in levels if level != against]


def samples(
    used: pd.DataFrame, treatment: str, blocks: Sequence[str], score: str, against: Any = None
) -> Iterator[tuple[Any, Any, Sample]]:
    """Yield (a, b, their scores) for every pair of levels of *used* (see ``usable_rows``); no blocks: unpaired."""
    return arranged(used, treatment, blocks, score).pairs(against)


def arranged(used: pd.DataFrame, treatment: str, blocks: Sequence[str], score: str) -> "Scores":
    """Return the scores of *used* (see ``usable_rows``) by level, and by block where *blocks* are named."""
    levels = sorted_levels(used, treatment)
    if not blocks:
        runs = {level: group.to_numpy() for level, group in used.groupby(treatment)[score]}
        return Scores(treatment, score, levels, runs, (), None, None, {})
    placed, lost = in_blocks(used, treatment, blocks)
    names, means, sizes = block_matrices(placed, levels, treatment, blocks, score)
    return Scores(treatment, score, levels, {}, tuple(names), means, sizes, lost)


class Scores(NamedTuple):
    """The scores of the levels of a treatment: as independent runs, or in blocks."""

    treatment: str
    score: str
    levels: list
    """In order."""
    runs: dict[Any, np.ndarray]
    """Of each level, if they are not in blocks."""
    blocks: tuple[str, ...]
    """Their names."""
    means: np.ndarray | None
    """Blocks × levels; NaN: none. None: the scores are independent runs."""
    sizes: np.ndarray | None
    """How many scores each mean is of."""
    lost: dict[Any, Counter]
    """See ``in_blocks``."""

    def pairs(self, against: Any = None) -> Iterator[tuple[Any, Any, Sample]]:
        """Yield (a, b, their scores) for every pair of levels, or only for those of *against*."""
        # ``usable_rows`` has made sure that *against* is a level: one without a score has no pairs.
        known = against is None or against in self.levels
        number = {level: i for i, level in enumerate(self.levels)}
        for a, b in level_pairs(self.levels, against) if known else ():
            if self.means is None:
                yield a, b, Sample(self.runs[a], self.runs[b], [], 0)
            else:
                yield a, b, self._paired(a, number[a], b, number[b])

    def _paired(self, a: Any, column_a: int, b: Any, column_b: int) -> Sample:
        sizes = self.sizes[:, [column_a, column_b]]
        held = sizes > 0
        both = held.all(axis=1)
        one = np.flatnonzero(held.any(axis=1) & ~both)
        incomplete = [f"{self.blocks[i]} (lacks {b if held[i, 0] else a})" for i in one]
        incomplete += rows_without(self.lost, (a, b)) if self.lost else []
        repeats = int((sizes[both] - 1).sum())
        return Sample(self.means[both, column_a], self.means[both, column_b], incomplete, repeats)


def in_blocks(used: pd.DataFrame, treatment: str, blocks: Sequence[str]) -> tuple[pd.DataFrame, dict[Any, Counter]]:
    """Return the rows whose block is known, and for each level how many of the others lack which columns."""
    required = [name for name in blocks if not isinstance(name, Parameter)]
    missing = used[required].isna()
    unknown = missing.any(axis=1)
    if not unknown.any():
        return used, {}
    lacking = [" and ".join(missing.columns[row]) for row in missing[unknown].to_numpy()]
    lost: dict[Any, Counter] = {}
    for level, names in zip(used.loc[unknown, treatment], lacking, strict=True):
        lost.setdefault(level, Counter())[names] += 1
    return used[~unknown], lost


def rows_without(lost: dict[Any, Counter], levels: Sequence) -> list[str]:
    """Return ``3 rows without seed`` for what ``in_blocks`` left out of *levels*."""
    counts = sum((lost[level] for level in levels if level in lost), Counter())
    return [f"{count} row{'s' if count != 1 else ''} without {names}" for names, count in sorted(counts.items())]


def block_names(table: pd.DataFrame, blocks: Sequence[str]) -> pd.Series:
    """Return ``seed=1, fold=0`` for each row; what is missing (a parameter that was not sampled) is named ``n/a``."""
    codes, texts = zip(*(_coded(table[name]) for name in blocks), strict=True)
    # Text is made once per block that occurs, not once per row: tables have a hundred thousand rows and few blocks.
    rows = list(zip(*codes, strict=True))
    names = {row: ", ".join(text[code] for text, code in zip(texts, row, strict=True)) for row in set(rows)}
    return pd.Series([names[row] for row in rows], index=table.index, dtype=object)


def _coded(column: pd.Series) -> tuple[list[int], list[str]]:
    """Return a number per row, and ``name=value`` for each number."""
    values = column
    if column.dtype == object:
        known = zip(column, column.notna(), strict=True)
        values = np.array([str(value) if is_known else "n/a" for value, is_known in known], dtype=object)
    codes, unique = pd.factorize(values, use_na_sentinel=False)
    return codes.tolist(), [f"{column.name}={'n/a' if pd.isna(value) else value}" for value in unique]


def block_matrices(
    used: pd.DataFrame, levels: Sequence, treatment: str, blocks: Sequence[str], score: str
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return the names of the blocks, in order, and blocks × *levels* means (NaN: none) and numbers of the scores."""
    block, names = pd.factorize(block_names(used, blocks).to_numpy(), sort=True)
    code, levels_by_code = pd.factorize(used[treatment])
    column = {level: i for i, level in enumerate(levels)}
    shape = len(names), len(levels)
    cell = block * len(levels) + np.array([column[level] for level in levels_by_code], dtype=int)[code]
    sizes = np.bincount(cell, minlength=len(names) * len(levels))
    sums = np.bincount(cell, used[score], minlength=len(sizes))
    means = np.divide(sums, sizes, out=np.full(len(sizes), np.nan), where=sizes > 0)
    return names, means.reshape(shape), sizes.reshape(shape)


def complete_blocks(used: pd.DataFrame, treatment: str, blocks: Sequence[str], score: str) -> tuple[pd.DataFrame, list]:
    """Return the mean scores (blocks × levels) of the blocks that hold every level, and the names of the others."""
    if used.empty:
        return pd.DataFrame(dtype=float), []
    levels = sorted_levels(used, treatment)
    placed, lost = in_blocks(used, treatment, blocks)
    if placed.empty:
        return pd.DataFrame(columns=levels, dtype=float), rows_without(lost, levels)
    names, means, _ = block_matrices(placed, levels, treatment, blocks, score)
    means = pd.DataFrame(means, index=names, columns=levels)
    lacking = means[means.isna().any(axis=1)]
    incomplete = [f"{name} (lacks {', '.join(map(str, row.index[row.isna()]))})" for name, row in lacking.iterrows()]
    return means.dropna(), incomplete + rows_without(lost, levels)
