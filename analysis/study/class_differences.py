"""On which classes do the levels of a treatment differ? Every class compared, the rarest first.

The same blocks and the same test as for the score as a whole, on the IoU of each class. Classes × pairs are many
comparisons, made to explore where a difference lies, so they are corrected together: by default for the expected share
of false discoveries (Benjamini and Hochberg). Closed testing and Holm are for claims.
"""

from collections import defaultdict
from collections.abc import Sequence
from typing import Any

import pandas as pd

from analysis.reading.tables import Tables
from analysis.statistics.closed_families import ClosedFamilies
from analysis.statistics.closed_family import closed_family
from analysis.statistics.compare import correct_family, measured
from analysis.statistics.corrections import CLOSED, check_alpha, check_correction
from analysis.statistics.formatting import level, no_pairs_sentence, signed
from analysis.statistics.samples import arranged, block_names, in_blocks, level_pairs, sorted_levels, usable_rows
from analysis.study.class_summary import class_summary
from analysis.study.comparisons import compared_scores, treatment_design, with_configurations
from analysis.study.leaderboard import CONFIGURATION, TEST, VALIDATION

COLUMNS = [
    "treatment", "score", "a", "b", "class", "n", "n_a", "n_b", "difference", "low", "high", "difference_name",
    "effect", "effect_name", "superiority", "test", "statistic", "p", "p_adjusted", "correction", "family",
    "family_size", "floor", "floor_adjusted", "needed_n", "train_images", "train_pixels", "incomplete", "verdict",
    "procedure",
]  # fmt: skip


def class_differences(
    tables: Tables,
    treatment: str = CONFIGURATION,
    *,
    against: Any = None,
    split: str | None = None,
    block: Sequence[str] | None = None,
    correction: str | None = "bh",
    alpha: float = 0.05,
) -> pd.DataFrame:
    """Return a row per class and pair of levels of *treatment*, rarest class (fewest train pixels) first.

    Columns are those of ``compare`` (every sign is b minus a) with ``class``, ``train_images`` and ``train_pixels``
    (means over trials; NaN where no record says). A block in which a class is neither in the truth nor predicted has no
    IoU of it: it is left out for that class and named in ``incomplete``, so that ``n`` differs between classes. A table
    without two levels has no row, and ``attrs["verdict"]`` says why.

    Args:
        treatment: ``configuration`` or a sampled parameter.
        against: the one level that all others are compared with; None: all pairs.
        split: ``val`` or ``test``; by default the one on which the study is compared.
        block: columns that pair trials; by default the strictest rule that the objective's trials allow (``design``).
        correction: over all rows together: one family. ``"closed"``: closed testing of the pairs of each class, and
            Holm over the classes (more than ``MOST_LEVELS`` levels: Holm over all rows, and ``procedure`` says so).

    Raises:
        ValueError: an unknown treatment, split, level or correction, or an *alpha* outside 0 to 1.
    """
    check_alpha(alpha)
    check_correction(correction)
    split = split or compared_split(tables)
    wide, summary = _with_classes(tables, split), class_summary(tables, split)
    if treatment not in (CONFIGURATION, *tables.parameters):
        raise ValueError(f"treatment must be {CONFIGURATION!r} or one of {tables.parameters}, but got {treatment!r}")
    if block is None:
        block = treatment_design(tables, wide, treatment).block
    known = wide.dropna(subset=[treatment])
    levels = sorted_levels(known, treatment)
    pairs = level_pairs(levels, against) if levels else []
    block = list(block or [])
    level_blocks = _levels_and_blocks(known, treatment, block)
    rows = [
        row | amounts
        for amounts in summary[["class", "train_images", "train_pixels"]].to_dict("records")
        for row in _compare_class(
            known, treatment, block, f"{split} IoU of {amounts['class']}", pairs, level_blocks, alpha
        )
    ]
    family, test = f"{treatment} -> {split} IoU of each class", "signed_rank" if block else "mann_whitney"
    closed = _closed_classes(known, treatment, block, test, rows) if correction == CLOSED else None
    rows = correct_family(rows, test=test, correction=correction, family=family, alpha=alpha, closed=closed)
    table = pd.DataFrame([row | {"verdict": row[_ABSENT] or row["verdict"]} for row in rows], columns=COLUMNS)
    if table.empty:
        nothing = f"nothing to compare: no class has an IoU on {split}"
        table.attrs["verdict"] = nothing if pairs else no_pairs_sentence(treatment, levels)
    return table


def _closed_classes(
    known: pd.DataFrame, treatment: str, block: list[str], test: str, rows: list[dict]
) -> ClosedFamilies | None:
    """Return the comparisons of *rows* that were tested, a family for each class; None: there are too many levels."""
    pairs: dict[str, list[tuple]] = {}
    for row in rows:
        if not pd.isna(row["p"]):
            pairs.setdefault(row["score"], []).append((row["a"], row["b"]))
    families = [
        closed_family(arranged(usable_rows(known, treatment, block, score), treatment, block, score), test, tested)
        for score, tested in pairs.items()
    ]
    return None if None in families else ClosedFamilies(tuple(families), "classes")


def compared_split(tables: Tables) -> str:
    """Return the split whose scores the study is compared by, if classes were scored on it; else the one that was."""
    scores = compared_scores(tables)
    split = TEST if scores and scores[0].startswith(f"{TEST}_") else VALIDATION
    counted = set(tables.classes["split"].unique())
    return split if split in counted or not counted else next(name for name in (VALIDATION, TEST) if name in counted)


def _with_classes(tables: Tables, split: str) -> pd.DataFrame:
    """Return the complete trials with their configuration and a column of IoU per class of *split*."""
    if split not in (VALIDATION, TEST):
        raise ValueError(f"split must be {VALIDATION!r} or {TEST!r}, but got {split!r}")
    rows = tables.classes[tables.classes["split"] == split]
    scores = rows.pivot(index="trial", columns="class", values="iou").astype(float)
    # A class may have the name of a parameter, so its column gets a longer name.
    scores.columns = [f"{split} IoU of {name}" for name in scores.columns]
    return with_configurations(tables).merge(scores, how="left", left_on="trial", right_index=True)


def _compare_class(
    known: pd.DataFrame, treatment: str, block: list, score: str, pairs: list, level_blocks: pd.DataFrame, alpha: float
) -> list[dict]:
    """Return the comparison of each pair on one class, one without a score on either side included, uncorrected."""
    against = pairs[0][0] if len({a for a, _ in pairs}) == 1 else None
    test = "signed_rank" if block else "mann_whitney"
    scores = arranged(usable_rows(known, treatment, block, score), treatment, block, score)
    compared = measured(scores, test=test, alpha=alpha, against=against) if pairs else []
    rows_by_pair = {(row["a"], row["b"]): row for row in compared}
    absent = dict.fromkeys(COLUMNS, float("nan")) | {"n": 0, "n_a": 0, "n_b": 0, "incomplete": ""}
    absent |= {"treatment": treatment, "score": score, "test": test, "effect_name": "", "difference_name": ""}
    has_score = known[score].notna().loc[level_blocks.index]
    scored, without = (  # level → names of its blocks
        defaultdict(set, level_blocks[mask].groupby("level", sort=False)["block"].agg(set).to_dict())
        for mask in (has_score, ~has_score)
    )
    rows = []
    for a, b in pairs:
        row = rows_by_pair.get((a, b), absent | {"a": a, "b": b}) | {"paired": bool(block)}
        lacking = " or ".join(level(name) for name in (a, b) if not scored[name])
        row[_ABSENT] = f"nothing to compare: the class has no IoU under {lacking}" if lacking else ""
        on_neither = (without[a] | without[b]) - scored[a] - scored[b] if block else set()
        named = [row["incomplete"], *(f"{name} (no IoU of the class)" for name in sorted(on_neither))]
        rows.append(row | {"incomplete": "; ".join(filter(None, named))})
    return rows


_ABSENT = "verdict where a level has no IoU of the class"


def _levels_and_blocks(known: pd.DataFrame, treatment: str, block: list[str]) -> pd.DataFrame:
    placed = in_blocks(known, treatment, block)[0] if block else known
    names = block_names(placed, block) if block and len(placed) else ""
    return pd.DataFrame({"level": placed[treatment].astype(object), "block": names}, index=placed.index)


def gains_and_costs(rows: pd.DataFrame, most: int = 2) -> str:
    """Return which classes a difference comes from, to stand in a sentence.

    ``mostly bottle (+0.059) and chair (+0.056), at the cost of dog (−0.022)``; where the losses are larger in sum,
    ``mostly dog (−0.082) and cat (−0.041), with a gain in bottle (+0.010)``. It describes, it does not claim: at most
    *most* classes on either side, the largest first; what rounds to 0.000 is left out. Empty where nothing is left.

    Raises:
        ValueError: *rows* (of ``class_differences``) are of several pairs of levels.
    """
    pairs = rows[["a", "b"]].drop_duplicates() if {"a", "b"} <= set(rows) else rows.head(0)
    if len(pairs) > 1:
        raise ValueError(
            f"gains and costs describe one pair of levels, but the rows are of {len(pairs)}: select one pair"
        )
    moved = rows.loc[rows["difference"].abs() >= 5e-4, ["class", "difference"]].sort_values("difference")
    costs, gains = moved[moved["difference"] < 0], moved[moved["difference"] > 0].iloc[::-1]
    if moved.empty:
        return ""
    first, second, words = gains, costs, "at the cost of"
    if gains["difference"].sum() < -costs["difference"].sum():
        first, second, words = costs, gains, "with a gain in"
    behind = f", {words} {_listed(second.head(most))}" if len(second) else ""
    return f"mostly {_listed(first.head(most))}{behind}"


def _listed(rows: pd.DataFrame) -> str:
    return " and ".join(f"{row['class']} ({signed(row['difference'])})" for _, row in rows.iterrows())
